"""Networks on the synthesized chip, through the driver, against the golden model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.host.compare import Report, compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.board import SimulatedBoard, simulated
from firebrick.sim.gates.chip import ChipBoard
from firebrick.sim.overlay import write_overlay


@dataclass(frozen=True, eq=False)
class Case:
    """A network, its pictures (uint8 [N, C, H, W]) and how it runs; ``seed`` turns on
    back-pressure."""

    name: str
    net: QNetwork
    images: np.ndarray
    apart: bool
    seed: int | None


@dataclass(frozen=True)
class Ran:
    """What came out of a case."""

    name: str
    shape: str
    report: Report
    cycles: int
    seconds: float


def run_case(
    case: Case,
    shape: EngineShape,
    library: Path,
    folder: Path,
    kind: type[SimulatedBoard] = ChipBoard,
) -> Ran:
    """Every picture by itself: each map that the program stores, and the answer, compared."""
    parsed = parse_program(compile_network(case.net, shape, case.apart).blob, case.name)
    keep = [m.name for m in parsed.maps]
    overlay = write_overlay(folder, shape)
    report, cycles, begin = Report(0, 0, 0, ()), 0, time.perf_counter()
    for image in case.images:
        expected = golden.run(case.net, image[None], keep=keep)
        board = kind(shape, case.seed, library=library)
        with simulated(board), Firebrick(str(overlay), parsed, clock=board) as engine:
            result = engine.run(image)
            report += compare(engine.maps(), {n: expected.tensors[n][0] for n in keep})
            report += compare({"sums": result.totals}, {"sums": expected.sums[0]})
            cycles += result.cycles
    return Ran(case.name, str(shape), report, cycles, time.perf_counter() - begin)
