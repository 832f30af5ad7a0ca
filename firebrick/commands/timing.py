"""Static timing before placement.

Synthesizes all that goes on the fabric and adds up the delays of its cells, which yosys ships for
the slowest speed grade of the family, on every path from register to register; wires are estimated
by three models side by side.  Prints the worst path of every part and which clock each model
allows.  It is no router's verdict: no such tool has seen the design here.
"""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from firebrick.commands.frame import Parser
from firebrick.hw.boards import board_names, load_board
from firebrick.hw.flow.timing import WIRE_MODELS, Path, Timing, TimingGraph
from firebrick.hw.flow.yosys import netlist_digest, synthesize
from firebrick.hw.shape import PYNQ_Z2, parse_shape
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import busy
from firebrick.quantize.support.terminal import Table, new_console

MHZ = 100
BAR = 40


def main(arguments: list[str] | None = None) -> None:
    """The command: tables on stdout, and JSON."""
    options = _parser().parse_args(arguments)
    console = new_console()
    shape = parse_shape(options.shape)
    digest = netlist_digest(shape)
    with busy(f"yosys: engine of {shape} and all around it (some minutes)"):
        netlist = synthesize(shape)
    with busy("add up the delays"):
        graph = TimingGraph(netlist)
        period = 1e6 / options.clock
        found = {name: graph.analyse(wire, period) for name, wire in WIRE_MODELS.items()}
        widest, net = graph.fan_outs()[0]
    _print_parts(console, found, str(shape))
    _print_path(console, found["by fan-out"].worst)
    _print_slack(console, found, options.clock)
    levels = max(path.levels for path in netlist.longest_paths().values())
    console.print(f"most loads of a net, clocks and resets apart: {widest} ({net})", soft_wrap=True)
    clocks = {name: timing.worst.mhz for name, timing in found.items()}
    asked = {board: load_board(board).clock.fclk0_hz / 1e6 for board in board_names()}
    console.print(
        "clock by wire model: "
        + ", ".join(f"{name} {mhz:.0f} MHz" for name, mhz in clocks.items())
        + f"; boards ask for {', '.join(f'{m:g}' for m in sorted(set(asked.values())))} MHz. "
        "Not counted: clock skew and jitter, and the pins of the processing system",
        soft_wrap=True,
    )
    facts = {
        "shape": str(shape),
        "netlist": digest,
        "worst_logic_ns": _ns(found["none"].worst.delay_ps),
        "worst_estimated_ns": _ns(found["by fan-out"].worst.delay_ps),
        "levels": levels,
        "max_fanout": widest,
        "max_fanout_net": net,
        "clock_mhz": {name: round(mhz, 1) for name, mhz in clocks.items()},
        "domains": {
            clock: {name: _ns(timing.clocks[clock].delay_ps) for name, timing in found.items()}
            for clock in found["none"].clocks
        },
        "parts": {
            name: {part: _facts(path) for part, path in timing.parts.items()}
            for name, timing in found.items()
        },
        "slack_ps": {name: timing.slack for name, timing in found.items()},
        "slack_at_mhz": options.clock,
    }
    text = json.dumps(facts, indent=2) + "\n"
    write_text(options.out, text)
    console.print(f"wrote {options.out}")


def _ns(ps: float) -> float:
    return round(ps / 1000, 2)


def _facts(path: Path) -> dict:
    return {
        "source": path.source,
        "target": path.target,
        "ns": _ns(path.delay_ps),
        "logic_ns": _ns(path.logic_ps),
        "levels": path.levels,
        "cells": [step.kind for step in path.steps],
    }


def _print_parts(console: Console, found: dict[str, Timing], shape: str) -> None:
    title = f"{shape}: worst path into every part, ns, by model of the wires"
    table = Table("part", *found, "LUTs on the first", title=title)
    order = sorted(found["by fan-out"].parts.items(), key=lambda item: -item[1].delay_ps)
    for part, _ in order:
        cells = [f"{_ns(timing.parts[part].delay_ps):.2f}" for timing in found.values()]
        table.add_row(part, *cells, str(found["none"].parts[part].levels))
    console.print(table)


def _print_path(console: Console, path: Path) -> None:
    table = Table("cell", "its ns", "wire before", "loads", "net", title="worst path, by fan-out")
    for step in path.steps:
        loads = str(step.loads) if step.loads else ""
        table.add_row(step.kind, f"{_ns(step.cell_ps)}", f"{_ns(step.wire_ps)}", loads, step.net)
    console.print(table)


def _print_slack(console: Console, found: dict[str, Timing], mhz: float) -> None:
    for name, timing in found.items():
        late = sum(ends for slack, ends in timing.slack if slack < 0)
        ends = sum(ends for _, ends in timing.slack)
        console.print(f"slack at {mhz:g} MHz, wires {name}: {late:,} of {ends:,} ends are late")
        most = max(count for _, count in timing.slack)
        for slack, count in timing.slack:
            bar = "#" * max(1, round(BAR * count / most))
            console.print(f"  {_ns(slack):6.1f} ns {count:7,} {bar}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick timing", description=__doc__)
    parser.add_argument("--shape", default=str(PYNQ_Z2), help="array, pixels x channels")
    parser.add_argument("--clock", type=float, default=MHZ, help="MHz, for slack (%(default)s)")
    parser.add_argument("--out", default=results("timing.json"), help="JSON (%(default)s)")
    return parser
