"""``make boards``: what each board's engine takes of its chip, and how fast it would be.

Resources are predicted by :mod:`hw.model.resources`, cycles by :mod:`hw.model.cycles` with the
board's memory as its clock sees it.  Frame rates are those at the clock that the board's file asks
for; beside them stands what is known of it (:mod:`hw.flow.evidence`).  Networks have random
weights: cycles do not depend on them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console

from firebrick.commands.frame import Parser
from firebrick.hw.boards.board import Board, board_names, load_board
from firebrick.hw.boards.parts import Resources
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.flow.evidence import Evidence, clock_evidence
from firebrick.hw.model.cycles import predict
from firebrick.hw.model.resources import NAMES, ROUTABLE, errors, lacking, predict_resources, shares
from firebrick.quantize.architectures import (
    SqueezeNetConfig,
    build,
    squeezenet_v1_0,
    squeezenet_v1_1,
)
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.terminal import Table, new_console

SEED = 1


@dataclass(frozen=True)
class Speed:
    """A network on a board: predicted cycles of a frame, or why it cannot be compiled."""

    cycles: int | None
    frames_per_second: float | None
    problem: str | None


@dataclass(frozen=True)
class Row:
    """A board: the resources that its engine takes, what is lacking, speed of each network, and
    what is known of the clock that the speeds rest on."""

    board: Board
    used: Resources
    lacking: tuple[str, ...]
    speeds: dict[str, Speed]
    evidence: Evidence

    @property
    def fits(self) -> bool:
        return not self.lacking and all(s.problem is None for s in self.speeds.values())

    def facts(self) -> dict:
        """The row as it goes into JSON."""
        board = self.board
        return {
            "board": board.name,
            "title": board.title,
            "part": board.part,
            "pynq_image": board.pynq_image,
            "shape": asdict(board.shape),
            "fclk0_mhz": board.clock.fclk0_hz / 1e6,
            "clock_evidence": {**asdict(self.evidence), "supports": self.evidence.supports(board)},
            "confirmed_on_hardware": False,
            "memory_timing": asdict(board.timing),
            "resources": asdict(self.used),
            "shares": shares(self.used, board.chip.resources),
            "lacking": list(self.lacking),
            "networks": {name: asdict(speed) for name, speed in self.speeds.items()},
            "fits": self.fits,
        }


def networks() -> dict[str, QNetwork]:
    """SqueezeNet v1.0 on 227x227 and v1.1 on 224x224 pictures, quantized, with random weights."""

    def quantized(config: SqueezeNetConfig) -> QNetwork:
        rng = np.random.default_rng(SEED)
        net = build(config, rng)
        images = rng.integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
        return quantize_network(net, for_network(preprocessing("torchvision"), net), images)

    # The published v1.0 pads its classifier.
    v1_0 = replace(squeezenet_v1_0(), conv10_padding=1)
    return {"v1.0": quantized(v1_0), "v1.1": quantized(squeezenet_v1_1())}


def survey(board: Board, nets: dict[str, QNetwork]) -> Row:
    """Resources and speeds of one board."""
    used = predict_resources(board.shape)
    return Row(
        board,
        used,
        tuple(lacking(used, board.chip.resources)),
        {name: _speed(board, net) for name, net in nets.items()},
        clock_evidence(board, build_folder()),
    )


def _speed(board: Board, net: QNetwork) -> Speed:
    try:
        program = compile_network(net, board.shape)
    except FirebrickError as error:
        return Speed(None, None, str(error))
    cycles = predict(program, board.timing).cycles
    return Speed(cycles, board.clock.fclk0_hz / cycles, None)


def main(arguments: list[str] | None = None) -> int:
    """The command: a table on stdout, or JSON."""
    options = _parser().parse_args(arguments)
    nets = networks()
    boards = [load_board(name) for name in options.board or board_names()]
    if options.clock:
        boards = [board.with_clock(options.clock) for board in boards]
    rows = [survey(board, nets) for board in boards]
    if options.json:
        print(json.dumps([row.facts() for row in rows], indent=2))
    else:
        _print(new_console(), rows)
    return 0


def _print(console: Console, rows: list[Row]) -> None:
    table = Table(
        box=SIMPLE_HEAD,
        title="Boards: predicted resources, cycles and frames a second",
        collapse_padding=True,
        pad_edge=False,
    )
    for name in ("board", "array"):
        table.add_column(name, no_wrap=True)
    for name in ("LUT", "FF", "BRAM", "DSP", "v1.0", "v1.1"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("clock", no_wrap=True)
    table.add_column("fits", no_wrap=True)
    for row in rows:
        board = row.board
        used = shares(row.used, board.chip.resources)
        table.add_row(
            f"{board.name}\n{board.chip.name}",
            f"{board.shape}\n{board.clock.fclk0_hz / 1e6:.4g} MHz",
            *(f"{getattr(row.used, name):,}\n{used[name]:.0%}" for name in NAMES),
            *(_cell(speed) for speed in row.speeds.values()),
            _known(row.evidence),
            "yes" if row.fits else "no",
        )
    console.print(table)
    for row in rows:
        for text in row.lacking:
            console.print(f"{row.board.name}: {text}")
        for name, speed in row.speeds.items():
            if speed.problem:
                console.print(f"{row.board.name}, {name}: {speed.problem}")
    unfitted = errors(fitted=False)
    margins = ", ".join(f"{share:.0%} of its {NAMES[name]}" for name, share in ROUTABLE.items())
    console.print(
        "Cycles of a frame (SqueezeNet v1.0 at 227x227, v1.1 at 224x224); below, frames a "
        f"second. An engine fits that takes at most {margins}: routing needs the rest. "
        f"Resources are a model of yosys's counts, off by at most {unfitted['lut']:.1%} (LUT) and "
        f"{unfitted['ff']:.1%} (FF) on shapes that it was not fitted to.",
    )
    console.print(
        "Frames a second are those at the clock that the board's file asks for, below its array. "
        "Under `clock` stands what is known of it: asked, nothing but that; static, what static "
        "timing of the netlist with wires by fan-out allows (`make timing`); routed, what the tool "
        "of `make bitstream` met. No clock and no frame rate has been confirmed on hardware.",
    )
    for row in rows:
        if row.evidence.mhz is not None and not row.evidence.supports(row.board):
            console.print(
                f"{row.board.name}: {row.evidence.source} allows {row.evidence.mhz:.0f} MHz, its "
                f"file asks for {row.board.clock.fclk0_hz / 1e6:.4g} MHz: its frame rates are "
                "not to be expected"
            )


def _known(evidence: Evidence) -> str:
    return evidence.kind if evidence.mhz is None else f"{evidence.kind}\n{evidence.mhz:.0f} MHz"


def _cell(speed: Speed) -> str:
    if speed.cycles is None or speed.frames_per_second is None:
        return "no"
    return f"{speed.cycles:,}\n{speed.frames_per_second:.1f} fps"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick boards", description=__doc__)
    parser.add_argument("--board", action="append", help="only this board (may be repeated)")
    parser.add_argument("--clock", type=float, help="FCLK0 at most at so many MHz")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    return parser
