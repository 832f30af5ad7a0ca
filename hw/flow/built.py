"""What a toolchain says of the bitstream that it built."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from firebrick.hw.boards import Board
from firebrick.hw.flow.clocks import chip_parameters


@dataclass(frozen=True)
class Built:
    """Tools with their versions, and the verdict on the clock: whose it is, and what it leaves out.

    ``slack_ns`` is the worst one of "setup" and, where the tool knows it, "hold".
    """

    tools: dict[str, str]
    slack_ns: dict[str, float]
    judge: str
    leaves_out: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """The verdict in a sentence that names its tool."""
        worst = ", ".join(f"{kind} {slack:+.3f} ns" for kind, slack in self.slack_ns.items())
        limits = f", which leaves out {self.leaves_out}" if self.leaves_out else ""
        return f"timing is met by {self.judge}{limits}: worst slack {worst}"

    def record(self, board: Board) -> dict[str, Any]:
        """All of it, and what was built, for JSON."""
        return {
            "board": board.name,
            "part": board.part,
            "shape": str(board.shape),
            "parameters": chip_parameters(board),
            "clock_mhz": board.clock.fclk0_hz / 1e6,
            "verdict": self.verdict,
            **asdict(self),
        }
