"""From ONNX to the list of layers that hls4ml builds its graph from: :func:`parse`.

The graph is read by :func:`quantize.importers.onnx.model.import_model`, which knows ceil_mode,
global average pooling, Dropout and attributes that are left out, and refuses by name what it does
not. Layers are hls4ml's own kinds, channels last, as its Keras front end makes them.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx.model import ImportedModel, alone, import_model
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network, Shape

Parts = tuple[list[dict[str, Any]], list[str], list[str]]

# hls4ml reserves the name for what feeds the first layer.
RESERVED = "input"
# Attribute of the input layer: the file's network, where that is quantized.
IMPORTED = "firebrick_imported"


@dataclass(frozen=True)
class ParsedModel:
    """What :func:`parse` returned, to stand for the model where hls4ml would parse it again."""

    parts: Parts


class Imported:
    """A quantized file's network on its way through hls4ml, which copies and shows attributes."""

    def __init__(self, model: ImportedModel) -> None:
        self.model = model

    def __deepcopy__(self, memo: dict) -> Imported:
        return self


def parse(model: str | Path | onnx.ModelProto | ParsedModel) -> Parts:
    """(layers, names of the inputs, names of the outputs) of an ONNX file or a loaded model.

    Raises FirebrickError naming file, node and operator for what cannot be made exactly right.
    """
    if isinstance(model, ParsedModel):
        return model.parts
    if isinstance(model, str | Path):
        _refuse_other_dialects(onnx.load(model, load_external_data=False), str(model))
        return _layers_of(import_model(model))
    if not isinstance(model, onnx.ModelProto):
        raise FirebrickError(
            f"an ONNX model is wanted, as a file name or an onnx.ModelProto, not {type(model)}"
        )
    name = re.sub(r"\W", "_", model.graph.name) or "network"
    _refuse_other_dialects(model, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            return _layers_of(replace(import_model(path), path=Path(name)))
        except FirebrickError as error:
            raise FirebrickError(str(error).replace(str(path), name)) from error


def _layers_of(model: ImportedModel) -> Parts:
    """The layers of a float network that leaves preprocessing to the backend's option, or of a
    quantized one, which the first layer then carries along."""
    if model.quantizers:
        layers, inputs, outputs = layer_list(model.network, bounded=True)
        layers[0][IMPORTED] = Imported(model)
        return layers, inputs, outputs
    for node in model.prepared_by:
        node.refuse(
            "scales or shifts the network's input, which the option preprocessing does here; state "
            "it there and export the network without it"
        )
    return layer_list(alone(model))


def _refuse_other_dialects(model: onnx.ModelProto, name: str) -> None:
    """Refuse what hides what it computes, or ends as predict() does not."""
    for node in model.graph.node:
        where = f"{name}: node {node.name or node.output[0]} ({node.op_type})"
        if "channels_last" in node.domain:
            raise FirebrickError(
                f"{where}: has been converted to channels last by qonnx; give the network as it "
                "was exported, the backend needs no conversion"
            )
        if node.op_type == "LogSoftmax":
            raise FirebrickError(
                f"{where}: predict() returns what the last layer says, which is Softmax or the "
                "global average here; export the network without LogSoftmax"
            )


def layer_list(net: Network, bounded: bool = False) -> Parts:
    """``net`` as hls4ml's layers; ``bounded`` says that where it saturates is known otherwise."""
    if net.maps:
        raise FirebrickError(
            f"{net.name}: ends in the map {net.maps[0]}, which predict() does not return; this "
            "backend is for networks that classify: quantize and compile the network itself (make "
            "quantize, make demo)"
        )
    names = _Names()
    source = names.new(net.input)
    height_width_channels = _last(net.shapes[net.input])
    layers: list[dict[str, Any]] = [
        {"name": source, "class_name": "InputLayer", "input_shape": height_width_channels}
    ]
    made = {net.input: source}
    for node in net.nodes:
        if isinstance(node, Conv):
            _refuse_bounds(node, bounded)
            layer = _conv(node, net.shapes, names.new(node.name), made[node.input])
        elif isinstance(node, MaxPool):
            layer = _max_pool(node, net.shapes, names.new(node.name), made[node.input])
        elif isinstance(node, Concat):
            first = made[node.inputs[0]]
            # hls4ml concatenates two at a time; lowering puts a chain together again.
            for index, name in enumerate(node.inputs[1:-1]):
                part = names.new(f"{node.name}_part{index + 1}")
                layers.append(_concat(part, first, made[name]))
                first = part
            layer = _concat(names.new(node.name), first, made[node.inputs[-1]])
        elif isinstance(node, Add):
            _refuse_bounds(node, bounded)
            layer = _add(names.new(node.name), *(made[name] for name in node.inputs))
        else:
            layer = _average(node, net.shapes, names.new(node.name), made[node.input])
        layers.append(layer)
        last = layer["name"]
        if isinstance(node, Conv | Add) and node.relu:
            last = names.new(f"{last}_relu")
            layers.append(_activation(last, layer["name"], "Activation", "relu"))
        made[node.output] = last
    if net.softmax:
        softmax = _activation(names.new("softmax"), last, "Softmax", "softmax")
        layers.append({**softmax, "axis": -1})
    return layers, [source], [layers[-1]["name"]]


def _refuse_bounds(node: Conv | Add, bounded: bool) -> None:
    if node.bounds is not None and not bounded:
        raise FirebrickError(
            f"layer {node.name}: saturates at {node.bounds.high.max():g} ({node.bounds.origin}), "
            "which hls4ml's layers cannot say; quantize and compile the network itself (make "
            "quantize, make demo)"
        )


class _Names:
    """Names that are identifiers, as files and C++ need them, each given once."""

    def __init__(self) -> None:
        self.taken = {RESERVED}

    def new(self, wanted: str) -> str:
        base = re.sub(r"\W", "_", wanted.strip("/")) or "layer"
        if base[0].isdigit():
            base = f"layer_{base}"
        name, number = base, 1
        while name.lower() in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name.lower())
        return name


