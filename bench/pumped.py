"""Figures of the pumped array: two K steps a cycle, beside those of one.

Cycles are of the engine's clock, on the memory as 100 and as 150 MHz see it: the DDR moves the same
bytes a second, so fewer in a cycle of the faster clock.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD

from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Counters
from firebrick.hw.boards.board import load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.outline import outline_of
from firebrick.hw.compiler.program import Program
from firebrick.hw.memory_timing import MemoryTiming as ModelledTiming
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.terminal import Table
from firebrick.sim.board import MemoryTiming, SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay

CLOCKS_MHZ = (100, 150)
BOARD = "pynq-z2"
BEAT_BYTES = 8


@dataclass(frozen=True)
class Run:
    """One start on the simulated board: ``frames`` pictures, the memory as ``mhz`` sees it."""

    shape: EngineShape
    mhz: int
    frames: int
    ideal: int
    model: int
    counters: Counters
    seconds: float

    @property
    def pump(self) -> int:
        """K steps a cycle."""
        return self.shape.pump

    @property
    def cycles(self) -> int:
        """Of a frame."""
        return -(-self.counters.cycles // self.frames)

    @property
    def bytes(self) -> int:
        """What a frame moves through the memory's ports, both directions and the program."""
        c = self.counters
        beats = c.read_beats_maps + c.read_beats_program + c.write_beats
        return beats * BEAT_BYTES // self.frames


def timing(mhz: int) -> ModelledTiming:
    """The board's memory as an engine with this clock sees it."""
    return load_board(BOARD).memory.timing(mhz * 1e6)


def simulate(program: Program, images: np.ndarray, sums: np.ndarray, mhz: int, folder: Path) -> Run:
    """Run ``images`` in one start, the answers held against ``sums`` of the golden model."""
    shape = program.shape
    overlay = write_overlay(folder / f"overlay-{shape}", shape)
    memory = timing(mhz)
    as_simulated = MemoryTiming(**asdict(memory))
    board = SimulatedBoard(shape, library=build_library(shape), timing=as_simulated)
    parsed = parse_program(program.blob)
    with simulated(board), Firebrick(str(overlay), parsed, clock=board) as engine:
        begin = time.perf_counter()
        batch = engine.run_batch(images)
        seconds = time.perf_counter() - begin
    if not np.array_equal(batch.totals, sums):
        raise FirebrickError(f"{program.name} on {shape}: not the golden model's answers")
    return Run(
        shape,
        mhz,
        len(images),
        outline_of(program).ideal_cycles,
        predict(program, memory, len(images)).cycles // len(images),
        batch.counters[0],
        seconds,
    )


def runs(qnet: QNetwork, images: np.ndarray, sums: np.ndarray, folder: Path) -> list[Run]:
    """One picture with pump 1 and 2 at each clock, and all of them with pump 2 at the first."""
    programs = [compile_network(qnet, shape) for shape in shapes()]
    found = [
        simulate(program, images[:1], sums[:1], mhz, folder)
        for mhz in CLOCKS_MHZ
        for program in programs
    ]
    if len(images) > 1:
        found.append(simulate(programs[-1], images, sums, CLOCKS_MHZ[0], folder))
    return found


def shapes() -> tuple[EngineShape, EngineShape]:
    """The board's array with one and with two K steps a cycle."""
    return PYNQ_Z2, pumped(PYNQ_Z2, 2)


def macs(program: Program) -> int:
    """Multiply-accumulates of a frame."""
    return sum(la["macs"] for g in program.host["groups"] for la in g["layers"])


def table(title: str, macs: int, found: list[Run]) -> Table:
    """Ideal, predicted and simulated cycles a frame, speed, and what the memory moves."""
    result = Table(box=SIMPLE_HEAD, title=f"{title}: one and two K steps a cycle", pad_edge=False)
    result.add_column("array/MHz/frames", no_wrap=True)
    for name in ("ideal", "model", "simulated", "frames/s", "GMAC/s", "MB"):
        result.add_column(name, justify="right", no_wrap=True)
    for run in found:
        rate = run.mhz * 1e6 / run.cycles
        result.add_row(
            f"{run.shape}/{run.mhz}/{run.frames}",
            f"{run.ideal:,}",
            f"{run.model:,}",
            f"{run.cycles:,}",
            f"{rate:.1f}",
            f"{rate * macs / 1e9:.1f}",
            f"{run.bytes / 1e6:.2f}",
        )
    return result


def cycles(key: str, found: list[Run]) -> dict[str, int]:
    """Cycles a frame of the pumped runs by name: the first clock's memory, others' behind an _."""
    names = {}
    for run in found:
        if run.pump > 1:
            clock = "" if run.mhz == CLOCKS_MHZ[0] else f"_{run.mhz}"
            batch = f"_batch{run.frames}" if run.frames > 1 else ""
            names[f"{key}_pump{run.pump}{batch}{clock}"] = run.cycles
    return names
