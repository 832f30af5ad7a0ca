"""How an ONNX import follows convolutions, padding, poolings and concatenations.

What the nodes around them scale, shift or pad they take in; where that is not exact the node is
refused.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from firebrick.quantize.geometry import conv_size, pool_size
from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.values import (
    NO_PADDING,
    Builder,
    ConcatLayer,
    ConvLayer,
    Flat,
    Integers,
    Logits,
    Padding,
    PoolLayer,
    View,
    axes_text,
    is_rectified,
    whole,
)
from firebrick.quantize.network import Shape

POOL_ATTRIBUTES = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
# Two paths into the network's input shift it alike when they differ by no more than rounding.
SHIFT_TOLERANCE = 1e-6


def conv(builder: Builder, node: OnnxNode) -> None:
    """Conv; on the global average it is a classifier, which :func:`linear` takes."""
    node.known(("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"))
    node.arity(2, 3)
    value = builder.value(node, 0)
    weights = builder.numbers(node, 1, "weights")
    averaged = isinstance(value, Logits) and len(value.dims) == 3
    if isinstance(value, Logits) and averaged and weights.shape[2:] == (1, 1):
        source = value.view
    else:
        source = builder.channels_first(node)
    _check_group(node, source.shape[0])
    if weights.ndim != 4 or weights.shape[1] != source.shape[0] or 0 in weights.shape:
        node.refuse(
            f"its weights have the shape {list(weights.shape)}; an input of {source.shape[0]} "
            f"channels needs [outputs, {source.shape[0]}, rows, columns] (group 1)"
        )
    outputs, _, rows, cols = weights.shape
    bias = np.zeros(outputs, np.float32)
    if len(node.inputs) == 3:
        bias = builder.numbers(node, 2, "biases")
        if bias.shape != (outputs,):
            node.refuse(f"its biases have the shape {list(bias.shape)} instead of [{outputs}]")
    dilations = node.get("dilations", (1, 1))
    if dilations != (1, 1):
        node.refuse(f"attribute dilations is {list(dilations)}; supported is [1, 1]")
    if node.get("kernel_shape", (rows, cols)) != (rows, cols):
        node.refuse(
            f"attribute kernel_shape is {list(node.get('kernel_shape', ()))}, but its weights are "
            f"{rows}x{cols}"
        )
    strides = node.get("strides", (1, 1))
    if len(strides) != 2 or strides[0] != strides[1] or strides[0] < 1:
        node.refuse(f"attribute strides is {list(strides)}; supported are two equal ones")
    integers = builder.integers.get(node.inputs[1])
    if isinstance(value, Logits):
        if any(padding_of(node, (outputs, 1, 1), (1, 1), 1)):
            node.refuse("pads the mean over the map; supported is no padding there")
        made = linear(builder, node, value.view, weights, bias, integers)
        builder.values[node.outputs[0]] = replace(value, view=made, dims=(outputs, 1, 1))
        return
    padding = padding_of(node, source.shape, (rows, cols), strides[0])
    convolution(builder, node, source, weights, bias, strides[0], padding, integers)


def check_alone(builder: Builder, node: OnnxNode) -> None:
    """Refuse what a node tells by itself, behind one whose output has no known size."""
    weights = builder.values.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.op == "Conv" and isinstance(weights, np.ndarray) and weights.ndim == 4:
        _check_group(node, node.get("group", 1) * weights.shape[1])


def _check_group(node: OnnxNode, channels: int) -> None:
    group = node.get("group", 1)
    if group == channels and group > 1:
        node.refuse(
            f"is a depthwise convolution, as MobileNet has them: attribute group is {group} for "
            f"{channels} channels; supported is 1: train a network of ordinary convolutions, "
            "such as SqueezeNet's Fire modules"
        )
    if group != 1:
        node.refuse(
            f"attribute group is {group}; supported is 1: train with convolutions that are not "
            "grouped"
        )


def convolution(
    builder: Builder,
    node: OnnxNode,
    source: View,
    weights: np.ndarray,
    bias: np.ndarray,
    stride: int,
    padding: Padding,
    integers: Integers | None,
) -> View:
    """Enter a convolution of what ``source`` shows and return its map.

    Factors and chosen channels go into the weights.  An offset of the network's input becomes a
    shift of it, so that zeros around the shifted input stay zeros; elsewhere it goes into the
    bias, which needs a convolution without padding.
    """
    outputs, _, rows, cols = weights.shape
    exact, total = weights.astype(np.float64), bias.astype(np.float64)
    if any(padding) and any(source.padding) and np.any(source.frame):
        node.refuse("pads by zeros a map that is padded by other values already")
    top, left, bottom, right = (a + b for a, b in zip(source.padding, padding, strict=True))
    if source.map.source is None:
        rest = _shift_input(builder, node, source, any((top, left, bottom, right)))
    else:
        rest = source.offset
        if any((top, left, bottom, right)) and (np.any(source.offset) or np.any(source.frame)):
            node.refuse(
                "its padding is not zero in terms of the layer before it (a BatchNormalization, "
                "Add or Pad lies between them behind a ReLU); supported there are Convs without "
                "padding"
            )
    if np.any(rest):
        total = total + exact.sum(axis=(2, 3)) @ rest
    count, height, width = source.map.shape
    exact = exact * source.factor[:, None, None]
    same = source.channels == tuple(range(count))
    if not same:
        spread = np.zeros((outputs, count, rows, cols))
        for index, channel in enumerate(source.channels):
            spread[:, channel] += exact[:, index]
        exact = spread
    untouched = same and bool(np.all(source.factor == 1.0))
    layer = ConvLayer(
        node.name,
        [source.map],
        [source.quantized],
        exact,
        total,
        stride,
        (top, left, bottom, right),
        integers=integers if untouched else None,
    )
    size = (
        outputs,
        conv_size(height, rows, stride, top, bottom),
        conv_size(width, cols, stride, left, right),
    )
    return builder.emit(node, layer, size)


def _shift_input(builder: Builder, node: OnnxNode, source: View, padded: bool) -> np.ndarray:
    """What remains to be added to factor * (x + shift) so that it is what ``source`` shows of the
    network's input x, float64 [channels]; sets the shift where none is set yet."""
    if not np.all(source.factor):
        node.refuse("a node before it multiplies a channel of the network's input by zero")
    channels = list(source.channels)
    border = source.frame if any(source.padding) else np.zeros(len(channels))
    if builder.shift is None:
        builder.shift = np.zeros(source.map.shape[0])
        builder.shift[channels] = (source.offset - border) / source.factor
    rest = source.offset - source.factor * builder.shift[channels]
    if not padded:
        return rest
    if np.any(np.abs(rest - border) > SHIFT_TOLERANCE * (1 + np.abs(source.offset))):
        node.refuse(
            "pads the network's input, which nodes of the file shift differently for different "
            "channels or readers; supported is one shift a channel"
        )
    return border


