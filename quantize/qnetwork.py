"""The quantized network: what the golden model executes and the compiler translates.

A network is a list of nodes over named 8-bit tensors.  A tensor holds integers ``q``; the
real value is ``q * 2**-exponent``.  Tensors are ``uint8`` after a ReLU (and for the raw pixels
that enter the network) and ``int8`` elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from firebrick.quantize.network import MaxPool


@dataclass(frozen=True)
class QTensor:
    """An 8-bit feature map.

    ``shape`` is (channels, height, width) of one image; ``exponent`` is e in
    real = q * 2**-e; ``signed`` tells int8 from uint8.
    """

    name: str
    shape: tuple[int, int, int]
    exponent: int
    signed: bool

    @property
    def dtype(self) -> type:
        return np.int8 if self.signed else np.uint8


@dataclass(frozen=True, eq=False)
class QConv:
    """Convolution, requantized to 8 bits: y = sat(round_half_even((bias + w * x) >> shift)).

    ``weights`` int8 [O, I, kh, kw] within [-127, 127]; ``bias`` int32 [O] at the accumulator's
    scale; ``weight_exponent`` int32 [O]; ``shift`` int32 [O] within 0..31, which equals
    e_in + weight_exponent - e_out.  ``padding`` is (top, left, bottom, right); padded positions
    hold ``pad_value`` (uint8 [I]; zero where None).  ``relu`` saturates to uint8 [0, 255],
    otherwise to int8 [-128, 127].
    """

    name: str
    input: str
    output: str
    weights: np.ndarray
    bias: np.ndarray
    weight_exponent: np.ndarray
    shift: np.ndarray
    stride: int
    padding: tuple[int, int, int, int]
    relu: bool
    pad_value: np.ndarray | None = None


@dataclass(frozen=True)
class QMaxPool:
    """Max pooling on the 8-bit values: ``kernel`` 2 or 3, stride 2.

    With ``ceil_mode`` the last window may reach over the edge; the first one begins ``padding``
    rows and columns (0 or 1) ahead of the map.  What lies outside is ignored.
    """

    name: str
    input: str
    output: str
    kernel: int
    ceil_mode: bool
    padding: int = 0


def quantize_pool(node: MaxPool) -> QMaxPool:
    """The same pooling of the 8-bit values: the largest of them stays the largest."""
    return QMaxPool(node.name, node.input, node.output, node.kernel, node.ceil_mode, node.padding)


@dataclass(frozen=True)
class QConcat:
    """Concatenation along channels; inputs and output share one exponent and signedness."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class QAdd:
    """Elementwise sum of two 8-bit maps a, b of one shape:
    y = sat(round_half_even(((a << left[0]) + (b << left[1])) >> shift)).

    The left shifts bring both to the larger exponent E = max(e_a, e_b): ``left`` is
    (E - e_a, E - e_b), each 0..7 and one of them 0; ``shift`` = E - e_y, 0..15.  The output
    tensor tells the range of the saturation: uint8 after a ReLU or where both inputs are uint8,
    otherwise int8.
    """

    name: str
    inputs: tuple[str, str]
    output: str
    left: tuple[int, int]
    shift: int


@dataclass(frozen=True, eq=False)
class QGlobalSum:
    """The last layer: convolution, optional ReLU on the accumulator, exact sum over the map.

    Fields as in :class:`QConv`.  Output: int64 [O], the sum over all output positions
    (those that see only padding included) of relu(bias + w * x).  The host's logit of class c is
    sum[c] / positions * 2**-(e_in + weight_exponent[c]).
    """

    name: str
    input: str
    output: str
    weights: np.ndarray
    bias: np.ndarray
    weight_exponent: np.ndarray
    stride: int
    padding: tuple[int, int, int, int]
    relu: bool
    positions: int


QNode = QConv | QMaxPool | QConcat | QAdd | QGlobalSum


# Beside its classes an anchor has a confidence and four numbers of its box.
BESIDE_CLASSES = 5


def detector_classes(channels: int, anchors: int) -> int:
    """Classes of a detector whose head has so many channels; 0 without anchors."""
    return channels // anchors - BESIDE_CLASSES if anchors else 0


def inputs_of(node: QNode) -> tuple[str, ...]:
    """The tensors that ``node`` reads."""
    return node.inputs if isinstance(node, QConcat | QAdd) else (node.input,)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the network's input, as it was trained.

    A file is opened with the channels that ``color`` names, "L", "LA", "RGB" or "RGBA" (A is
    alpha; "BGR" and "BGRA" tell the order in which the *float* network wants them, the file is
    opened as RGB or RGBA), its shorter side is resized to ``resize``
    pixels (0: no resize; "bilinear"), and the centre ``crop`` = (height, width) is cut out.
    The float network then sees (pixel * scale - mean[c]) / std[c] in the order of ``color``.
    The quantized network's input is the cropped uint8 picture itself, its channels in the file's
    order (L, LA, RGB or RGBA).
    """

    color: str
    resize: int
    crop: tuple[int, int]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class QNetwork:
    """A quantized network.

    ``tensors`` maps a name to its :class:`QTensor` and holds the input (uint8, exponent 0,
    in the order L, LA, RGB or RGBA) and every node's 8-bit output; the last node is a
    :class:`QGlobalSum`, whose int64 output is not in it, unless the network ends in feature maps,
    which ``maps`` names.  Where they are the channels of a detector's head, one map after the
    other, ``anchors`` (width, height, in pixels) are what its boxes differ from.  ``nodes`` are in
    execution order.  ``report`` is the per-layer calibration report (plain JSON data).
    """

    name: str
    input: str
    tensors: dict[str, QTensor]
    nodes: tuple[QNode, ...]
    preprocessing: Preprocessing
    classes: tuple[str, ...] = ()
    report: dict = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    anchors: tuple[tuple[float, float], ...] = ()

    @property
    def kinds(self) -> int:
        """How many classes the answers tell apart: a classifier's, a detector's, or none."""
        if self.classifier is not None:
            return len(self.classifier.bias)
        channels = sum(self.tensors[name].shape[0] for name in self.maps)
        return detector_classes(channels, len(self.anchors))

    @property
    def classifier(self) -> QGlobalSum | None:
        """The last layer of a network that classifies, None where it ends in maps."""
        last = self.nodes[-1] if self.nodes else None
        return last if isinstance(last, QGlobalSum) else None