def _last(shape: Shape) -> list[int]:
    """[height, width, channels]"""
    return [shape[1], shape[2], shape[0]]


def _sizes(source: Shape, target: Shape) -> dict[str, Any]:
    return {
        "in_height": source[1],
        "in_width": source[2],
        "out_height": target[1],
        "out_width": target[2],
        "data_format": "channels_last",
    }


def _conv(node: Conv, shapes: dict[str, Shape], name: str, source: str) -> dict[str, Any]:
    outputs, inputs, rows, cols = node.weights.shape
    top, left, bottom, right = node.padding
    return {
        "name": name,
        "class_name": "Conv2D",
        "inputs": [source],
        **_sizes(shapes[node.input], shapes[node.output]),
        "n_chan": inputs,
        "n_filt": outputs,
        "filt_height": rows,
        "filt_width": cols,
        "stride_height": node.stride,
        "stride_width": node.stride,
        "pad_top": top,
        "pad_left": left,
        "pad_bottom": bottom,
        "pad_right": right,
        "weight_data": np.ascontiguousarray(node.weights.transpose(2, 3, 1, 0)),
        "bias_data": node.bias,
    }


def _max_pool(node: MaxPool, shapes: dict[str, Shape], name: str, source: str) -> dict[str, Any]:
    """ceil_mode becomes the padding at bottom and right that makes the same windows, none
    without it."""
    before, after = shapes[node.input], shapes[node.output]
    bottom, right = (
        max(0, (after[axis] - 1) * 2 + node.kernel - before[axis] - node.padding) for axis in (1, 2)
    )
    return {
        "name": name,
        "class_name": "MaxPooling2D",
        "inputs": [source],
        **_sizes(before, after),
        "n_filt": before[0],
        "pool_height": node.kernel,
        "pool_width": node.kernel,
        "stride_height": 2,
        "stride_width": 2,
        "pad_top": node.padding,
        "pad_left": node.padding,
        "pad_bottom": bottom,
        "pad_right": right,
    }


def _concat(name: str, first: str, second: str) -> dict[str, Any]:
    return {
        "name": name,
        "class_name": "Concatenate",
        "op": "concatenate3d",
        "axis": 3,
        "inputs": [first, second],
    }


def _add(name: str, first: str, second: str) -> dict[str, Any]:
    return {"name": name, "class_name": "Merge", "op": "add", "inputs": [first, second]}


def _average(
    node: GlobalAverage, shapes: dict[str, Shape], name: str, source: str
) -> dict[str, Any]:
    channels, height, width = shapes[node.input]
    return {
        "name": name,
        "class_name": "GlobalAveragePooling2D",
        "inputs": [source],
        "in_height": height,
        "in_width": width,
        "n_filt": channels,
        "data_format": "channels_last",
    }


def _activation(name: str, source: str, kind: str, function: str) -> dict[str, Any]:
    return {"name": name, "class_name": kind, "activation": function, "inputs": [source]}