def padding_of(node: OnnxNode, shape: Shape, kernel: tuple[int, int], stride: int) -> Padding:
    """(top, left, bottom, right) from ``pads`` or ``auto_pad``."""
    pads = node.get("pads", NO_PADDING)
    auto = node.get("auto_pad", "NOTSET")
    if len(pads) != 4 or min(pads) < 0:
        node.refuse(f"attribute pads is {list(pads)}; supported are four that are not negative")
    if auto == "NOTSET":
        return pads
    if any(pads):
        node.refuse(f"attributes pads {list(pads)} and auto_pad {auto} contradict each other")
    if auto == "VALID":
        return NO_PADDING
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        node.refuse(
            f"attribute auto_pad is {auto!r}; supported are NOTSET, VALID, SAME_UPPER, SAME_LOWER"
        )
    sides = []
    for size, taps in zip(shape[1:], kernel, strict=True):
        total = max((math.ceil(size / stride) - 1) * stride + taps - size, 0)
        less, more = total // 2, total - total // 2
        sides.append((less, more) if auto == "SAME_UPPER" else (more, less))
    (top, bottom), (left, right) = sides
    return (top, left, bottom, right)


def pad(builder: Builder, node: OnnxNode) -> None:
    """Pad by a constant: left to the convolution that reads it."""
    node.known(("mode", "pads", "value"))
    node.arity(1, 4)
    source = builder.view(node)
    value = 0.0
    if node.get("mode", "constant") != "constant":
        node.refuse(f"attribute mode is {node.get('mode', '')!r}; supported is 'constant'")
    if "pads" in node.attributes:
        pads, value = node.get("pads", ()), node.get("value", value)
    else:
        node.arity(2, 4)
        pads = builder.list_of_integers(node, 1, "pads")
        if len(node.inputs) > 2 and node.inputs[2]:
            given = builder.constant(node, 2, "value")
            if given.size != 1:
                node.refuse(f"pads by a value of the shape {list(given.shape)}; supported is one")
            value = float(given.reshape(-1)[0])
    if not math.isfinite(value):
        node.refuse(f"pads by {value}; supported is a finite value")
    where = tuple(range(4))
    if len(node.inputs) > 3:
        axes = builder.list_of_integers(node, 3, "axes")
        where = tuple(axis % 4 for axis in axes)
        if len(set(where)) != len(axes) or not all(-4 <= axis < 4 for axis in axes):
            node.refuse(f"pads the axes {list(axes)} of 4")
    if len(pads) != 2 * len(where) or (pads and min(pads) < 0):
        node.refuse(f"its pads are {list(pads)}; supported are such that are not negative")
    before = {source.axes[axis]: pads[i] for i, axis in enumerate(where)}
    after = {source.axes[axis]: pads[i + len(where)] for i, axis in enumerate(where)}
    if any(before.get(axis, 0) or after.get(axis, 0) for axis in (0, 1)):
        node.refuse(f"pads {list(pads)} the batch or the channels; supported are rows and columns")
    more = (before.get(2, 0), before.get(3, 0), after.get(2, 0), after.get(3, 0))
    if not any(more):
        builder.show(node, source)
        return
    frame = np.full(len(source.channels), value)
    if any(source.padding) and not np.array_equal(frame, source.frame):
        node.refuse("pads a map that is padded by other values already")
    padding: Padding = tuple(a + b for a, b in zip(source.padding, more, strict=True))  # type: ignore[assignment]
    builder.show(node, replace(source, padding=padding, frame=frame))


