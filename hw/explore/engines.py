"""Engines that a board's chip could have: array shapes with memories that fit beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from firebrick.hw.boards.board import Board, board_names, load_board
from firebrick.hw.boards.parts import Chip, Resources
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.model.resources import lacking, predict_resources
from firebrick.hw.shape import PUMPS, RTL_PIXELS_MIN, EngineShape, pumped

# Pixels and channels of the arrays that are tried beside the boards' own.
PIXELS = (RTL_PIXELS_MIN, 6, 7, 8, 12, 14, 16)
CHANNELS = (8, 16, 32, 64)
# More multipliers than this, of one K step, are no engine for the chips that are known: their DSPs
# are 220.
MACS_MAX = 512
# Depths of the activation, weight and bias memories, the most useful first: a chip gets the first
# that fits it beside an array.
DEPTHS = (
    (4096, 8192, 1024),
    (8192, 8192, 512),
    (4096, 8192, 512),
    (8192, 4096, 512),
    (4096, 4096, 512),
    (2048, 4096, 512),
)


@dataclass(frozen=True)
class Engine:
    """An engine on a board; ``lacking`` says in words what the chip has too little of."""

    board: Board
    shape: EngineShape
    used: Resources
    lacking: tuple[str, ...]

    @property
    def pump(self) -> int:
        """K steps a cycle."""
        return self.shape.pump

    @property
    def timing(self) -> MemoryTiming:
        return self.board.timing

    @property
    def hertz(self) -> int:
        return self.board.clock.fclk0_hz

    @property
    def is_the_boards(self) -> bool:
        """Whether it is the engine that the board's file names."""
        return self.shape == self.board.shape


@cache
def engine(board: Board, shape: EngineShape) -> Engine:
    """An engine of ``shape`` on a board."""
    used = predict_resources(shape)
    return Engine(board, shape, used, tuple(lacking(used, board.chip.resources)))


def engines(board: Board) -> list[Engine]:
    """The board's own engine, and arrays of every shape up to what the board's DSPs can be, of one
    and of two K steps a cycle; the largest memories that fit beside each."""
    own = engine(board, board.shape)
    taken = (board.shape.pixels, board.shape.channels, board.shape.pump)
    found = [own]
    for pixels, channels, pump in array_shapes():
        if (pixels, channels, pump) != taken and _elements(pixels, channels) <= _most(board.chip):
            found.append(engine(board, with_memories(board.chip, pixels, channels, pump)))
    return found


def array_shapes() -> list[tuple[int, int, int]]:
    """Pixels, channels and pump of the arrays that are tried, the smallest first."""
    found = [(p, c, x) for p in PIXELS for c in CHANNELS for x in PUMPS if p * c <= MACS_MAX]
    return sorted(found, key=lambda shape: (shape[0] * shape[1], shape[1], shape[2]))


@cache
def with_memories(chip: Chip, pixels: int, channels: int, pump: int = 1) -> EngineShape:
    """The first of DEPTHS that fits the chip beside such an array; the last where none does.

    A pumped array has the same bytes of weights.
    """
    fitting = memories_that_fit(chip, pixels, channels, pump)
    return fitting[0] if fitting else _shapes(pixels, channels, pump)[-1]


@cache
def memories_that_fit(
    chip: Chip, pixels: int, channels: int, pump: int = 1
) -> tuple[EngineShape, ...]:
    """Such an array with each of DEPTHS that fits the chip beside it."""
    shapes = _shapes(pixels, channels, pump)
    return tuple(s for s in shapes if not lacking(predict_resources(s), chip.resources))


def _shapes(pixels: int, channels: int, pump: int) -> list[EngineShape]:
    array = EngineShape(pixels, channels)
    return [
        pumped(replace(array, act_words=act, weight_words=weights, bias_pairs=biases), pump)
        for act, weights, biases in DEPTHS
    ]


def all_boards() -> list[Board]:
    """Every board that is known, those with the smallest chips first."""
    boards = [load_board(name) for name in board_names()]
    return sorted(boards, key=lambda board: (board.chip.resources.lut, board.name))


def _elements(pixels: int, channels: int) -> int:
    return pixels * channels // 2


def _most(chip: Chip) -> int:
    """Elements that are worth looking at: a few more than the chip's DSPs, to see what lacks."""
    return chip.resources.dsp48e1 + chip.resources.dsp48e1 // 4
