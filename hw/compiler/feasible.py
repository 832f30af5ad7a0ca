"""Whether an engine can run a float network, before anyone spends time on quantizing it."""

from __future__ import annotations

import numpy as np

from firebrick.hw.compiler.outline import outline
from firebrick.hw.shape import EngineShape
from firebrick.quantize.calibration.calibrate import rectified_tensors
from firebrick.quantize.geometry import conv_size
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network
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


def check_float(net: Network, shape: EngineShape) -> None:
    """Raises :class:`hw.compiler.steps.CompileError`, naming layer and limit, where the engine
    cannot run ``net`` whatever its numbers become: kernels, strides, memories.

    Ranges of accumulators and shifts depend on the numbers; :func:`compile_network` checks those.
    """
    outline(without_numbers(net), shape)


def without_numbers(net: Network) -> QNetwork:
    """A quantized network of the same layers and sizes, all of its weights zero."""
    rectified = rectified_tensors(net)
    last = net.average
    nodes = [_node(node, net, last) for node in net.nodes if not isinstance(node, GlobalAverage)]
    tensors = {
        name: QTensor(name, size, 0, name != net.input and not rectified[name])
        for name, size in net.shapes.items()
        if last is None or name not in (last.input, last.output)
    }
    channels, height, width = net.shapes[net.input]
    some = Preprocessing("L", 0, (height, width), 1.0, (0.0,) * channels, (1.0,) * channels)
    return QNetwork(net.name, net.input, tensors, tuple(nodes), some, maps=net.maps)


def _node(node: Conv | MaxPool | Concat | Add, net: Network, last: GlobalAverage | None) -> QNode:
    if isinstance(node, MaxPool):
        return quantize_pool(node)
    if isinstance(node, Concat):
        return QConcat(node.name, node.inputs, node.output)
    if isinstance(node, Add):
        return QAdd(node.name, node.inputs, node.output, (0, 0), 0)
    # All the same zero, which takes no memory.
    weights = np.broadcast_to(np.zeros((), np.int8), node.weights.shape)
    zeros = np.broadcast_to(np.zeros((), np.int32), node.bias.shape)
    if last is None or node.output != last.input:
        return QConv(
            node.name, node.input, node.output, weights, zeros, zeros, zeros,
            node.stride, node.padding, node.relu,
        )  # fmt: skip
    _, height, width = net.shapes[node.input]
    top, left, bottom, right = node.padding
    kernel_rows, kernel_columns = node.weights.shape[2:]
    rows = conv_size(height, kernel_rows, node.stride, top, bottom)
    columns = conv_size(width, kernel_columns, node.stride, left, right)
    return QGlobalSum(
        node.name, node.input, last.output, weights, zeros, zeros,
        node.stride, node.padding, node.relu, rows * columns,
    )  # fmt: skip
