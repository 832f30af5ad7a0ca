"""From hls4ml's graph to the float network that the quantizer reads: :func:`lower`.

Works on the graph as hls4ml's own passes leave it, whichever front end it came from.  A ReLU
becomes a flag of its convolution; the tensor then has the name of the activation layer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.geometry import conv_size, pool_size
from firebrick.quantize.network import (
    Add,
    Concat,
    Conv,
    GlobalAverage,
    MaxPool,
    Network,
    Node,
    Shape,
)

SUPPORTED = (
    "Conv2D, BatchNormalization after it, Activation (relu, linear), max Pooling2D of 2x2 and "
    "3x3 with stride 2, Concatenate, Merge (add), a global average pooling, Softmax"
)
# Layers that pass their input on; a Reshape or a Transpose only where nothing moves.
ALIASES = ("Reshape", "Transpose")


@dataclass(frozen=True, eq=False)
class Lowered:
    """``network`` names tensors after layers; ``tensor_of`` gives a layer's tensor, for layers
    that share one with another layer too; ``channels_first`` tells the input's layout."""

    network: Network
    tensor_of: dict[str, str]
    channels_first: bool


@dataclass(eq=False)
class _Item:
    """A layer under way, in the network's terms; ``output`` changes when a ReLU joins it."""

    kind: type
    name: str
    output: str
    inputs: list[_Item | None]
    shape: Shape
    values: dict[str, Any] = field(default_factory=dict)


def lower(model: Any) -> Lowered:
    """The float network of a ModelGraph.

    Raises FirebrickError naming the layer, its class and what is supported for everything that
    the accelerator does not compute.
    """
    return _Lowering(model).run()


