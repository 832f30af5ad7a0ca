"""What the cycle model predicts: cycles of a start, its groups and layers, idle ones by cause."""

from __future__ import annotations

from dataclasses import dataclass, field

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
