"""How an ONNX import follows quantizers: QuantizeLinear, DequantizeLinear and QONNX's Quant.

On constants they are computed, and the integers are kept.  On feature maps they are noted as the
map's :class:`Grid`; :mod:`quantize.calibration.take_over` decides whether the noted grids can be
taken over.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from firebrick.quantize.importers.onnx.arithmetic import affine
from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.layers import copy
from firebrick.quantize.importers.onnx.values import (
    Builder,
    Flat,
    Grid,
    Integers,
    Logits,
    Unfit,
    View,
    is_rectified,
    rectify,
)

INTEGER_TYPES = {
    onnx.TensorProto.UINT8: np.uint8,
    onnx.TensorProto.INT8: np.int8,
    onnx.TensorProto.UINT16: np.uint16,
    onnx.TensorProto.INT16: np.int16,
    onnx.TensorProto.INT32: np.int32,
}
LINEAR_ATTRIBUTES = ("axis", "block_size", "output_dtype", "precision", "saturate")
WHAT_TO_DO = (
    "quantize with 8-bit integers and one scale a tensor (activations) or channel (weights)"
)


def quantize_linear(builder: Builder, node: OnnxNode) -> None:
    node.known(LINEAR_ATTRIBUTES)
    node.arity(2, 3)
    scale, zero = _parameters(builder, node, _output_type(node))
    if zero.dtype not in (np.int8, np.uint8, np.int16, np.uint16, np.int32):
        node.refuse(f"quantizes to {zero.dtype}; {WHAT_TO_DO}")
    limits = np.iinfo(zero.dtype)
    value = builder.value(node, 0)
    if isinstance(value, np.ndarray):
        scale, zero = _along_axis(node, value, scale), _along_axis(node, value, zero)
        shifted = np.rint(value / scale) + zero.astype(np.int64)
        integers = np.clip(shifted, limits.min, limits.max).astype(zero.dtype)
        builder.values[node.outputs[0]] = integers
        return
    if scale.size != 1 or zero.size != 1:
        node.refuse(f"quantizes a feature map with {scale.size} scales; {WHAT_TO_DO}")
    offset = int(zero.reshape(-1)[0])
    grid = Grid(
        float(scale.reshape(-1)[0]),
        offset,
        int(limits.min) - offset,
        int(limits.max) - offset,
        True,
        node,
    )
    _note(builder, node, grid, keep_integers=True)


def _output_type(node: OnnxNode) -> np.dtype:
    """The integers of a QuantizeLinear without a zero point: what output_dtype says, else uint8."""
    stated = node.get("output_dtype", 0)
    if stated == 0 or len(node.inputs) > 2:
        return np.dtype(np.uint8)
    if stated not in INTEGER_TYPES:
        kind = onnx.TensorProto.DataType.Name(stated)
        node.refuse(f"quantizes to {kind} (output_dtype); {WHAT_TO_DO}")
    return np.dtype(INTEGER_TYPES[stated])


def dequantize_linear(builder: Builder, node: OnnxNode) -> None:
    node.known(LINEAR_ATTRIBUTES)
    node.arity(2, 3)
    value = builder.value(node, 0)
    kind = value.dtype if isinstance(value, np.ndarray) else np.dtype(np.uint8)
    scale, zero = _parameters(builder, node, kind)
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iu":
            node.refuse(f"its input is of type {value.dtype}; supported are integers")
        scale, zero = _along_axis(node, value, scale), _along_axis(node, value, zero)
        integers = value.astype(np.int64) - zero.astype(np.int64)
        builder.integers[node.outputs[0]] = Integers(integers, scale.astype(np.float64))
        builder.values[node.outputs[0]] = integers.astype(np.float32) * scale
        return
    if isinstance(value, View) and value.integer is None and value.map.source is None:
        # The network's input is bytes: this is its first scale.
        factor, offset = _one_a_channel(node, value, scale), _one_a_channel(node, value, zero)
        if np.any(factor != 1) or np.any(offset):
            affine(builder, node, value, factor, -offset * factor)
        else:
            builder.show(node, value)
        return
    if isinstance(value, View):
        grid = value.integer
        if grid is None:
            node.refuse("its input is not quantized")
        if scale.size != 1 or float(scale.reshape(-1)[0]) != grid.scale:
            node.refuse(f"its scale is not that of the quantizer before it, {grid.scale:g}")
        if int(zero.reshape(-1)[0]) != grid.zero:
            node.refuse(f"its zero point is not that of the quantizer before it, {grid.zero}")
        builder.show(node, replace(value, integer=None))
        return
    copy(builder, node)


def _one_a_channel(node: OnnxNode, value: View, array: np.ndarray) -> np.ndarray:
    if array.size not in (1, len(value.channels)):
        node.refuse(f"has {array.size} scales for {len(value.channels)} channels")
    return np.broadcast_to(array.reshape(-1), (len(value.channels),)).astype(np.float64)


def _parameters(builder: Builder, node: OnnxNode, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    scale = builder.numbers(node, 1, "scales")
    if not np.all(scale > 0):
        node.refuse("a scale is not greater than zero")
    if len(node.inputs) < 3:
        return scale, np.zeros(scale.shape, kind)
    zero = builder.constant(node, 2, "zero points")
    if zero.dtype.kind not in "iu":
        node.refuse(f"its zero points are of type {zero.dtype}; {WHAT_TO_DO}")
    return scale, zero


def _along_axis(node: OnnxNode, value: np.ndarray, array: np.ndarray) -> np.ndarray:
    """``array`` so that it broadcasts against ``value``, along the node's axis."""
    if array.size == 1:
        return array.reshape((1,) * value.ndim)
    axis = node.get("axis", 1)
    if array.ndim != 1 or not -value.ndim <= axis < value.ndim or node.get("block_size", 0):
        node.refuse(f"its scales have the shape {list(array.shape)}; {WHAT_TO_DO}")
    if array.size != value.shape[axis]:
        node.refuse(f"has {array.size} scales for {value.shape[axis]} along axis {axis}")
    shape = [1] * value.ndim
    shape[axis] = array.size
    return array.reshape(shape)


