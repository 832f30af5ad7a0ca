"""What an ONNX import keeps in mind: the meaning of every tensor, and the layers so far.

A feature map is made by a layer.  What a tensor of the file shows of it is a :class:`View`: in
another order of axes, times a factor plus an offset, with padding that the next convolution
takes.  So transposes, normalizations and Pad nodes need no layer of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from firebrick.quantize.importers.onnx.graph import OnnxGraph, OnnxNode
from firebrick.quantize.network import Shape

Padding = tuple[int, int, int, int]
NO_PADDING: Padding = (0, 0, 0, 0)
CHANNELS_FIRST = (0, 1, 2, 3)
CHANNELS_LAST = (0, 2, 3, 1)
NET_END = "a network must end as Conv, [Relu], global average, [Softmax], or in one map"


@dataclass(frozen=True)
class Grid:
    """A quantizer of the file: x becomes scale * clip(round(x / scale), low, high).

    The zero point is taken off ``low`` and ``high``; ``half_even`` tells whether ties go to the
    even integer; ``node`` made it.
    """

    scale: float
    zero: int
    low: int
    high: int
    half_even: bool
    node: OnnxNode

    def same(self, other: Grid) -> bool:
        names = ("scale", "low", "high", "half_even")
        return all(getattr(self, name) == getattr(other, name) for name in names)


@dataclass(frozen=True, eq=False)
class Integers:
    """A constant that the file stores as integers: value = ``values`` * ``scale``.

    ``values`` int64 without their zero point, ``scale`` float64 of a shape that broadcasts.
    """

    values: np.ndarray
    scale: np.ndarray

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Integers:
        """The same numbers in another shape."""
        return Integers(move(self.values), move(np.broadcast_to(self.scale, self.values.shape)))


@dataclass(eq=False)
class Map:
    """A feature map; ``uses`` counts the nodes that read it, ``source`` is what makes it.

    ``grids`` are the quantizers that the file applies to it.  ``ceiling`` is the upper bound of a
    Clip and the node that sets it.
    """

    name: str
    shape: Shape
    uses: int
    source: Layer | None = None
    grids: list[Grid] = field(default_factory=list)
    ceiling: tuple[float, OnnxNode] | None = None


@dataclass(frozen=True, eq=False)
class View:
    """A tensor of the file that shows ``map``.

    Its axis i is axis ``axes[i]`` of [N, C, H, W].  Its channel c is channel ``channels[c]`` of
    the map times ``factor[c]`` plus ``offset[c]`` (float64).  ``padding`` (top, left, bottom,
    right) surrounds it, with ``frame[c]`` as value.  ``quantized`` tells whether a quantizer of
    the file lies on the way; ``integer`` is the one whose integers the tensor still holds.
    """

    map: Map
    axes: tuple[int, ...]
    channels: tuple[int, ...]
    factor: np.ndarray
    offset: np.ndarray
    padding: Padding
    frame: np.ndarray
    quantized: bool = False
    integer: Grid | None = None

    @property
    def shape(self) -> Shape:
        """(channels, height, width) with the padding."""
        top, left, bottom, right = self.padding
        _, height, width = self.map.shape
        return (len(self.channels), height + top + bottom, width + left + right)

    @property
    def dims(self) -> tuple[int, ...]:
        """The tensor's dimensions without the batch, in its own order."""
        sizes = (1, *self.shape)
        return tuple(sizes[axis] for axis in self.axes[1:])

    @property
    def plain(self) -> bool:
        """Whether it is the map itself, in whatever order of axes."""
        return self.scaled(1.0, 0.0) and self.padding == NO_PADDING

    def scaled(self, factor: float, offset: float) -> bool:
        """Whether it is all channels of the map times ``factor`` plus ``offset``."""
        whole = self.channels == tuple(range(self.map.shape[0]))
        return whole and bool(np.all(self.factor == factor) and np.all(self.offset == offset))


def whole(made: Map, axes: tuple[int, ...] = CHANNELS_FIRST) -> View:
    """The map itself."""
    count = made.shape[0]
    ones, zeros = np.ones(count), np.zeros(count)
    return View(made, axes, tuple(range(count)), ones, zeros, NO_PADDING, zeros)


