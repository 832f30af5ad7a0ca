"""Plots have every network with its error bar, as float and as fixed point; texts state figures."""

from __future__ import annotations

import json

import pytest

from firebrick.hw.explore.page import render
from firebrick.hw.explore.trained.claims import findings
from firebrick.hw.explore.trained.family import (
    BYPASS,
    CLASSES,
    CYCLES,
    FILTERS,
    POOLING,
    SQUEEZE,
    STUDIES,
    WIDTH,
    Trainee,
)
from firebrick.hw.explore.trained.plots import front_of, plots
from firebrick.hw.explore.trained.points import Point, of, one_task
from firebrick.hw.explore.trained.results import collect, tables
from tests.hw.explore.trained.made_up import planned, points, reference

NAMES = [
    *("figure_3a", "strategy_1", "strategy_2", "strategy_3", "figure_3b", "bypass"),
    *("expand_filters", "frequency", "pictures", "classes", "fixed", "front"),
]


def bigger_is_better(one: Trainee) -> float:
    return 80 + one.parameters / 1000


@pytest.fixture(scope="module")
def made() -> list[Point]:
    return points(planned(), bigger_is_better)


def test_every_plot_has_float_and_fixed_point_with_error_bars(made: list[Point]) -> None:
    shown = {chart.name: chart for chart in plots(made)}
    assert list(shown) == NAMES
    series = {s.name: s for s in shown["strategy_3"].series}
    assert set(series) == {
        f"{condition}, {kind}"
        for condition in ("equal parameters", "equal cycles")
        for kind in ("float", "fixed point")
    }
    these = of(made, POOLING, CYCLES)
    assert list(series["equal cycles, fixed point"].y) == [p.fixed.mean for p in these]
    assert list(series["equal cycles, fixed point"].bars) == [p.fixed.bar for p in these]
    assert len({s.aside for s in series.values()}) == 4
    for chart in shown.values():
        assert all(s.bars or s.kind == "front" for s in chart.series), chart.name


def test_texts_state_the_figures_and_the_verdict(made: list[Point]) -> None:
    shown = {chart.name: chart.sentence for chart in plots(made)}
    for finding in findings(made):
        if finding.claim.study == POOLING:
            real = finding.real
            assert f"{real.mean:+.1f} ± {real.bar:.1f} points" in shown["strategy_3"]
    cycles = [f for f in findings(made) if f.claim.condition == CYCLES and f.claim.study == POOLING]
    assert [f.verdict for f in cycles] == ["did not hold"]
    assert shown["strategy_3"].endswith("the paper's claim did not hold here.")
    # Each larger squeeze ratio is a larger network, and so the better one here.
    assert "It rises over the whole range" in shown["figure_3a"]
    flat = {chart.name: chart.sentence for chart in plots(points(planned(), lambda one: 90.0))}
    assert "neither confirmed nor refuted here" in flat["strategy_3"]
    assert "No larger ratio was more accurate than 0.125" in flat["figure_3a"]


def test_studies_without_a_claim_say_what_the_first_and_the_last_come_to(made: list[Point]) -> None:
    shown = {chart.name: chart.sentence for chart in plots(made)}
    first, *_, last = of(made, WIDTH, FILTERS)
    changed = last.real.minus(first.real)
    assert f"changes by {changed.mean:+.1f} ± {changed.bar:.1f} points" in shown["expand_filters"]
    assert "From 1 (" in shown["frequency"] and "to 4 (" in shown["frequency"]


@pytest.mark.parametrize("study", STUDIES)
def test_single_studies_and_single_seeds(study: str) -> None:
    some = points(planned(study), bigger_is_better, seeds=1)
    for text in [chart.sentence for chart in plots(some)]:
        assert "inf" not in text and "±" not in text
    if findings(some):
        assert "one seed has no error bar" in plots(some)[0].sentence
    # Of networks for fewer classes none is compared with the others in accuracy and cycles.
    assert ("front" in [chart.name for chart in plots(some)]) == (study != CLASSES)
    page = render(plots(some), {"title": "t", "about": "a", "cards": [], "tables": []})
    assert page.count("data-root-id") == len(plots(some)) >= 2
    facts = collect(some, findings(some), plots(some), reference(), {"seeds": 1})
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_data_and_tables(made: list[Point]) -> None:
    found, shown = findings(made), plots(made)
    facts = collect(made, found, shown, reference(), {"seeds": 6})
    assert facts["board"] == "cora-z7-07s" and len(facts["points"]) == len(made)
    for point, entry in zip(made, facts["points"], strict=True):
        assert entry["float"]["mean"] == round(point.real.mean, 4)
        assert entry["fixed"]["deviation"] == round(point.fixed.deviation, 4)
        assert entry["fixed_less_float"]["mean"] == pytest.approx(-0.25)
        assert entry["cycles"] == point.trainee.cycles
    claims, all_points = tables(made, found)
    assert len(claims["rows"]) == len(found) and len(all_points["rows"]) == len(made)
    assert all(len(row) == len(t["heads"]) for t in (claims, all_points) for row in t["rows"])


def test_the_front_is_not_beaten(made: list[Point]) -> None:
    best = front_of(made)
    for p in best:
        assert not any(
            q.fixed.mean > p.fixed.mean and q.trainee.cycles < p.trainee.cycles
            for q in one_task(made)
        )
    assert {BYPASS, SQUEEZE} <= {p.trainee.study for p in made}
