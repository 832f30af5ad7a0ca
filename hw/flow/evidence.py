"""What is known of the clock that a board's file asks for: whose word a frame rate rests on.

From the strongest to the weakest:

routed
    ``make bitstream`` has built this board's array; ``build/<board>/firebrick.json`` has the clock
    that its tool met on the routed design.
static
    ``make timing`` has added up this array's netlist as it is today, wires by fan-out
    (``build/timing.json``).  No tool has placed it.
asked
    Nothing but the wish in the board's file.

None of them is a measurement: no clock has been confirmed on hardware.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, Literal

from firebrick.hw.boards import Board
from firebrick.hw.flow.bitstream import NAME
from firebrick.hw.flow.yosys import netlist_digest

WIRES = "by fan-out"


@dataclass(frozen=True)
class Evidence:
    """Its kind, the clock in MHz that it allows (None: it says none), and where it comes from."""

    kind: Literal["routed", "static", "asked"]
    mhz: float | None
    source: str

    def supports(self, board: Board) -> bool:
        """Whether it allows the clock that the board's file asks for."""
        return self.mhz is not None and self.mhz >= board.clock.fclk0_hz / 1e6


def clock_evidence(board: Board, build: Path) -> Evidence:
    """The strongest of what ``build`` holds for this board's array."""
    return _routed(board, build) or _static(board, build) or Evidence("asked", None, "board file")


def _routed(board: Board, build: Path) -> Evidence | None:
    facts = _read(build / board.name / f"{NAME}.json")
    same = facts.get("part") == board.part and facts.get("parameters") == board.shape.parameters()
    if not same:
        return None
    reached = facts["facts"].get("reached_mhz", facts["clock_mhz"])
    return Evidence("routed", float(reached), facts["judge"])


def _static(board: Board, build: Path) -> Evidence | None:
    facts = _read(build / "timing.json")
    try:
        same = facts.get("netlist") == netlist_digest(board.shape)
    except PackageNotFoundError:  # no yosys, so no netlist of today
        return None
    if not same:
        return None
    return Evidence("static", float(facts["clock_mhz"][WIRES]), f"static timing, wires {WIRES}")


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of ours, empty if it is not there or of an earlier form."""
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
