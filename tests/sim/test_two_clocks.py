"""The engine with its real pair of clocks against the quick model of it: every bit and cycle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from firebrick.host.compare import compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.outline import outline
from firebrick.hw.shape import EngineShape, pumped
from firebrick.quantize import golden
from firebrick.sim.board import SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.engine_check import SMALL
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import random_images, random_network
from firebrick.sim.two_clocks import two_clock_library

SHAPE = pumped(SMALL, 2)


@pytest.mark.parametrize("seed", range(700, 706))
def test_same_bits_and_cycles(seed: int, tmp_path: Path) -> None:
    net = random_network(seed, bypass=seed % 2 == 0)
    images = random_images(net, 2, seed)
    program = parse_program(compile_network(net, SHAPE, stages_apart=seed % 3 == 0).blob)
    expected = golden.run(net, images, keep=[m.name for m in program.maps])
    seen = []
    for name, library in (("one", build_library(SHAPE)), ("two", two_clock_library(SHAPE))):
        overlay = write_overlay(tmp_path / name, SHAPE)
        board = SimulatedBoard(SHAPE, seed=seed, library=library)
        with simulated(board), Firebrick(str(overlay), program, clock=board) as engine:
            batch = engine.run_batch(images)
            report = compare({"sums": batch.totals}, {"sums": expected.sums})
            report += compare(engine.maps(), {n: v[-1] for n, v in expected.tensors.items()})
        assert report.exact, f"{name}: {report}"
        seen.append(asdict(batch.counters[0]))
    assert seen[0] == seen[1]


def test_an_engine_of_one_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="8x8 has one clock"):
        two_clock_library(EngineShape(8, 8))


def test_pump_two_needs_fewer_cycles() -> None:
    """Not by a factor of two: blocks of few K steps wait for the array to drain."""
    net = random_network(3)
    cycles = [outline(net, shape).ideal_cycles for shape in (SMALL, SHAPE)]
    assert np.divide(*cycles) > 1.5
