"""Import a trained network from an ONNX file: :func:`import_onnx`.

The graph is followed node by node.  Batch normalization is folded into the convolution before it,
a ReLU becomes a flag of its convolution (through concatenations and poolings where need be),
Identity and Dropout disappear, and the tail must be global average -> [Softmax].  What cannot be
expressed in :class:`quantize.network.Network` is refused, never approximated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from quantize.convolution import conv_size, pool_size
from quantize.errors import FirebrickError
from quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network, Node, Shape
from quantize.onnx_graph import OnnxGraph, OnnxNode, read_graph

PASS_THROUGH = ("Identity", "Dropout")
POOL_ATTRIBUTES = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
NET_END = "a network must end as Conv, [Relu], global average, [Softmax]"


@dataclass(eq=False)
class _Map:
    """A feature map; ``uses`` counts the nodes that read it, ``source`` is what makes it."""

    name: str
    shape: Shape
    uses: int
    source: _Layer | None = None


@dataclass(eq=False)
class _Conv:
    name: str
    inputs: list[_Map]
    weights: np.ndarray
    bias: np.ndarray
    stride: int
    padding: tuple[int, int, int, int]
    relu: bool = False


@dataclass(eq=False)
class _Pool:
    name: str
    inputs: list[_Map]
    kernel: int
    ceil_mode: bool


@dataclass(eq=False)
class _Concat:
    name: str
    inputs: list[_Map]


@dataclass(eq=False)
class _Add:
    name: str
    inputs: list[_Map]
    relu: bool = False


_Layer = _Conv | _Pool | _Concat | _Add


@dataclass(eq=False)
class _Logits:
    """What follows the global average: ``dims`` without the batch, one of them the classes."""

    name: str
    classes: int
    dims: tuple[int, ...]
    softmax: bool = False


@dataclass(eq=False)
class _Builder:
    """The state of an import: what every tensor of the graph means, and the layers so far."""

    graph: OnnxGraph
    values: dict[str, _Map | _Logits | np.ndarray] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)
    layers: list[tuple[_Layer, _Map]] = field(default_factory=list)
    average: GlobalAverage | None = None

    def value(self, node: OnnxNode, index: int) -> _Map | _Logits | np.ndarray:
        name = node.inputs[index]
        if name not in self.values:
            node.refuse(f"reads {name!r}, which neither a node before it nor the file provides")
        return self.values[name]

    def map(self, node: OnnxNode, index: int = 0) -> _Map:
        """Input ``index`` of ``node``, which must be a feature map."""
        value = self.value(node, index)
        if isinstance(value, _Logits):
            node.refuse(f"follows the global average {value.name}; {NET_END}")
        if not isinstance(value, _Map):
            node.refuse(f"its input {node.inputs[index]!r} is a constant, not a feature map")
        return value

    def constant(self, node: OnnxNode, index: int, what: str) -> np.ndarray:
        """Input ``index`` of ``node``, which must be an initializer or a Constant."""
        value = self.value(node, index)
        if not isinstance(value, np.ndarray):
            node.refuse(f"its {what} {node.inputs[index]!r} must be a constant of the file")
        return value

    def numbers(self, node: OnnxNode, index: int, what: str) -> np.ndarray:
        """A constant of finite float32 values."""
        value = self.constant(node, index, what)
        if value.dtype != np.float32:
            node.refuse(f"its {what} are of type {value.dtype}; supported is float32")
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            place = ", ".join(str(int(i)) for i in bad[0])
            node.refuse(
                f"{what} [{place}] is {value[tuple(bad[0])]}; {len(bad)} of {value.size} values "
                "are not finite"
            )
        return value

    def integers(self, node: OnnxNode, index: int, what: str) -> tuple[int, ...]:
        """A constant list of integers, such as axes or a shape."""
        value = self.constant(node, index, what)
        if value.dtype.kind != "i" or value.ndim > 1:
            node.refuse(f"its {what} must be a list of integers")
        return tuple(int(number) for number in value.reshape(-1))

    def emit(self, node: OnnxNode, layer: _Layer, shape: Shape) -> None:
        """Enter ``layer`` with the feature map that it makes."""
        if min(shape) < 1:
            node.refuse(f"its window does not fit the input {layer.inputs[0].shape}")
        output = node.outputs[0]
        made = _Map(output, shape, self.uses[output], layer)
        self.layers.append((layer, made))
        self.values[output] = made

    def alias(self, node: OnnxNode, source: _Map) -> None:
        """The node's output is ``source`` itself: what reads the output reads ``source``."""
        source.uses += self.uses[node.outputs[0]] - 1
        self.values[node.outputs[0]] = source

    def rename(self, node: OnnxNode, source: _Map) -> None:
        """The node, the only reader of ``source``, has become part of what makes it."""
        source.name = node.outputs[0]
        source.uses = self.uses[node.outputs[0]]
        self.values[node.outputs[0]] = source


