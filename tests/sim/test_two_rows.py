"""Maps with two rows in one on the simulated board: every map, with and without back-pressure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.bench.residual import WIDE, quantized, resnet8
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.random_networks import random_images, random_narrow

EIGHT = replace(SMALL, pixels=8)
SIX = replace(SMALL, pixels=6, channels=16)
SHAPES = {
    "eight": EIGHT,
    "eight pumped": pumped(EIGHT, 2),
    "six": SIX,
    "odd": SMALL,
    "board": PYNQ_Z2,
    "board pumped": pumped(PYNQ_Z2, 2),
    "race": WIDE,
}


def kinds(program: Program) -> set[str]:
    """In what ways groups of ``program`` read two rows in one."""
    found = set()
    for group in program.groups:
        f = group.fields
        names = {d.FOLD_APART: "apart", d.FOLD_STORED: "stored"}
        found |= {names[f["load_fold"]]} if f.get("load_fold") else set()
        found |= {name for name in ("half_first", "half_last", "odd_rows") if f.get(name)}
    return found


# Of each array one whose network has most of the kinds.
EVERY = {
    "eight": 4,
    "eight pumped": 12,
    "six": 6,
    "odd": 8,
    "board": 16,
    "board pumped": 9,
    "race": 6,
}


def test_the_networks_have_all_kinds() -> None:
    for name, seed in EVERY.items():
        shape = SHAPES[name]
        found = kinds(compile_network(random_narrow(seed, shape.pixels, shape.channels), shape))
        # An odd number of pixels has no halves.
        assert len(found) >= 3 or (name == "odd" and found <= {"half_first", "half_last"}), name


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        *EVERY.items(),
        *(
            pytest.param(name, seed, marks=pytest.mark.nightly)
            for name in SHAPES
            for seed in range(20, 40)
        ),
    ],
)
def test_random_narrow(name: str, seed: int, apart: bool, tmp_path: Path) -> None:
    """Two images in one start; every third seed with random back-pressure."""
    shape = SHAPES[name]
    net = random_narrow(seed, shape.pixels, shape.channels)
    report, *_ = check_network(
        net,
        shape,
        random_images(net, 2, seed),
        tmp_path,
        stages_apart=apart,
        seed=None if seed % 3 else seed,
    )
    assert report.exact, str(report)


@pytest.mark.parametrize("shape", [WIDE, PYNQ_Z2, pumped(PYNQ_Z2, 2)], ids=str)
def test_a_resnet8(shape: EngineShape, tmp_path: Path) -> None:
    """MLPerf Tiny's layers with random weights, all of their maps, and the cycles as predicted."""
    qnet, images = quantized(resnet8(np.random.default_rng(1)), 2)
    report, counters, _, program = check_network(qnet, shape, images[:1], tmp_path)
    assert report.exact and report.values > 80_000, str(report)
    folds = {"apart", "stored"} if shape is WIDE else set()
    assert kinds(program) == {"half_first", "half_last"} | folds
    assert predict(program).cycles == pytest.approx(counters.cycles, rel=0.01)
    if shape is WIDE:
        assert counters.cycles <= 36_000
