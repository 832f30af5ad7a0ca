"""Synthesis without vendor tools.

Runs yosys on all that goes on the Zynq-7020's fabric (the engine, and what connects it to the
processing system), counts what it needs, checks what must hold of the netlist, and measures the
longest register-to-register paths in LUT levels.  With ``--ecp5`` a small engine is also placed
and routed for a Lattice ECP5 by nextpnr, whose timing model is public: a second witness of how the
logic is built, not a figure of the Zynq's.  With ``--points`` the shapes that the resource model is
fitted to are counted anew: those whose sources have changed since.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console

from firebrick.commands.frame import Parser
from firebrick.hw.boards.board import board_names, load_board
from firebrick.hw.boards.parts import Resources
from firebrick.hw.flow.netlist import Counts, PathLength
from firebrick.hw.flow.yosys import (
    CHIP,
    ECP5_SHAPE,
    NAMES,
    WORK,
    budget,
    findings,
    longest_of_multipliers,
    netlist_digest,
    route_ecp5,
    synthesize,
)
from firebrick.hw.model.points import POINTS, Point, parse_points, points_text
from firebrick.hw.shape import PYNQ_Z2, EngineShape, parse_shape
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import busy
from firebrick.quantize.support.terminal import Table, new_console


def main(arguments: list[str] | None = None) -> int:
    """The command: tables on stdout, ``build/synth.json``; exit code 1 if a check fails."""
    options = _parser().parse_args(arguments)
    console = new_console()
    if options.points:
        return _count_points(console)
    shape = parse_shape(options.shape)
    with busy(f"yosys: engine of {shape} and all around it (some minutes)"):
        netlist = synthesize(shape)
    counts = netlist.counts()
    paths = netlist.longest_paths()
    worst = max(paths.values(), key=lambda p: (p.levels, p.carries))
    shares = netlist.shares()
    _print_counts(console, counts, worst, shape)
    _print_parts(console, shares, paths)
    wrong = findings(netlist, counts, worst.levels, shape)
    facts: dict = {
        "shape": str(shape),
        "dsp48e1": counts.dsp48e1,
        "ramb36": counts.ramb36,
        "lut": counts.lut,
        "ff": counts.ff,
        "lut_levels": worst.levels,
        "longest_path": asdict(worst),
        "chip": CHIP,
        "budget": budget(shape),
        "counts": asdict(counts),
        "dsp_registers": dict(netlist.dsp_registers()),
        "memories": {part: dict(kinds) for part, kinds in netlist.memories().items()},
        "parts": {part: asdict(share) for part, share in shares.items()},
        "paths": {part: asdict(path) for part, path in paths.items()},
        "findings": wrong,
    }
    if shape.pump > 1:
        fast = longest_of_multipliers(netlist)
        facts["fast_levels"] = fast.levels if fast else None
        facts["fast_path"] = asdict(fast) if fast else None
        console.print(f"longest path at the multipliers' clock: {fast}")
    if options.ecp5:
        with busy(f"nextpnr: an engine of {ECP5_SHAPE} on an ECP5-85F (some minutes)"):
            facts["ecp5"] = {"shape": str(ECP5_SHAPE), "mhz": route_ecp5(ECP5_SHAPE)}
        console.print(
            f"placed and routed on a Lattice ECP5-85F, speed grade 6, an engine of {ECP5_SHAPE} "
            f"with small memories: {facts['ecp5']['mhz']:.1f} MHz (not a figure of the Zynq)",
        )
    text = json.dumps(facts, indent=2) + "\n"
    write_text(options.out, text)
    console.print(f"wrote {options.out}")
    for finding in wrong:
        console.print(f"does not hold: {finding}")
    return 1 if wrong else 0


def _count_points(console: Console) -> int:
    """Count the resource model's shapes and the boards' with today's sources, the largest first;
    the model's file is written after each, and has no others in the end."""
    found, sources = list(parse_points(POINTS.read_text())), netlist_digest(PYNQ_Z2)
    shapes = {p.shape for p in found} | {load_board(name).shape for name in board_names()}
    for shape in sorted(shapes, key=lambda shape: (-shape.macs, str(shape))):
        same = [p for p in found if p.shape == shape]
        if any(p.sources == sources for p in same):
            continue
        with busy(f"yosys: engine of {shape} and all around it (some minutes)"):
            counts = synthesize(shape, WORK / "points").counts()
        used = Resources(counts.lut, counts.ff, counts.ramb36, counts.dsp48e1)
        found.append(Point(shape, any(p.fitted for p in same), used, sources))
        write_text(POINTS, points_text(found))
        console.print(f"{shape}: {used.lut:,} LUT, {used.ff:,} FF, {used.ramb36:g} RAMB36")
    write_text(POINTS, points_text(p for p in found if p.sources == sources))
    console.print(f"wrote {POINTS}")
    return 0


def _print_counts(console: Console, counts: Counts, worst: PathLength, shape: EngineShape) -> None:
    table = Table(
        box=SIMPLE_HEAD,
        title=f"xc7z020 with an engine of {shape}, by yosys",
    )
    table.add_column("")
    for name in ("used", "budget", "chip", "share"):
        table.add_column(name, justify="right")
    for name, label in NAMES.items():
        used = getattr(counts, name)
        table.add_row(
            label,
            f"{used:,.1f}" if used % 1 else f"{used:,.0f}",
            f"{budget(shape)[name]:,}",
            f"{CHIP[name]:,}",
            f"{used / CHIP[name]:.0%}",
        )
    table.add_row("LUT levels", str(worst.levels), str(budget(shape)["lut_levels"]), "", "")
    console.print(table)
    console.print(
        f"longest path: {worst.levels} LUTs, {worst.carries} CARRY4, from {worst.source} to "
        f"{worst.target}; no timing of the Zynq is claimed",
    )


def _print_parts(console: Console, shares: dict, paths: dict[str, PathLength]) -> None:
    title = "Parts; LUTs count for the part whose registers they feed"
    table = Table(box=SIMPLE_HEAD, title=title)
    table.add_column("part", no_wrap=True)
    for name in ("LUT", "FF", "RAMB36", "DSP48E1", "levels", "CARRY4"):
        table.add_column(name, justify="right")
    for part, share in sorted(shares.items(), key=lambda item: -item[1].lut):
        path = paths.get(part)
        table.add_row(
            part,
            f"{share.lut:,}",
            f"{share.ff:,}",
            f"{share.ramb36:g}" if share.ramb36 else "",
            str(share.dsp48e1 or ""),
            str(path.levels) if path else "",
            str(path.carries) if path else "",
        )
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick synth", description=__doc__)
    parser.add_argument(
        "--shape", default=str(PYNQ_Z2), help="array, such as 14x32, or 14x32p2: pumped"
    )
    parser.add_argument("--ecp5", action="store_true", help="place and route on an ECP5 as well")
    parser.add_argument(
        "--points", action="store_true", help="count the resource model's shapes anew (an hour)"
    )
    parser.add_argument("--out", default=results("synth.json"), help="JSON (%(default)s)")
    return parser
