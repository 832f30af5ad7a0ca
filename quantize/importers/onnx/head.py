"""How an ONNX import follows the end of a network: the mean over the map and what comes after.

A linear layer behind the mean is the same layer before it, and a linear layer over a whole map is
a convolution of the map's size: both become convolutions.  Softmax is noted, not computed.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.layers import POOL_ATTRIBUTES, convolution, linear
from firebrick.quantize.importers.onnx.layout import dims_of
from firebrick.quantize.importers.onnx.values import (
    CHANNELS_FIRST,
    NET_END,
    NO_PADDING,
    Builder,
    ConvLayer,
    Flat,
    Integers,
    Logits,
    View,
    axes_text,
    describe,
    whole,
)


def global_average_pool(builder: Builder, node: OnnxNode) -> None:
    node.known(())
    node.arity(1, 1)
    value = builder.value(node, 0)
    if isinstance(value, Logits) and len(value.dims) == 3 and value.dims[0] == value.classes:
        builder.values[node.outputs[0]] = value
        return
    source = builder.channels_first(node)
    _average(builder, node, source, (source.shape[0], 1, 1))


def average_pool(builder: Builder, node: OnnxNode) -> None:
    """AveragePool of the whole map."""
    node.known((*POOL_ATTRIBUTES, "count_include_pad"))
    node.arity(1, 1)
    source = builder.channels_first(node)
    kernel = node.get("kernel_shape", ())
    padding = node.get("pads", NO_PADDING)
    strides = node.get("strides", (1, 1))
    if len(strides) != 2 or min(strides) < 1:
        node.refuse(f"attribute strides is {list(strides)}")
    if (
        kernel != source.shape[1:]
        or padding != NO_PADDING
        or node.get("dilations", (1, 1)) != (1, 1)
        or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    ):
        node.refuse(
            f"averages windows of {list(kernel)}, padding {list(padding)}, of a map "
            f"{source.shape[1]}x{source.shape[2]}; supported is one window, the whole map"
        )
    _average(builder, node, source, (source.shape[0], 1, 1))


def reduce_mean(builder: Builder, node: OnnxNode) -> None:
    """ReduceMean over rows and columns, wherever they are."""
    node.known(("axes", "keepdims", "noop_with_empty_axes"))
    node.arity(1, 2)
    source = builder.view(node)
    if len(node.inputs) == 2:
        axes = builder.list_of_integers(node, 1, "axes")
    else:
        axes = node.get("axes", ())
    rows_and_columns = sorted(source.axes.index(axis) for axis in (2, 3))
    if sorted(axis % 4 if -4 <= axis < 4 else axis for axis in axes) != rows_and_columns:
        node.refuse(f"takes the mean over the axes {list(axes)}; supported are {rows_and_columns}")
    if source.axes[0] != 0:
        node.refuse("its batch is not the first axis")
    keep = node.get("keepdims", 1)
    sizes = [source.shape[0] if axis == 1 else 1 for axis in source.axes[1:]]
    _average(builder, node, source, tuple(sizes) if keep else (source.shape[0],))


def _average(builder: Builder, node: OnnxNode, source: View, dims: tuple[int, ...]) -> None:
    """The global average."""
    if source.map.source is None:
        node.refuse(f"averages the network's input; {NET_END}")
    if any(source.padding):
        node.refuse(f"averages a padded map; {NET_END}")
    builder.values[node.outputs[0]] = Logits(node, source, dims)


def gemm(builder: Builder, node: OnnxNode) -> None:
    node.known(("alpha", "beta", "transA", "transB"))
    node.arity(2, 3)
    weights = builder.numbers(node, 1, "weights")
    if weights.ndim != 2 or 0 in weights.shape or node.get("transA", 0):
        node.refuse(f"its weights have the shape {list(weights.shape)}, or transA is set")
    value = builder.value(node, 0)
    if isinstance(value, Logits) and len(value.dims) != 1:
        node.refuse(f"its input is [batch, {', '.join(map(str, value.dims))}], not a matrix")
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    integers = builder.integers.get(node.inputs[1]) if alpha == 1.0 else None
    transposed = bool(node.get("transB", 0))
    matrix = weights if transposed else weights.T
    bias = np.zeros(len(matrix), np.float32)
    if len(node.inputs) == 3:
        given = builder.numbers(node, 2, "biases")
        # [outputs, 1] would be one value a picture, not one a class.
        if given.size not in (1, len(matrix)) or given.shape[:-1] not in ((), (1,)):
            node.refuse(f"its biases have the shape {list(given.shape)}, not [{len(matrix)}]")
        bias = np.broadcast_to(given.reshape(-1), bias.shape) * np.float32(beta)
    if integers is not None and not transposed:
        integers = integers.moved(np.transpose)
    matrix = matrix if alpha == 1.0 else matrix * np.float32(alpha)
    _product(builder, node, matrix, bias, integers)


def mat_mul(builder: Builder, node: OnnxNode) -> None:
    node.known(())
    node.arity(2, 2)
    if isinstance(builder.value(node, 0), np.ndarray):
        node.refuse("its first input is a constant; supported are constant weights, second")
    weights = builder.numbers(node, 1, "weights")
    if weights.ndim != 2 or 0 in weights.shape:
        node.refuse(f"its weights have the shape {list(weights.shape)}; supported are matrices")
    integers = builder.integers.get(node.inputs[1])
    if integers is not None:
        integers = integers.moved(np.transpose)
    _product(builder, node, weights.T, np.zeros(weights.shape[1], np.float32), integers)


def _product(
    builder: Builder,
    node: OnnxNode,
    matrix: np.ndarray,
    bias: np.ndarray,
    integers: Integers | None,
) -> None:
    """matrix [outputs, values] times the flattened map, or times the mean over it."""
    value = builder.computed(node)
    if isinstance(value, View):
        node.refuse(
            f"reads a map of {list(dims_of(value))} that is not flattened; supported are Flatten "
            "or a global average before it"
        )
    dims = dims_of(value)
    if matrix.shape[1] != dims[-1] or math.prod(dims) != dims[-1]:
        node.refuse(f"its weights take {matrix.shape[1]} values, but its input is {list(dims)}")
    outputs = len(matrix)
    if isinstance(value, Logits):
        if integers is not None:
            integers = integers.moved(_pointwise)
        made = linear(builder, node, value.view, _pointwise(matrix), bias, integers)
        kept = (*value.dims[:-1], outputs)
        builder.values[node.outputs[0]] = replace(value, view=made, dims=kept)
        return
    assert isinstance(value, Flat)
    source = value.view
    # The values lie in the order of the view's axes, a convolution's weights as [C, H, W].
    order = [axis - 1 for axis in source.axes[1:]]
    back = np.argsort(order)

    def kernel(array: np.ndarray) -> np.ndarray:
        return array.reshape(outputs, *source.dims).transpose(0, *(back + 1))

    if integers is not None:
        integers = integers.moved(kernel)
    made = convolution(builder, node, source, kernel(matrix), bias, 1, NO_PADDING, integers)
    builder.values[node.outputs[0]] = Flat(made)


def _pointwise(matrix: np.ndarray) -> np.ndarray:
    """A matrix as the weights of a 1x1 convolution."""
    return matrix[:, :, None, None]


def softmax(builder: Builder, node: OnnxNode) -> None:
    """Softmax and LogSoftmax: both are monotonic, the logits before them are kept."""
    node.known(("axis",))
    node.arity(1, 1)
    value = builder.value(node, 0)
    if isinstance(value, Flat) and value.view.shape[1:] == (1, 1):
        value = averaged(builder, node, value)
    if not isinstance(value, Logits):
        node.refuse(f"{node.op} is supported after the global average only; {NET_END}")
    if value.softmax:
        node.refuse("is the second Softmax; supported is one")
    old = builder.graph.opset < 13
    axis = node.get("axis", 1 if old else -1)
    rank = len(value.dims) + 1
    index = axis + rank if axis < 0 else axis
    # Before opset 13 it normalizes over all dimensions from ``axis`` on, since then over one.
    over = value.dims[index - 1 :] if old else value.dims[index - 1 : index]
    if not 0 < index < rank or math.prod(over) != value.classes:
        node.refuse(f"attribute axis is {axis}, which are not the {value.classes} classes")
    builder.values[node.outputs[0]] = replace(value, softmax=True)


def averaged(builder: Builder, node: OnnxNode, value: Flat) -> Logits:
    """A flattened map of 1x1 is its own mean."""
    view = whole(value.view.map) if value.view.plain else value.view
    return Logits(node, view, (len(view.channels),))


def check_classifier(logits: Logits) -> None:
    """Refuse a network that does not end as a convolution and its mean."""
    source = logits.view
    layer = source.map.source
    assert layer is not None
    if not source.plain:
        logits.node.refuse(
            f"what it averages, or the average, is scaled or shifted behind {describe(layer)}, "
            f"which only a linear layer can take in; {NET_END}"
        )
    if not isinstance(layer, ConvLayer):
        logits.node.refuse(f"averages {describe(layer)}; {NET_END}")
    if source.map.uses != 1:
        logits.node.refuse(f"its input {source.map.name!r} is read elsewhere too; {NET_END}")


def check_map(builder: Builder, output: str, result: View) -> None:
    """Refuse an output that is not a map as one of the network's layers makes it."""
    where = f"{builder.graph.path}: its output {output!r}"
    layer = result.map.source
    if layer is None:
        raise FirebrickError(f"{where} is the network's input; {NET_END}")
    if result.axes != CHANNELS_FIRST:
        raise FirebrickError(
            f"{where} is a map of the axes {axes_text(result.axes)}; supported are "
            f"{axes_text(CHANNELS_FIRST)}: export the network without the last Transpose"
        )
    if not result.plain or result.channels != tuple(range(result.map.shape[0])):
        raise FirebrickError(
            f"{where} is padded, scaled or shifted, or channels of it are chosen, behind "
            f"{describe(layer)}: end the network there and do it on the host"
        )
