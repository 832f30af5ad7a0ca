"""Weights and biases anew, layer by layer, each on the input that the quantized network gives it.

The calibration images go through the float and the fixed-point network side by side, one layer at
a time.  A layer's integers are chosen (:mod:`quantize.calibration.weight_rounding`) when all layers
before it have theirs, with the float network's output as the target.  Exponents and shifts stay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.calibration.fold import Folded
from firebrick.quantize.calibration.measure import sqnr_db
from firebrick.quantize.calibration.weight_rounding import (
    Moments,
    Sums,
    refitted,
    round_with_feedback,
)
from firebrick.quantize.fixed_point import WEIGHT_MAX
from firebrick.quantize.golden import convolution
from firebrick.quantize.golden.float_model import FloatModel, activate
from firebrick.quantize.network import Conv, Network, Node, inputs_of
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QAdd, QConcat, QConv, QGlobalSum, QMaxPool, QNetwork
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

Maps = dict[str, np.ndarray]

# How often a layer in front of a ReLU or a bound is solved again with targets behind it; a second
# time gains nothing more.
ACTIVATION_PASSES = 1


@dataclass(frozen=True)
class Change:
    """What became of a layer: the share of weights that are no longer the nearest integers, and
    the SQNR in dB before its ReLU and its 8-bit step, before and after (None where it is not a
    number), both on the input that the improved layers before it give."""

    moved: float
    sqnr_db_before: float | None
    sqnr_db_after: float | None


def improve(
    net: Network,
    qnet: QNetwork,
    layers: Mapping[str, Folded],
    images: np.ndarray,
    accumulator_bits: int,
    *,
    refit: bool,
    feedback: bool,
    correct_bias: bool,
) -> tuple[QNetwork, dict[str, Change]]:
    """``qnet`` with better weights and biases, and what changed, by layer.

    ``net`` is the float network that ``qnet`` stands for, tensor by tensor; ``images`` uint8
    [N, C, H, W] calibrate.  ``refit`` fits the weights by least squares, ``feedback`` spreads
    their rounding errors, ``correct_bias`` takes the bias from the mean output; what is not done
    stays as plain rounding has it.  A channel whose new weights could exceed the accumulator
    keeps those it had.
    """
    chosen = (refit, feedback, correct_bias)
    model = FloatModel(net)
    real: list[Maps] = [{net.input: float_input(image, qnet.preprocessing)} for image in images]
    fixed: list[Maps] = [{net.input: image} for image in images]
    uses = _last_uses(net)
    changes: dict[str, Change] = {}
    nodes = list(qnet.nodes)
    places = {node.name: place for place, node in enumerate(nodes)}
    convs = sum(isinstance(node, Conv) for node in net.nodes)
    done = iter(track(range(convs), "improve: layer by layer", convs))
    for step, node in enumerate(net.nodes):
        place = places.get(node.name)
        if isinstance(node, Conv):
            place = places[node.name]
            old = nodes[place]
            assert isinstance(old, QConv | QGlobalSum)
            exponent = qnet.tensors[node.input].exponent
            moments = _moments(model, node, old, real, fixed)
            new = _solve(old, layers[node.name], moments, exponent, *chosen)
            saturates = node.relu or node.bounds is not None
            for _ in range(ACTIVATION_PASSES if saturates and refit else 0):
                behind = _moments_behind_activation(node, new, exponent, real, fixed)
                new = _solve(old, layers[node.name], behind, exponent, *chosen)
            new = _keep_within(new, old, qnet, accumulator_bits)
            nodes[place] = new
            changes[node.name] = _change(old, new, moments, exponent)
            next(done)
        current = None if place is None else nodes[place]
        if current is None or isinstance(current, QGlobalSum):
            continue
        _advance(model, qnet, node, current, real, fixed)
        for name in uses.get(step, ()):
            for maps in (*real, *fixed):
                del maps[name]
    for _ in done:
        pass
    return replace(qnet, nodes=tuple(nodes)), changes


def _advance(
    model: FloatModel,
    qnet: QNetwork,
    node: Node,
    current: QConv | QMaxPool | QConcat | QAdd,
    real: list[Maps],
    fixed: list[Maps],
) -> None:
    """Put the node's output into the maps of both networks, of every image."""
    prepared = {node.name: golden.prepare(qnet, current)} if isinstance(current, QConv) else {}

    def of_image(index: int) -> None:
        fixed[index][node.output] = golden.step(qnet, current, fixed[index], prepared)
        if not isinstance(node, Conv):
            real[index][node.output] = model.step(node, real[index])
        else:
            # The moments left the convolution's output here.
            activate(node, real[index][node.output])

    deque(parallel_map(of_image, range(len(real))), maxlen=0)


