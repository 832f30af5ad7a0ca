"""The float network in the few node kinds that a Fire-module network consists of.

Importers produce it, calibration and quantization read it.  Batch normalization is already
folded into the convolutions, ReLU is a flag of its convolution, dropout and softmax are gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Bounds:
    """Saturation that a trained network has besides ReLU: y becomes clip(y, low, high).

    ``low`` and ``high`` float64 [C].  Where a quantizer of the file sets them, y becomes a multiple
    of ``step`` float64 [C], ties to the even one; None where a Clip does.  ``origin`` names the
    nodes.  ``whole`` tells whether everything that reads the tensor reads it so: only then the
    float network saturates and rounds.
    """

    low: np.ndarray
    high: np.ndarray
    step: np.ndarray | None
    origin: str
    whole: bool = True

    @property
    def levels(self) -> int | None:
        """The number of steps between the ends, of the channel that has most."""
        if self.step is None:
            return None
        # Ends and steps are products of float32 scales: a grain of dust is no step.
        return int(np.ceil(np.max((self.high - self.low) / self.step) - 1e-6))


@dataclass(frozen=True, eq=False)
class Conv:
    """y = [relu](w * x + b), within ``bounds`` if there are any; ``weights`` float32
    [O, I, kh, kw], ``bias`` float32 [O], ``padding`` (top, left, bottom, right) with zeros,
    ``stride`` the same both ways."""

    name: str
    input: str
    output: str
    weights: np.ndarray
    bias: np.ndarray
    stride: int
    padding: tuple[int, int, int, int]
    relu: bool
    bounds: Bounds | None = None


@dataclass(frozen=True)
class MaxPool:
    """Max pooling, ``kernel`` 2 or 3, stride 2; the first window begins ``padding`` rows and
    columns (0 or 1) ahead of the map, of which nothing counts."""

    name: str
    input: str
    output: str
    kernel: int
    ceil_mode: bool
    padding: int = 0


@dataclass(frozen=True)
class Concat:
    """Concatenation along the channels."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Add:
    """Elementwise sum of two feature maps of one shape: y = [relu](a + b), within ``bounds``."""

    name: str
    inputs: tuple[str, str]
    output: str
    relu: bool
    bounds: Bounds | None = None


@dataclass(frozen=True)
class GlobalAverage:
    """Mean over height and width: the network's logits [N, O]."""

    name: str
    input: str
    output: str


Node = Conv | MaxPool | Concat | Add | GlobalAverage


def inputs_of(node: Node) -> tuple[str, ...]:
    """The tensors that ``node`` reads."""
    return node.inputs if isinstance(node, Concat | Add) else (node.input,)


@dataclass(frozen=True, eq=False)
class Network:
    """A float network; ``nodes`` in execution order, the last one a :class:`GlobalAverage` unless
    the network ends in feature maps, which ``maps`` names.

    ``shapes`` gives (channels, height, width) of every tensor, the input's included.
    ``softmax`` tells whether the original file ended in one (the logits are before it).
    """

    name: str
    input: str
    nodes: tuple[Node, ...]
    shapes: dict[str, Shape]
    softmax: bool
    maps: tuple[str, ...] = ()

    @property
    def average(self) -> GlobalAverage | None:
        """The global average that the network ends in, None where it ends in maps."""
        last = self.nodes[-1]
        return last if isinstance(last, GlobalAverage) else None

    @property
    def averaged(self) -> str | None:
        """The map that the global average takes in, which has no 8-bit step."""
        return self.average.input if self.average else None
