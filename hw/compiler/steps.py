"""What a program is planned as: convolutions as the array runs them, and groups of them.

A :class:`Step` is a group before it has a place in memory: it names the tensors it reads and
writes, and the passes that it makes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from firebrick.hw.compiler.packing import Fetch, fetch
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QAdd, QConv, QGlobalSum, QMaxPool, QTensor

# The stored word that a pause reads, and the one that it writes.
PAUSE = "pause"
PAUSE_SOURCE = "pause/source"

UNPADDED = (0, 0, 0, 0)


class CompileError(FirebrickError):
    """A network that this engine cannot run; the message names the layer and the limit."""


def refusal(network: str, layer: str, text: str) -> CompileError:
    """The error that says why ``layer`` cannot be compiled."""
    return CompileError(f"{network}, layer {layer}: {text}")


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True)
class TwoRows:
    """What a convolution becomes that takes or gives two rows of a map in one (hw.compiler.rows).

    ``size`` are the rows and columns that the array computes, ``step`` the stored rows that an
    output row moves on by, ``halves`` whether the first kernel row has the upper half of the
    channels only, and the last one the lower half.  ``fold`` and ``reach`` are the descriptor's
    ``load_fold`` and ``load_reach``; with ``odd`` the last row's back half is none of the map's.
    ``positions``, ``outputs`` and ``macs`` are the layer's own: pixels, channels, MACs of each.
    """

    size: tuple[int, int]
    step: int
    halves: tuple[bool, bool]
    takes_pairs: bool
    positions: int
    outputs: int
    macs: int
    fold: int = 0
    reach: int = 0
    odd: bool = False


@dataclass(frozen=True)
class Conv:
    """One convolution as the array runs it: output channels [first, first + O) of ``layer``.

    ``padding`` is what the engine pads itself: zeros above, left, below and right.  With ``deals``
    the columns of its source are dealt out to phases while they are loaded: that of a strided
    convolution behind the first layer, whose input the driver stores in phases.
    """

    layer: str
    weights: np.ndarray  # int8 [O, I, kh, kw]
    bias: np.ndarray
    shift: np.ndarray
    stride: int
    padding: tuple[int, int, int, int]
    relu: bool
    deals: bool = False
    two: TwoRows | None = None

    @property
    def top(self) -> int:
        return self.padding[0]

    @property
    def left(self) -> int:
        return self.padding[1]

    @property
    def phases(self) -> int:
        """Phases of columns that it reads: one where the kernel is a single pixel, of a source
        without the others."""
        return self.stride if self.kernel[1] > 1 else 1

    @property
    def step(self) -> int:
        """Rows of its ring that an output row moves on by, of two rows of a fold each."""
        return self.two.step if self.two else self.phases

    @property
    def skips(self) -> bool:
        """Whether every second row of its source is of no use."""
        return self.deals and self.phases == 1 and not (self.two and self.two.takes_pairs)

    @property
    def halves(self) -> tuple[bool, bool]:
        """Whether the first kernel row, and the last one, have half of the channels."""
        return self.two.halves if self.two else (False, False)

    @property
    def fold(self) -> int:
        """How its ring holds two rows in one: the descriptor's ``load_fold``."""
        return self.two.fold if self.two else 0

    @property
    def reach(self) -> int:
        """Rows from a ring row's front to its back."""
        return self.two.reach if self.two else 0

    @property
    def ring_step(self) -> int:
        """Rows of its ring that a computed row moves on by."""
        return self.step * (2 if self.fold else 1)

    @property
    def outputs(self) -> int:
        return self.weights.shape[0]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an output."""
        return math.prod(self.weights.shape[1:])

    def fetch(self, pump: int) -> Fetch:
        """How it walks through its source where the array takes ``pump`` words at once."""
        channels = self.weights.shape[1]
        if self.deals:
            # Stored tiles have whole sets of words.
            channels = ceil_div(channels, pump) * pump
        return fetch(channels, self.kernel, self.phases, pump)

    def cycles(self, pump: int) -> int:
        """Cycles, and weight words, of a block."""
        return (2 * self.kernel[0] - sum(self.halves)) * self.fetch(pump).row_cycles // 2

    def blocks(self, channels: int) -> int:
        return ceil_div(self.outputs, channels)

    def words(self, shape: EngineShape) -> int:
        """Weight words of all blocks."""
        return self.blocks(shape.channels) * self.cycles(shape.pump)

    def slice(self, first: int, last: int) -> Conv:
        return replace(
            self,
            weights=self.weights[first:last],
            bias=self.bias[first:last],
            shift=self.shift[first:last],
        )


@dataclass(frozen=True)
class Addition:
    """A stored map that a group adds to its results, from channel ``first`` of ``other`` on:
    (own << own_left + other << other_left) >> shift."""

    layer: str
    other: str
    own_left: int
    other_left: int
    shift: int
    first: int = 0


@dataclass
class Step:
    """A group before it has a place in memory: the tensors it reads and writes, its passes."""

    name: str
    source: str
    squeeze: Conv | None
    main: list[Conv]
    pool: QMaxPool | None
    target: str | None  # None: global sums
    first_channel: int = 0
    add: Addition | None = None
    tail: Conv | None = None  # reads the results instead of the memory: the next squeeze layer
    chained: str = ""  # the squeeze layer that made the source as the tail of another group

    @property
    def is_pause(self) -> bool:
        return self.source == PAUSE_SOURCE

    @property
    def maps(self) -> set[str]:
        """The stored maps that it reads and writes."""
        names = (self.source, self.target, self.add.other if self.add else None)
        return {name for name in names if name is not None}

    @property
    def convolutions(self) -> list[Conv]:
        """The passes, the squeeze layer first, the tail last."""
        ends = [[conv] if conv else [] for conv in (self.squeeze, self.tail)]
        return [*ends[0], *self.main, *ends[1]]

    @property
    def main_outputs(self) -> int:
        """Channels of what the main passes give, side by side."""
        return sum(conv.outputs for conv in self.main)

    @property
    def written(self) -> list[Conv]:
        """The convolutions whose results leave the chip."""
        return [self.tail] if self.tail else self.main

    @property
    def least_rows(self) -> int:
        """Rows that its ring must have: those that must be in memory at once, and of a fold those
        that others' halves go to."""
        if self.squeeze:
            return 1
        return max(conv.kernel[0] + conv.reach + conv.fold for conv in self.main)


