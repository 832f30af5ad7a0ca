"""Post-training quantization: a float network and calibration images to a QNetwork.

Every convolution gets int8 weights with one power-of-two scale an output channel, an int32 bias
at the accumulator's scale, and one right shift an output channel; every tensor one exponent.
The preprocessing is folded into the first convolution, so that the network eats raw pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.calibration.bounds import keep_bounds
from firebrick.quantize.calibration.calibrate import (
    ExponentChoice,
    activation_exponents,
    exponent_groups,
    rectified_tensors,
)
from firebrick.quantize.calibration.equalize import equalize
from firebrick.quantize.calibration.fold import Folded, fold_input
from firebrick.quantize.calibration.layer_by_layer import Change, improve
from firebrick.quantize.calibration.measure import measure
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import (
    ACCUMULATOR_BITS,
    MAX_ADD_LEFT,
    MAX_ADD_SHIFT,
    MAX_SHIFT,
    WEIGHT_MAX,
    largest_exponent,
    signed_bits,
)
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network, inputs_of
from firebrick.quantize.pictures.preprocess import for_network
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

# Weight exponents stay where float32 scales are normal numbers, also after adding e_in.
WEIGHT_EXPONENT_RANGE = (-60, 60)
# A dead channel (all weights zero) only rounds its bias: eight bits below the output suffice.
DEAD_CHANNEL_SHIFT = 8
# Bits that weights may give up so that their sum fits: at most 15 levels a side are left.
MOST_NARROWED = 3
MEASURED_IMAGES = 16
# Pictures whose pixels differ by no more than this in any channel, and how many of them are many.
FLAT = 2
FLAT_SHARE = 4


@dataclass(frozen=True)
class Steps:
    """What is done beyond plain calibration: channels are equalized
    (:mod:`quantize.calibration.equalize`), then layer by layer
    (:mod:`quantize.calibration.layer_by_layer`) weights are refitted by least squares, rounded with
    error feedback, and biases corrected."""

    equalize: bool = False
    refit: bool = False
    feedback: bool = False
    bias: bool = False


EFFORTS = {"full": Steps(True, True, True, True), "plain": Steps()}


@dataclass(frozen=True, eq=False)
class Quantized:
    """``qnet`` and the float network ``net`` that it stands for, tensor by tensor and channel by
    channel: the original, or after equalization one that computes the same function."""

    qnet: QNetwork
    net: Network


def quantize_network(
    net: Network,
    preprocessing: Preprocessing,
    calibration: np.ndarray,
    *,
    held_out: np.ndarray | None = None,
    accumulator_bits: int = ACCUMULATOR_BITS,
    classes: tuple[str, ...] = (),
    effort: str | Steps = "plain",
) -> QNetwork:
    """As :func:`quantize`, without the float network."""
    return quantize(
        net,
        preprocessing,
        calibration,
        held_out=held_out,
        accumulator_bits=accumulator_bits,
        classes=classes,
        effort=effort,
    ).qnet


def quantize(
    net: Network,
    preprocessing: Preprocessing,
    calibration: np.ndarray,
    *,
    held_out: np.ndarray | None = None,
    accumulator_bits: int = ACCUMULATOR_BITS,
    classes: tuple[str, ...] = (),
    effort: str | Steps = "plain",
) -> Quantized:
    """Quantize ``net`` on ``calibration`` images, uint8 [N, C, H, W] raw pixels.

    ``effort`` is "plain" (fast: exponents with the smallest squared error, nearest weights),
    "full" (as near to the float network as it gets: minutes for SqueezeNet), or the steps to
    take.  ``held_out`` images of the same kind measure the agreement with the float network; they
    take no part in any choice.  The report of every layer is in ``qnet.report``.  The same
    arguments give the same result.

    Raises FirebrickError naming the layer (and channel) when weights are not finite, when a
    convolution's accumulator could exceed ``accumulator_bits``, when the padding of the first
    layer is no pixel value, or when the network has a form that the format cannot express.
    """
    if for_network(preprocessing, net) != preprocessing:
        raise FirebrickError(
            f"network {net.name}: the preprocessing crops pictures to {preprocessing.crop}, but "
            f"the input is {net.shapes[net.input][1:]}; adapt it with for_network"
        )
    _check_form(net)
    for what, images in (("calibration", calibration), ("held-out", held_out)):
        if images is not None:
            _check_images(net, images, what)
    steps = _steps(effort)
    kept = keep_bounds(net, preprocessing, calibration)
    net = kept.net
    if kept.exponents:
        # Equalizing moves the ends of the range, which are bounds here.
        steps = replace(steps, equalize=False)
    if steps.equalize:
        equalized = equalize(net, preprocessing, calibration)
        net, choices = equalized.net, equalized.choices
    else:
        choices = activation_exponents(net, preprocessing, calibration)
        for group, exponent in kept.exponents.items():
            choices[group] = replace(choices[group], best=exponent)
    folded = {
        node.name: fold_input(net, node, preprocessing)
        for node in net.nodes
        if isinstance(node, Conv)
    }
    numbers = _solve(net, folded, choices, accumulator_bits)
    _check_kept(net, kept.exponents, numbers)
    qnet = _assemble(net, preprocessing, folded, numbers, classes)
    changes: dict[str, Change] = {}
    if steps.refit or steps.feedback or steps.bias:
        qnet, changes = improve(
            net,
            qnet,
            folded,
            calibration,
            accumulator_bits,
            refit=steps.refit,
            feedback=steps.feedback,
            correct_bias=steps.bias,
        )
    report = _report(net, qnet, folded, numbers, choices)
    for layer in report["layers"]:
        layer["improved"] = vars(changes[layer["name"]]) if layer["name"] in changes else None
    report["steps"] = vars(steps)
    report["remarks"] = [*kept.lines, *_flat(calibration)]
    report["calibration_images"] = len(calibration)
    report["accumulator_bits"] = accumulator_bits
    measured = measure(net, qnet, calibration[:MEASURED_IMAGES], held_out)
    for layer in (*report["layers"], *report["additions"]):
        layer.update(measured["tensors"].get(layer["output"], {}))
    for name in ("measured_images", "logit_sqnr_db", "held_out"):
        report[name] = measured[name]
    return Quantized(replace(qnet, report=json.loads(json.dumps(report))), net)


def _flat(images: np.ndarray) -> list[str]:
    """A line on pictures of one colour: they tell nothing of what photographs do in the network."""
    spread = np.ptp(images.reshape(len(images), images.shape[1], -1), axis=2).max(axis=1)
    count = int(np.count_nonzero(spread <= FLAT))
    if count * FLAT_SHARE < len(images):
        return []
    return [
        f"warning: {count} of {len(images)} calibration images show one colour only: such images "
        "calibrate badly, give photographs like those that the network is for"
    ]


def _check_kept(net: Network, exponents: dict[str, int], solution: _Solution) -> None:
    groups = exponent_groups(net)
    for name, exponent in solution.exponents.items():
        if exponents.get(groups.get(name, ""), exponent) != exponent:
            raise FirebrickError(
                f"network {net.name}: the range that {name} saturates at needs the scale "
                f"2**{-exponents[groups[name]]}, but its weights are so large that only "
                f"2**{-exponent} has accumulators; train without that bound"
            )


def _steps(effort: str | Steps) -> Steps:
    if isinstance(effort, Steps):
        return effort
    if effort not in EFFORTS:
        raise FirebrickError(f"effort {effort!r} is not one of {', '.join(EFFORTS)}")
    return EFFORTS[effort]


def _check_images(net: Network, images: np.ndarray, what: str) -> None:
    shape = net.shapes[net.input]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape:
        raise FirebrickError(
            f"network {net.name}: {what} images must be uint8 [N, {', '.join(map(str, shape))}], "
            f"not {images.dtype} {list(images.shape)}"
        )
    if len(images) == 0:
        raise FirebrickError(f"network {net.name}: no {what} images were given")


def _check_form(net: Network) -> None:
    """FirebrickError unless the network has the form that a QNetwork can express."""
    last = net.nodes[-1]
    if net.average is None and not net.maps:
        raise FirebrickError(
            f"network {net.name}: the last layer {last.name} must be a global average pooling, "
            "where no map is an output"
        )
    producer = {node.output: node for node in net.nodes}
    rectified = rectified_tensors(net)
    for node in net.nodes:
        if node is net.average:
            continue
        if isinstance(node, GlobalAverage):
            raise FirebrickError(
                f"layer {node.name}: a global average pooling must be the last layer"
            )
        inputs = inputs_of(node)
        if net.input in inputs and not isinstance(node, Conv):
            raise FirebrickError(
                f"layer {node.name}: it reads the network's input; only a convolution may, because "
                "the preprocessing is folded into it"
            )
        if net.averaged in inputs:
            raise FirebrickError(
                f"layer {node.name}: it reads {net.averaged!r}, which the global average pooling "
                "consumes without an 8-bit step"
            )
        if isinstance(node, Concat) and len({rectified[name] for name in inputs}) > 1:
            raise FirebrickError(
                f"layer {node.name}: it concatenates inputs with and without ReLU; all must "
                "have it, or none"
            )
    if net.averaged and not isinstance(producer.get(net.averaged), Conv):
        raise FirebrickError(
            f"layer {last.name}: a global average pooling must follow a convolution"
        )


def weight_exponents(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(exponent int64 [O], dead bool [O]) of weights [O, ...]: the power-of-two scale an output
    channel with the smallest squared error, saturating at +-127; dead channels get 0.

    Only the no-saturation exponent and the one above it compete: two above, the largest weight
    would lose more than half of itself.
    """
    flat = weights.reshape(weights.shape[0], -1)
    peaks = np.abs(flat).max(axis=1)
    dead = peaks < np.ldexp(0.5, -WEIGHT_EXPONENT_RANGE[1])
    lossless = np.array(
        [0 if d else largest_exponent(p, WEIGHT_MAX) for p, d in zip(peaks, dead, strict=True)],
        np.int64,
    )
    errors = [
        np.square(_round_weights(flat, lossless + step) - flat).sum(axis=1) for step in (0, 1)
    ]
    best = lossless + (errors[1] < errors[0])
    return np.where(dead, 0, np.minimum(best, WEIGHT_EXPONENT_RANGE[1])), dead


