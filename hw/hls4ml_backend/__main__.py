"""Build a written project with Vitis HLS: ``python -m hw.hls4ml_backend FOLDER``.

hls4ml's own command line builds projects of its own backends only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from hw.hls4ml_backend.vitis import STEPS, build
from quantize.cli import Parser, run_cli

DEFAULT = ("csim", "synth")


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for what is missing."""
    parser: argparse.ArgumentParser = Parser(
        prog="python -m hw.hls4ml_backend", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="what hls4ml's write() or convert made")
    parser.add_argument(
        "--steps", nargs="+", choices=STEPS, default=DEFAULT, help="what to run (csim synth)"
    )
    parser.add_argument("--reset", action="store_true", help="remove earlier results first")
    options = parser.parse_args(arguments)
    report = build(options.folder, {step: True for step in options.steps}, options.reset)
    console = Console()
    for name, value in report.get("CSynthesisReport", {}).items():
        console.print(f"{name}: {value}", highlight=False)


if __name__ == "__main__":
    run_cli(main)
