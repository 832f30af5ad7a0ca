"""Numbers of a quantized ONNX file taken over as they are: :func:`take_over`.

A file that quantizes its activations to 8 bits with powers of two as scales needs no calibration:
its tensors have their exponents.  Weights on such scales are taken over bit by bit; what the
format cannot hold is rounded anew, layer by layer, and named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.calibration.calibrate import exponent_groups, rectified_tensors
from firebrick.quantize.calibration.fold import PAD_TOLERANCE
from firebrick.quantize.calibration.input_grid import pixel_steps
from firebrick.quantize.calibration.quantizer import weight_exponents
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import (
    ACCUMULATOR_BITS,
    MAX_ADD_LEFT,
    MAX_ADD_SHIFT,
    MAX_SHIFT,
    WEIGHT_MAX,
    signed_bits,
)
from firebrick.quantize.importers.onnx.model import ImportedModel
from firebrick.quantize.importers.onnx.values import (
    AddLayer,
    ConcatLayer,
    ConvLayer,
    Grid,
    Integers,
    Map,
    PoolLayer,
    is_rectified,
)
from firebrick.quantize.network import Add, Concat, Conv, MaxPool
from firebrick.quantize.preprocessing import channel_order
from firebrick.quantize.qnetwork import (
    Preprocessing,
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QNetwork,
    QNode,
    QTensor,
    quantize_pool,
)

# A number is on a grid when it is this close to it: the file's own float32 arithmetic is no finer.
NEAR = 1e-3
DEAD_CHANNEL_SHIFT = 8


@dataclass(frozen=True, eq=False)
class TakenOver:
    """``qnet`` is None where calibration is needed, ``reasons`` say why.

    ``rounded`` names the layers whose numbers were rounded anew, ``notes`` what else differs from
    the file's own arithmetic.
    """

    qnet: QNetwork | None
    reasons: tuple[str, ...]
    rounded: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(eq=False)
class _Numbers:
    """A convolution in integers: weights int64, bias int64, exponent int64 [O]."""

    weights: np.ndarray
    bias: np.ndarray
    exponent: np.ndarray
    pad_value: np.ndarray | None = None
    pad_error: float = 0.0


@dataclass(eq=False)
class _Work:
    model: ImportedModel
    preprocessing: Preprocessing
    exponents: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    rounded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def take_over(
    model: ImportedModel, preprocessing: Preprocessing, classes: tuple[str, ...] = ()
) -> TakenOver:
    """The quantized network that the file holds, for pictures prepared by ``preprocessing``
    (that of :func:`quantize.importers.load.prepare`).

    The first layer reads pixels here, not what the file makes of them: it is exact where every
    pixel value lies on the file's grid, and rounded anew elsewhere.  The classifier's sums are
    exact; 8-bit rounding of them in the file is left out.  Raises FirebrickError as quantization
    does where the padding of the first layer is no pixel value.
    """
    work = _Work(model, preprocessing)
    _tensors(work)
    if work.reasons:
        return TakenOver(None, tuple(work.reasons), (), ())
    numbers = {
        layer.name: _convolution(work, layer, made)
        for layer, made in model.layers
        if isinstance(layer, ConvLayer)
    }
    if work.reasons:
        return TakenOver(None, tuple(work.reasons), (), ())
    qnet = _assemble(work, numbers, classes)
    if work.reasons:
        return TakenOver(None, tuple(work.reasons), (), ())
    check_qnetwork(qnet)
    report = _report(work, qnet, numbers)
    qnet = replace(qnet, report=json.loads(json.dumps(report)))
    return TakenOver(qnet, (), tuple(work.rounded), tuple(work.notes))


# ----------------------------------------------------------------------------------- activations


def _tensors(work: _Work) -> None:
    """Exponents of all tensors, or the reasons why they have none."""
    net = work.model.network
    groups = exponent_groups(net)
    if work.model.dropped:
        names = ", ".join(node.name for node in work.model.dropped)
        work.notes.append(f"the mean over the map stays exact; the file rounds it in {names}")
    last = net.averaged
    grids: dict[str, list[Grid]] = {}
    maps: dict[str, list[Map]] = {}
    for _, made in work.model.layers:
        if made.name == last:
            if made.grids:
                work.notes.append(
                    f"{made.name}: its sums stay exact; the file rounds them to 8 bits"
                )
            continue
        grids.setdefault(groups[made.name], []).extend(made.grids)
        maps.setdefault(groups[made.name], []).append(made)
    for item in work.model.unfit:
        name = item.grid.node.name
        work.reasons.append(f"{item.map.name}: {name} quantizes it after a scale or shift")
    for group, members in maps.items():
        reason = _misfit(grids[group], members)
        if reason is None:
            grid = grids[group][0]
            exponent = round(-np.log2(grid.scale))
            work.exponents.update(dict.fromkeys((made.name for made in members), exponent))
        else:
            work.reasons.append(f"{members[0].name}: {reason}")
    for layer, made in work.model.layers:
        if isinstance(layer, ConvLayer | AddLayer):
            for source, quantized in zip(layer.inputs, layer.quantized, strict=True):
                if source.source is not None and not (quantized or _covered(source)):
                    work.reasons.append(f"{source.name}: {layer.name} reads it without a quantizer")
        if made.ceiling is not None and not work.reasons:
            bound, node = made.ceiling
            own = grids.get(groups[made.name], [])
            if not own or np.rint(bound / own[0].scale) < own[0].high:
                work.reasons.append(
                    f"{made.name}: {node.name} ({node.op}) clips at {bound:g}, below what 8 bits "
                    "of its scale reach"
                )


def _misfit(grids: list[Grid], members: list[Map]) -> str | None:
    """Why a group of tensors that share an exponent has none, or None."""
    if not grids:
        return "the file does not quantize it"
    grid = grids[0]
    if not all(grid.same(other) for other in grids):
        shown = ", ".join(dict.fromkeys(f"{item.scale:g}" for item in grids))
        joined = " and ".join(dict.fromkeys(made.name for made in members))
        if len({item.scale for item in grids}) > 1:
            return f"its parts have unlike scales ({shown}): {joined}"
        return f"it is quantized to unlike ranges: {joined}"
    if not _is_power(grid.scale):
        return f"scale {grid.scale:g} is no power of two"
    if not grid.half_even:
        return "its quantizer does not round half to even"
    wanted = (0, 255) if is_rectified(members[0]) else (-128, 127)
    if (grid.low, grid.high) != wanted:
        return (
            f"its integers reach from {grid.low} to {grid.high} (zero point "
            f"{grid.zero} taken off); {wanted[0]} to {wanted[1]} fits"
        )
    return None


def _covered(made: Map) -> bool:
    """Whether a quantizer lies on every way to the map: maxima and concatenations keep grids."""
    layer = made.source
    return isinstance(layer, PoolLayer | ConcatLayer) and all(
        quantized or _covered(source)
        for source, quantized in zip(layer.inputs, layer.quantized, strict=True)
    )


def _is_power(scale: float) -> bool:
    return scale > 0 and np.frexp(scale)[0] == 0.5


# ---------------------------------------------------------------------------------- convolutions


def _convolution(work: _Work, layer: ConvLayer, made: Map) -> _Numbers:
    """A convolution in integers, exact where that is possible."""
    first = layer.inputs[0].source is None
    source = 0 if first else work.exponents[layer.inputs[0].name]
    target = work.exponents.get(made.name)
    weights, offset = layer.weights, np.zeros(layer.weights.shape[1])
    integers = layer.integers
    pad_value, pad_error = None, 0.0
    if first:
        prepared = work.preprocessing
        order = np.argsort(channel_order(prepared.color))
        factor = prepared.scale / np.asarray(prepared.std, np.float64)
        if np.any(factor != 1) or list(order) != list(range(len(order))):
            integers = None
        weights = (weights * factor[:, None, None])[:, order]
        offset = (np.asarray(prepared.mean, np.float64) / prepared.scale)[order]
        if any(layer.padding):
            pad_value, pad_error = _pad_value(layer, offset)
    exact = _exact_weights(weights, integers)
    if exact is not None and first and not _pixels_on_grid(work):
        exact = None
    if exact is None:
        numbers = _rounded(weights, source, target)
    else:
        numbers = exact
        _fit_shift(numbers, source, target)
    shift = _shift(numbers, source, target)
    if shift is not None and np.any(shift < 0):
        work.reasons.append(
            f"{layer.name}: its accumulators are coarser than its output's scale 2**-{target}"
        )
        return numbers
    sums = np.ldexp(numbers.weights.sum(axis=(2, 3)).astype(np.float64), -numbers.exponent[:, None])
    scaled = np.ldexp(layer.bias - sums @ offset, source + numbers.exponent)
    numbers.bias = np.rint(scaled).astype(np.int64)
    numbers.pad_value, numbers.pad_error = pad_value, pad_error
    if exact is None:
        work.rounded.append(_why_rounded(work, layer, first))
    elif np.any(np.abs(scaled - numbers.bias) > NEAR):
        work.rounded.append(f"{layer.name}: biases, which are finer than its accumulator")
    elif pad_error > NEAR:
        work.rounded.append(f"{layer.name}: the zero of its padding, by {pad_error:.2f} of a pixel")
    signed = not (first or is_rectified(layer.inputs[0]))
    bound = golden.accumulator_reach(numbers.weights.astype(np.int8), numbers.bias, signed)
    if int(bound.max()) >= 1 << (ACCUMULATOR_BITS - 1):
        work.reasons.append(
            f"{layer.name}: its accumulator needs {signed_bits(int(bound.max()))} bits, the "
            f"hardware has {ACCUMULATOR_BITS}"
        )
    return numbers


def _why_rounded(work: _Work, layer: ConvLayer, first: bool) -> str:
    if (first and layer.integers is not None) or (first and not _pixels_on_grid(work)):
        return (
            f"{layer.name}: weights, because it reads pixels here and normalized ones in the file"
        )
    if layer.integers is None:
        return f"{layer.name}: weights, which the file does not hold as 8-bit integers"
    return f"{layer.name}: weights, whose scales are no powers of two or reach beyond +-127"


def _pixels_on_grid(work: _Work) -> bool:
    """Whether the quantizers of the file's input change no pixel value."""
    for grid, steps in pixel_steps(work.model, work.preprocessing):
        if np.any(np.abs(steps - np.rint(steps)) > NEAR):
            return False
        if steps.min() < grid.low - NEAR or steps.max() > grid.high + NEAR:
            return False
    return True