def import_onnx(path: str | Path) -> Network:
    """The float network of an ONNX file (opsets 11 to 21), named after the file.

    Raises FirebrickError in one line, naming file, node, operator and what is supported, for
    everything that :class:`Network` cannot express, for weights that are not finite, and for
    files that are truncated or contradict themselves.
    """
    graph = read_graph(path)
    builder = _Builder(graph)
    builder.uses = _count_uses(graph)
    builder.values.update(graph.constants)
    builder.values[graph.input] = _Map(graph.input, graph.input_shape, builder.uses[graph.input])
    for node in graph.nodes:
        if node.op not in HANDLERS:
            node.refuse(f"this operator is not supported; supported are {', '.join(HANDLERS)}")
        for output in node.outputs:
            if output and output in builder.values:
                node.refuse(f"makes {output!r}, which exists already")
        HANDLERS[node.op](builder, node)
        _compare_declared(builder, node)
    return _finish(builder)


def _count_uses(graph: OnnxGraph) -> Counter[str]:
    """How many nodes (or the graph's output) read each tensor, seen through Identity, Dropout."""
    alias: dict[str, str] = {}
    uses: Counter[str] = Counter()
    for node in graph.nodes:
        if node.op in PASS_THROUGH and node.inputs:
            alias[node.outputs[0]] = alias.get(node.inputs[0], node.inputs[0])
        else:
            uses.update(alias.get(name, name) for name in node.inputs)
    uses[alias.get(graph.output, graph.output)] += 1
    return uses


def _compare_declared(builder: _Builder, node: OnnxNode) -> None:
    """Refuse a file that states another shape for the node's output than follows from the node."""
    stated = builder.graph.declared.get(node.outputs[0])
    value = builder.values.get(node.outputs[0])
    if stated is None or value is None or isinstance(value, np.ndarray):
        return
    dims = value.shape if isinstance(value, _Map) else value.dims
    fits = len(stated) == len(dims) + 1 and all(
        a is None or a == b for a, b in zip(stated[1:], dims, strict=True)
    )
    if not fits:
        shown = ["?" if dim is None else dim for dim in stated]
        node.refuse(
            f"the file states the output shape {shown}, but the node makes ['N', "
            f"{', '.join(map(str, dims))}]"
        )


def _conv(builder: _Builder, node: OnnxNode) -> None:
    node.known(("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"))
    node.arity(2, 3)
    source = builder.map(node)
    weights = builder.numbers(node, 1, "weights")
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
    if node.get("group", 1) != 1:
        node.refuse(f"attribute group is {node.get('group', 1)}; supported is 1")
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
    padding = _padding(node, source.shape, (rows, cols), strides[0])
    top, left, bottom, right = padding
    shape = (
        outputs,
        conv_size(source.shape[1], rows, strides[0], top, bottom),
        conv_size(source.shape[2], cols, strides[0], left, right),
    )
    layer = _Conv(node.name, [source], weights, bias, strides[0], padding)
    builder.emit(node, layer, shape)