def _last_uses(net: Network) -> dict[int, list[str]]:
    last: dict[str, int] = {}
    for step, node in enumerate(net.nodes):
        for name in inputs_of(node):
            last[name] = step
    uses: dict[int, list[str]] = {}
    for name, step in last.items():
        uses.setdefault(step, []).append(name)
    return uses


def _moments(
    model: FloatModel,
    node: Conv,
    quantized: QConv | QGlobalSum,
    real: list[Maps],
    fixed: list[Maps],
) -> Moments:
    """Moments of the layer's integer input and float output; leaves the latter, before its ReLU,
    in ``real``."""
    linear = replace(node, relu=False, bounds=None)
    pad_value = quantized.pad_value if isinstance(quantized, QConv) else None

    def of_image(index: int) -> Sums:
        out = model.step(linear, real[index])
        real[index][node.output] = out
        cols, _ = convolution.columns(
            fixed[index][node.input],
            node.weights.shape[2:],
            node.stride,
            node.padding,
            pad_value,
            np.float32,
        )
        return Sums.of(cols, out.reshape(len(out), -1))

    return _summed(of_image, len(real))


def _moments_behind_activation(
    node: Conv,
    current: QConv | QGlobalSum,
    exponent: int,
    real: list[Maps],
    fixed: list[Maps],
) -> Moments:
    """Moments of the layer's integer input and of the targets of :func:`behind_activation`,
    ``current`` being the layer now.

    Least squares with these targets never makes the error behind ReLU and bounds larger: theirs
    bounds it from above, and equals it at ``current``.
    """
    unit = np.ldexp(1.0, exponent + current.weight_exponent)
    weights = convolution.weight_matrix(current.weights, np.float64) / unit[:, None]
    bias = (current.bias / unit).astype(np.float32)[:, None]
    matrix = weights.astype(np.float32)
    pad_value = current.pad_value if isinstance(current, QConv) else None
    low, high = _limits(node)

    def of_image(index: int) -> Sums:
        wanted = real[index][node.output].reshape(len(matrix), -1)
        cols, _ = convolution.columns(
            fixed[index][node.input],
            node.weights.shape[2:],
            node.stride,
            node.padding,
            pad_value,
            np.float32,
        )
        return Sums.of(cols, behind_activation(wanted, matrix @ cols + bias, low, high))

    return _summed(of_image, len(real))


