"""How an ONNX import follows arithmetic on feature maps: normalization, constants, sums.

A factor and an offset a channel go into the convolution before them, or wait for the one behind;
the sum of two maps is a layer, a bypass.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.values import (
    CHANNELS_FIRST,
    AddLayer,
    Builder,
    ConvLayer,
    Flat,
    Logits,
    Value,
    View,
    axes_text,
    scale_back,
)


def batch_norm(builder: Builder, node: OnnxNode) -> None:
    """y = scale * (x - mean) / sqrt(variance + epsilon) + shift."""
    node.known(("epsilon", "momentum", "spatial", "training_mode"))
    node.arity(5, 5)
    value = builder.value(node, 0)
    if isinstance(value, Logits | Flat):
        dims = value.dims if isinstance(value, Logits) else (math.prod(value.view.dims),)
        count = len(value.view.channels)
        if dims[0] != count:
            node.refuse(f"its input is [batch, {', '.join(map(str, dims))}], not {count} channels")
    else:
        count = builder.channels_first(node).shape[0]
    if node.get("training_mode", 0) or any(node.outputs[1:]):
        node.refuse("is in training mode; export the network for inference")
    if node.get("spatial", 1) != 1:
        node.refuse("attribute spatial is 0; supported is 1, one scale a channel")
    names = ("scales", "shifts", "means", "variances")
    values = [builder.numbers(node, i + 1, name) for i, name in enumerate(names)]
    for name, array in zip(names, values, strict=True):
        if array.shape != (count,):
            node.refuse(f"its {name} have the shape {list(array.shape)}, not [{count}]")
    scale, shift, mean, variance = (array.astype(np.float64) for array in values)
    epsilon = node.get("epsilon", 1e-5)
    if not np.all(variance + epsilon > 0):
        node.refuse("a variance plus epsilon is not greater than zero")
    factor = scale / np.sqrt(variance + epsilon)
    affine(builder, node, builder.value(node, 0), factor, shift - mean * factor)


def affine(
    builder: Builder, node: OnnxNode, value: Value, factor: np.ndarray, offset: np.ndarray
) -> None:
    """The node makes factor * x + offset (float64 [channels]) of ``value``."""
    assert isinstance(value, View | Flat | Logits)
    source = value if isinstance(value, View) else value.view
    with np.errstate(over="ignore"):
        finite = np.isfinite(factor.astype(np.float32)) & np.isfinite(offset.astype(np.float32))
    if not np.all(finite):
        node.refuse("it scales or shifts beyond the range of float32")
    if source.map.source is None:
        builder.prepared_by.append(node)
    if source.plain and scale_back(source.map, factor, offset):
        layer = source.map.source
        _check_range(node, layer if isinstance(layer, ConvLayer) else None)
        made = source
        if not isinstance(value, Logits):
            builder.rename(node, made)
    else:
        made = replace(
            source,
            factor=source.factor * factor,
            offset=source.offset * factor + offset,
            frame=source.frame * factor + offset,
        )
        if not isinstance(value, Logits):
            builder.show(node, made)
    builder.values[node.outputs[0]] = made if isinstance(value, View) else replace(value, view=made)


def _check_range(node: OnnxNode, layer: ConvLayer | None) -> None:
    if layer is None:
        return
    largest = float(np.finfo(np.float32).max)
    if max(np.abs(layer.weights).max(), np.abs(layer.bias).max()) > largest:
        node.refuse(f"folded into {layer.name} it gives weights beyond the range of float32")


def arithmetic(builder: Builder, node: OnnxNode) -> None:
    """Add, Sub, Mul, Div and Sum: of a map and a constant, or the sum of two maps."""
    node.known(())
    node.arity(2, 2)
    left, right = builder.value(node, 0), builder.value(node, 1)
    if not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray):
        _two_maps(builder, node)
        return
    backwards = isinstance(left, np.ndarray)
    value = right if backwards else left
    index = 0 if backwards else 1
    if isinstance(value, np.ndarray):
        node.refuse("both of its inputs are constants, of a kind that is not computed here")
    constant = builder.numbers(node, index, "constants").astype(np.float64)
    if node.op in ("Add", "Sum") and isinstance(value, View) and _framed(node, value, constant):
        _set_frame(builder, node, value, constant)
        return
    numbers = _per_channel(node, value, constant)
    ones, zeros = np.ones(len(numbers)), np.zeros(len(numbers))
    if node.op in ("Add", "Sum"):
        affine(builder, node, value, ones, numbers)
    elif node.op == "Sub":
        affine(builder, node, value, *((-ones, numbers) if backwards else (ones, -numbers)))
    elif node.op == "Mul":
        affine(builder, node, value, numbers, zeros)
    elif backwards or not np.all(numbers):
        node.refuse("divides by a feature map or by zero; supported is a division by a constant")
    else:
        affine(builder, node, value, 1 / numbers, zeros)


def _per_channel(node: OnnxNode, value: Value, constant: np.ndarray) -> np.ndarray:
    """``constant`` as float64 [channels]; refused where it differs within a channel."""
    if isinstance(value, View):
        rank, axis, count = 4, value.axes.index(1), len(value.channels)
    elif isinstance(value, Logits):
        rank, count = len(value.dims) + 1, value.classes
        axis = value.dims.index(count) + 1
    else:
        assert isinstance(value, Flat)
        rank, axis, count = 2, 1, math.prod(value.view.dims)
        if count != len(value.view.channels):
            node.refuse("its input is a flattened map; supported is a constant for one of 1x1")
    shape = (1,) * (rank - constant.ndim) + constant.shape
    expected = {1, count}
    if len(shape) != rank or any(
        size not in (expected if index == axis else {1}) for index, size in enumerate(shape)
    ):
        node.refuse(
            f"its constant has the shape {list(constant.shape)}; supported is one value, or one "
            f"a channel ({count} along axis {axis})"
        )
    return np.broadcast_to(constant.reshape(-1), (count,)).copy()


def _framed(node: OnnxNode, source: View, constant: np.ndarray) -> bool:
    """Whether ``constant`` changes nothing but the padding, to one value a channel."""
    return (
        any(source.padding)
        and source.axes == CHANNELS_FIRST
        and constant.shape in (source.shape, (1, *source.shape))
    )


def _set_frame(builder: Builder, node: OnnxNode, source: View, constant: np.ndarray) -> None:
    values = constant.reshape(source.shape)
    top, left, _, _ = source.padding
    _, height, width = source.map.shape
    inside = np.zeros(values.shape[1:], bool)
    inside[top : top + height, left : left + width] = True
    border = values[:, ~inside]
    if np.any(values[:, inside]) or np.ptp(border, axis=1).any():
        node.refuse("its constant differs within a channel; supported is one value a channel")
    builder.show(node, replace(source, frame=source.frame + border[:, 0]))


def _two_maps(builder: Builder, node: OnnxNode) -> None:
    """The sum of two feature maps: a bypass."""
    if node.op not in ("Add", "Sum"):
        node.refuse(f"{node.op} of two feature maps is not supported, only their sum")
    first, second = builder.view(node, 0), builder.view(node, 1)
    if first.axes != second.axes:
        node.refuse(f"adds maps of the axes {axes_text(first.axes)} and {axes_text(second.axes)}")
    if first.shape != second.shape:
        node.refuse(
            f"adds maps of the shapes {first.shape} and {second.shape}; supported is a "
            "sum of two maps of one shape"
        )
    for source in (first, second):
        require_plain(node, source)
    layer = AddLayer(node.name, [first.map, second.map], [first.quantized, second.quantized])
    made = builder.emit(node, layer, first.shape)
    builder.values[node.outputs[0]] = replace(made, axes=first.axes)


def require_plain(node: OnnxNode, source: View) -> None:
    """Refuse what only a convolution can take in."""
    if not source.plain:
        what = "is padded" if source.scaled(1.0, 0.0) else "is scaled or shifted"
        node.refuse(
            f"its input {source.map.name!r} {what} by a node before it, which only a Conv can "
            "take in"
        )
