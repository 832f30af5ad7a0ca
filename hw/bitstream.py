"""``make bitstream``: the overlay of a board, ``firebrick.bit`` and ``firebrick.hwh``.

By Vivado, or by openXC7's tools.  The bitstream only gets its name when it has been checked: the
design, the part and the size that its header states, and the chip that its data asks for.  A run
that fails leaves no bitstream behind, not even an older one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hw import openxc7
from hw.bitfile import check_bit
from hw.boards import Board, load_board
from hw.hwh import write_hwh
from hw.resources import lacking, predict_resources
from hw.synth import ROOT
from hw.toolrun import Report
from hw.vivado import flow as vivado
from quantize.cli import Parser, run_cli
from quantize.errors import FirebrickError

TOOLCHAINS = ("vivado", "openxc7")
NAME = "firebrick"


@contextmanager
def _progress() -> Iterator[Report]:
    """Shows the step at work; without a terminal each step is a line."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting")

        def report(step: str) -> None:
            bar.update(task, description=step)
            if quiet:
                print(step, file=sys.stderr)

        yield report


def build_overlay(
    board: Board,
    folder: Path,
    toolchain: str,
    report: Report,
    chipdb: str | None = None,
    prjxray_db: str | None = None,
) -> tuple[Path, dict[str, float]]:
    """``firebrick.bit`` and ``firebrick.hwh`` in ``folder``; the former's path, and worst slacks.

    Raises FirebrickError where the toolchain is not there, fails, misses the clock, or writes
    what is not this board's bitstream.
    """
    work = folder.resolve()
    bit, hwh = work / f"{NAME}.bit", work / f"{NAME}.hwh"
    # Vivado insists on the ending.
    temporary = work / f"{NAME}.tmp.bit"
    build: Callable[[Board, Path, Path, Report], dict[str, float]]
    if toolchain == "openxc7":
        build = partial(openxc7.build, openxc7.find_tools(board, chipdb, prjxray_db))
    else:
        build = partial(vivado.build, vivado.find())
    # From here on the outputs are this run's or nobody's.
    for path in (bit, hwh, temporary):
        path.unlink(missing_ok=True)
    try:
        slacks = build(board, work, temporary, report)
        check_bit(temporary, board, vivado.TOP)
        write_hwh(hwh, board)
        os.replace(temporary, bit)
    except BaseException:
        for path in (temporary, hwh):
            path.unlink(missing_ok=True)
        raise
    return bit, slacks


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
    folder = Path(options.out) if options.out else ROOT / "build" / board.name
    for text in lacking(predict_resources(board.shape), board.chip.resources):
        print(f"warning: {board.title}: {text}, if the prediction is right", file=sys.stderr)
    with _progress() as report:
        bit, slacks = build_overlay(
            board, folder, options.toolchain, report, options.chipdb, options.prjxray_db
        )
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{board.title}: {board.part}, array of {board.shape}, FCLK0 "
        f"{board.clock.fclk0_hz / 1e6:.3f} MHz"
    )
    worst = ", ".join(f"{kind} {slack:+.3f} ns" for kind, slack in slacks.items())
    console.print(f"timing is met: worst slack {worst}")
    console.print(f"wrote {bit} and {bit.with_suffix('.hwh').name}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m hw.bitstream", description=__doc__)
    parser.add_argument("--board", default="pynq-z2", help="a board of `make boards` (%(default)s)")
    parser.add_argument("--toolchain", default="vivado", help="vivado (default) or openxc7")
    parser.add_argument("--clock", type=float, help="at most so many MHz; the board's default")
    parser.add_argument("--out", help="folder (build/<board>)")
    parser.add_argument("--chipdb", help="openxc7: nextpnr's chip database (default: CHIPDB)")
    parser.add_argument(
        "--prjxray-db", help="openxc7: folder of prjxray-db (default: PRJXRAY_DB_DIR)"
    )
    return parser


if __name__ == "__main__":
    run_cli(main)
