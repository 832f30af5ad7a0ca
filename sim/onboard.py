"""Run a program as on a board, on the simulated one: ``python -m sim.onboard MODULE [ARGUMENT]``.

``import pynq`` gives the stand-in then; the engine has the shape that the `.hwh` in the current
folder states.  A notebook calls :func:`simulate` instead.
"""

from __future__ import annotations

import atexit
import runpy
import sys
from pathlib import Path

from hw.hwh import clock_of, shape_of
from quantize.cli import Parser, run_cli
from sim import pynq_standin
from sim.board import SimulatedBoard


def simulate(hwh: str | Path = "firebrick.hwh") -> SimulatedBoard:
    """Put a simulated board with the engine of ``hwh`` in the place of pynq until the process ends.

    The first time an engine's shape is used, its simulation is built, which takes a minute.
    Raises FirebrickError where the file does not say what engine it describes.
    """
    board = SimulatedBoard(shape_of(hwh))
    board.clock_hz = clock_of(hwh)
    # An archive may have been packed before its bitstream was built.
    pynq_standin.install(board, bitstream=False)
    atexit.register(pynq_standin.uninstall)
    return board


def main(arguments: list[str] | None = None) -> None:
    """The command; the module finds its own files in the current folder first."""
    options = _parser().parse_args(arguments)
    simulate()
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = [options.module, *options.arguments]
    runpy.run_module(options.module, run_name="__main__", alter_sys=True)


def _parser() -> Parser:
    parser = Parser(prog="python -m sim.onboard", description=__doc__)
    parser.add_argument("module", help="module to run, as by python -m")
    parser.add_argument("arguments", nargs="*", help="its arguments")
    return parser


if __name__ == "__main__":
    run_cli(main)