def _pad_value(layer: ConvLayer, offset: np.ndarray) -> tuple[np.ndarray, float]:
    value = np.clip(np.rint(offset), 0, 255)
    error = float(np.abs(value - offset).max())
    if error > PAD_TOLERANCE:
        raise FirebrickError(
            f"layer {layer.name}: its zero padding stands for pixel values that a pixel (0..255) "
            f"misses by {error:.2f}; at most {PAD_TOLERANCE} is allowed; check scale and mean"
        )
    return value.astype(np.uint8), error


def _exact_weights(weights: np.ndarray, integers: Integers | None) -> _Numbers | None:
    """Integers within +-127 and exponents that are these weights; None where there are none."""
    outputs = len(weights)
    nothing = np.zeros(outputs, np.int64)
    if integers is not None:
        scale = np.broadcast_to(integers.scale, weights.shape).reshape(outputs, -1)
        values = integers.values.reshape(weights.shape)
        mantissa, power = np.frexp(scale[:, 0])
        if (
            np.all(mantissa == 0.5)
            and np.all(scale == scale[:, :1])
            and np.abs(values).max() <= WEIGHT_MAX
        ):
            return _Numbers(values.copy(), nothing, (1 - power).astype(np.int64))
    peaks = np.abs(weights).reshape(outputs, -1).max(axis=1)
    exponent = np.zeros(outputs, np.int64)
    alive = peaks > 0
    exponent[alive] = np.floor(np.log2((WEIGHT_MAX + NEAR) / peaks[alive])).astype(np.int64)
    scaled = np.ldexp(weights, exponent[:, None, None, None])
    values = np.rint(scaled)
    if np.any(np.abs(scaled - values) > NEAR * 1e-3) or np.abs(values).max() > WEIGHT_MAX:
        return None
    return _Numbers(values.astype(np.int64), nothing, exponent)


