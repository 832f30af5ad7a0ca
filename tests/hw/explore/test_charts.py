"""Plots of whatever ran: their sentences state what the points say."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from firebrick.hw.boards.board import load_board
from firebrick.hw.explore.charts import charts, engine_front, network_front, rate, usual
from firebrick.hw.explore.designs import designs
from firebrick.hw.explore.engines import engine
from firebrick.hw.explore.page import render
from firebrick.hw.explore.results import collect, table
from firebrick.hw.explore.sweep import Measured, Point, Speed, expand
from firebrick.quantize.architectures import SqueezeNetConfig, without_weights
from firebrick.quantize.report.figures import macs, parameters

BOARD = load_board("pynq-z2")
OWN = engine(BOARD, BOARD.shape)
FACTS: dict = {"title": "A title", "about": "About it.", "cards": [], "tables": []}


@cache
def counts(config: SqueezeNetConfig) -> tuple[int, int]:
    """Parameters and MACs."""
    net = without_weights(config)
    return parameters(net), macs(net)


def points(refused: set[int]) -> list[Point]:
    """All networks at ten thousand cycles a million MACs, but those that are refused."""
    chosen = designs()
    measured = []
    for number, design in enumerate(chosen):
        count, work = counts(design.config)
        cycles = work // 100
        speed = Speed(cycles, (cycles - 40, 10, 10, 10, 10))
        if number in refused:
            speed = Speed(refusal="too large")
        measured.append(Measured(count, work, 4 * count, count, (speed,)))
    return expand(chosen, [OWN], measured)


@pytest.fixture(scope="module")
def all_points() -> list[Point]:
    return points(set())


def test_figure_3a_says_what_the_points_say(all_points: list[Point]) -> None:
    made = {chart.name: chart for chart in charts(all_points, OWN)}
    assert len(made) == 10
    by_name = {p.design.config.name: p for p in all_points}
    small, mid, big = (rate(by_name[name]) for name in ("SR 0.125", "SR 0.75", "SR 1"))
    numbers = re.findall(r"\d+\.\d+", made["figure_3a"].sentence)
    assert [f"{x:.1f}" for x in (small, mid, small / mid, big)] == [
        numbers[k] for k in (6, 7, 8, 10)
    ]
    told, plain, late = made["figure_3a"].series
    assert list(told.y) == [80.3, 85.6, 86.0, 86.0] and not told.right
    assert plain.right and late.right and len(plain.x) == len(plain.y) == 21
    assert list(plain.x) == sorted(plain.x)


def test_fronts(all_points: list[Point]) -> None:
    own = [p for p in all_points if usual(p)]
    best = network_front(own)
    assert best and [rate(p) for p in best] == sorted(map(rate, best), reverse=True)
    for p in best:
        assert not any(
            rate(q) > rate(p) and q.measured.parameters > p.measured.parameters for q in own
        )
    assert [p.engine for p in engine_front(all_points)] == [OWN]


@pytest.mark.parametrize("seed", range(4))
def test_networks_that_do_not_run_are_left_out(seed: int) -> None:
    count = len(designs())
    rng = np.random.default_rng(seed)
    refused = set(rng.choice(count, (1, 40, 120, count - 1)[seed], replace=False).tolist())
    some = points(refused)
    made = charts(some, OWN)
    page = render(made, FACTS)
    assert page.count("data-root-id") == len(made)
    facts = collect(some, made, OWN, 1.0)
    assert sum(p["fits"] for p in facts["points"]) == count - len(refused)
    assert {p["limit"] for p in facts["points"] if not p["fits"]} == {"too large"}
    assert len(table(some).splitlines()) == count + 1


def test_nothing_that_runs_makes_no_plot() -> None:
    assert charts(points(set(range(len(designs())))), OWN) == []


def test_single_networks_that_are_told_about_may_be_missing() -> None:
    names = [d.config.name for d in designs()]
    for name in ("SR 0.125", "SR 1", "1% 3x3", "99% 3x3", "simple bypass, SR 0.125"):
        made = charts(points({names.index(name)}), OWN)
        assert len(made) == 10


def test_pictures_are_of_sizes_that_run() -> None:
    names = [d.config.name for d in designs()]
    made = {
        gone: {chart.name: chart for chart in charts(points(set(map(names.index, gone))), OWN)}
        for gone in (
            (),
            ("v1.1, 320x320, 1000 classes",),
            tuple(n for n in names if n.startswith("v1.1, ") and "x96, " not in n and "1000 " in n),
        )
    }
    whole, fewer, one = (charts_["pictures"].sentence for charts_ in made.values())
    assert whole.startswith("From 96 to 320 pixels a side there are 11.1 times as many;")
    assert fewer.startswith("From 96 to 256 pixels a side there are 7.1 times as many;")
    assert one.startswith("1 of these networks run")
    by_name = {p.design.config.name: p for p in points(set())}
    few, many = (rate(by_name[f"v1.1, 224x224, {n} classes"]) for n in (10, 1000))
    assert whole.endswith(f"instead of 1000 they are {few / many:.2f} times as many at 224 pixels.")
