"""The golden model: the exact answer of a quantized network, in integers.

Every other implementation is compared with this one, bit for bit.  Convolutions run as float
matrix products, which are exact because every partial sum is an integer below the float type's
limit, 2**24 for float32 and 2**53 for float64, proven from the weights for each layer
(:func:`accumulator_reach`).  Scaling by a power of two is exact too, and ``rint`` rounds half to
even.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import largest_magnitude, requantize, value_range
from firebrick.quantize.geometry import Padding
from firebrick.quantize.golden import convolution
from firebrick.quantize.golden.convolution import FloatType
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QTensor,
    inputs_of,
)
from firebrick.quantize.support.parallel import parallel_map

__all__ = [
    "GoldenResult",
    "accumulator_reach",
    "add",
    "conv_accumulate",
    "logits",
    "max_pool",
    "requantize",
    "run",
]

FLOAT32_EXACT = 2**24
FLOAT64_EXACT = 2**53

Keep = Iterable[str] | Literal["all"] | None


@dataclass(frozen=True, eq=False)
class GoldenResult:
    """``sums`` int64 [N, O] is the hardware's answer, ``logits`` float64 [N, O] its real value;
    ``tensors`` holds the 8-bit maps that were asked for, uint8 or int8 [N, C, H, W].

    Of a network that ends in maps there are no sums, ``tensors`` holds those maps in any case, and
    ``logits`` their real values, one after the other.
    """

    sums: np.ndarray
    logits: np.ndarray
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def accumulator_reach(weights: np.ndarray, bias: np.ndarray, signed: bool) -> np.ndarray:
    """The largest absolute value a channel's accumulator can take, int64 [O], every partial sum
    included, whatever its order.

    Inputs are -128..127 where ``signed``, so that every weight can count with either sign, and
    0..255 otherwise: then positive and negative weights pull apart, and the larger of the two sums
    is all there is.
    """
    taps = weights.astype(np.int64).reshape(weights.shape[0], -1)
    up, down = np.maximum(taps, 0).sum(axis=1), np.maximum(-taps, 0).sum(axis=1)
    pull = up + down if signed else np.maximum(up, down)
    return np.abs(bias.astype(np.int64)) + pull * largest_magnitude(signed)


def exact_float(bound: int) -> FloatType:
    """The float type in which integers up to ``bound`` are exact; FirebrickError where none is."""
    if bound < FLOAT32_EXACT:
        return np.float32
    if bound < FLOAT64_EXACT:
        return np.float64
    raise FirebrickError(f"accumulators up to {bound} exceed exact float64 arithmetic (2**53)")


def conv_accumulate(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    stride: int = 1,
    padding: Padding = (0, 0, 0, 0),
    pad_value: np.ndarray | None = None,
) -> np.ndarray:
    """The exact accumulators bias + w * x of a convolution, int64 [N, O, rows, cols].

    ``x`` uint8 or int8 [N, I, H, W], ``weights`` int8 [O, I, kh, kw], ``bias`` int32 [O];
    ``padding`` (top, left, bottom, right) holds ``pad_value`` [I] (zero where None).
    """
    layer = Layer(weights, bias, stride, padding, pad_value, x.dtype == np.int8)
    return np.stack([layer.accumulate(image).astype(np.int64) for image in x])


def max_pool(x: np.ndarray, kernel: int, ceil_mode: bool, padding: int = 0) -> np.ndarray:
    """Max pooling with stride 2 of 8-bit values [..., H, W]; see
    :func:`quantize.golden.convolution.max_pool`."""
    return convolution.max_pool(x, kernel, ceil_mode, padding=padding)


def add(
    a: np.ndarray, b: np.ndarray, left: tuple[int, int], shift: int, output: QTensor
) -> np.ndarray:
    """The sum of two 8-bit maps [...] as :class:`quantize.qnetwork.QAdd` defines it, of the
    type of ``output``.

    Float32 is exact here: a sum has at most 8 + 7 + 1 bits, and its shift is a power of two.
    """
    total = np.ldexp(a.astype(np.float32), left[0] - shift)
    total += np.ldexp(b.astype(np.float32), left[1] - shift)
    np.rint(total, out=total)
    return np.clip(total, *value_range(output.signed), out=total).astype(output.dtype)


def logits(qnet: QNetwork, sums: np.ndarray) -> np.ndarray:
    """Real logits float64 [N, O] of the sums [N, O]: sum / positions * 2**-(e_in + e_w)."""
    last = qnet.classifier
    assert last is not None
    exponent = qnet.tensors[last.input].exponent + last.weight_exponent.astype(np.int64)
    return np.ldexp(sums / last.positions, -exponent)


class Layer:
    """A convolution prepared for BLAS: its weights as a matrix in a float type that is exact."""

    def __init__(
        self,
        weights: np.ndarray,
        bias: np.ndarray,
        stride: int,
        padding: Padding,
        pad_value: np.ndarray | None,
        signed_input: bool,
        shift: np.ndarray | None = None,
    ) -> None:
        reach = int(accumulator_reach(weights, bias, signed_input).max())
        if signed_input and pad_value is not None:
            reach += int(accumulator_reach(weights, bias, False).max())
        self.dtype = exact_float(reach)
        self.matrix = convolution.weight_matrix(weights, self.dtype)
        self.bias: np.ndarray = bias.astype(self.dtype)[:, None]
        self.kernel = weights.shape[2:]
        self.stride = stride
        self.padding = padding
        self.pad_value = pad_value
        self.factor: np.ndarray | None = None
        if shift is not None:
            self.factor = np.ldexp(1.0, -shift.astype(np.int64)).astype(self.dtype)[:, None]

    def accumulate(self, image: np.ndarray) -> np.ndarray:
        """[I, H, W] to the integer-valued float accumulators [O, rows, cols]."""
        cols, (rows, width) = convolution.columns(
            image, self.kernel, self.stride, self.padding, self.pad_value, self.dtype
        )
        acc = self.matrix @ cols
        acc += self.bias
        return acc.reshape(-1, rows, width)

    def activate(self, image: np.ndarray, relu: bool) -> np.ndarray:
        """[I, H, W] to the requantized map [O, rows, cols]."""
        acc = self.accumulate(image)
        flat = acc.reshape(acc.shape[0], -1)
        low, high = value_range(signed=not relu)
        flat *= self.factor
        np.rint(flat, out=flat)
        np.clip(flat, low, high, out=flat)
        return acc.astype(np.uint8 if relu else np.int8)


def run(qnet: QNetwork, images: np.ndarray, keep: Keep = None) -> GoldenResult:
    """Run a batch through the quantized network.

    ``images`` uint8 [N, C, H, W] as the network's input tensor says.  ``keep`` names 8-bit tensors
    to return besides those that are outputs ("all" for every one, the input excluded).  Raises
    FirebrickError for images of another shape or type, and for unknown names in ``keep``.
    """
    source = qnet.tensors[qnet.input]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != source.shape:
        raise FirebrickError(
            f"network {qnet.name}: images must be uint8 [N, {', '.join(map(str, source.shape))}], "
            f"not {images.dtype} {list(images.shape)}"
        )
    names = _kept_names(qnet, keep)
    layers = {
        node.name: prepare(qnet, node)
        for node in qnet.nodes
        if isinstance(node, QConv | QGlobalSum)
    }
    last_use = _last_uses(qnet)
    last = qnet.classifier
    sums = np.zeros((len(images), last.weights.shape[0] if last else 0), np.int64)
    tensors: dict[str, np.ndarray] = {
        name: np.empty((len(images), *qnet.tensors[name].shape), qnet.tensors[name].dtype)
        for name in names
    }

    def run_image(index: int) -> None:
        maps = {qnet.input: images[index]}
        for place, node in enumerate(qnet.nodes):
            if isinstance(node, QGlobalSum):
                sums[index] = _global_sum(layers[node.name], maps[node.input], node.relu)
                continue
            maps[node.output] = step(qnet, node, maps, layers)
            if node.output in tensors:
                tensors[node.output][index] = maps[node.output]
            for name in last_use.get(place, ()):
                del maps[name]

    deque(parallel_map(run_image, range(len(images))), maxlen=0)
    answer = logits(qnet, sums) if last else _real_maps(qnet, tensors)
    return GoldenResult(sums, answer, tensors)


def _real_maps(qnet: QNetwork, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """The values of the maps that a network ends in, float64 [N, values]."""
    parts = [
        np.ldexp(tensors[name].astype(np.float64), -qnet.tensors[name].exponent)
        for name in qnet.maps
    ]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def prepare(qnet: QNetwork, node: QConv | QGlobalSum) -> Layer:
    return Layer(
        node.weights,
        node.bias,
        node.stride,
        node.padding,
        node.pad_value if isinstance(node, QConv) else None,
        qnet.tensors[node.input].signed,
        node.shift if isinstance(node, QConv) else None,
    )


def step(
    qnet: QNetwork, node: QConv | QMaxPool | QConcat | QAdd, maps: dict, layers: dict
) -> np.ndarray:
    if isinstance(node, QConv):
        return layers[node.name].activate(maps[node.input], node.relu)
    if isinstance(node, QMaxPool):
        return max_pool(maps[node.input], node.kernel, node.ceil_mode, node.padding)
    if isinstance(node, QAdd):
        first, second = node.inputs
        return add(maps[first], maps[second], node.left, node.shift, qnet.tensors[node.output])
    return np.concatenate([maps[name] for name in node.inputs])


def _global_sum(layer: Layer, image: np.ndarray, relu: bool) -> np.ndarray:
    acc = layer.accumulate(image)
    if relu:
        np.maximum(acc, 0, out=acc)
    # int64 rather than the float type: the sum over the map is not covered by its bound.
    return acc.reshape(acc.shape[0], -1).astype(np.int64).sum(axis=1)


def _kept_names(qnet: QNetwork, keep: Keep) -> tuple[str, ...]:
    outputs = tuple(n.output for n in qnet.nodes if not isinstance(n, QGlobalSum))
    if keep is None:
        return qnet.maps
    if keep == "all":
        return outputs
    names = tuple(dict.fromkeys((*keep, *qnet.maps)))
    unknown = [name for name in names if name not in outputs]
    if unknown:
        raise FirebrickError(
            f"network {qnet.name} has no 8-bit tensor {unknown[0]!r}; it has {', '.join(outputs)}"
        )
    return names


def _last_uses(qnet: QNetwork) -> dict[int, list[str]]:
    """For each step the tensors that nothing reads after it, so that memory is given back."""
    last: dict[str, int] = {}
    for step, node in enumerate(qnet.nodes):
        for name in inputs_of(node):
            last[name] = step
    uses: dict[int, list[str]] = {}
    for name, step in last.items():
        uses.setdefault(step, []).append(name)
    return uses