def _rounded(weights: np.ndarray, source: int, target: int | None) -> _Numbers:
    """Weights on the power-of-two scales with the smallest squared error."""
    exponent, dead = weight_exponents(weights)
    if target is not None:
        exponent[dead] = target - source + DEAD_CHANNEL_SHIFT
        exponent = np.clip(exponent, None, target - source + MAX_SHIFT)
    values = np.rint(np.ldexp(weights, exponent[:, None, None, None]))
    values = np.clip(values, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int64)
    return _Numbers(values, np.zeros(len(weights), np.int64), exponent)


def _fit_shift(numbers: _Numbers, source: int, target: int | None) -> None:
    """Move integers up where the shift would be negative, and dead channels anywhere."""
    if target is None:
        return
    flat = numbers.weights.reshape(len(numbers.weights), -1)
    peaks = np.abs(flat).max(axis=1)
    for index, shift in enumerate(source + numbers.exponent - target):
        while shift < 0 and 2 * peaks[index] <= WEIGHT_MAX:
            numbers.weights[index] *= 2
            numbers.exponent[index] += 1
            peaks[index] *= 2
            shift += 1
        while shift > MAX_SHIFT and not np.any(numbers.weights[index] % 2):
            numbers.weights[index] //= 2
            numbers.exponent[index] -= 1
            shift -= 1


