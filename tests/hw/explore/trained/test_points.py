"""Statistics, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from firebrick.hw.explore.trained.family import CLASSES, FILTERS, SQUEEZE
from firebrick.hw.explore.trained.points import Sample, distinct, find, one_task
from tests.hw.explore.trained.made_up import planned, points


@pytest.mark.parametrize("count", [2, 3, 8, 20])
def test_mean_deviation_and_error_bar(count: int) -> None:
    values = np.random.default_rng(count).normal(90, 3, count)
    sample = Sample(tuple(values))
    assert sample.mean == pytest.approx(np.mean(values))
    assert sample.deviation == pytest.approx(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, count - 1, np.mean(values), stats.sem(values))
    assert (sample.mean - sample.bar, sample.mean + sample.bar) == pytest.approx((low, high))
    facts = sample.facts()
    assert facts["seeds"] == [round(v, 4) for v in values]
    assert facts["bar"] == round(sample.bar, 4)


def test_one_seed_knows_no_deviation() -> None:
    sample = Sample((91.5,))
    assert (sample.mean, sample.deviation, sample.bar) == (91.5, 0.0, float("inf"))
    assert sample.facts()["bar"] is None


def test_differences_are_of_the_same_seeds() -> None:
    one, other = Sample((90.0, 80.0, 70.0)), Sample((89.0, 79.0, 69.0))
    assert one.minus(other) == Sample((1.0, 1.0, 1.0)) and one.minus(other).bar == 0
    assert one.bar > 20


def test_fewer_classes_are_another_task() -> None:
    made = points(planned(CLASSES), lambda one: 90.0)
    assert [p.trainee.value for p in made] == ["2", "5", "10"]
    assert one_task(made) == made[2:] and one_task([]) == []


def test_networks_of_several_studies_are_counted_once() -> None:
    made = points(planned(), lambda one: 90.0)
    assert len(distinct(made)) == len({(p.trainee.parameters, p.trainee.cycles) for p in made})
    assert len(distinct(made)) < len(made)
    found = find(made, SQUEEZE, FILTERS, "0.75")
    assert found is not None and found.trainee.config.squeeze_ratio == 0.75
    assert find(made, SQUEEZE, FILTERS, "0.3") is None