class _Lowering:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = list(model.get_layers())
        self.items: list[_Item] = []
        self.values: dict[str, _Item | None] = {}
        self.tensor_of: dict[str, _Item | None] = {}
        self.shapes: dict[str, Shape] = {}
        self.softmax = False
        self.channels_first = False
        self.average: _Item | None = None
        alias: dict[str, str] = {}
        self.uses: Counter[str] = Counter()
        for layer in self.layers:
            if self._passes_on(layer):
                alias[layer.outputs[0]] = alias.get(layer.inputs[0], layer.inputs[0])
            else:
                self.uses.update(alias.get(name, name) for name in layer.inputs)

    def refuse(self, layer: Any, reason: str) -> NoReturn:
        raise FirebrickError(f"layer {layer.name} ({layer.class_name}): {reason}")

    def run(self) -> Lowered:
        if len(self.model.inputs) != 1 or len(self.model.outputs) != 1:
            raise FirebrickError(
                f"the network has {len(self.model.inputs)} inputs and {len(self.model.outputs)} "
                "outputs; supported is one of each"
            )
        for layer in self.layers:
            handler = getattr(self, f"_{layer.class_name.lower()}", None)
            if handler is None or layer.class_name.startswith("_"):
                self.refuse(layer, f"is not supported; supported are {SUPPORTED}")
            handler(layer)
        if self.average is None:
            raise FirebrickError(
                f"layer {self.layers[-1].name} ({self.layers[-1].class_name}): a network must end "
                "as Conv2D, [ReLU], global average pooling, [Softmax]"
            )
        return self._finish()

    def _passes_on(self, layer: Any) -> bool:
        linear = layer.class_name == "Activation" and layer.get_attr("activation") == "linear"
        return linear or layer.class_name in ALIASES

    def _enter(self, layer: Any, item: _Item) -> None:
        self.items.append(item)
        self.values[layer.outputs[0]] = item
        self.tensor_of[layer.name] = item

    def _same(self, layer: Any, item: _Item | None) -> None:
        self.values[layer.outputs[0]] = item
        self.tensor_of[layer.name] = item

    def _shape(self, item: _Item | None) -> Shape:
        return self.input_shape if item is None else item.shape

    def _input(self, layer: Any) -> None:
        shape = tuple(layer.get_output_variable().shape)
        if len(shape) != 3:
            self.refuse(layer, f"has the shape {list(shape)}; supported are pictures")
        readers = layer.get_output_nodes()
        self.channels_first = bool(readers) and all(r.class_name == "Transpose" for r in readers)
        height_width_channels = shape if not self.channels_first else (*shape[1:], shape[0])
        height, width, channels = height_width_channels
        self.input_shape: Shape = (channels, height, width)
        self.input_name = layer.name
        self._same(layer, None)

    def _conv2d(self, layer: Any) -> None:
        source = self._map(layer)
        get = layer.get_attr
        weights = np.asarray(layer.get_weights("weight").data, np.float64)
        shape = self._shape(source)
        expected = (get("filt_height"), get("filt_width"), shape[0], get("n_filt"))
        if weights.shape != expected:
            self.refuse(
                layer,
                f"its weights are {list(weights.shape)} instead of {list(expected)}: groups "
                "are not supported",
            )
        if get("data_format", "channels_last") != "channels_last":
            self.refuse(layer, "computes channels first; hls4ml's conversion leaves none such")
        dilations = (get("dilation_height", 1) or 1, get("dilation_width", 1) or 1)
        if dilations != (1, 1):
            self.refuse(layer, f"has dilations {list(dilations)}; supported is 1")
        strides = (get("stride_height"), get("stride_width"))
        if strides[0] != strides[1]:
            self.refuse(layer, f"has strides {list(strides)}; supported are two equal ones")
        padding = tuple(int(get(f"pad_{side}")) for side in ("top", "left", "bottom", "right"))
        made = (
            int(get("n_filt")),
            conv_size(shape[1], expected[0], strides[0], padding[0], padding[2]),
            conv_size(shape[2], expected[1], strides[0], padding[1], padding[3]),
        )
        self._check_size(layer, made)
        values = {
            "weights": np.ascontiguousarray(weights.transpose(3, 2, 0, 1), np.float32),
            "bias": np.asarray(layer.get_weights("bias").data, np.float32).reshape(-1),
            "stride": int(strides[0]),
            "padding": padding,
            "relu": False,
        }
        self._enter(layer, _Item(Conv, layer.name, layer.name, [source], made, values))

    def _activation(self, layer: Any) -> None:
        function = layer.get_attr("activation").lower()
        source = self._map(layer)
        if function == "linear":
            self._same(layer, source)
            return
        if function != "relu":
            self.refuse(layer, f"its function {function} is not supported; supported is relu")
        self._rectified_by(layer)

    def _rectified_by(self, layer: Any) -> None:
        source = self._map(layer)
        if source is None:
            self.refuse(layer, "is applied to the network's input; a ReLU must follow a Conv2D")
        if not self._rectified(source):
            self._rectify(layer, source)
            source.output = layer.name
        self._same(layer, source)

    def _rectified(self, item: _Item | None) -> bool:
        if item is None:
            return False
        if item.kind in (Conv, Add):
            return bool(item.values["relu"])
        return all(self._rectified(part) for part in item.inputs)

    def _rectify(self, layer: Any, item: _Item | None) -> None:
        """Set the ReLU of the convolutions or sums behind ``item``, with which maxima and
        concatenation commute."""
        if item is None or self._rectified(item):
            return
        if self.uses[item.output] != 1:
            self.refuse(layer, f"{item.output} is read elsewhere too, without the ReLU")
        if item.kind in (Conv, Add):
            item.values["relu"] = True
            return
        for part in item.inputs:
            self._rectify(layer, part)

    def _parametrizedactivation(self, layer: Any) -> None:
        """hls4ml makes a Keras ReLU a thresholded one with the threshold 0."""
        function = layer.get_attr("activation").lower()
        parameter = layer.get_attr("activ_param")
        if function not in ("thresholdedrelu", "leakyrelu") or parameter != 0:
            self.refuse(
                layer,
                f"its function {function} with {parameter} is not supported; supported is relu",
            )
        self._rectified_by(layer)

    def _batchnormalization(self, layer: Any) -> None:
        """Fold y = scale * x + bias into the convolution, where hls4ml has not."""
        source = self._map(layer)
        if source is None or source.kind is not Conv or source.values["relu"]:
            self.refuse(layer, "does not follow a Conv2D without ReLU, into which it could go")
        if self.uses[layer.inputs[0]] != 1:
            self.refuse(layer, f"{source.name} is read elsewhere too, without the normalization")
        scale, bias = (
            np.asarray(layer.get_weights(name).data, np.float64).reshape(-1)
            for name in ("scale", "bias")
        )
        values = source.values
        values["weights"] = (values["weights"] * scale[:, None, None, None]).astype(np.float32)
        values["bias"] = (values["bias"] * scale + bias).astype(np.float32)
        source.output = layer.name
        self._same(layer, source)

    def _pooling2d(self, layer: Any) -> None:
        get = layer.get_attr
        source = self._map(layer)
        shape = self._shape(source)
        kernel = (get("pool_height"), get("pool_width"))
        strides = (get("stride_height"), get("stride_width"))
        top, left, bottom, right = (
            int(get(f"pad_{side}")) for side in ("top", "left", "bottom", "right")
        )
        if get("pool_op") == "Average":
            if kernel != shape[1:] or any((top, left, bottom, right)):
                self.refuse(
                    layer,
                    f"averages windows of {list(kernel)} of a map of {list(shape[1:])}; "
                    "supported is the average of the whole map",
                )
            self._global_average(layer, source)
            return
        if kernel not in ((2, 2), (3, 3)) or strides != (2, 2):
            self.refuse(
                layer,
                f"has windows of {list(kernel)} and strides {list(strides)}; supported "
                "are 2x2 and 3x3 with stride 2",
            )
        if source is None:
            self.refuse(layer, "reads the network's input; only a Conv2D may")
        size = int(kernel[0])
        out = self._variable_shape(layer)
        modes = [
            mode
            for mode in (False, True)
            if not (top or left)
            and max(bottom, right) < size
            and out[1:] == tuple(pool_size(n, size, mode) for n in shape[1:])
        ]
        if not modes:
            self.refuse(
                layer,
                f"pads a map of {list(shape[1:])} by {[top, left, bottom, right]} (top, "
                f"left, bottom, right) to {list(out[1:])}; supported are poolings without "
                "padding, with ceil_mode 0 or 1",
            )
        values = {"kernel": size, "ceil_mode": modes[0]}
        self._enter(layer, _Item(MaxPool, layer.name, layer.name, [source], out, values))

    def _globalpooling2d(self, layer: Any) -> None:
        if layer.get_attr("pool_op") != "Average":
            self.refuse(layer, "is a global maximum; supported is the global average")
        self._global_average(layer, self._map(layer))

    def _global_average(self, layer: Any, source: _Item | None) -> None:
        if source is None or source.kind is not Conv:
            self.refuse(layer, "averages something else than the output of a Conv2D")
        channels, rows, cols = source.shape
        stated = (layer.get_attr("in_height"), layer.get_attr("in_width"), layer.get_attr("n_filt"))
        if stated != (rows, cols, channels):
            self.refuse(
                layer,
                f"is said to average {list(stated)} (height, width, channels), but its "
                f"input is {[rows, cols, channels]}",
            )
        if self.uses[layer.inputs[0]] != 1 or self.average is not None:
            self.refuse(layer, "must be the only one, and the only reader of its input")
        item = _Item(GlobalAverage, layer.name, layer.name, [source], (channels, 1, 1))
        self.average = item
        self._enter(layer, item)

    def _concatenate(self, layer: Any) -> None:
        parts: list[_Item] = []
        for name in layer.inputs:
            item = self._value(layer, name)
            if item is None:
                self.refuse(layer, "reads the network's input; only a Conv2D may")
            if item.kind is Concat and self.uses[name] == 1:
                # A chain of two-input layers is one concatenation.
                self.items.remove(item)
                parts.extend(part for part in item.inputs if part is not None)
            else:
                parts.append(item)
        if layer.get_attr("axis") not in (3, -1) or len({p.shape[1:] for p in parts}) != 1:
            self.refuse(layer, "concatenates along another axis than the channels")
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        self._check_size(layer, shape)
        self._enter(layer, _Item(Concat, layer.name, layer.name, list(parts), shape))

    def _merge(self, layer: Any) -> None:
        if layer.get_attr("op") != "add":
            self.refuse(layer, f"its operation {layer.get_attr('op')} is not supported; it is add")
        parts = [self._value(layer, name) for name in layer.inputs]
        if any(part is None or part is self.average for part in parts):
            self.refuse(layer, "adds the network's input or its average; only feature maps may be")
        first, second = (self._shape(part) for part in parts)
        if first != second:
            self.refuse(layer, f"adds maps of {list(first)} and {list(second)}: they must be alike")
        self._check_size(layer, first)
        item = _Item(Add, layer.name, layer.name, parts, first, {"relu": False})
        self._enter(layer, item)

    def _softmax(self, layer: Any) -> None:
        if self._value(layer, layer.inputs[0]) is not self.average or self.average is None:
            self.refuse(layer, "must follow the global average pooling")
        if self.softmax:
            self.refuse(layer, "is the second one")
        self.softmax = True
        self._same(layer, self.average)

    def _transpose(self, layer: Any) -> None:
        source = self._value(layer, layer.inputs[0])
        perm = list(layer.get_attr("perm"))
        if source is None and perm == [1, 2, 0]:
            self._same(layer, None)
            return
        self._reshape(layer)

    def _reshape(self, layer: Any) -> None:
        source = self._value(layer, layer.inputs[0])
        if source is None or source is not self.average:
            self.refuse(layer, "is supported after the global average pooling only")
        self._same(layer, source)

    def _value(self, layer: Any, name: str) -> _Item | None:
        if name not in self.values:
            self.refuse(layer, f"reads {name!r}, which no layer before it makes")
        return self.values[name]

    def _map(self, layer: Any) -> _Item | None:
        """The feature map that the layer reads; None for the network's input."""
        item = self._value(layer, layer.inputs[0])
        if item is not None and item is self.average:
            self.refuse(layer, "follows the global average pooling, which must be the last layer")
        return item

    def _variable_shape(self, layer: Any) -> Shape:
        height, width, channels = (int(n) for n in layer.get_output_variable().shape)
        return (channels, height, width)

    def _check_size(self, layer: Any, shape: tuple[int, ...]) -> None:
        """Refuse a layer whose size is not what hls4ml derived."""
        if self._variable_shape(layer) != shape:
            self.refuse(
                layer,
                f"makes {list(shape)} (channels, height, width), but hls4ml derived "
                f"{list(self._variable_shape(layer))}",
            )

    def _finish(self) -> Lowered:
        nodes: list[Node] = []
        shapes = {self.input_name: self.input_shape}
        for item in self.items:
            inputs = tuple(self.input_name if i is None else i.output for i in item.inputs)
            shapes[item.output] = item.shape
            first: Any = inputs if item.kind in (Concat, Add) else inputs[0]
            nodes.append(item.kind(item.name, first, item.output, **item.values))
        if not isinstance(nodes[-1], GlobalAverage):
            raise FirebrickError(
                f"layer {nodes[-1].name}: comes after the global average pooling, which must be "
                "the last layer"
            )
        name = self.model.config.get_project_name()
        net = Network(name, self.input_name, tuple(nodes), shapes, self.softmax)
        tensor_of = {
            layer: self.input_name if item is None else item.output
            for layer, item in self.tensor_of.items()
            if item is None or item in self.items
        }
        return Lowered(net, tensor_of, self.channels_first)
