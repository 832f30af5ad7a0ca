"""Build a project that hls4ml wrote, with Vitis HLS.

hls4ml's own command line builds projects of its own backends only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from firebrick.commands.frame import Parser
from firebrick.hw.hls.vitis import STEPS, build
from firebrick.quantize.support.terminal import new_console

DEFAULT = ("csim", "synth")


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for what is missing."""
    options = _parser().parse_args(arguments)
    report = build(options.folder, {step: True for step in options.steps}, options.reset)
    console = new_console()
    for name, value in report.get("CSynthesisReport", {}).items():
        console.print(f"{name}: {value}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick vitis", description=__doc__)
    parser.add_argument("folder", type=Path, help="what hls4ml's write() or convert made")
    parser.add_argument(
        "--steps", nargs="+", choices=STEPS, default=DEFAULT, help="what to run (csim synth)"
    )
    parser.add_argument("--reset", action="store_true", help="remove earlier results first")
    return parser
