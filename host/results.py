"""What the driver returns: answers, counters, profile, and what an engine says it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .program import Layer, Program


@dataclass(frozen=True)
class EngineInfo:
    """What the engine's registers say it is; capacities in entries of each memory."""

    version: int
    pixels: int
    channels: int
    acc_bits: int
    word_bytes: int
    pump: int
    act_words: int
    weight_words: int
    bias_pairs: int
    sums: int
    pool_channels: int
    pool_line_words: int

    def __str__(self) -> str:
        return f"{self.pixels}x{self.channels}{f'p{self.pump}' if self.pump > 1 else ''}"


@dataclass(frozen=True)
class Counters:
    """Counters of one start, over all its images; beats are of 8 bytes, stalls are cycles."""

    cycles: int
    active: int
    stall_weights: int
    stall_input: int
    stall_output: int
    stall_drain: int
    stall_switch: int
    read_beats_maps: int
    read_beats_program: int
    write_beats: int
    images_done: int
    group: int

    @property
    def stalls(self) -> dict[str, int]:
        """Idle cycles by cause."""
        return {
            "weights": self.stall_weights,
            "input": self.stall_input,
            "output": self.stall_output,
            "drain": self.stall_drain,
            "switch": self.stall_switch,
        }


@dataclass(frozen=True)
class GroupProfile:
    """What one group cost: from the end of the group before to its own last K step."""

    name: str
    layers: tuple[Layer, ...]
    cycles: int
    active: int
    stalls: dict[str, int]
    write_beats: int

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def ideal_cycles(self) -> int:
        return sum(layer.ideal_cycles for layer in self.layers)


@dataclass(frozen=True)
class Profile:
    """Groups in order; ``tail_cycles`` pass from the last K step to the end of the run."""

    groups: tuple[GroupProfile, ...]
    tail_cycles: int
    cycles: int


@dataclass(frozen=True, eq=False)
class Result:
    """Answer for one picture.

    ``sums`` int64 [classes] as the engine wrote them, ``totals`` with the share of the positions
    that see only padding, ``logits`` and ``probabilities`` float64 [classes].  Where the network
    ends in feature maps there are no classes, but by name the integers of ``maps``, uint8 or int8
    [C, H, W], whose real values are ``values``.
    """

    sums: np.ndarray
    totals: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    counters: Counters
    classes: tuple[str, ...]
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The maps in real units, float32 [C, H, W]: exact, integers times a power of two."""
        return real_values(self.maps, self.exponents)

    @property
    def cycles(self) -> int:
        """Cycles of the start that this picture was part of."""
        return self.counters.cycles

    def top_k(self, k: int = 5) -> list[tuple[str, float]]:
        """The ``k`` most probable classes, (name, probability), best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        names = self.classes or [str(i) for i in range(len(self.probabilities))]
        return [(names[i], float(self.probabilities[i])) for i in order.tolist()]


@dataclass(frozen=True, eq=False)
class Batch:
    """Answers for N pictures of one or more starts; arrays as in :class:`Result`, [N, classes] and
    [N, C, H, W].

    ``counters`` holds one entry a start.
    """

    sums: np.ndarray
    totals: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    counters: tuple[Counters, ...]
    starts: tuple[int, ...]
    classes: tuple[str, ...]
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The maps in real units, float32 [N, C, H, W]."""
        return real_values(self.maps, self.exponents)

    @property
    def cycles(self) -> int:
        return sum(c.cycles for c in self.counters)

    def __len__(self) -> int:
        return len(self.sums)

    def __getitem__(self, index: int) -> Result:
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of a batch of {len(self)}")
        return Result(
            self.sums[index],
            self.totals[index],
            self.logits[index],
            self.probabilities[index],
            self.counters[self.starts[index]],
            self.classes,
            {name: values[index] for name, values in self.maps.items()},
            self.exponents,
        )

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(len(self)))


@dataclass(frozen=True, eq=False)
class Frame:
    """Answer for one picture of a stream; ``pixels`` as the source gave them.

    Times in seconds of the driver's clock: when it was ``asked`` for, when it was ``ready`` in the
    engine's memory, when the engine was ``started`` on it, and when its answer was there
    (``done``). The pictures of one start have the same times.
    """

    name: str
    pixels: np.ndarray
    result: Result
    asked: float
    ready: float
    started: float
    done: float

    @property
    def latency(self) -> float:
        """Seconds from asking the source for the picture to its answer."""
        return self.done - self.asked

    @property
    def preparing(self) -> float:
        """Seconds that fetching, packing and flushing took."""
        return self.ready - self.asked

    @property
    def computing(self) -> float:
        """Seconds from the engine's start until its end was noticed; ``result.cycles`` are the
        engine's own count of it."""
        return self.done - self.started


def scores(sums: np.ndarray, program: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Totals int64, logits and probabilities float64 of the engine's sums int64 [..., classes].

    total = sum + addend; logit = total / positions * 2**-exponent; probabilities are the
    logits' softmax.  Without classes all three are empty.
    """
    out = program.output
    totals = sums + np.array(out.addend, np.int64)
    scale = np.ldexp(1.0, -np.array(out.exponents, np.int64))
    logits = totals.astype(np.float64) / out.positions * scale
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return totals, logits, powers / powers.sum(axis=-1, keepdims=True)


def real_values(
    maps: Mapping[str, np.ndarray], exponents: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Maps in real units, float32, by name: integer * 2**-exponent."""
    return {
        name: np.ldexp(values.astype(np.float32), -exponents[name]) for name, values in maps.items()
    }