def _shift(numbers: _Numbers, source: int, target: int | None) -> np.ndarray | None:
    return None if target is None else source + numbers.exponent - target


# ------------------------------------------------------------------------------------ the network


def _assemble(work: _Work, numbers: dict[str, _Numbers], classes: tuple[str, ...]) -> QNetwork:
    net = work.model.network
    rectified = rectified_tensors(net)
    last = net.average
    tensors = {net.input: QTensor(net.input, net.shapes[net.input], 0, False)}
    nodes: list[QNode] = []
    for node in net.nodes:
        if node is last:
            continue
        if isinstance(node, Conv):
            found = numbers[node.name]
            arrays: dict[str, Any] = {
                "weights": found.weights.astype(np.int8),
                "bias": found.bias.astype(np.int32),
                "weight_exponent": found.exponent.astype(np.int32),
            }
            if last and node.output == last.input:
                if found.pad_value is not None:
                    raise FirebrickError(
                        f"layer {node.name}: the only convolution cannot pad; remove its padding"
                    )
                _, height, width = net.shapes[node.output]
                nodes.append(
                    QGlobalSum(
                        name=node.name,
                        input=node.input,
                        output=last.output,
                        stride=node.stride,
                        padding=node.padding,
                        relu=node.relu,
                        positions=height * width,
                        **arrays,
                    )
                )
                continue
            source = tensors[node.input].exponent
            shift = source + found.exponent - work.exponents[node.output]
            nodes.append(
                QConv(
                    name=node.name,
                    input=node.input,
                    output=node.output,
                    shift=shift.astype(np.int32),
                    stride=node.stride,
                    padding=node.padding,
                    relu=node.relu,
                    pad_value=found.pad_value,
                    **arrays,
                )
            )
        elif isinstance(node, MaxPool):
            nodes.append(quantize_pool(node))
        elif isinstance(node, Add):
            first, second = (work.exponents[name] for name in node.inputs)
            common = max(first, second)
            left = (common - first, common - second)
            down = common - work.exponents[node.output]
            if max(left) > MAX_ADD_LEFT or not 0 <= down <= MAX_ADD_SHIFT:
                work.reasons.append(
                    f"{node.output}: its operands' scales are too far from each other or its own"
                )
            nodes.append(QAdd(node.name, node.inputs, node.output, left, down))
        else:
            assert isinstance(node, Concat)
            nodes.append(QConcat(node.name, node.inputs, node.output))
        tensors[node.output] = QTensor(
            node.output,
            net.shapes[node.output],
            work.exponents[node.output],
            not rectified[node.output],
        )
    return QNetwork(
        net.name, net.input, tensors, tuple(nodes), work.preprocessing, classes, maps=net.maps
    )


def _report(work: _Work, qnet: QNetwork, numbers: dict[str, _Numbers]) -> dict:
    """As the quantizer's report; nothing was calibrated, so exponents are their own reference."""
    layers = []
    for node in qnet.nodes:
        if not isinstance(node, QConv | QGlobalSum):
            continue
        signed = qnet.tensors[node.input].signed
        bound = golden.accumulator_reach(node.weights, node.bias, signed)
        exponent = None if isinstance(node, QGlobalSum) else qnet.tensors[node.output].exponent
        dead = ~node.weights.reshape(len(node.weights), -1).any(axis=1)
        layers.append(
            {
                "name": node.name,
                "output": node.output,
                "weight_exponent": _span(node.weight_exponent),
                "shift": None if isinstance(node, QGlobalSum) else _span(node.shift),
                "exponent": exponent,
                "exponent_no_saturation": exponent,
                "largest_float": None,
                "accumulator_bits": signed_bits(int(bound.max())),
                "dead_channels": int(dead.sum()),
                "narrowed_channels": 0,
                "pad_error": numbers[node.name].pad_error,
            }
        )
    additions = [
        {
            "name": node.name,
            "output": node.output,
            "left": list(node.left),
            "shift": node.shift,
            "exponent": qnet.tensors[node.output].exponent,
            "exponent_no_saturation": qnet.tensors[node.output].exponent,
            "largest_float": None,
        }
        for node in qnet.nodes
        if isinstance(node, QAdd)
    ]
    return {
        "network": qnet.name,
        "layers": layers,
        "additions": additions,
        "taken_over": {"rounded": list(work.rounded), "notes": list(work.notes)},
        "calibration_images": 0,
        "accumulator_bits": ACCUMULATOR_BITS,
        "measured_images": 0,
        "logit_sqnr_db": None,
        "held_out": None,
    }


def _span(values: np.ndarray) -> list[int]:
    return [int(values.min()), int(values.max())]