def module_name(layers: list[str]) -> str:
    """What the names of a Fire module's layers have in common, or the first one's."""
    common = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*layers, strict=False))
    return "".join(letters[0] for letters in common).rstrip("/_-. ") or layers[0]


def as_conv(node: QConv | QGlobalSum, network_input: str) -> Conv:
    """The convolution of a node.  What the network's input is padded with the driver stores; what
    a 1x1 classifier computes of padding only is added on the host."""
    shift = node.shift if isinstance(node, QConv) else np.zeros(len(node.bias), np.int32)
    first = node.input == network_input
    padded = not first and node.weights.shape[2:] != (1, 1)
    return Conv(
        node.name,
        node.weights,
        node.bias,
        shift,
        node.stride,
        node.padding if padded else UNPADDED,
        node.relu,
        deals=node.stride > 1 and not first,
    )


def identity(node: QMaxPool | QAdd, tensor: QTensor) -> Conv:
    """A 1x1 convolution that hands its input on unchanged."""
    n = tensor.shape[0]
    zeros = np.zeros(n, np.int32)
    eye = np.eye(n, dtype=np.int8).reshape(n, n, 1, 1)
    return Conv(node.name, eye, zeros, zeros, 1, UNPADDED, not tensor.signed)


def pause() -> Step:
    """A group that multiplies the first word of the input by one."""
    zero = np.zeros(1, np.int32)
    one = Conv(PAUSE, np.ones((1, 1, 1, 1), np.int8), zero, zero, 1, UNPADDED, True)
    return Step(PAUSE, PAUSE_SOURCE, None, [one], None, PAUSE)
