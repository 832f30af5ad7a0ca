"""The quantized network of a lowered graph: calibrated, or with exponents that were stated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from firebrick.hw.hls4ml_backend.precision import Stated
from firebrick.quantize import golden
from firebrick.quantize.calibration.calibrate import activation_exponents, exponent_groups
from firebrick.quantize.calibration.quantizer import (
    fold_input,
    quantize_add,
    quantize_network,
    weight_exponents,
)
from firebrick.quantize.calibration.take_over import take_over
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import (
    ACCUMULATOR_BITS,
    MAX_SHIFT,
    WEIGHT_MAX,
)
from firebrick.quantize.importers.load import prepare
from firebrick.quantize.importers.onnx.model import ImportedModel
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network
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


def quantize(
    net: Network, preprocessing: Preprocessing, calibration: np.ndarray | None, stated: Stated
) -> QNetwork:
    """``net`` in integers.

    ``calibration`` uint8 [N, C, H, W], raw pixels, chooses every exponent that ``stated`` leaves
    open; without anything stated the result is that of
    :func:`quantize.calibration.quantizer.quantize_network`.  Raises FirebrickError naming the layer
    where an exponent has neither source, and where the stated ones do not fit the weights.
    """
    preprocessing = for_network(preprocessing, net)
    if not stated.exponents and not stated.weights:
        if calibration is None:
            raise FirebrickError(
                f"network {net.name}: nothing says what ranges its layers have: give calibration "
                "images (calibration=uint8 [N, C, H, W], an .npy file or a folder of pictures), "
                "or a precision fixed<8,I> for every layer"
            )
        return quantize_network(net, preprocessing, calibration)
    groups = exponent_groups(net)
    last = net.nodes[-1]
    assert isinstance(last, GlobalAverage)
    needed = {
        groups[node.output]: node.name
        for node in net.nodes
        if isinstance(node, Conv | Add) and node.output != last.input
    }
    missing = [name for group, name in needed.items() if group not in stated.exponents]
    exponents = dict(stated.exponents)
    if missing and calibration is None:
        raise FirebrickError(
            f"layer {missing[0]}: has no precision fixed<8,I> ({len(missing)} of {len(needed)} "
            "have none), and there are no calibration images to choose it"
        )
    if missing and calibration is not None:
        for group, choice in activation_exponents(net, preprocessing, calibration).items():
            exponents.setdefault(group, choice.best)
    by_tensor = {name: exponents[group] for name, group in groups.items() if group in exponents}
    return _assemble(net, preprocessing, by_tensor | {net.input: 0}, stated.weights)


def take_over_file(
    model: ImportedModel, net: Network, preprocessing: Any, stated: Stated
) -> QNetwork:
    """The quantized network that a QDQ or QONNX file holds, under the names of ``net``, which was
    made from it.

    ``preprocessing`` is a preset's name, or values.  Raises FirebrickError where the file's scales
    are not those of this hardware, with the reasons.
    """
    if stated.exponents or stated.weights:
        raise FirebrickError(
            f"{model.path}: holds a quantized network, but precisions are stated too; leave them "
            "'auto'"
        )
    values = preprocessing if isinstance(preprocessing, dict) else {"preset": preprocessing}
    taken = take_over(model, prepare(model, **values))
    if taken.qnet is None:
        raise FirebrickError(
            f"{model.path}: its quantizers cannot be taken over: {'; '.join(taken.reasons)}; give "
            "the float network, and calibration images or fixed<8,I> for each layer, or run this "
            "file without hls4ml, by make quantize or make demo"
        )
    names = {model.network.input: net.input}
    layers = {}
    for ours, theirs in zip(net.nodes, model.network.nodes, strict=True):
        names[theirs.output] = ours.output
        layers[theirs.name] = ours.name
    return _renamed(taken.qnet, names, layers)


def _renamed(qnet: QNetwork, names: dict[str, str], layers: dict[str, str]) -> QNetwork:
    """``qnet`` with other names of tensors and layers."""
    nodes: list[QNode] = []
    for node in qnet.nodes:
        common = {"name": layers.get(node.name, node.name), "output": names[node.output]}
        if isinstance(node, QConcat | QAdd):
            inputs = tuple(names[name] for name in node.inputs)
            nodes.append(replace(node, inputs=inputs, **common))  # type: ignore[arg-type]
        else:
            nodes.append(replace(node, input=names[node.input], **common))  # type: ignore[arg-type]
    tensors = {names[t.name]: replace(t, name=names[t.name]) for t in qnet.tensors.values()}
    return replace(qnet, input=names[qnet.input], tensors=tensors, nodes=tuple(nodes))


def _assemble(
    net: Network, preprocessing: Preprocessing, exponents: dict[str, int], fixed: dict[str, int]
) -> QNetwork:
    last = net.nodes[-1]
    assert isinstance(last, GlobalAverage)
    tensors = {net.input: QTensor(net.input, net.shapes[net.input], 0, False)}
    nodes: list[QNode] = []
    for node in net.nodes[:-1]:
        signed = False
        if isinstance(node, Conv):
            is_last = node.output == last.input
            made = _conv(
                node, net, preprocessing, exponents, last if is_last else None, fixed.get(node.name)
            )
            nodes.append(made)
            if is_last:
                continue
            signed = not node.relu
        elif isinstance(node, MaxPool):
            nodes.append(quantize_pool(node))
            signed = tensors[node.input].signed
        elif isinstance(node, Concat):
            nodes.append(QConcat(node.name, node.inputs, node.output))
            signed = tensors[node.inputs[0]].signed
        elif isinstance(node, Add):
            nodes.append(quantize_add(node, exponents))
            signed = not node.relu and any(tensors[name].signed for name in node.inputs)
        shape = net.shapes[node.output]
        tensors[node.output] = QTensor(node.output, shape, exponents[node.output], signed)
    qnet = QNetwork(net.name, net.input, tensors, tuple(nodes), preprocessing)
    check_qnetwork(qnet)
    return qnet


def _conv(
    node: Conv,
    net: Network,
    preprocessing: Preprocessing,
    exponents: dict[str, int],
    average: GlobalAverage | None,
    fixed: int | None,
) -> QConv | QGlobalSum:
    """One convolution at stated exponents; ``average`` follows the last one."""
    layer = fold_input(net, node, preprocessing)
    source = exponents[node.input]
    exponent, dead = weight_exponents(layer.weights)
    if fixed is not None:
        exponent = np.full_like(exponent, fixed)
    elif average is None:
        exponent[dead] = exponents[node.output] - source
    bias = _bias(layer.weights, layer.bias, layer.offset, exponent, source)
    limit = 1 << (ACCUMULATOR_BITS - 2)
    while fixed is None and np.any(np.abs(bias) > limit):
        # A large bias costs its channel resolution, as in the calibrated quantizer.
        exponent = exponent - (np.abs(bias) > limit)
        bias = _bias(layer.weights, layer.bias, layer.offset, exponent, source)
    if average is None:
        target = exponents[node.output]
        exponent = np.minimum(exponent, target - source + MAX_SHIFT)
        if np.any(source + exponent < target):
            channel = int(np.argmin(exponent))
            more = target - source - int(exponent.min())
            raise FirebrickError(
                f"layer {node.name}, channel {channel}: its accumulator is coarser than "
                f"fixed<8,{8 - target}>, the precision of its result: give fixed<8,"
                f"{8 - target + more}> or more integer bits"
            )
        bias = _bias(layer.weights, layer.bias, layer.offset, exponent, source)
    column = exponent[:, None, None, None]
    weights = np.clip(np.rint(np.ldexp(layer.weights, column)), -WEIGHT_MAX, WEIGHT_MAX)
    bound = golden.accumulator_reach(weights, bias, layer.signed_input)
    if int(bound.max()) >= 1 << (ACCUMULATOR_BITS - 1):
        raise FirebrickError(
            f"layer {node.name}, channel {int(bound.argmax())}: can reach {int(bound.max())}, "
            f"which does not fit the accumulator of {ACCUMULATOR_BITS} bits; give its "
            "weights more integer bits"
        )
    common = {
        "name": node.name,
        "input": node.input,
        "weights": weights.astype(np.int8),
        "bias": bias.astype(np.int32),
        "weight_exponent": exponent.astype(np.int32),
        "stride": node.stride,
        "padding": node.padding,
        "relu": node.relu,
    }
    if average is None:
        shift = (source + exponent - exponents[node.output]).astype(np.int32)
        return QConv(output=node.output, shift=shift, pad_value=layer.pad_value, **common)
    if layer.pad_value is not None:
        raise FirebrickError(f"layer {node.name}: the only convolution cannot pad")
    _, height, width = net.shapes[node.output]
    return QGlobalSum(output=average.output, positions=height * width, **common)


def _bias(
    weights: np.ndarray, bias: np.ndarray, offset: np.ndarray, exponent: np.ndarray, source: int
) -> np.ndarray:
    """The integer bias at the accumulator's scale, what the preprocessing subtracts included."""
    column = exponent[:, None, None, None]
    integers = np.clip(np.rint(np.ldexp(weights, column)), -WEIGHT_MAX, WEIGHT_MAX)
    rounded = np.ldexp(integers.sum(axis=(2, 3)), -exponent[:, None])
    return np.rint(np.ldexp(bias - rounded @ offset, source + exponent)).astype(np.int64)