def max_pool(builder: Builder, node: OnnxNode) -> None:
    """MaxPool of 2x2 or 3x3 with stride 2."""
    node.known((*POOL_ATTRIBUTES, "storage_order"))
    node.arity(1, 1)
    source = builder.channels_first(node)
    kernel = node.get("kernel_shape", ())
    strides = node.get("strides", (1, 1))
    if kernel not in ((2, 2), (3, 3)) or strides != (2, 2):
        node.refuse(
            f"attributes kernel_shape {list(kernel)}, strides {list(strides)}; supported are "
            "kernels of 2x2 and 3x3 with stride 2"
        )
    if any(node.outputs[1:]):
        node.refuse("its output of indices is not supported")
    if node.get("dilations", (1, 1)) != (1, 1):
        node.refuse(f"attribute dilations is {list(node.get('dilations', ()))}; supported is 1")
    if node.get("ceil_mode", 0) not in (0, 1):
        node.refuse(f"attribute ceil_mode is {node.get('ceil_mode', 0)}; supported are 0 and 1")
    ceil_mode = node.get("ceil_mode", 0) == 1
    if source.channels != tuple(range(source.map.shape[0])) or np.any(source.factor <= 0):
        node.refuse(
            "a node before it chooses channels or turns their sign, which only a Conv takes"
        )
    if any(source.padding) and (
        np.any(source.frame) or np.any(source.offset < 0) or not is_rectified(source.map)
    ):
        node.refuse(
            "a Pad before it enters values that can be the largest of a window; supported are "
            "zeros behind a ReLU"
        )
    own = padding_of(node, source.shape, (kernel[0], kernel[0]), 2)
    if ceil_mode and any(source.padding):
        node.refuse("has ceil_mode 1 behind a Pad; supported is 0 there")
    top, left, bottom, right = (a + b for a, b in zip(own, source.padding, strict=True))
    shape = source.map.shape
    if any((top, left, bottom, right)):
        padding = (top, left, bottom, right)
        ceil_mode = _ceil_mode_of(node, shape, kernel[0], padding, ceil_mode)
    rows, cols = (pool_size(size + top, kernel[0], ceil_mode) for size in shape[1:])
    layer = PoolLayer(node.name, [source.map], [source.quantized], kernel[0], ceil_mode, top)
    made = builder.emit(node, layer, (shape[0], rows, cols))
    builder.values[node.outputs[0]] = replace(
        made, factor=source.factor, offset=source.offset, integer=source.integer
    )


def _ceil_mode_of(
    node: OnnxNode, shape: Shape, kernel: int, padding: Padding, ceil_mode: bool
) -> bool:
    """The ceil_mode that equals padding at the bottom and the right.

    Padding of a maximum adds nothing but windows; some exporters write ceil_mode = 1 like that.
    At the top and the left it moves the windows.
    """
    top, left, bottom, right = padding
    if top == left <= 1 and not ceil_mode and max(bottom, right) < kernel:
        sizes = (shape[1] + top, shape[2] + left)
        wanted = [
            pool_size(size + more, kernel, False)
            for size, more in zip(sizes, (bottom, right), strict=True)
        ]
        for mode in (False, True):
            if [pool_size(size, kernel, mode) for size in sizes] == wanted:
                return mode
    node.refuse(
        f"pads the map {shape[1]}x{shape[2]} by {list(padding)} (top, left, bottom, right); "
        "supported are poolings padded by 0 or by 1 at the top and the left, whose last windows "
        "hold a row and a column of the map; other input sizes of the network may fit"
    )


