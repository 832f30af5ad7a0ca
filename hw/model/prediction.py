"""What the cycle model predicts: cycles of a start, its groups and layers, idle ones by cause."""

from __future__ import annotations

from dataclasses import dataclass, field

from firebrick.hw.model.latencies import END_OF_RUN

CAUSES = ("weights", "input", "output", "drain", "switch")


@dataclass
class LayerPrediction:
    """A layer's K steps, and the idle cycles before its blocks."""

    name: str
    active: float = 0.0
    idle: float = 0.0

    @property
    def cycles(self) -> int:
        return round(self.active + self.idle)


@dataclass
class GroupPrediction:
    """What one group costs: from the end of the group before to its own last K step."""

    name: str
    layers: list[LayerPrediction]
    cycles: int = 0
    active: int = 0
    stalls: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))


@dataclass
class Prediction:
    """Cycles from start to the interrupt; ``groups`` sums over all images of the start.

    ``tail_cycles`` pass from the last K step until everything is written.
    """

    cycles: int
    active: int
    stalls: dict[str, int]
    groups: list[GroupPrediction]
    tail_cycles: int


def summed(groups: list[GroupPrediction], finish: float, last_ack: float) -> Prediction:
    """The prediction of a run whose last K step ends at ``finish``, and whose last row counts as
    written at ``last_ack``."""
    cycles = round(last_ack) + END_OF_RUN
    stalls = {c: sum(g.stalls[c] for g in groups) for c in CAUSES}
    stalls["switch"] += cycles - finish
    return Prediction(
        cycles,
        sum(g.active for g in groups),
        {c: round(v) for c, v in stalls.items()},
        groups,
        cycles - round(finish),
    )