def _integer_weights(weights: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    column = exponent.reshape(-1, *[1] * (weights.ndim - 1))
    return np.clip(np.rint(np.ldexp(weights, column)), -WEIGHT_MAX, WEIGHT_MAX)


def _round_weights(weights: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    column = exponent.reshape(-1, *[1] * (weights.ndim - 1))
    return np.ldexp(_integer_weights(weights, exponent), -column)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """A convolution in integers; ``narrowed`` counts the channels whose weights gave up
    resolution so that a large bias, or the sum of many large weights, fits."""

    weights: np.ndarray
    bias: np.ndarray
    exponent: np.ndarray
    dead: np.ndarray
    narrowed: int


def _numbers(
    layer: Folded, input_exponent: int, output_exponent: int | None, accumulator_bits: int
) -> _Numbers:
    """Integers for one convolution.  ``output_exponent`` is None for the last layer, which has
    no shift; otherwise no exponent makes a shift exceed 31.  A shift may be negative, where the
    weights are large; not because of a bias: one that is so large decides its channel alone, and
    is cut to half the accumulator, which saturates the output just the same."""
    exponent, dead = weight_exponents(layer.weights)
    if np.any(exponent < WEIGHT_EXPONENT_RANGE[0]):
        raise FirebrickError(
            f"layer {layer.node.name}: its weights reach {np.abs(layer.weights).max():.3g}; "
            f"at most 127 * 2**{-WEIGHT_EXPONENT_RANGE[0]} can be represented"
        )
    if output_exponent is None:
        alive = exponent[~dead]
        exponent[dead] = int(np.median(alive)) if len(alive) else DEAD_CHANNEL_SHIFT
    else:
        exponent[dead] = output_exponent - input_exponent + DEAD_CHANNEL_SHIFT
        exponent = np.minimum(exponent, output_exponent - input_exponent + MAX_SHIFT)
    limit = 1 << (accumulator_bits - 2)
    wanted = exponent
    # Twice: the bias depends, a little, on the rounded weights through the offset.
    for _ in range(2):
        rounded = _round_weights(layer.weights, exponent).sum(axis=(2, 3))
        bias = layer.bias - rounded @ layer.offset
        size = np.abs(bias)
        room = np.full(len(bias), WEIGHT_EXPONENT_RANGE[1], np.int64)
        room[size > 0] = np.floor(np.log2(limit / size[size > 0])).astype(np.int64)
        fitting = np.minimum(exponent, room - input_exponent)
        if output_exponent is not None:
            fitting = np.maximum(fitting, np.minimum(exponent, output_exponent - input_exponent))
        exponent = fitting
    for bits in range(MOST_NARROWED + 1):
        weights = _integer_weights(layer.weights, exponent).astype(np.int8)
        rounded = np.ldexp(weights.astype(np.float64).sum(axis=(2, 3)), -exponent[:, None])
        bias = np.rint(np.ldexp(layer.bias - rounded @ layer.offset, input_exponent + exponent))
        bias = np.clip(bias, -limit, limit)
        over = golden.accumulator_reach(weights, bias, layer.signed_input) >= 2 * limit
        if bits < MOST_NARROWED:
            exponent = exponent - over
        if not over.any():
            break
    narrowed = int(np.count_nonzero((exponent < wanted) & ~dead))
    return _Numbers(weights, bias.astype(np.int32), exponent.astype(np.int32), dead, narrowed)


@dataclass(frozen=True, eq=False)
class _Solution:
    """Exponents of all 8-bit tensors, and the integers of every convolution by its name."""

    exponents: dict[str, int]
    layers: dict[str, _Numbers]


def _solve(
    net: Network,
    folded: dict[str, Folded],
    choices: dict[str, ExponentChoice],
    accumulator_bits: int,
) -> _Solution:
    """Integers for all layers, every one proven to fit its accumulator.

    A tensor has its calibrated exponent, lowered where an accumulator is coarser than that (its
    shift would be negative) or an addition could not align its operands; lowering one lowers
    what its readers can have, so this repeats until nothing changes.
    """
    groups = exponent_groups(net)
    chosen = {group: choice.best for group, choice in choices.items()}
    convs = [node for node in net.nodes if isinstance(node, Conv)]

    def exponent_of(name: str) -> int:
        return 0 if name == net.input else chosen[groups[name]]

    for _ in range(2 * len(net.nodes) + 1):
        layers = {}
        changed = _align_additions(net, groups, chosen)
        for conv in convs:
            source = exponent_of(conv.input)
            target = None if conv.output == net.averaged else exponent_of(conv.output)
            numbers = _numbers(folded[conv.name], source, target, accumulator_bits)
            layers[conv.name] = numbers
            if target is not None and source + int(numbers.exponent.min()) < target:
                chosen[groups[conv.output]] = source + int(numbers.exponent.min())
                changed = True
        if not changed:
            break
    else:
        raise FirebrickError(
            f"network {net.name}: no exponents satisfy all layers; the weights of a layer that "
            "feeds itself through a concatenation are too large"
        )
    for conv in convs:
        _prove(folded[conv.name], layers[conv.name], accumulator_bits)
    exponents = {name: chosen[group] for name, group in groups.items() if group in chosen}
    return _Solution(exponents | {net.input: 0}, layers)


def _align_additions(net: Network, groups: dict[str, str], chosen: dict[str, int]) -> bool:
    """Lower exponents in ``chosen`` (by group) until every addition can be expressed: operands
    at most 7 apart, the sum's exponent no larger than theirs and at most 15 below.  Tells whether
    any was lowered."""
    changed = False
    for node in net.nodes:
        if not isinstance(node, Add):
            continue
        operands = [groups[name] for name in node.inputs]
        target = groups[node.output]
        limit = min(
            min(chosen[group] for group in operands) + MAX_ADD_LEFT, chosen[target] + MAX_ADD_SHIFT
        )
        for group in operands:
            if chosen[group] > limit:
                chosen[group] = limit
                changed = True
        common = max(chosen[group] for group in operands)
        if chosen[target] > common:
            chosen[target] = common
            changed = True
    return changed


def _assemble(
    net: Network,
    preprocessing: Preprocessing,
    folded: dict[str, Folded],
    solution: _Solution,
    classes: tuple[str, ...],
) -> QNetwork:
    exponents = solution.exponents
    tensors = {net.input: QTensor(net.input, net.shapes[net.input], 0, False)}
    nodes: list[QNode] = []
    for node in net.nodes:
        if isinstance(node, GlobalAverage):
            continue
        if isinstance(node, Conv):
            layer = folded[node.name]
            numbers = solution.layers[node.name]
            if net.average and node.output == net.averaged:
                nodes.append(_global_sum(net, net.average, layer, numbers))
                continue
            nodes.append(_conv(layer, numbers, exponents[node.input], exponents[node.output]))
            signed = not node.relu
        elif isinstance(node, MaxPool):
            nodes.append(quantize_pool(node))
            signed = tensors[node.input].signed
        elif isinstance(node, Add):
            nodes.append(quantize_add(node, exponents))
            signed = not node.relu and any(tensors[name].signed for name in node.inputs)
        else:
            assert isinstance(node, Concat)
            nodes.append(QConcat(node.name, node.inputs, node.output))
            signed = tensors[node.inputs[0]].signed
        tensors[node.output] = QTensor(
            node.output, net.shapes[node.output], exponents[node.output], signed
        )
    return QNetwork(
        net.name, net.input, tensors, tuple(nodes), preprocessing, classes, maps=net.maps
    )


def quantize_add(node: Add, exponents: dict[str, int]) -> QAdd:
    """The sum's shifts, by the exponents of its maps."""
    first, second = (exponents[name] for name in node.inputs)
    common = max(first, second)
    return QAdd(
        name=node.name,
        inputs=node.inputs,
        output=node.output,
        left=(common - first, common - second),
        shift=common - exponents[node.output],
    )


def _conv(layer: Folded, numbers: _Numbers, source: int, target: int) -> QConv:
    node = layer.node
    return QConv(
        name=node.name,
        input=node.input,
        output=node.output,
        weights=numbers.weights,
        bias=numbers.bias,
        weight_exponent=numbers.exponent,
        shift=(source + numbers.exponent - target).astype(np.int32),
        stride=node.stride,
        padding=node.padding,
        relu=node.relu,
        pad_value=layer.pad_value,
    )


def _global_sum(
    net: Network, average: GlobalAverage, layer: Folded, numbers: _Numbers
) -> QGlobalSum:
    node = layer.node
    if layer.pad_value is not None:
        raise FirebrickError(
            f"layer {node.name}: the only convolution cannot pad; remove its padding"
        )
    _, height, width = net.shapes[node.output]
    return QGlobalSum(
        name=node.name,
        input=node.input,
        output=average.output,
        weights=numbers.weights,
        bias=numbers.bias,
        weight_exponent=numbers.exponent,
        stride=node.stride,
        padding=node.padding,
        relu=node.relu,
        positions=height * width,
    )


def _prove(layer: Folded, numbers: _Numbers, accumulator_bits: int) -> None:
    """FirebrickError naming layer and channel unless whatever inputs make of them fits."""
    bound = golden.accumulator_reach(numbers.weights, numbers.bias, layer.signed_input)
    channel = int(bound.argmax())
    limit = 1 << (accumulator_bits - 1)
    if bound[channel] >= limit:
        raise FirebrickError(
            f"layer {layer.node.name}, channel {channel}: can reach {bound[channel]}, which needs "
            f"{signed_bits(int(bound[channel]))} bits; the accumulator has {accumulator_bits} "
            f"(below {limit}); use fewer input channels or smaller kernels in this layer"
        )


def _report(
    net: Network,
    qnet: QNetwork,
    folded: dict[str, Folded],
    solution: _Solution,
    choices: dict[str, ExponentChoice],
) -> dict:
    groups = exponent_groups(net)
    layers = []
    for node in qnet.nodes:
        if not isinstance(node, QConv | QGlobalSum):
            continue
        numbers = solution.layers[node.name]
        signed = folded[node.name].signed_input
        bound = golden.accumulator_reach(node.weights, node.bias, signed)
        entry: dict = {
            "name": node.name,
            "output": node.output,
            "weight_exponent": _span(node.weight_exponent),
            "shift": None,
            "exponent": None,
            "exponent_no_saturation": None,
            "largest_float": None,
            "accumulator_bits": signed_bits(int(bound.max())),
            "dead_channels": int(np.count_nonzero(numbers.dead)),
            "narrowed_channels": numbers.narrowed,
            "pad_error": folded[node.name].pad_error,
        }
        if isinstance(node, QConv):
            choice = choices[groups[node.output]]
            entry["shift"] = _span(node.shift)
            entry["exponent"] = qnet.tensors[node.output].exponent
            entry["exponent_no_saturation"] = choice.no_saturation
            entry["largest_float"] = choice.largest
        layers.append(entry)
    additions = [
        {
            "name": node.name,
            "output": node.output,
            "left": list(node.left),
            "shift": node.shift,
            "exponent": qnet.tensors[node.output].exponent,
            "exponent_no_saturation": choices[groups[node.output]].no_saturation,
            "largest_float": choices[groups[node.output]].largest,
        }
        for node in qnet.nodes
        if isinstance(node, QAdd)
    ]
    return {"network": net.name, "layers": layers, "additions": additions}


def _span(values: np.ndarray) -> list[int]:
    return [int(values.min()), int(values.max())]