def behind_activation(
    wanted: np.ndarray, given: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Targets [O, P] for a layer in front of a saturation to ``low`` and ``high`` [O, 1]:
    ``wanted`` between them, elsewhere what is ``given`` now, or the bound if that is within."""
    below = np.where(wanted > low, wanted, np.minimum(given, low))
    return np.where(wanted < high, below, np.maximum(given, high))


def _limits(node: Conv) -> tuple[np.ndarray, np.ndarray]:
    """Between what the layer's output stays, float32 [O, 1] each."""
    low = np.full(len(node.weights), 0 if node.relu else -np.inf)
    high = np.full(len(node.weights), np.inf)
    if node.bounds is not None and node.bounds.whole:
        low, high = np.maximum(low, node.bounds.low), np.minimum(high, node.bounds.high)
    return low.astype(np.float32)[:, None], high.astype(np.float32)[:, None]


def _summed(of_image: Callable[[int], Sums], images: int) -> Moments:
    total: Sums | None = None
    for sums in parallel_map(of_image, range(images)):
        total = sums if total is None else total + sums
    assert total is not None
    return total.moments()


def _solve(
    old: QConv | QGlobalSum,
    layer: Folded,
    moments: Moments,
    exponent: int,
    refit: bool,
    feedback: bool,
    correct_bias: bool,
) -> QConv | QGlobalSum:
    """The layer's integers from its moments; ``exponent`` is that of its input."""
    scale = np.ldexp(1.0, old.weight_exponent)[:, None]
    weights = convolution.weight_matrix(layer.weights, np.float64) * scale
    unit = np.ldexp(scale, exponent)
    # A channel without weights has only its bias: nothing is to be learnt into it.
    alive = np.abs(weights).max(axis=1) >= 0.5
    if refit:
        weights[alive] = refitted(weights, moments.yx * unit, moments.xx)[alive]
    if feedback:
        integers = round_with_feedback(weights, moments.xx)
    else:
        integers = np.clip(np.rint(weights), -WEIGHT_MAX, WEIGHT_MAX)
    integers[~alive] = 0
    if correct_bias:
        bias = moments.y * unit[:, 0] - integers @ moments.x
    else:
        taps = integers.reshape(len(integers), -1, len(layer.offset)).sum(axis=1)
        bias = layer.bias * unit[:, 0] - np.ldexp(taps @ layer.offset, exponent)
    limit = np.iinfo(np.int32).max
    bias = np.where(alive, np.clip(np.rint(bias), -limit, limit), old.bias).astype(np.int32)
    return replace(old, weights=_as_tensor(integers, old.weights.shape), bias=bias)


def _as_tensor(matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """[O, kh * kw * I] as int8 [O, I, kh, kw]: the inverse of the weight matrix."""
    outputs, inputs, rows, cols = shape
    tensor = matrix.reshape(outputs, rows, cols, inputs).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(tensor, dtype=np.int8)


def _keep_within(
    new: QConv | QGlobalSum, old: QConv | QGlobalSum, qnet: QNetwork, accumulator_bits: int
) -> QConv | QGlobalSum:
    """``new``, with the channels of ``old`` where those of ``new`` could exceed the
    accumulator."""
    reach = golden.accumulator_reach(new.weights, new.bias, qnet.tensors[new.input].signed)
    over = (reach >= 1 << (accumulator_bits - 1)) | (
        np.abs(new.bias.astype(np.int64)) > 1 << (accumulator_bits - 2)
    )
    if not over.any():
        return new
    weights = np.where(over[:, None, None, None], old.weights, new.weights)
    return replace(new, weights=weights, bias=np.where(over, old.bias, new.bias))


def _change(
    old: QConv | QGlobalSum, new: QConv | QGlobalSum, moments: Moments, exponent: int
) -> Change:
    moved = float(np.mean(old.weights != new.weights))
    return Change(moved, _sqnr(old, moments, exponent), _sqnr(new, moments, exponent))


def _sqnr(node: QConv | QGlobalSum, moments: Moments, exponent: int) -> float | None:
    """SQNR in dB of the layer's accumulators against the float output before its ReLU."""
    unit = np.ldexp(1.0, exponent + node.weight_exponent)
    matrix = convolution.weight_matrix(node.weights, np.float64) / unit[:, None]
    mean = matrix @ moments.x + node.bias / unit - moments.y
    spread = np.einsum("ok,ok->o", matrix @ moments.xx - 2 * moments.yx, matrix) + moments.yy
    return sqnr_db(
        float(np.sum(moments.yy + np.square(moments.y))), float(np.sum(spread + np.square(mean)))
    )
