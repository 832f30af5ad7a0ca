"""The synthesized netlist in place of the RTL, bit for bit against the golden model.

Synthesizes the chip with yosys as `make synth` does, compiles the netlist with models of the FPGA's
primitives behind the simulated board, and runs networks on it through the driver: digits and random
networks on a small engine, one layer of each kind on a small one whose multipliers run at twice the
clock, and on the board's.  Exit code 1 if a value differs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from firebrick.commands.frame import Parser, positive
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.models.bundled import bundled
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.terminal import Table, new_console
from firebrick.sim.gates.cases import kinds_cases, random_cases
from firebrick.sim.gates.chip import chip_library
from firebrick.sim.gates.networks import Case, Ran, run_case

SMALL = replace(PYNQ_Z2, pixels=8, channels=8)


def main(arguments: list[str] | None = None) -> int:
    """The command: a table on stdout, ``build/gates.json``."""
    options = _parser().parse_args(arguments)
    console = new_console()
    started = time.monotonic()
    work: list[tuple[EngineShape, list[Case]]] = [
        (SMALL, [_digits(options.pictures), *random_cases(options.random)])
    ]
    if not options.quick:
        work += [(shape, kinds_cases(shape)) for shape in (pumped(SMALL, 2), PYNQ_Z2)]
    ran = [row for shape, cases in work for row in _run(shape, cases)]
    facts = _facts(ran)
    facts["seconds"] = round(time.monotonic() - started, 1)
    _print(console, ran, facts)
    text = json.dumps(facts, indent=2) + "\n"
    write_text(options.out, text)
    console.print(f"wrote {options.out}")
    return 1 if facts["mismatches"] else 0


def _digits(pictures: int) -> Case:
    net = bundled("digits")
    qnet = quantize_network(net.network, net.preprocessing, net.calibration, classes=net.classes)
    return Case("digits", qnet, net.pictures[:pictures], False, None)


def _run(shape: EngineShape, cases: list[Case]) -> list[Ran]:
    with _busy(f"netlist of {shape}") as show, tempfile.TemporaryDirectory() as folder:
        library = chip_library(shape, lambda what, i, n: show(f"{what} {i}/{n}"))
        ran = []
        for case in cases:
            show(case.name)
            ran.append(run_case(case, shape, library, Path(folder)))
    return ran


@contextmanager
def _busy(label: str) -> Iterator:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield lambda text: bar.update(task, description=f"{label}: {text}")


def _facts(ran: list[Ran]) -> dict:
    return {
        "networks": len(ran),
        "tensors": sum(row.report.tensors for row in ran),
        "values": sum(row.report.values for row in ran),
        "mismatches": sum(row.report.mismatches for row in ran),
        "cycles": sum(row.cycles for row in ran),
        "runs": [
            {
                "name": row.name,
                "shape": row.shape,
                "tensors": row.report.tensors,
                "values": row.report.values,
                "mismatches": row.report.mismatches,
                "first": [str(mismatch) for mismatch in row.report.first],
                "cycles": row.cycles,
                "seconds": round(row.seconds, 1),
            }
            for row in ran
        ],
    }


def _print(console: Console, ran: list[Ran], facts: dict) -> None:
    table = Table(box=SIMPLE_HEAD, title="Networks on the synthesized netlist")
    table.add_column("network")
    for name in ("engine", "tensors", "values", "mismatches", "cycles"):
        table.add_column(name, justify="right")
    for row in ran:
        numbers = (row.report.tensors, row.report.values, row.report.mismatches, row.cycles)
        table.add_row(row.name, row.shape, *(f"{number:,}" for number in numbers))
    console.print(table)
    for mismatch in (mismatch for row in ran for mismatch in row.report.first):
        console.print(f"  {mismatch}")
    console.print(
        f"{facts['networks']} networks, {facts['values']:,} values compared with the golden model, "
        f"{facts['mismatches']:,} mismatches; {facts['seconds']:.0f} s"
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick gates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only the engine of {SMALL}")
    parser.add_argument(
        "--pictures", type=positive, default=2, help="of the digits (default: %(default)s)"
    )
    parser.add_argument(
        "--random", type=positive, default=5, help="random networks (default: %(default)s)"
    )
    parser.add_argument("--out", default=results("gates.json"), help="JSON (%(default)s)")
    return parser
