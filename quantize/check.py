"""The rules of a quantized network, checked: what may be run, compiled, exported or saved."""

from __future__ import annotations

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import MAX_ADD_LEFT, MAX_ADD_SHIFT, MAX_SHIFT, WEIGHT_MAX
from firebrick.quantize.geometry import conv_size, pool_size
from firebrick.quantize.preprocessing import channel_count, check_preprocessing
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QTensor,
    detector_classes,
    inputs_of,
)


def check_qnetwork(qnet: QNetwork) -> None:
    """FirebrickError naming the layer and the rule that ``qnet`` breaks, if there is one.

    Checked are array types and shapes, the ranges of weights and shifts, the relation of
    exponents and shifts, map sizes, the order of the nodes, and the preprocessing.
    """
    check_preprocessing(qnet.preprocessing)
    source = qnet.tensors.get(qnet.input)
    expected = (channel_count(qnet.preprocessing), *qnet.preprocessing.crop)
    if source is None or source.shape != expected or source.signed or source.exponent != 0:
        raise FirebrickError(
            f"network {qnet.name}: its input {qnet.input!r} must be uint8 {list(expected)} of "
            f"exponent 0, not {source}"
        )
    if qnet.classifier is None and not (qnet.nodes and qnet.maps):
        raise FirebrickError(
            f"network {qnet.name}: the last layer must be a global sum, where no map is an output"
        )
    if qnet.classifier is not None and qnet.maps:
        raise FirebrickError(f"network {qnet.name}: it ends in a global sum and in maps")
    known = {qnet.input}
    names: set[str] = set()
    for node in qnet.nodes:
        if node.name in names or node.output in known:
            raise FirebrickError(f"layer {node.name}: its name or output exists already")
        names.add(node.name)
        for name in inputs_of(node):
            if name not in known or name not in qnet.tensors:
                raise FirebrickError(f"layer {node.name}: nothing before it makes {name!r}")
        if isinstance(node, QGlobalSum):
            if node is not qnet.nodes[-1]:
                raise FirebrickError(f"layer {node.name}: a global sum must be the last layer")
            rows, cols = _check_conv(qnet, node)
            if node.positions != rows * cols:
                raise FirebrickError(
                    f"layer {node.name}: {node.positions} positions, but the map is {rows}x{cols}"
                )
            continue
        expected_tensor = _output_tensor(qnet, node)
        if qnet.tensors.get(node.output) != expected_tensor:
            raise FirebrickError(
                f"layer {node.name}: its output must be {expected_tensor}, not "
                f"{qnet.tensors.get(node.output)}"
            )
        known.add(node.output)
    lost = [name for name in qnet.maps if name not in known - {qnet.input}]
    if lost or len(set(qnet.maps)) != len(qnet.maps):
        raise FirebrickError(
            f"network {qnet.name}: its outputs {', '.join(qnet.maps)} must be maps of its own, "
            "each once"
        )
    check_anchors(qnet.name, qnet.anchors, [qnet.tensors[name].shape for name in qnet.maps])
    if qnet.kinds and len(qnet.classes) not in (0, qnet.kinds):
        raise FirebrickError(
            f"network {qnet.name}: {len(qnet.classes)} class names for {qnet.kinds} classes"
        )


def check_anchors(
    name: str, anchors: tuple[tuple[float, float], ...], maps: list[tuple[int, int, int]]
) -> None:
    """FirebrickError where ``anchors`` do not fit the maps [C, H, W] that network ``name`` ends in,
    which are one head's channels one after the other."""
    if not anchors:
        return
    if not all(len(sides) == 2 and min(sides) > 0 for sides in anchors):
        raise FirebrickError(f"network {name}: an anchor is a width and a height above 0")
    if len({size[1:] for size in maps}) != 1:
        raise FirebrickError(
            f"network {name}: anchors are those of one grid, the network ends in {len(maps)} maps "
            f"of {len({size[1:] for size in maps})} sizes"
        )
    channels = sum(size[0] for size in maps)
    if channels % len(anchors) or detector_classes(channels, len(anchors)) < 1:
        raise FirebrickError(
            f"network {name}: {channels} channels do not fit {len(anchors)} anchors, each of which "
            "has one for every class and 5 more"
        )