@dataclass(eq=False)
class ConvLayer:
    """A convolution; float64 ``weights`` and ``bias``, ``integers`` where the file has them so
    and nothing was folded into them since."""

    name: str
    inputs: list[Map]
    quantized: list[bool]
    weights: np.ndarray
    bias: np.ndarray
    stride: int
    padding: Padding
    relu: bool = False
    integers: Integers | None = None


@dataclass(eq=False)
class PoolLayer:
    name: str
    inputs: list[Map]
    quantized: list[bool]
    kernel: int
    ceil_mode: bool
    padding: int = 0


@dataclass(eq=False)
class ConcatLayer:
    name: str
    inputs: list[Map]
    quantized: list[bool]


@dataclass(eq=False)
class AddLayer:
    name: str
    inputs: list[Map]
    quantized: list[bool]
    relu: bool = False


Layer = ConvLayer | PoolLayer | ConcatLayer | AddLayer


@dataclass(frozen=True, eq=False)
class Flat:
    """A whole map as one vector [N, values], in the order of ``view``'s axes."""

    view: View


@dataclass(frozen=True, eq=False)
class Logits:
    """The mean over ``view``'s map: ``dims`` without the batch, one of them the classes.

    ``node`` takes the mean.
    """

    node: OnnxNode
    view: View
    dims: tuple[int, ...]
    softmax: bool = False

    @property
    def classes(self) -> int:
        return len(self.view.channels)


@dataclass(frozen=True, eq=False)
class Unfit:
    """A quantizer of ``view``, which scales or shifts ``map`` in a way that no layer before it
    could take in."""

    map: Map
    view: View
    grid: Grid


Value = View | Flat | Logits | np.ndarray


@dataclass(eq=False)
class Builder:
    """The state of an import: what every tensor of the graph means, and the layers so far.

    ``shift`` is what the first layer adds to the network's input, zeros around the map included
    (float64 [C]).  ``prepared_by`` are the nodes that scale or shift the input, ``input_grids``
    what quantizes it, each with what it quantizes; ``dropped`` quantize the mean over the map,
    ``unfit`` what comes behind a scale or shift of a layer.  ``unknown`` are tensors of which a
    refused node leaves nothing to say.
    """

    graph: OnnxGraph
    values: dict[str, Value] = field(default_factory=dict)
    integers: dict[str, Integers] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)
    layers: list[tuple[Layer, Map]] = field(default_factory=list)
    shift: np.ndarray | None = None
    input_grids: list[tuple[View, Grid]] = field(default_factory=list)
    prepared_by: list[OnnxNode] = field(default_factory=list)
    dropped: list[OnnxNode] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def value(self, node: OnnxNode, index: int) -> Value:
        name = node.inputs[index]
        if name not in self.values:
            node.refuse(f"reads {name!r}, which neither a node before it nor the file provides")
        return self.values[name]

    def computed(self, node: OnnxNode, index: int = 0) -> View | Flat | Logits:
        """Input ``index`` of ``node``, which must follow from the picture."""
        value = self.value(node, index)
        if isinstance(value, np.ndarray):
            node.refuse(f"its input {node.inputs[index]!r} is a constant, not a feature map")
        return value

    def view(self, node: OnnxNode, index: int = 0) -> View:
        """Input ``index`` of ``node``, which must show a feature map."""
        value = self.computed(node, index)
        if isinstance(value, Logits):
            node.refuse(f"follows the global average {value.node.name}; {NET_END}")
        if isinstance(value, Flat):
            node.refuse(f"its input {node.inputs[index]!r} is flattened; {NET_END}")
        return value

    def channels_first(self, node: OnnxNode, index: int = 0) -> View:
        """As :meth:`view`, in the order [N, C, H, W] that ONNX's own layers read."""
        view = self.view(node, index)
        if view.axes != CHANNELS_FIRST:
            node.refuse(
                f"its input {node.inputs[index]!r} has the axes {axes_text(view.axes)}; "
                "supported is [N, C, H, W]"
            )
        return view

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

    def list_of_integers(self, node: OnnxNode, index: int, what: str) -> tuple[int, ...]:
        """A constant list of integers, such as axes or a shape."""
        value = self.constant(node, index, what)
        if value.dtype.kind != "i" or value.ndim > 1:
            node.refuse(f"its {what} must be a list of integers")
        return tuple(int(number) for number in value.reshape(-1))

    def emit(self, node: OnnxNode, layer: Layer, shape: Shape) -> View:
        """Enter ``layer`` with the feature map that it makes."""
        if min(shape) < 1:
            node.refuse(f"its window does not fit the input {layer.inputs[0].shape}")
        output = node.outputs[0]
        made = Map(output, shape, self.uses[output], layer)
        self.layers.append((layer, made))
        self.values[output] = whole(made)
        return whole(made)

    def show(self, node: OnnxNode, source: View) -> None:
        """The node's output shows the same map as ``source``: what reads the output reads it."""
        source.map.uses += self.uses[node.outputs[0]] - 1
        self.values[node.outputs[0]] = source

    def rename(self, node: OnnxNode, source: View) -> None:
        """The node, the only reader of ``source``'s map, has become part of what makes it."""
        source.map.name = node.outputs[0]
        source.map.uses = self.uses[node.outputs[0]]
        self.values[node.outputs[0]] = source