def _padding(
    node: OnnxNode, shape: Shape, kernel: tuple[int, int], stride: int
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) from ``pads`` or ``auto_pad``."""
    pads = node.get("pads", (0, 0, 0, 0))
    auto = node.get("auto_pad", "NOTSET")
    if len(pads) != 4 or min(pads) < 0:
        node.refuse(f"attribute pads is {list(pads)}; supported are four that are not negative")
    if auto == "NOTSET":
        return pads
    if any(pads):
        node.refuse(f"attributes pads {list(pads)} and auto_pad {auto} contradict each other")
    if auto == "VALID":
        return (0, 0, 0, 0)
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


def _batch_norm(builder: _Builder, node: OnnxNode) -> None:
    """Fold y = scale * (x - mean) / sqrt(variance + epsilon) + shift into the convolutions."""
    node.known(("epsilon", "momentum", "training_mode"))
    node.arity(5, 5)
    source = builder.map(node)
    if node.get("training_mode", 0) or any(node.outputs[1:]):
        node.refuse("is in training mode; export the network for inference")
    names = ("scales", "shifts", "means", "variances")
    values = [builder.numbers(node, i + 1, name) for i, name in enumerate(names)]
    for name, value in zip(names, values, strict=True):
        if value.shape != (source.shape[0],):
            node.refuse(f"its {name} have the shape {list(value.shape)}, not [{source.shape[0]}]")
    scale, shift, mean, variance = (value.astype(np.float64) for value in values)
    epsilon = node.get("epsilon", 1e-5)
    if not np.all(variance + epsilon > 0):
        node.refuse("a variance plus epsilon is not greater than zero")
    factor = scale / np.sqrt(variance + epsilon)
    _scale(node, source, factor, shift - mean * factor)
    builder.rename(node, source)


def _scale(node: OnnxNode, made: _Map, factor: np.ndarray, offset: np.ndarray) -> None:
    """Make ``made`` hold factor * x + offset (float64 [C] each), in the convolutions it is of."""
    layer = made.source
    folds = "a BatchNormalization is folded into the Conv just before it"
    if made.uses != 1:
        node.refuse(f"its input {made.name!r} is read elsewhere too; {folds}")
    if isinstance(layer, _Concat):
        start = 0
        for part in layer.inputs:
            stop = start + part.shape[0]
            _scale(node, part, factor[start:stop], offset[start:stop])
            start = stop
    elif isinstance(layer, _Conv) and not layer.relu:
        weights = layer.weights.astype(np.float64) * factor[:, None, None, None]
        bias = layer.bias.astype(np.float64) * factor + offset
        with np.errstate(over="ignore"):
            layer.weights, layer.bias = weights.astype(np.float32), bias.astype(np.float32)
        if not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
            node.refuse(f"folded into {layer.name} it gives weights beyond the range of float32")
    else:
        before = "the network's input" if layer is None else _describe(layer)
        node.refuse(f"its input {made.name!r} comes from {before}; {folds}")


def _describe(layer: _Layer) -> str:
    if isinstance(layer, _Conv):
        return f"the {'ReLU of ' if layer.relu else ''}Conv {layer.name}"
    kinds = {_Pool: "MaxPool", _Concat: "Concat", _Add: "Add"}
    return f"the {kinds[type(layer)]} {layer.name}"


def _relu(builder: _Builder, node: OnnxNode) -> None:
    node.known(())
    node.arity(1, 1)
    source = builder.map(node)
    if _is_rectified(source):
        builder.alias(node, source)
    else:
        _rectify(node, source)
        builder.rename(node, source)


def _is_rectified(made: _Map) -> bool:
    layer = made.source
    if isinstance(layer, _Conv | _Add) and layer.relu:
        return True
    return isinstance(layer, _Pool | _Concat | _Add) and all(
        _is_rectified(part) for part in layer.inputs
    )


def _rectify(node: OnnxNode, made: _Map) -> None:
    """Set the ReLU flag of the convolutions and additions that ``made`` comes from: max and
    concatenation commute with ReLU.  Refused where something else reads the map without it."""
    if _is_rectified(made):
        return
    fuses = "a Relu becomes part of its Conv or Add, which must be read by nothing else"
    if made.source is None:
        node.refuse(f"its input is the network's input {made.name!r}; {fuses}")
    if made.uses != 1:
        node.refuse(f"{made.name!r} is read elsewhere too, without the Relu; {fuses}")
    if isinstance(made.source, _Conv | _Add):
        made.source.relu = True
        return
    for part in made.source.inputs:
        _rectify(node, part)


def _max_pool(builder: _Builder, node: OnnxNode) -> None:
    node.known((*POOL_ATTRIBUTES, "storage_order"))
    node.arity(1, 1)
    source = builder.map(node)
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
    padding = _padding(node, source.shape, (kernel[0], kernel[0]), 2)
    if any(padding):
        ceil_mode = _ceil_mode_of(node, source.shape, kernel[0], padding, ceil_mode)
    rows, cols = (pool_size(size, kernel[0], ceil_mode) for size in source.shape[1:])
    layer = _Pool(node.name, [source], kernel[0], ceil_mode)
    builder.emit(node, layer, (source.shape[0], rows, cols))


def _ceil_mode_of(
    node: OnnxNode, shape: Shape, kernel: int, padding: tuple[int, int, int, int], ceil_mode: bool
) -> bool:
    """The ceil_mode that equals padding at the bottom and the right.

    Padding of a maximum adds nothing but windows; some exporters write ceil_mode = 1 like that.
    """
    top, left, bottom, right = padding
    if not (top or left or ceil_mode or max(bottom, right) >= kernel):
        padded = (shape[1] + bottom, shape[2] + right)
        wanted = [pool_size(size, kernel, False) for size in padded]
        for mode in (False, True):
            if [pool_size(size, kernel, mode) for size in shape[1:]] == wanted:
                return mode
    node.refuse(
        f"pads the map {shape[1]}x{shape[2]} by {list(padding)} (top, left, bottom, right); "
        "supported are poolings without padding, with ceil_mode 0 or 1"
    )


def _concat(builder: _Builder, node: OnnxNode) -> None:
    node.known(("axis",))
    if not node.inputs or "" in node.inputs:
        node.refuse("an input is missing")
    sources = [builder.map(node, index) for index in range(len(node.inputs))]
    if node.get("axis", 0) not in (1, -3):
        node.refuse(f"attribute axis is {node.get('axis', 0)}; supported is 1, the channels")
    for source in sources[1:]:
        if source.shape[1:] != sources[0].shape[1:]:
            node.refuse(f"its inputs have the sizes {sources[0].shape} and {source.shape}")
    if len(sources) == 1:
        builder.alias(node, sources[0])
        return
    channels = sum(source.shape[0] for source in sources)
    builder.emit(node, _Concat(node.name, sources), (channels, *sources[0].shape[1:]))


def _add(builder: _Builder, node: OnnxNode) -> None:
    """Add and Sum of two feature maps: a bypass."""
    node.known(())
    node.arity(2, 2)
    sources = [builder.map(node, index) for index in (0, 1)]
    if sources[0].shape != sources[1].shape:
        node.refuse(
            f"adds maps of the shapes {sources[0].shape} and {sources[1].shape}; supported is a "
            "sum of two maps of one shape"
        )
    builder.emit(node, _Add(node.name, sources), sources[0].shape)


def _pass_through(builder: _Builder, node: OnnxNode) -> None:
    """Identity and Dropout: the input itself."""
    node.known(("ratio", "seed") if node.op == "Dropout" else ())
    node.arity(1, 3 if node.op == "Dropout" else 1)
    if len(node.inputs) == 3 and np.any(builder.constant(node, 2, "training mode")):
        node.refuse("is in training mode; export the network for inference")
    builder.values[node.outputs[0]] = builder.value(node, 0)


def _global_average_pool(builder: _Builder, node: OnnxNode) -> None:
    node.known(())
    node.arity(1, 1)
    source = builder.map(node)
    _average(builder, node, source, (source.shape[0], 1, 1))


def _average_pool(builder: _Builder, node: OnnxNode) -> None:
    node.known((*POOL_ATTRIBUTES, "count_include_pad"))
    node.arity(1, 1)
    source = builder.map(node)
    kernel = node.get("kernel_shape", ())
    padding = node.get("pads", (0, 0, 0, 0))
    if (
        kernel != source.shape[1:]
        or any(padding)
        or node.get("dilations", (1, 1)) != (1, 1)
        or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    ):
        node.refuse(
            f"averages windows of {list(kernel)}, padding {list(padding)}, of a map "
            f"{source.shape[1]}x{source.shape[2]}; supported is one window, the whole map"
        )
    _average(builder, node, source, (source.shape[0], 1, 1))


def _reduce_mean(builder: _Builder, node: OnnxNode) -> None:
    node.known(("axes", "keepdims", "noop_with_empty_axes"))
    node.arity(1, 2)
    source = builder.map(node)
    if len(node.inputs) == 2:
        axes = builder.integers(node, 1, "axes")
    else:
        axes = node.get("axes", ())
    if sorted(axis % 4 if -4 <= axis < 4 else axis for axis in axes) != [2, 3]:
        node.refuse(f"takes the mean over the axes {list(axes)}; supported are [2, 3]")
    keep = node.get("keepdims", 1)
    _average(builder, node, source, (source.shape[0], 1, 1) if keep else (source.shape[0],))


def _average(builder: _Builder, node: OnnxNode, source: _Map, dims: tuple[int, ...]) -> None:
    """The global average that ends the network."""
    if not isinstance(source.source, _Conv):
        before = "the network's input" if source.source is None else _describe(source.source)
        node.refuse(f"averages {before}; {NET_END}")
    if source.uses != 1:
        node.refuse(f"its input {source.name!r} is read elsewhere too; {NET_END}")
    if builder.average is not None:
        node.refuse(f"is the second global average, after {builder.average.name}; {NET_END}")
    builder.average = GlobalAverage(node.name, source.name, node.outputs[0])
    builder.values[node.outputs[0]] = _Logits(node.name, source.shape[0], dims)


def _tail(builder: _Builder, node: OnnxNode) -> _Logits:
    """The input of an operator that may only stand after the global average."""
    value = builder.value(node, 0)
    if not isinstance(value, _Logits):
        node.refuse(f"{node.op} is supported after the global average only; {NET_END}")
    return value


def _replace_tail(
    builder: _Builder, node: OnnxNode, logits: _Logits, dims: tuple[int, ...], softmax: bool
) -> None:
    builder.values[node.outputs[0]] = _Logits(logits.name, logits.classes, dims, softmax)


def _flatten(builder: _Builder, node: OnnxNode) -> None:
    node.known(("axis",))
    node.arity(1, 1)
    logits = _tail(builder, node)
    axis = node.get("axis", 1)
    rank = len(logits.dims) + 1
    if (axis + rank if axis < 0 else axis) != 1:
        node.refuse(f"attribute axis is {axis}; supported is 1, which keeps the batch")
    _replace_tail(builder, node, logits, (logits.classes,), logits.softmax)


def _reshape(builder: _Builder, node: OnnxNode) -> None:
    node.known(("allowzero",))
    node.arity(2, 2)
    logits = _tail(builder, node)
    wanted = builder.integers(node, 1, "shape")
    allow_zero = node.get("allowzero", 0)
    old = (1, *logits.dims)
    # Evaluated for a batch of one; a free batch is written 0 (copy), -1 or, carelessly, 1.
    dims = []
    for index, size in enumerate(wanted):
        if size == 0 and not allow_zero and index < len(old):
            size = old[index]
        elif index == 0 and size not in (-1, 0) and size == builder.graph.batch:
            size = 1
        dims.append(size)
    if dims.count(-1) == 1:
        rest = math.prod(size for size in dims if size != -1)
        if rest > 0 and logits.classes % rest == 0:
            dims[dims.index(-1)] = logits.classes // rest
    if len(dims) < 2 or dims[0] != 1 or sorted(dims)[:-1] != [1] * (len(dims) - 1):
        node.refuse(f"to {list(wanted)}; supported is [batch, {logits.classes}] after the average")
    if math.prod(dims) != logits.classes:
        node.refuse(f"to {list(wanted)} does not fit {logits.classes} classes")
    _replace_tail(builder, node, logits, tuple(dims[1:]), logits.softmax)


def _squeeze(builder: _Builder, node: OnnxNode) -> None:
    node.known(("axes",))
    node.arity(1, 2)
    logits = _tail(builder, node)
    if len(node.inputs) == 2:
        axes = builder.integers(node, 1, "axes")
    else:
        axes = node.get("axes", ())
    rank = len(logits.dims) + 1
    chosen = {axis + rank if axis < 0 else axis for axis in axes}
    if not chosen or not all(0 < axis < rank and logits.dims[axis - 1] == 1 for axis in chosen):
        node.refuse(f"removes the axes {list(axes)}; supported are height and width: [2, 3]")
    dims = tuple(dim for index, dim in enumerate(logits.dims) if index + 1 not in chosen)
    _replace_tail(builder, node, logits, dims, logits.softmax)


def _softmax(builder: _Builder, node: OnnxNode) -> None:
    """Softmax and LogSoftmax: both are monotonic, the logits before them are kept."""
    node.known(("axis",))
    node.arity(1, 1)
    logits = _tail(builder, node)
    if logits.softmax:
        node.refuse("is the second Softmax; supported is one")
    old = builder.graph.opset < 13
    axis = node.get("axis", 1 if old else -1)
    rank = len(logits.dims) + 1
    index = axis + rank if axis < 0 else axis
    # Before opset 13 it normalizes over all dimensions from ``axis`` on, since then over one.
    over = logits.dims[index - 1 :] if old else logits.dims[index - 1 : index]
    if not 0 < index < rank or math.prod(over) != logits.classes:
        node.refuse(f"attribute axis is {axis}, which are not the {logits.classes} classes")
    _replace_tail(builder, node, logits, logits.dims, True)


def _finish(builder: _Builder) -> Network:
    """The network, once every node has been followed."""
    graph = builder.graph
    result = builder.values.get(graph.output)
    if builder.average is None or not isinstance(result, _Logits):
        raise FirebrickError(
            f"{graph.path}: its output {graph.output!r} is not the global average; {NET_END}"
        )
    for layer, made in builder.layers:
        if made.uses == 0:
            raise FirebrickError(
                f"{graph.path}: node {layer.name}: nothing reads its output {made.name!r}; remove "
                "the node"
            )
    nodes: list[Node] = [_node(layer, made) for layer, made in builder.layers]
    last = nodes[-1]
    if last.output != builder.average.input:
        raise FirebrickError(
            f"{graph.path}: node {last.name} comes after the last layer; {NET_END}"
        )
    shapes = {graph.input: graph.input_shape}
    shapes.update((made.name, made.shape) for _, made in builder.layers)
    shapes[builder.average.output] = (result.classes, 1, 1)
    return Network(
        name=graph.path.stem,
        input=graph.input,
        nodes=(*nodes, builder.average),
        shapes=shapes,
        softmax=result.softmax,
    )


def _node(layer: _Layer, made: _Map) -> Node:
    inputs = tuple(source.name for source in layer.inputs)
    if isinstance(layer, _Conv):
        return Conv(
            layer.name,
            inputs[0],
            made.name,
            np.ascontiguousarray(layer.weights),
            np.ascontiguousarray(layer.bias),
            layer.stride,
            layer.padding,
            layer.relu,
        )
    if isinstance(layer, _Pool):
        return MaxPool(layer.name, inputs[0], made.name, layer.kernel, layer.ceil_mode)
    if isinstance(layer, _Add):
        return Add(layer.name, (inputs[0], inputs[1]), made.name, layer.relu)
    return Concat(layer.name, inputs, made.name)


HANDLERS: dict[str, Callable[[_Builder, OnnxNode], None]] = {
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "Relu": _relu,
    "MaxPool": _max_pool,
    "Concat": _concat,
    "Add": _add,
    "Sum": _add,
    "Dropout": _pass_through,
    "Identity": _pass_through,
    "GlobalAveragePool": _global_average_pool,
    "AveragePool": _average_pool,
    "ReduceMean": _reduce_mean,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
}