def quant(builder: Builder, node: OnnxNode) -> None:
    """QONNX's Quant: scale * (clip(round(x / scale + zero), low, high) - zero)."""
    node.known(("narrow", "rounding_mode", "signed"))
    node.arity(4, 4)
    scale = builder.numbers(node, 1, "scales")
    zero = builder.numbers(node, 2, "zero points")
    bits = builder.numbers(node, 3, "bit widths")
    mode = node.get("rounding_mode", "ROUND").upper()
    if bits.size != 1 or not 1 < float(bits.reshape(-1)[0]) <= 32 or bits.reshape(-1)[0] % 1:
        node.refuse(f"its bit width is {bits.reshape(-1)[:1].tolist()}; supported are 2 to 32")
    if not np.all(scale > 0) or np.any(zero % 1):
        node.refuse("a scale is not greater than zero, or a zero point is no integer")
    signed, narrow = bool(node.get("signed", 1)), bool(node.get("narrow", 0))
    width = int(bits.reshape(-1)[0])
    high = 2 ** (width - 1) - 1 if signed else 2**width - 1 - narrow
    low = -(2 ** (width - 1)) + narrow if signed else 0
    value = builder.value(node, 0)
    if isinstance(value, np.ndarray):
        if mode not in ("ROUND", "HALF_EVEN"):
            node.refuse(f"attribute rounding_mode is {mode!r}; supported is 'ROUND'")
        numbers = builder.numbers(node, 0, "values")
        integers = np.clip(np.rint(numbers / scale + zero), low, high) - zero
        builder.values[node.outputs[0]] = (integers * scale).astype(np.float32)
        builder.integers[node.outputs[0]] = Integers(
            integers.astype(np.int64), scale.astype(np.float64)
        )
        return
    if np.ptp(scale) or np.ptp(zero):
        node.refuse(f"quantizes a feature map with {scale.size} scales; {WHAT_TO_DO}")
    offset = int(zero.reshape(-1)[0])
    grid = Grid(
        float(scale.reshape(-1)[0]),
        offset,
        low - offset,
        high - offset,
        mode in ("ROUND", "HALF_EVEN"),
        node,
    )
    _note(builder, node, grid, keep_integers=False)


def _note(builder: Builder, node: OnnxNode, grid: Grid, keep_integers: bool) -> None:
    """The node quantizes a feature map."""
    value = builder.value(node, 0)
    if isinstance(value, Logits):
        builder.dropped.append(node)
        builder.values[node.outputs[0]] = value
        return
    view = value.view if isinstance(value, Flat) else builder.view(node)
    if view.map.source is None:
        builder.input_grids.append((view, grid))
    elif not view.scaled(1.0, 0.0):
        # The map is made without the scale here: a grid of the scaled one is none of the map's.
        builder.unfit.append(Unfit(view.map, view, grid))
    else:
        if not view.map.grids:
            # The 8-bit tensor of the file and of the quantized network have one name.
            view.map.name = node.outputs[0]
        view.map.grids.append(grid)
        if grid.low == 0 and not is_rectified(view.map):
            # Saturation at zero is a ReLU: exporters leave it out where a quantizer has it.
            rectify(node, view.map)
            view.map.grids[-1] = grid
    made = replace(view, quantized=True, integer=grid if keep_integers else None)
    builder.show(node, made)
    if isinstance(value, Flat):
        builder.values[node.outputs[0]] = Flat(made)
