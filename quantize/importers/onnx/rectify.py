"""How an ONNX import follows ReLU and what bounds a map from above or below."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.layers import copy
from firebrick.quantize.importers.onnx.values import (
    AddLayer,
    Builder,
    ConvLayer,
    Flat,
    Logits,
    View,
    describe,
    is_rectified,
    rectify,
)


def relu(builder: Builder, node: OnnxNode) -> None:
    """Relu: a flag of the layer before it."""
    node.known(("consumed_inputs",))
    node.arity(1, 1)
    apply_relu(builder, node)


def apply_relu(builder: Builder, node: OnnxNode) -> None:
    """The node's output is max(input, 0)."""
    value = builder.value(node, 0)
    if isinstance(value, Logits):
        if not is_rectified(value.view.map) or not value.view.plain:
            node.refuse("takes the ReLU of a mean over the map; supported is a ReLU before it")
        builder.values[node.outputs[0]] = value
        return
    source = value.view if isinstance(value, Flat) else builder.view(node)
    if not source.scaled(1.0, 0.0) or (any(source.padding) and np.any(source.frame)):
        node.refuse(
            f"its input {node.inputs[0]!r} is scaled or shifted behind {_origin(source)}, which "
            "only a Conv can take in"
        )
    if is_rectified(source.map):
        builder.show(node, source)
    else:
        rectify(node, source.map)
        builder.rename(node, source)
    if isinstance(value, Flat):
        builder.values[node.outputs[0]] = value


def _origin(source: View) -> str:
    layer = source.map.source
    return "the network's input" if layer is None else describe(layer)


def clip(builder: Builder, node: OnnxNode) -> None:
    """Clip, Max and Min: a ReLU, or nothing; an upper bound becomes one of the layer before it."""
    node.known(("consumed_inputs", "max", "min"))
    low, high = -math.inf, math.inf
    if node.op == "Clip":
        node.arity(1, 3)
        low, high = node.get("min", -math.inf), node.get("max", math.inf)
        if len(node.inputs) > 1 and node.inputs[1]:
            low = _scalar(builder, node, 1)
        if len(node.inputs) > 2:
            high = _scalar(builder, node, 2)
    else:
        node.arity(2, 2)
        if isinstance(builder.value(node, 0), np.ndarray):
            node.refuse("its first input is a constant; supported is a map, then a constant")
        bound = _scalar(builder, node, 1)
        low, high = (bound, high) if node.op == "Max" else (low, bound)
    value = builder.value(node, 0)
    if isinstance(value, View) and value.integer is not None:
        _clip_integers(builder, node, value, low, high)
        return
    bounds = [
        builder.constant(node, i, "bound") for i in range(1, len(node.inputs)) if node.inputs[i]
    ]
    if any(bound.dtype.kind != "f" for bound in bounds):
        node.refuse("its bound is an integer, but the map that it bounds holds floats")
    if low <= -float(np.finfo(np.float32).max):
        low = -math.inf
    unbounded = high >= float(np.finfo(np.float32).max)
    if low == -math.inf and unbounded:
        copy(builder, node)
        return
    source = value.view if isinstance(value, Flat) else builder.view(node)
    if low not in (0.0, -math.inf) or (low == -math.inf and not is_rectified(source.map)):
        node.refuse(
            f"clips to [{low:g}, {high:g}]; supported is a lower bound of 0, a ReLU, with any "
            "upper bound, as ReLU6 has one"
        )
    if high <= 0:
        node.refuse(f"clips to [{low:g}, {high:g}], which leaves nothing")
    if isinstance(source.map.source, ConvLayer | AddLayer) or is_rectified(source.map):
        if source.map.uses != 1 and not unbounded:
            node.refuse(
                f"{source.map.name!r} is read elsewhere too, without the {node.op}; what bounds a "
                "Conv or Add must be all that reads it"
            )
        apply_relu(builder, node)
    else:
        node.refuse(f"clips {_origin(source)}; supported is a Clip just behind a Conv or Add")
    if not unbounded and (source.map.ceiling is None or high < source.map.ceiling[0]):
        source.map.ceiling = (high, node)


def _scalar(builder: Builder, node: OnnxNode, index: int) -> float:
    bound = builder.constant(node, index, "bound")
    if bound.size != 1:
        node.refuse(f"its bound {node.inputs[index]!r} is not a single number")
    return float(bound.reshape(-1)[0])


def _clip_integers(builder: Builder, node: OnnxNode, value: View, low: float, high: float) -> None:
    """Between a quantizer and its DequantizeLinear a Clip narrows the quantizer's range."""
    grid = value.integer
    assert grid is not None
    narrower = replace(
        grid,
        low=int(max(grid.low, low - grid.zero)),
        high=int(min(grid.high, high - grid.zero)),
    )
    value.map.grids = [narrower if item is grid else item for item in value.map.grids]
    builder.input_grids = [
        (view, narrower if item is grid else item) for view, item in builder.input_grids
    ]
    builder.show(node, replace(value, integer=narrower))
