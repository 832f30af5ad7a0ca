"""Chained Fire modules on the simulated board: bit-exact, and with less traffic than unchained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images
from tests.chained_networks import FIRES, NETWORKS, tails

EIGHT = replace(SMALL, pixels=8)
SHAPES = {
    "small": SMALL,
    "small pumped": pumped(SMALL, 2),
    "eight": EIGHT,
    "board": PYNQ_Z2,
    "board pumped": pumped(PYNQ_Z2, 2),
}
# Each network once in every run, on the shapes in turn.
CASES = {
    "plain": "small pumped",
    "pooled": "eight",
    "pooled between": "small",
    "wide": "board",
    "one tile": "small",
    "one row": "small pumped",
    "two rows": "eight",
    "three rows": "board pumped",
    "bypass": "eight",
    "bypasses": "small",
    "signed": "small pumped",
    "signed between": "small",
    "3x3 first": "small",
    "3x3 first in the first": "small pumped",
    "map of a module": "small pumped",
    "map of a squeeze layer": "eight",
    "many channels": "board pumped",
}


def both_ways(
    net: QNetwork, shape: EngineShape, folder: Path, seed: int | None = None
) -> tuple[set[str], int]:
    """Run ``net`` chained and not, two images in one start, each exact; the groups with a tail, and
    how many bytes the chains save."""
    images = random_images(net, 2, 1)
    beats = []
    for chains in (True, False):
        report, counters, _, program = check_network(
            net, shape, images, folder, chains=chains, seed=seed
        )
        assert report.exact, str(report)
        assert counters.images_done == 2
        beats.append(counters.read_beats_maps + counters.read_beats_program + counters.write_beats)
        if chains:
            found = tails(program)
    return found, 8 * (beats[1] - beats[0])


def case(name: str, shape: str):
    marks = () if CASES[name] == shape else pytest.mark.nightly
    return pytest.param(name, SHAPES[shape], id=f"{name}, {shape}", marks=marks)


@pytest.mark.parametrize(
    ("name", "shape"), [case(name, shape) for name in NETWORKS for shape in SHAPES]
)
def test_chained_network(name: str, shape: EngineShape, tmp_path: Path) -> None:
    """With random back-pressure, and where it is none, every other network."""
    number = list(NETWORKS).index(name)
    found, saved = both_ways(NETWORKS[name][0](), shape, tmp_path, number if number % 2 else None)
    if name != "many channels" or shape.channels == PYNQ_Z2.channels:
        assert found == NETWORKS[name][1]
    assert saved > 0 if found else saved == 0


def random_chain(seed: int) -> QNetwork:
    """Three to five modules in a row, on a map of any size, with a pooling behind them or not."""
    rng = np.random.default_rng(seed)
    fires = [Fire(*(int(v) for v in rng.integers(1, 18, 3))) for _ in range(rng.integers(3, 6))]
    pool = [Pool(int(rng.choice([2, 3])), bool(rng.integers(2)))] if rng.integers(2) else []
    height, width = int(rng.integers(3, 14)), int(rng.integers(5, 48))
    relu = bool(rng.integers(4))
    return build(Recipe(height, width, 2, 3, 1, 1, 9, (*fires, *pool), 7, relu=relu), seed)


@pytest.mark.parametrize(
    ("shape", "seed"),
    [
        (SMALL, 1),
        (pumped(SMALL, 2), 2),
        (EIGHT, 3),
        (PYNQ_Z2, 4),
        (pumped(PYNQ_Z2, 2), 5),
        *(
            pytest.param(shape, seed, marks=pytest.mark.nightly)
            for shape in SHAPES.values()
            for seed in range(10, 18)
        ),
    ],
    ids=str,
)
def test_random_chain(shape: EngineShape, seed: int, tmp_path: Path) -> None:
    found, saved = both_ways(random_chain(seed), shape, tmp_path, seed if seed % 2 else None)
    assert found and saved > 0


@pytest.mark.parametrize("shape", [SMALL, pumped(SMALL, 2)], ids=str)
def test_memories_that_hold_no_chain(shape: EngineShape, tmp_path: Path) -> None:
    """What is too large for the weight memory in one group runs as before, the rest is chained."""
    large = Fire(30, 40, 41)
    net = build(Recipe(8, 20, 2, 3, 1, 1, 9, (*FIRES[:2], large, FIRES[2]), 7), 1)
    found, saved = both_ways(net, shape, tmp_path, seed=3)
    assert "fire0" in found and "fire2" not in found and saved > 0
