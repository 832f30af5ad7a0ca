"""Run a network on the simulated engine through the driver, and compare with the golden model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firebrick.host.compare import Report, compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Counters, Profile
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.board import SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay


def check_network(
    qnet: QNetwork,
    shape: EngineShape,
    images: np.ndarray,
    folder: Path,
    *,
    stages_apart: bool = False,
    chains: bool = True,
    seed: int | None = None,
) -> tuple[Report, Counters, Profile | None, Program]:
    """All images in one start: sums of every one, or the maps that it ends in, and every map of the
    last one, compared.

    The profile by group exists for a start of one image only.
    """
    program = compile_network(qnet, shape, stages_apart, chains)
    parsed = parse_program(program.blob)
    expected = golden.run(qnet, images, keep=[m.name for m in parsed.maps])
    overlay = write_overlay(folder, shape)
    board = SimulatedBoard(shape, seed=seed, library=build_library(shape))
    with simulated(board), Firebrick(str(overlay), parsed, clock=board) as engine:
        batch = engine.run_batch(images)
        report = compare({"sums": batch.totals}, {"sums": expected.sums})
        report += compare(batch.maps, {name: expected.tensors[name] for name in qnet.maps})
        last = {name: values[-1] for name, values in expected.tensors.items()}
        report += compare(engine.maps(), last)
        profile = engine.profile() if len(images) == 1 else None
    return report, batch.counters[0], profile, program


# Small memories, so that rings wrap, groups are split and FIFOs fill.
SMALL = EngineShape(
    7,
    8,
    act_words=4096,
    weight_words=1024,
    bias_pairs=128,
    pool_channels=256,
    pool_line_words=512,
    sums=64,
    fifo_words=64,
)
