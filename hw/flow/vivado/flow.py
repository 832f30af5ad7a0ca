"""A bitstream by Vivado, without a project: settings and constraints for ``build.tcl``."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from firebrick.hw.boards import Board
from firebrick.hw.flow.built import Built
from firebrick.hw.flow.clocks import chip_parameters
from firebrick.hw.flow.toolrun import Report, find_tool, run_tool
from firebrick.hw.flow.vivado.placement import placement
from firebrick.hw.flow.yosys import sources
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import ROOT

SCRIPT = Path(__file__).with_name("build.tcl")
# The options that build.tcl uses are in the Tcl references of all of these (UG835).
OLDEST, NEWEST = (2020, 2), (2025, 2)
TOP = "firebrick_zynq"
CLOCK = "fclk0"
CLOCK_PIN = "u_ps7/FCLKCLK[0]"
RESET_PIN = "u_ps7/FCLKRESETN[0]"
PLACEMENT = "placement.xdc"
NEEDED = (
    f"install Vivado ML Standard edition (free, {OLDEST[0]}.{OLDEST[1]} to "
    f"{NEWEST[0]}.{NEWEST[1]}, with Zynq-7000 devices) and source its settings64.sh; "
    "`make synth` works without it"
)


@dataclass(frozen=True)
class Vivado:
    """The program and its version, like 2022.1."""

    path: Path
    version: str


def find() -> Vivado:
    """Vivado on the PATH.

    Raises FirebrickError that says what is needed where there is none, or where it is of a version
    that the scripts are not made for.
    """
    vivado = find_tool("vivado", NEEDED)
    try:
        done = subprocess.run([vivado, "-version"], capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirebrickError(f"{vivado}: does not tell its version: {error}") from error
    match = re.search(r"vivado v(\d{4})\.(\d)", done.stdout, re.IGNORECASE)
    if done.returncode or not match:
        raise FirebrickError(f"{vivado}: does not tell its version (`vivado -version` fails)")
    version = int(match[1]), int(match[2])
    if not OLDEST <= version <= NEWEST:
        raise FirebrickError(
            f"Vivado {match[1]}.{match[2]} is not among the versions that this flow is made for, "
            f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}: {NEEDED}"
        )
    return Vivado(vivado, f"{match[1]}.{match[2]}")


def constraints(board: Board) -> str:
    """The design's constraints: it has no pins, so they are one clock and one asynchronous path.

    The clocks of a pumped engine follow from that one: Vivado derives an MMCM's outputs, and times
    paths between them as edges of one clock.
    """
    period = 1e9 / board.clock.fclk0_hz
    return (
        f"# {board.title}: FCLK0 at {board.clock.fclk0_hz / 1e6:.3f} MHz\n"
        f"create_clock -name {CLOCK} -period {period:.3f} [get_pins {{{CLOCK_PIN}}}]\n"
        "# The reset is asynchronous to the clock; three flip-flops synchronize it.\n"
        f"set_false_path -through [get_pins {{{RESET_PIN}}}]\n"
    )


def tcl_word(text: str) -> str:
    """``text`` as one word of Tcl, whatever is in it."""
    return '"' + re.sub(r'(["\\$\[\]{}])', r"\\\1", text) + '"'


def tcl_list(words: list[str]) -> str:
    """A Tcl command that gives the list of these words."""
    return "[list " + " ".join(tcl_word(word) for word in words) + "]"


def settings(board: Board, folder: Path, bitstream: Path, placed: bool) -> str:
    """The variables that ``build.tcl`` reads."""
    generics = [str(x) for pair in chip_parameters(board).items() for x in pair]
    values = {
        "part": tcl_word(board.part),
        "sources": tcl_list([str(ROOT / path) for path in sources()]),
        "constraints": tcl_word(str(folder / "firebrick.xdc")),
        "placement": tcl_word(str(folder / PLACEMENT) if placed else ""),
        "top": tcl_word(TOP),
        "generics": tcl_list(generics),
        "clock_mhz": tcl_word(f"{board.clock.fclk0_hz / 1e6:.3f}"),
        "clock_name": tcl_word(CLOCK),
        "reports": tcl_word(str(folder / "reports")),
        "checkpoint": tcl_word(str(folder / "routed.dcp")),
        "bitstream": tcl_word(str(bitstream)),
        "summary": tcl_word(str(folder / "timing.tsv")),
    }
    return "".join(f"set {name} {value}\n" for name, value in values.items())


def build(
    vivado: Vivado,
    placed: bool,
    board: Board,
    folder: Path,
    bitstream: Path,
    report: Report,
) -> Built:
    """Build ``bitstream``, working in ``folder``; ``placed``: the array's columns along the DSPs.

    ``report`` is told each step.  Raises FirebrickError with the first error where Vivado fails or
    timing is not met.
    """
    places = placement(board) if placed else ""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "firebrick.xdc", constraints(board))
    (folder / PLACEMENT).unlink(missing_ok=True)
    if placed:
        write_text(folder / PLACEMENT, places)
    write_text(folder / "settings.tcl", settings(board, folder, bitstream, placed))
    timing = folder / "timing.tsv"
    timing.unlink(missing_ok=True)

    def on_line(line: str) -> None:
        if line.startswith("firebrick: "):
            report(f"Vivado {vivado.version}: {line.removeprefix('firebrick: ')}")

    command: list[str | Path] = [
        *(vivado.path, "-mode", "batch", "-nojournal", "-notrace", "-log", folder / "vivado.log"),
        *("-source", SCRIPT, "-tclargs", folder / "settings.tcl"),
    ]
    run_tool(command, folder / "vivado.out", cwd=folder, on_line=on_line)
    if not bitstream.is_file() or not timing.is_file():
        raise FirebrickError(
            f"Vivado ended without an error and without a bitstream (see {folder / 'vivado.out'})"
        )
    rows = (line.split("\t") for line in timing.read_text().splitlines())
    slacks = {row[0]: float(row[1]) for row in rows}
    judge = f"Vivado {vivado.version}, on the routed design"
    judge = f"Vivado {vivado.version}, on the routed design"
    facts = {"placement": "array columns"} if placed else {}
    return Built({"vivado": vivado.version}, slacks, judge, facts=facts)
