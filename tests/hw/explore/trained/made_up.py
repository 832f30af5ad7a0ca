"""Points whose accuracies are made up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from firebrick.hw.boards.board import load_board
from firebrick.hw.explore.engines import Engine, engine
from firebrick.hw.explore.trained.family import STUDIES, Costs, Trainee, base, trainees
from firebrick.hw.explore.trained.points import Point, Sample

BASE = base("base", 1, (8, 8), 10)


def reference() -> Engine:
    board = load_board("cora-z7-07s")
    return engine(board, board.shape)


@cache
def _planned(studies: tuple[str, ...]) -> tuple[Trainee, ...]:
    return tuple(trainees(BASE, Costs(reference()), studies))


def planned(*studies: str) -> list[Trainee]:
    return list(_planned(studies or STUDIES))


def points(
    found: list[Trainee], mean: Callable[[Trainee], float], noise: float = 0.5, seeds: int = 6
) -> list[Point]:
    """Accuracies around ``mean``; a network of several studies has the same in all of them, the
    fixed point is a quarter of a point worse."""
    made = []
    for one in found:
        rng = np.random.default_rng(one.parameters * 100_003 + one.cycles)
        values = mean(one) + noise * rng.standard_normal(seeds)
        made.append(Point(one, Sample(tuple(values)), Sample(tuple(values - 0.25))))
    return made