def _output_tensor(qnet: QNetwork, node: QConv | QMaxPool | QConcat | QAdd) -> QTensor:
    """The tensor that the node makes, by its own rules."""
    if isinstance(node, QConv):
        rows, cols = _check_conv(qnet, node)
        exponents = qnet.tensors[node.input].exponent + node.weight_exponent - node.shift
        exponent = int(exponents[0])
        if np.any(exponents != exponent):
            raise FirebrickError(f"layer {node.name}: its shifts give channels unlike exponents")
        return QTensor(node.output, (len(node.bias), rows, cols), exponent, not node.relu)
    if isinstance(node, QMaxPool):
        source = qnet.tensors[node.input]
        if node.kernel not in (2, 3):
            raise FirebrickError(f"layer {node.name}: a pooling window must be 2 or 3 wide")
        if node.padding not in (0, 1):
            raise FirebrickError(f"layer {node.name}: a pooling's padding must be 0 or 1")
        rows, cols = (
            pool_size(size + node.padding, node.kernel, node.ceil_mode) for size in source.shape[1:]
        )
        if min(rows, cols) < 1:
            raise FirebrickError(f"layer {node.name}: its window does not fit {source.shape}")
        return QTensor(node.output, (source.shape[0], rows, cols), source.exponent, source.signed)
    sources = [qnet.tensors[name] for name in node.inputs]
    if isinstance(node, QAdd):
        return _sum_tensor(qnet, node, sources)
    first = sources[0]
    for other in sources:
        if (other.shape[1:], other.exponent, other.signed) != (
            first.shape[1:],
            first.exponent,
            first.signed,
        ):
            raise FirebrickError(
                f"layer {node.name}: its inputs must agree in size, exponent and sign: "
                f"{first} and {other}"
            )
    channels = sum(tensor.shape[0] for tensor in sources)
    return QTensor(node.output, (channels, *first.shape[1:]), first.exponent, first.signed)


def _sum_tensor(qnet: QNetwork, node: QAdd, sources: list[QTensor]) -> QTensor:
    """The tensor that an addition makes; its sign is free where an operand has one (ReLU)."""
    if len(sources) != 2 or len(node.left) != 2:
        raise FirebrickError(f"layer {node.name}: an addition has two inputs and two left shifts")
    a, b = sources
    if a.shape != b.shape:
        raise FirebrickError(f"layer {node.name}: it adds maps of unlike shapes: {a} and {b}")
    if min(node.left) != 0 or max(node.left) > MAX_ADD_LEFT or not 0 <= node.shift <= MAX_ADD_SHIFT:
        raise FirebrickError(
            f"layer {node.name}: left shifts {node.left}, shift {node.shift}; left shifts must lie "
            f"within 0..{MAX_ADD_LEFT}, one of them 0, and the shift within 0..{MAX_ADD_SHIFT}"
        )
    common = a.exponent + node.left[0]
    if common != b.exponent + node.left[1]:
        raise FirebrickError(f"layer {node.name}: its left shifts do not align {a} and {b}")
    output = qnet.tensors.get(node.output)
    signed = (a.signed or b.signed) and (output is None or output.signed)
    return QTensor(node.output, a.shape, common - node.shift, signed)


def _check_conv(qnet: QNetwork, node: QConv | QGlobalSum) -> tuple[int, int]:
    """Rows and columns of the output; FirebrickError where an array breaks a rule."""
    source = qnet.tensors[node.input]
    outputs = node.weights.shape[0] if node.weights.ndim == 4 else 0
    arrays = {"bias": node.bias, "weight_exponent": node.weight_exponent}
    if isinstance(node, QConv):
        arrays["shift"] = node.shift
    for name, array in arrays.items():
        if array.dtype != np.int32 or array.shape != (outputs,):
            raise FirebrickError(
                f"layer {node.name}: {name} must be int32 [{outputs}], not {array.dtype} "
                f"{list(array.shape)}"
            )
    if node.weights.dtype != np.int8 or outputs == 0 or node.weights.shape[1] != source.shape[0]:
        raise FirebrickError(
            f"layer {node.name}: weights must be int8 [outputs, {source.shape[0]}, rows, columns], "
            f"not {node.weights.dtype} {list(node.weights.shape)}"
        )
    if int(node.weights.min()) < -WEIGHT_MAX:
        raise FirebrickError(f"layer {node.name}: a weight is -128; the least is -{WEIGHT_MAX}")
    if isinstance(node, QConv):
        if node.shift.min() < 0 or node.shift.max() > MAX_SHIFT:
            raise FirebrickError(f"layer {node.name}: a shift lies outside 0..{MAX_SHIFT}")
        pad = node.pad_value
        if pad is not None and (pad.dtype != np.uint8 or pad.shape != (source.shape[0],)):
            raise FirebrickError(
                f"layer {node.name}: pad_value must be uint8 [{source.shape[0]}], not "
                f"{pad.dtype} {list(pad.shape)}"
            )
        if pad is not None and source.signed:
            raise FirebrickError(f"layer {node.name}: pad_value is for unsigned inputs only")
    if node.stride < 1 or len(node.padding) != 4 or min(node.padding) < 0:
        raise FirebrickError(f"layer {node.name}: stride {node.stride}, padding {node.padding}")
    top, left, bottom, right = node.padding
    kh, kw = node.weights.shape[2:]
    rows = conv_size(source.shape[1], kh, node.stride, top, bottom)
    cols = conv_size(source.shape[2], kw, node.stride, left, right)
    if min(rows, cols) < 1:
        raise FirebrickError(f"layer {node.name}: a {kh}x{kw} kernel does not fit {source.shape}")
    return rows, cols
