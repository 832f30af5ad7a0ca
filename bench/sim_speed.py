"""Simulated cycles a second of the whole engine: ``python -m firebrick.bench.sim_speed``.

The first part of a SqueezeNet v1.0 frame (random weights and pixels) on the simulated board, in
which the array is busy in practically every cycle.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from firebrick.commands.frame import Parser, run_cli
from firebrick.host import layout
from firebrick.host.definition import REGISTERS
from firebrick.host.program import Program, parse_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.sim.board import SimulatedBoard
from firebrick.sim.build import build_library

SEED = 1
WARM_UP_CYCLES = 20_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Speed:
    """Cycles a second of elapsed and of CPU time, and the share of cycles with the array busy."""

    per_second: float
    per_cpu_second: float
    active: float


def squeezenet(version: str, shape: EngineShape) -> tuple[Program, np.ndarray]:
    """A compiled SqueezeNet of random weights, and a picture uint8 [C, H, W] for it."""
    rng = np.random.default_rng(SEED)
    net = build(ARCHITECTURES[version](), rng)
    images = rng.integers(0, 256, (2, *net.shapes[net.input]), np.uint8)
    qnet = quantize_network(net, for_network(preprocessing("torchvision"), net), images)
    return parse_program(compile_network(qnet, shape).blob), images[0]


def start(board: SimulatedBoard, program: Program, image: np.ndarray) -> None:
    """Put program and picture into the memory and start the engine, without a driver."""
    data = layout.pack_input(image, program.input, program.pixels, program.word_bytes)
    places = {"PROGRAM_ADDR": 0, "INPUT_ADDR": 16, "OUTPUT_ADDR": 32, "SCRATCH_ADDR": 48}
    for name, content in (
        ("PROGRAM_ADDR", np.frombuffer(program.loadable, np.uint8)),
        ("INPUT_ADDR", data),
    ):
        begin = places[name] * MEBIBYTE
        board.memory[begin : begin + content.size] = content
    registers = {name: board.memory_base + mb * MEBIBYTE for name, mb in places.items()}
    registers |= {
        name.replace("ADDR", "END"): start + 16 * MEBIBYTE for name, start in registers.items()
    }
    registers |= {"IMAGES": 1, "TIMEOUT": 1 << 20, "CONTROL": 1}
    for name, value in registers.items():
        board.write_register(REGISTERS[name][0], value)


def measure(board: SimulatedBoard, cycles: int) -> Speed:
    """Let a started engine run on for ``cycles``."""

    def active() -> int:
        return board.read_register(REGISTERS["ACTIVE"][0])

    board.run(WARM_UP_CYCLES)
    first, cpu, begin = active(), _cpu_seconds(), time.perf_counter()
    board.run(cycles)
    seconds, cpu = time.perf_counter() - begin, _cpu_seconds() - cpu
    return Speed(cycles / seconds, cycles / cpu, (active() - first) / cycles)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    if options.cycles < 1:
        raise FirebrickError(f"--cycles must be at least 1, not {options.cycles}")
    console = Console()
    with console.status("compile SqueezeNet v1.0") as status:
        program, image = squeezenet("v1.0", PYNQ_Z2)
        library = build_library(
            PYNQ_Z2, lambda what, done, total: status.update(f"{what} {done}/{total}")
        )
        status.update(f"simulate {options.cycles:,} cycles")
        with SimulatedBoard(PYNQ_Z2, library=library) as board:
            start(board, program, image)
            speed = measure(board, options.cycles)
    table = Table("simulation", "figure", title=f"engine {PYNQ_Z2}, {options.cycles:,} cycles")
    table.add_row("simulated cycles a second", f"{speed.per_second:,.0f}")
    table.add_row("simulated cycles a CPU second", f"{speed.per_cpu_second:,.0f}")
    table.add_row("cycles in which the array is busy", f"{100 * speed.active:.1f} %")
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m firebrick.bench.sim_speed", description=__doc__)
    parser.add_argument(
        "--cycles", type=int, default=300_000, help="cycles to simulate (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    run_cli(main)
