"""``make bitstream``: the overlay of a board, ``firebrick.bit`` and ``firebrick.hwh``.

By Vivado, or by openXC7's tools, for which an array that they cannot place is made smaller.  The
versions of the tools, and what they say of the clock, go into ``firebrick.json``.  The bitstream
only gets its name when it has been checked: the design, the part and the size that its header
states, and the chip that its data asks for.  A run that fails leaves no bitstream behind, not even
an older one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from firebrick.commands.frame import Parser, positive
from firebrick.hw.boards import Board, load_board
from firebrick.hw.flow.bitstream import TOOLCHAINS, build_overlay
from firebrick.hw.flow.openxc7 import MINUTES, SEED, Settings
from firebrick.hw.flow.placeable import (
    is_placeable,
    largest_placeable,
    placeable_dsps,
    require_placeable,
)
from firebrick.hw.flow.toolrun import Report
from firebrick.hw.model.resources import lacking, predict_resources
from firebrick.hw.shape import EngineShape, parse_shape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.terminal import new_console


@contextmanager
def _progress() -> Iterator[Report]:
    """Shows the step at work; without a terminal each step is a line."""
    console = new_console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting")

        def report(step: str) -> None:
            bar.update(task, description=step)
            if quiet:
                print(step, file=sys.stderr)

        yield report


def main(arguments: list[str] | None = None) -> int:
    """The command; exit code 2, by FirebrickError, where no bitstream comes out."""
    options = _parser().parse_args(arguments)
    if options.toolchain not in TOOLCHAINS:
        raise FirebrickError(
            f"TOOLCHAIN={options.toolchain} is not known; it is one of {', '.join(TOOLCHAINS)}"
        )
    if options.placement and options.toolchain != "vivado":
        raise FirebrickError(
            f"PLACEMENT=1 writes constraints for Vivado; TOOLCHAIN={options.toolchain} places by "
            "itself"
        )
    own = load_board(options.board)
    board = _with_shape(own.with_clock(options.clock) if options.clock else own, options)
    folder = Path(options.out) if options.out else build_folder() / board.name
    for text in lacking(predict_resources(board.shape), board.chip.resources):
        print(f"warning: {board.title}: {text}, if the prediction is right", file=sys.stderr)
    with sole_writer(folder), _progress() as report:
        settings = Settings(options.seed, options.minutes, options.seeds)
        bit, built = build_overlay(
            board,
            folder,
            options.toolchain,
            report,
            options.chipdb,
            options.prjxray_db,
            settings,
            options.placement,
        )
    console = new_console(soft_wrap=True)
    console.print(
        f"{board.title}: {board.part}, array of {board.shape}, FCLK0 "
        f"{board.clock.fclk0_hz / 1e6:.3f} MHz"
    )
    if board.shape != own.shape and not options.shape:
        console.print(
            f"the board's own array of {own.shape} needs more DSPs than nextpnr-xilinx can place "
            f"({placeable_dsps(own.chip)} of {own.chip.resources.dsp48e1})"
        )
    console.print("tools: " + ", ".join(f"{name} {text}" for name, text in built.tools.items()))
    console.print(built.verdict)
    others = " and ".join(bit.with_suffix(ending).name for ending in (".hwh", ".json"))
    console.print(f"wrote {bit}, {others}")
    return 0


def _with_shape(board: Board, options: argparse.Namespace) -> Board:
    """The board with the array asked for, or else one that the tools can place."""

    def fits(shape: EngineShape) -> bool:
        return not lacking(predict_resources(shape), board.chip.resources)

    if options.shape:
        board = replace(board, shape=parse_shape(options.shape, board.shape))
    if options.toolchain != "openxc7":
        return board
    if options.shape:
        require_placeable(board, fits)
    elif not is_placeable(board.shape, board.chip):
        board = replace(board, shape=largest_placeable(board, fits))
    return board


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick bitstream", description=__doc__)
    parser.add_argument("--board", default="pynq-z2", help="a board of `make boards` (%(default)s)")
    parser.add_argument("--toolchain", default="vivado", help="vivado (default) or openxc7")
    parser.add_argument("--clock", type=float, help="at most so many MHz; the board's default")
    parser.add_argument(
        "--shape",
        help="array: 14x32, or pumped: 14x32p2 (the board's; openxc7: the largest it places); "
        "14x32,act_words=2048 has a memory of another depth than the board's engine",
    )
    parser.add_argument("--out", help="folder (build/<board>)")
    parser.add_argument(
        "--placement",
        action="store_true",
        help="vivado: a pblock for each column of the array, along the chip's DSPs; no Vivado has "
        "run these constraints",
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="openxc7: of the placement (%(default)s)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help="openxc7: for placement and routing (%(default)g)",
    )
    parser.add_argument(
        "--seeds",
        type=positive,
        default=1,
        help="openxc7: so many seeds, from --seed on, are placed, and the fastest is routed "
        "(%(default)s)",
    )
    parser.add_argument("--chipdb", help="openxc7: nextpnr's chip database (default: CHIPDB)")
    parser.add_argument(
        "--prjxray-db", help="openxc7: folder of prjxray-db (default: PRJXRAY_DB_DIR)"
    )
    return parser
