"""Run a Python module as on a board, on the simulated one.

``import pynq`` gives a stand-in then; the engine has the shape that the `.hwh` in the current
folder states.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from firebrick.commands.frame import Parser
from firebrick.sim.onboard import simulate


def main(arguments: list[str] | None = None) -> None:
    """The command; the module finds its own files in the current folder first."""
    options = _parser().parse_args(arguments)
    simulate()
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = [options.module, *options.arguments]
    runpy.run_module(options.module, run_name="__main__", alter_sys=True)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick onboard", description=__doc__)
    parser.add_argument("module", help="module to run, as by python -m")
    parser.add_argument("arguments", nargs="*", help="its arguments")
    return parser
