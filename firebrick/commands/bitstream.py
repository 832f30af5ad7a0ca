"""``make bitstream``: the overlay of a board, ``firebrick.bit`` and ``firebrick.hwh``.

By Vivado, or by openXC7's tools.  The bitstream only gets its name when it has been checked: the
design, the part and the size that its header states, and the chip that its data asks for.  A run
that fails leaves no bitstream behind, not even an older one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from firebrick.commands.frame import Parser
from firebrick.hw.boards import load_board
from firebrick.hw.flow.bitstream import TOOLCHAINS, build_overlay
from firebrick.hw.flow.toolrun import Report
from firebrick.hw.model.resources import lacking, predict_resources
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
    board = load_board(options.board)
    if options.clock:
        board = board.with_clock(options.clock)
    folder = Path(options.out) if options.out else build_folder() / board.name
    for text in lacking(predict_resources(board.shape), board.chip.resources):
        print(f"warning: {board.title}: {text}, if the prediction is right", file=sys.stderr)
    with sole_writer(folder), _progress() as report:
        bit, slacks = build_overlay(
            board, folder, options.toolchain, report, options.chipdb, options.prjxray_db
        )
    console = new_console(soft_wrap=True)
    console.print(
        f"{board.title}: {board.part}, array of {board.shape}, FCLK0 "
        f"{board.clock.fclk0_hz / 1e6:.3f} MHz"
    )
    worst = ", ".join(f"{kind} {slack:+.3f} ns" for kind, slack in slacks.items())
    console.print(f"timing is met: worst slack {worst}")
    console.print(f"wrote {bit} and {bit.with_suffix('.hwh').name}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick bitstream", description=__doc__)
    parser.add_argument("--board", default="pynq-z2", help="a board of `make boards` (%(default)s)")
    parser.add_argument("--toolchain", default="vivado", help="vivado (default) or openxc7")
    parser.add_argument("--clock", type=float, help="at most so many MHz; the board's default")
    parser.add_argument("--out", help="folder (build/<board>)")
    parser.add_argument("--chipdb", help="openxc7: nextpnr's chip database (default: CHIPDB)")
    parser.add_argument(
        "--prjxray-db", help="openxc7: folder of prjxray-db (default: PRJXRAY_DB_DIR)"
    )
    return parser
