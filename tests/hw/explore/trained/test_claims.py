"""What is said of a claim is what the differences say."""

from __future__ import annotations

import pytest

from firebrick.hw.explore.trained.claims import (
    CLAIMS,
    HELD,
    OPEN,
    REFUTED,
    enough,
    findings,
    verdict,
)
from firebrick.hw.explore.trained.family import FILTERS, POOLING, POOLINGS, SQUEEZE, Trainee
from firebrick.hw.explore.trained.points import Sample
from tests.hw.explore.trained.made_up import planned, points


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ((1.0, 1.2, 0.8, 1.1), HELD),
        ((-1.0, -1.2, -0.8, -1.1), REFUTED),
        ((1.0, -1.2, 0.8, -0.5), OPEN),
        ((5.0,), OPEN),
    ],
)
def test_verdicts(differences: tuple[float, ...], said: str) -> None:
    assert verdict(Sample(differences)) == said


def test_every_claim_is_about_two_networks_that_are_trained() -> None:
    found = findings(points(planned(), lambda one: 90.0, noise=0))
    assert [f.claim for f in found] == list(CLAIMS)
    assert {f.verdict for f in found} == {OPEN}
    assert findings(points(planned(POOLING), lambda one: 90.0))[0].claim.study == POOLING


@pytest.mark.parametrize(("gain", "said"), [(1.0, HELD), (-1.0, REFUTED)])
def test_late_downsampling(gain: float, said: str) -> None:
    places = [", ".join(place) for place in POOLINGS]
    made = points(planned(POOLING), lambda one: 90 + gain * places.index(one.value), noise=0.1)
    found = findings(made)
    assert [f.verdict for f in found] == [said, said]
    facts = found[0].facts()
    assert facts["verdict"] == facts["verdict_fixed"] == said
    assert facts["difference"]["mean"] == pytest.approx(4 * gain, abs=0.3)


@pytest.mark.parametrize("last", ["0.125", "0.5", "1"])
def test_up_to_where_a_squeeze_ratio_pays(last: str) -> None:
    def mean(one: Trainee) -> float:
        return 90 + 5 * min(one.config.squeeze_ratio, float(last))

    plateau = enough(points(planned(SQUEEZE), mean, noise=0))
    assert plateau is not None and plateau.trainee.value == last
    assert plateau.trainee.condition == FILTERS
    assert enough(points(planned(POOLING), lambda one: 90.0)) is None
