"""What a program is planned as: convolutions as the array runs them, and groups of them.

A :class:`Step` is a group before it has a place in memory: it names the tensors it reads and
writes, and the passes that it makes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from firebrick.hw.compiler.packing import Fetch, fetch
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QAdd, QConv, QGlobalSum, QMaxPool, QTensor

# The stored word that a pause reads, and the one that it writes.
PAUSE = "pause"
PAUSE_SOURCE = "pause/source"


class CompileError(FirebrickError):
    """A network that this engine cannot run; the message names the layer and the limit."""


def refusal(network: str, layer: str, text: str) -> CompileError:
    """The error that says why ``layer`` cannot be compiled."""
    return CompileError(f"{network}, layer {layer}: {text}")


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True)
class Conv:
    """One convolution as the array runs it: output channels [first, first + O) of ``layer``."""

    layer: str
    weights: np.ndarray  # int8 [O, I, kh, kw]
    bias: np.ndarray
    shift: np.ndarray
    stride: int
    pad: int
    relu: bool

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
        return fetch(self.weights.shape[1], self.kernel, self.stride, pump)

    def cycles(self, pump: int) -> int:
        """Cycles, and weight words, of a block."""
        return self.kernel[0] * self.fetch(pump).row_cycles

    def blocks(self, channels: int) -> int:
        return ceil_div(self.outputs, channels)

    def words(self, shape: EngineShape) -> int:
        """Weight words of all blocks."""
        return self.blocks(shape.channels) * self.cycles(shape.pump)

    def slice(self, first: int, last: int) -> Conv:
        return Conv(
            self.layer,
            self.weights[first:last],
            self.bias[first:last],
            self.shift[first:last],
            self.stride,
            self.pad,
            self.relu,
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

    @property
    def is_pause(self) -> bool:
        return self.source == PAUSE_SOURCE

    @property
    def convolutions(self) -> list[Conv]:
        """The passes, the squeeze layer first."""
        return [*([self.squeeze] if self.squeeze else []), *self.main]

    @property
    def least_rows(self) -> int:
        """Source rows that must be in memory at once."""
        return 1 if self.squeeze else max(conv.kernel[0] for conv in self.main)


def module_name(layers: list[str]) -> str:
    """What the names of a Fire module's layers have in common, or the first one's."""
    common = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*layers, strict=False))
    return "".join(letters[0] for letters in common).rstrip("/_-. ") or layers[0]


def as_conv(node: QConv | QGlobalSum, pad: int) -> Conv:
    shift = node.shift if isinstance(node, QConv) else np.zeros(len(node.bias), np.int32)
    return Conv(node.name, node.weights, node.bias, shift, node.stride, pad, node.relu)


def identity(node: QMaxPool | QAdd, tensor: QTensor) -> Conv:
    """A 1x1 convolution that hands its input on unchanged."""
    n = tensor.shape[0]
    zeros = np.zeros(n, np.int32)
    eye = np.eye(n, dtype=np.int8).reshape(n, n, 1, 1)
    return Conv(node.name, eye, zeros, zeros, 1, 0, not tensor.signed)


def pause() -> Step:
    """A group that multiplies the first word of the input by one."""
    zero = np.zeros(1, np.int32)
    one = Conv(PAUSE, np.ones((1, 1, 1, 1), np.int8), zero, zero, 1, 0, True)
    return Step(PAUSE, PAUSE_SOURCE, None, [one], None, PAUSE)