def axes_text(axes: Sequence[int]) -> str:
    """[N, H, W, C] for (0, 2, 3, 1)."""
    return f"[{', '.join('NCHW'[axis] for axis in axes)}]"


def describe(layer: Layer) -> str:
    """A layer in words, for messages."""
    if isinstance(layer, ConvLayer):
        return f"the {'ReLU of ' if layer.relu else ''}Conv {layer.name}"
    kinds = {PoolLayer: "MaxPool", ConcatLayer: "Concat", AddLayer: "Add"}
    return f"the {kinds[type(layer)]} {layer.name}"


def is_rectified(made: Map) -> bool:
    """Whether a ReLU lies before the map, so that no value is negative."""
    layer = made.source
    if isinstance(layer, ConvLayer | AddLayer) and layer.relu:
        return True
    return isinstance(layer, PoolLayer | ConcatLayer | AddLayer) and all(
        is_rectified(part) for part in layer.inputs
    )


def rectify(node: OnnxNode, made: Map) -> None:
    """Set the ReLU flag of the convolutions and additions that ``made`` comes from: max and
    concatenation commute with ReLU.  Refused where something else reads the map without it."""
    if is_rectified(made):
        return
    fuses = f"a {node.op} becomes part of its Conv or Add, which must be read by nothing else"
    if made.source is None:
        node.refuse(f"its input is the network's input {made.name!r}; {fuses}")
    if made.uses != 1:
        node.refuse(f"{made.name!r} is read elsewhere too, without the {node.op}; {fuses}")
    made.grids = [replace(grid, low=max(grid.low, 0)) for grid in made.grids]
    if isinstance(made.source, ConvLayer | AddLayer):
        made.source.relu = True
        return
    for part in made.source.inputs:
        rectify(node, part)


def scale_back(made: Map, factor: np.ndarray, offset: np.ndarray) -> bool:
    """Make ``made`` hold factor * x + offset (float64 [C] each) by changing the convolutions that
    it comes from; False, and nothing changed, where that is not exact."""
    if not _can_scale(made, factor, offset):
        return False
    _scale(made, factor, offset)
    return True


def _can_scale(made: Map, factor: np.ndarray, offset: np.ndarray) -> bool:
    layer = made.source
    if made.uses != 1 or made.grids or made.ceiling is not None:
        return False
    if isinstance(layer, ConcatLayer):
        return all(_can_scale(part, f, o) for part, f, o in _parts(layer, factor, offset))
    if isinstance(layer, ConvLayer):
        # relu(factor * x) = factor * relu(x), if only the factor is positive.
        return not layer.relu or bool(np.all(factor > 0) and not np.any(offset))
    return False


def _scale(made: Map, factor: np.ndarray, offset: np.ndarray) -> None:
    layer = made.source
    if isinstance(layer, ConcatLayer):
        for part, part_factor, part_offset in _parts(layer, factor, offset):
            _scale(part, part_factor, part_offset)
    elif isinstance(layer, ConvLayer):
        layer.weights = layer.weights * factor[:, None, None, None]
        layer.bias = layer.bias * factor + offset
        layer.integers = None


def _parts(
    layer: ConcatLayer, factor: np.ndarray, offset: np.ndarray
) -> list[tuple[Map, np.ndarray, np.ndarray]]:
    ends = np.cumsum([part.shape[0] for part in layer.inputs])[:-1]
    cut = zip(layer.inputs, np.split(factor, ends), np.split(offset, ends), strict=True)
    return list(cut)