def concat(builder: Builder, node: OnnxNode) -> None:
    """Concat along the channels."""
    node.known(("axis",))
    if not node.inputs or "" in node.inputs:
        node.refuse("an input is missing")
    sources = [builder.view(node, index) for index in range(len(node.inputs))]
    axes = sources[0].axes
    axis = node.get("axis", 1 if builder.graph.opset < 4 else 0)
    channel_axis = axes.index(1)
    if axis not in (channel_axis, channel_axis - 4):
        node.refuse(
            f"attribute axis is {axis}; supported is {channel_axis}, the channels of "
            f"{axes_text(axes)}"
        )
    for source in sources[1:]:
        if source.axes != axes:
            node.refuse(f"its inputs have the axes {axes_text(axes)} and {axes_text(source.axes)}")
        if source.shape[1:] != sources[0].shape[1:]:
            node.refuse(f"its inputs have the sizes {sources[0].shape} and {source.shape}")
    if len(sources) == 1:
        builder.show(node, sources[0])
        return
    factor, offset = (
        np.concatenate([getattr(source, name) for source in sources])
        for name in ("factor", "offset")
    )
    if all(source.map.source is None for source in sources):
        _rejoin(builder, node, sources)
        return
    for source in sources:
        if any(source.padding) or source.channels != tuple(range(source.map.shape[0])):
            node.refuse(
                f"its input {source.map.name!r} is padded, or channels of it are chosen, by a node "
                "before it, which only a Conv can take in"
            )
    layer = ConcatLayer(
        node.name,
        [source.map for source in sources],
        [source.quantized for source in sources],
    )
    channels = sum(source.map.shape[0] for source in sources)
    made = builder.emit(node, layer, (channels, *sources[0].map.shape[1:]))
    integers = {id(source.integer) for source in sources}
    builder.values[node.outputs[0]] = replace(
        made,
        axes=axes,
        factor=factor,
        offset=offset,
        integer=sources[0].integer if len(integers) == 1 else None,
    )


def _rejoin(builder: Builder, node: OnnxNode, sources: list[View]) -> None:
    """Channels of the network's input put together anew, as when RGB becomes BGR."""
    first = sources[0]
    if any(any(source.padding) for source in sources):
        node.refuse("joins padded channels of the network's input; pad after it")
    channels = tuple(channel for source in sources for channel in source.channels)
    first.map.uses -= len(sources) - 1
    quantized = all(source.quantized for source in sources)
    joined = replace(
        first,
        channels=channels,
        factor=np.concatenate([source.factor for source in sources]),
        offset=np.concatenate([source.offset for source in sources]),
        frame=np.concatenate([source.frame for source in sources]),
        quantized=quantized,
    )
    builder.show(node, joined)


def copy(builder: Builder, node: OnnxNode) -> None:
    """The node's output is its first input."""
    value = builder.value(node, 0)
    if isinstance(value, View):
        builder.show(node, value)
    elif isinstance(value, Flat):
        builder.show(node, value.view)
    builder.values[node.outputs[0]] = value
    if node.inputs[0] in builder.integers:
        builder.integers[node.outputs[0]] = builder.integers[node.inputs[0]]


def linear(
    builder: Builder,
    node: OnnxNode,
    source: View,
    weights: np.ndarray,
    bias: np.ndarray,
    integers: Integers | None,
) -> View:
    """A linear layer behind the global average, float32 [O, C, 1, 1]: it commutes with the mean.

    It joins a convolution without ReLU before the average where that makes the network no larger,
    and is a 1x1 convolution otherwise.
    """
    before = source.map.source
    exact = weights.astype(np.float64)[:, :, 0, 0]
    if (
        isinstance(before, ConvLayer)
        and source.plain
        and not before.relu
        and source.map.uses == 1
        and not source.map.grids
        and exact.shape[0] * before.weights[0].size <= before.weights.size + exact.size
    ):
        before.bias = exact @ before.bias + bias.astype(np.float64)
        before.weights = np.tensordot(exact, before.weights, axes=1)
        before.integers = None
        source.map.shape = (exact.shape[0], *source.map.shape[1:])
        return whole(source.map)
    return convolution(builder, node, source, weights, bias, 1, NO_PADDING, integers)


def identity(builder: Builder, node: OnnxNode) -> None:
    node.known(())
    node.arity(1, 1)
    copy(builder, node)


def dropout(builder: Builder, node: OnnxNode) -> None:
    """Dropout outside training: the input itself."""
    node.known(("ratio", "seed"))
    node.arity(1, 3)
    if len(node.inputs) > 1 and node.inputs[1]:
        ratio = builder.constant(node, 1, "ratio")
        if ratio.size != 1 or ratio.dtype.kind != "f" or not 0 <= float(ratio.reshape(-1)[0]) < 1:
            node.refuse("its ratio is not a number from 0 to 1")
    if len(node.inputs) == 3 and np.any(builder.constant(node, 2, "training mode")):
        node.refuse("is in training mode; export the network for inference")
    copy(builder, node)
