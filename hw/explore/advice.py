"""Advice on one network: boards, engines, what bounds it, and what would make it quicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firebrick.hw.boards.board import Board
from firebrick.hw.explore.changes import changes, parameters
from firebrick.hw.explore.engines import Engine, engine, engines, memories_that_fit
from firebrick.hw.explore.sweep import Speed, Speeds
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QNetwork

CHANGES = 3


@dataclass(frozen=True)
class Option:
    """The network on an engine: ``macs`` of the network, 0 where the engine cannot run it."""

    engine: Engine
    speed: Speed
    macs: int

    @property
    def frames_per_second(self) -> float:
        return self.engine.hertz / self.speed.cycles if self.speed.cycles else 0.0

    @property
    def problem(self) -> str:
        return "; ".join(self.engine.lacking) or self.speed.refusal

    @property
    def use(self) -> float:
        """Share of the array's MACs in its working cycles that the network's are."""
        work = self.speed.spent[0] * self.engine.shape.macs if self.speed.spent else 0
        return self.macs / work if work else 0.0


@dataclass(frozen=True)
class Gain:
    """A change to the network, and what the model says of it."""

    kind: str
    text: str
    cycles: int
    frames_per_second: float
    parameters: int
    times: float


class Adviser:
    """What engines do with one network."""

    def __init__(self, net: QNetwork) -> None:
        self.net = net
        self._network = Speeds(net)
        self._speeds: dict[tuple[EngineShape, MemoryTiming], Speed] = {}

    def option(self, chosen: Engine) -> Option:
        """The network on an engine."""
        if chosen.lacking:
            return Option(chosen, Speed(), 0)
        key = chosen.shape, chosen.timing
        if key not in self._speeds:
            self._speeds[key] = self._network.of(*key)
        return Option(chosen, self._speeds[key], self._network.macs(chosen.shape))

    def own(self, board: Board) -> Option:
        """The network on the engine that a board's file names."""
        return self.option(engine(board, board.shape))

    def _able(self, chosen: Engine) -> Option:
        """The network on an engine; where that has too little memory of a kind for the network, on
        the same array with other memories that fit, if one of those runs it."""
        first = self.option(chosen)
        if not first.speed.refusal:
            return first
        board, shape = chosen.board, chosen.shape
        others = (
            self.option(engine(board, other))
            for other in memories_that_fit(board.chip, shape.pixels, shape.channels, shape.pump)
        )
        return next((option for option in others if not option.problem), first)

    def options(self, boards: Sequence[Board]) -> list[Option]:
        """The engines that can be had on these boards and run the network, in the smallest chip
        and with the fewest LUTs first."""
        found = [self._able(chosen) for board in boards for chosen in engines(board)]
        able = [option for option in found if not option.problem]
        return sorted(able, key=_size)


def smallest(options: Sequence[Option], frames_per_second: float) -> Option | None:
    """The first, smallest, that is so fast; None where none is."""
    return next((o for o in options if o.frames_per_second >= frames_per_second), None)


def fastest(options: Sequence[Option]) -> Option | None:
    """The one with the most frames a second, the smallest of those."""
    return max(options, key=lambda o: o.frames_per_second, default=None)


def elsewhere(options: Sequence[Option], chosen: Option, least: float = 0.0) -> list[Option]:
    """The same engine on other boards with the same chip, where it is at least so fast."""
    ours = chosen.engine
    return [
        option
        for option in options
        if (option.engine.shape, option.engine.board.chip) == (ours.shape, ours.board.chip)
        and option.engine.board != ours.board
        and option.frames_per_second >= least
    ]


def gains(net: QNetwork, on: Option) -> list[Gain]:
    """The changes to the network that buy most on an engine, the best of each kind; a smaller
    picture by what it buys beyond its fewer pixels.  Those that buy nothing are left out."""
    best: dict[str, tuple[float, Gain]] = {}
    _, height, width = net.tensors[net.input].shape
    for change in changes(net, on.engine.shape):
        option = Adviser(change.net).option(on.engine)
        if option.problem or option.speed.cycles >= on.speed.cycles:
            continue
        times = on.speed.cycles / option.speed.cycles
        gain = Gain(
            change.kind,
            change.text,
            option.speed.cycles,
            option.frames_per_second,
            parameters(change.net),
            times,
        )
        _, rows, columns = change.net.tensors[net.input].shape
        worth = times * (rows * columns) / (height * width)
        if change.kind not in best or worth > best[change.kind][0]:
            best[change.kind] = worth, gain
    return sorted((gain for _, gain in best.values()), key=lambda gain: -gain.times)[:CHANGES]


def _size(option: Option) -> tuple[int, int, str]:
    chip = option.engine.board.chip.resources
    return chip.lut, option.engine.used.lut, option.engine.board.name
