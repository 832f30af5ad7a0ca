"""How an ONNX import follows the operators that only move values, and those on constants.

Transposes and reshapes change what a tensor shows of a map, never the map.  Channels of the
network's input can be chosen and reordered.  Shapes are constants, computed for a batch of one
where the batch is free, and so is what follows from them.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.layers import copy
from firebrick.quantize.importers.onnx.values import Builder, Flat, Logits, Value, View, axes_text

# What is computed where all inputs are constants: shapes, axes, and weights in the making.
FOLDABLE = (
    "Abs Add Cast Ceil Clip Concat ConstantOfShape Div Equal Expand Flatten Floor Gather "
    "GatherND Greater Less Max Min Mod Mul Neg Not Pow Reciprocal ReduceMax ReduceMin "
    "ReduceProd ReduceSum Reshape Round Shape Size Slice Split Sqrt Squeeze Sub Sum "
    "Transpose Unsqueeze Where"
).split()
# No weights of a network that fits are larger, and an altered file cannot ask for all memory.
LARGEST_CONSTANT = 1 << 28


def fold(builder: Builder, node: OnnxNode) -> bool:
    """Compute a node whose inputs are constants; False where it is none of those."""
    inputs = [builder.values.get(name) for name in node.inputs if name]
    if node.op not in FOLDABLE or not all(isinstance(value, np.ndarray) for value in inputs):
        return False
    if not inputs and node.op != "ConstantOfShape":
        return False
    names = [name for name in dict.fromkeys(node.inputs) if name]
    if node.op in ("ConstantOfShape", "Expand"):
        size = math.prod(builder.list_of_integers(node, len(node.inputs) - 1, "shape"))
        if size > LARGEST_CONSTANT:
            node.refuse(f"makes a constant of {size} values; at most {LARGEST_CONSTANT} are made")
    try:
        with np.errstate(all="ignore"):
            results = _evaluator(builder, node, names).run(
                None, {name: builder.values[name] for name in names}
            )
    except Exception as error:  # The evaluator has no exception class of its own.
        reason = " ".join(str(error).split()) or type(error).__name__
        node.refuse(f"cannot be computed from its constants: {reason}")
    for name, result in zip([name for name in node.outputs if name], results, strict=True):
        builder.values[name] = np.asarray(result)
    return True


def _evaluator(builder: Builder, node: OnnxNode, names: list[str]) -> ReferenceEvaluator:
    """ONNX's own evaluator of a graph that is this node."""
    proto = onnx.NodeProto(op_type=node.op, input=node.inputs, output=node.outputs, name=node.name)
    proto.attribute.extend(node.attributes.values())
    inputs, outputs = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in which]
        for which in (names, [name for name in node.outputs if name])
    )
    graph = helper.make_graph([proto], "constants", inputs, outputs)
    opsets = [helper.make_opsetid("", builder.graph.opset)]
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))


def dims_of(value: Value) -> tuple[int, ...]:
    """Dimensions without the batch."""
    if isinstance(value, View):
        return value.dims
    if isinstance(value, Flat):
        return (math.prod(value.view.dims),)
    assert isinstance(value, Logits)
    return value.dims


def shape(builder: Builder, node: OnnxNode) -> None:
    """Shape of a map: a constant, 1 where the batch is free."""
    node.known(("start", "end"))
    node.arity(1, 1)
    value = builder.computed(node)
    (value if isinstance(value, View) else value.view).map.uses -= 1
    dims = (builder.graph.batch or 1, *dims_of(value))
    start, end = node.get("start", 0), node.get("end", len(dims))
    builder.values[node.outputs[0]] = np.array(dims[start:end], np.int64)


def transpose(builder: Builder, node: OnnxNode) -> None:
    node.known(("perm",))
    node.arity(1, 1)
    value = builder.computed(node)
    rank = len(dims_of(value)) + 1
    perm = node.get("perm", tuple(reversed(range(rank))))
    if sorted(perm) != list(range(rank)):
        node.refuse(f"attribute perm is {list(perm)} for a tensor of {rank} dimensions")
    if isinstance(value, View):
        builder.show(node, replace(value, axes=tuple(value.axes[axis] for axis in perm)))
        return
    if perm[0] != 0:
        node.refuse(f"attribute perm is {list(perm)}; supported are such that keep the batch first")
    if isinstance(value, Flat):
        copy(builder, node)
        return
    dims = tuple(value.dims[axis - 1] for axis in perm[1:])
    builder.values[node.outputs[0]] = replace(value, dims=dims)


def flatten(builder: Builder, node: OnnxNode) -> None:
    node.known(("axis",))
    node.arity(1, 1)
    value = builder.computed(node)
    axis = node.get("axis", 1)
    rank = len(dims_of(value)) + 1
    if (axis + rank if axis < 0 else axis) != 1:
        node.refuse(f"attribute axis is {axis}; supported is 1, which keeps the batch")
    _flat(builder, node, value)


def _flat(builder: Builder, node: OnnxNode, value: Value) -> None:
    """The node's output is [N, values]."""
    if isinstance(value, View):
        if value.axes[0] != 0:
            node.refuse(f"flattens the axes {axes_text(value.axes)}; the batch must come first")
        if value.map.source is None:
            node.refuse("flattens the network's input, which only a Conv can read")
        builder.show(node, value)
        builder.values[node.outputs[0]] = Flat(value)
    elif isinstance(value, Logits):
        builder.values[node.outputs[0]] = replace(value, dims=(value.classes,))
    else:
        copy(builder, node)


def reshape(builder: Builder, node: OnnxNode) -> None:
    """Reshape that keeps the order of the values: flattening, or moving axes of size one."""
    node.known(("allowzero", "shape"))
    node.arity(1, 2)
    value = builder.computed(node)
    if "shape" in node.attributes:
        wanted = node.get("shape", ())
    else:
        node.arity(2, 2)
        wanted = builder.list_of_integers(node, 1, "shape")
    old = (1, *dims_of(value))
    total = math.prod(old)
    # Evaluated for a batch of one; a free batch is written 0 (copy), -1 or, carelessly, 1.
    dims = []
    for index, size in enumerate(wanted):
        if size == 0 and not node.get("allowzero", 0) and index < len(old):
            size = old[index]
        elif index == 0 and size not in (-1, 0) and size == builder.graph.batch:
            size = 1
        dims.append(size)
    if dims.count(-1) == 1:
        rest = math.prod(size for size in dims if size != -1)
        if rest > 0 and total % rest == 0:
            dims[dims.index(-1)] = total // rest
    if not dims or dims[0] != 1 or math.prod(dims) != total or min(dims) < 1:
        node.refuse(
            f"to {list(wanted)} does not fit [batch, {', '.join(map(str, old[1:]))}], or does not "
            "keep the batch first"
        )
    place(builder, node, value, tuple(dims[1:]))


def place(builder: Builder, node: OnnxNode, value: Value, dims: tuple[int, ...]) -> None:
    """The node's output holds the values of ``value`` in the same order, as [N, *dims]."""
    old = dims_of(value)
    if isinstance(value, Logits):
        if not dims or sorted(dims)[:-1] != [1] * (len(dims) - 1):
            node.refuse(
                f"makes [batch, {', '.join(map(str, dims))}]; supported is [batch, "
                f"{value.classes}] after the average"
            )
        builder.values[node.outputs[0]] = replace(value, dims=dims)
        return
    view = value.view if isinstance(value, Flat) else value
    assert isinstance(view, View)
    if dims == old:
        copy(builder, node)
    elif len(dims) == 1:
        _flat(builder, node, value)
    elif len(dims) == 3 and view.axes[0] == 0:
        sizes = (1, *view.shape)
        # Axes of size one can stand anywhere; the others must keep their order.
        order = [axis for axis in view.axes[1:] if sizes[axis] != 1]
        ones = [axis for axis in view.axes[1:] if sizes[axis] == 1]
        if isinstance(value, Flat) and tuple(sizes[axis] for axis in view.axes[1:]) == dims:
            axes: tuple[int, ...] = view.axes
        elif [size for size in dims if size != 1] == [sizes[axis] for axis in order]:
            # The channels go where they go first: [N, 1, H, W] of a gray picture.
            ones.sort()
            axes = (0, *((order if size != 1 else ones).pop(0) for size in dims))
        else:
            node.refuse(f"reorders a map from {list(old)} to {list(dims)}; use a Transpose")
        builder.show(node, replace(view, axes=axes))
    else:
        node.refuse(
            f"makes [batch, {', '.join(map(str, dims))}] of a map of {list(old)}; supported are "
            "flattening and axes of size one that move"
        )


def squeeze(builder: Builder, node: OnnxNode) -> None:
    """Squeeze, without axes too; the batch stays."""
    node.known(("axes",))
    node.arity(1, 2)
    value = builder.computed(node)
    dims = dims_of(value)
    if len(node.inputs) == 2:
        axes = builder.list_of_integers(node, 1, "axes")
    else:
        axes = node.get("axes", ())
        if not axes:
            if builder.graph.batch == 1:
                node.refuse(
                    "has no axes and removes the batch of one too; export the network with a free "
                    "batch, or name the axes"
                )
            axes = tuple(index + 1 for index, size in enumerate(dims) if size == 1)
    rank = len(dims) + 1
    chosen = {axis + rank if axis < 0 else axis for axis in axes}
    if not all(0 < axis < rank and dims[axis - 1] == 1 for axis in chosen):
        node.refuse(
            f"removes the axes {list(axes)} of {['N', *dims]}; supported are those of size 1"
        )
    place(builder, node, value, tuple(d for i, d in enumerate(dims) if i + 1 not in chosen))


def unsqueeze(builder: Builder, node: OnnxNode) -> None:
    node.known(("axes",))
    node.arity(1, 2)
    value = builder.computed(node)
    if len(node.inputs) == 2:
        axes = builder.list_of_integers(node, 1, "axes")
    else:
        axes = node.get("axes", ())
    dims = list(dims_of(value))
    rank = len(dims) + 1 + len(axes)
    if len({axis % rank for axis in axes}) != len(axes):
        node.refuse(f"inserts the axes {list(axes)}, one of them twice")
    for axis in sorted(axis + rank if axis < 0 else axis for axis in axes):
        if not 0 < axis < rank:
            node.refuse(f"inserts the axes {list(axes)}; supported are such behind the batch")
        dims.insert(axis - 1, 1)
    place(builder, node, value, tuple(dims))


def cast(builder: Builder, node: OnnxNode) -> None:
    """Cast to float32, or to the halves that are read as such; bytes stay what they are."""
    node.known(("to", "saturate", "round_mode"))
    node.arity(1, 1)
    _plain_cast(node)
    kind = node.get("to", 0)
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        kinds = onnx.TensorProto.DataType
        text = kinds.Name(kind) if kind in kinds.values() else f"the unknown type {kind}"
        node.refuse(f"casts a feature map to {text}; supported are FLOAT and FLOAT16")
    copy(builder, node)


def _plain_cast(node: OnnxNode) -> None:
    """Refuse what is meant for casts to 8-bit floats."""
    for name, usual in (("saturate", 1), ("round_mode", "up")):
        if node.get(name, usual) != usual:
            node.refuse(f"attribute {name} is {node.get(name, usual)!r}; supported is {usual!r}")


def cast_like(builder: Builder, node: OnnxNode) -> None:
    node.known(("saturate", "round_mode"))
    node.arity(2, 2)
    _plain_cast(node)
    if builder.constant(node, 1, "type").dtype != np.float32:
        node.refuse("casts a feature map to another type than float32")
    copy(builder, node)


def choose(builder: Builder, node: OnnxNode, axis: int, picked: list[int]) -> None:
    """The node's output shows ``picked`` channels of its input, which lie along ``axis``."""
    source = builder.view(node)
    if not -4 <= axis < 4 or source.axes[axis] != 1:
        node.refuse(
            f"picks along axis {axis}; supported are the channels, {axes_text(source.axes)}"
        )
    if picked == list(range(len(source.channels))):
        builder.show(node, source)
        return
    if source.map.source is not None:
        node.refuse(
            f"picks or reorders channels of {source.map.name!r}; supported are those of the "
            "network's input"
        )
    if not picked or any(not 0 <= channel < len(source.channels) for channel in picked):
        node.refuse(f"picks the channels {picked} of {len(source.channels)}")
    chosen = replace(
        source,
        channels=tuple(source.channels[i] for i in picked),
        factor=source.factor[picked],
        offset=source.offset[picked],
        frame=source.frame[picked],
    )
    builder.show(node, chosen)


def gather(builder: Builder, node: OnnxNode) -> None:
    """Gather along the channels of the input, such as [2, 1, 0]."""
    node.known(("axis",))
    node.arity(2, 2)
    count = len(builder.view(node).channels)
    indices = builder.constant(node, 1, "indices")
    if indices.ndim != 1 or indices.dtype.kind != "i":
        node.refuse("its indices must be a list of channels")
    choose(builder, node, node.get("axis", 0), _counted(indices, count))


def gather_nd(builder: Builder, node: OnnxNode) -> None:
    """GatherND along the first axis, when that holds the channels."""
    node.known(("batch_dims",))
    node.arity(2, 2)
    count = len(builder.view(node).channels)
    indices = builder.constant(node, 1, "indices")
    if node.get("batch_dims", 0) or indices.ndim != 2 or indices.shape[1] != 1:
        node.refuse(f"its indices have the shape {list(indices.shape)}; supported is [channels, 1]")
    choose(builder, node, 0, _counted(indices[:, 0], count))


def _counted(indices: np.ndarray, count: int) -> list[int]:
    """From the first channel on; those that do not exist stay as they are."""
    return [int(i) + count if -count <= i < 0 else int(i) for i in indices]


def cut(builder: Builder, node: OnnxNode) -> None:
    """Slice along the channels of the input, or of everything."""
    node.known(("axes", "ends", "starts"))
    node.arity(1, 5)
    if "starts" in node.attributes:
        starts, ends = node.get("starts", ()), node.get("ends", ())
        axes, steps = node.get("axes", tuple(range(len(starts)))), (1,) * len(starts)
    else:
        node.arity(3, 5)
        starts = builder.list_of_integers(node, 1, "starts")
        ends = builder.list_of_integers(node, 2, "ends")
        axes, steps = tuple(range(len(starts))), (1,) * len(starts)
        if len(node.inputs) > 3 and node.inputs[3]:
            axes = builder.list_of_integers(node, 3, "axes")
        if len(node.inputs) > 4:
            steps = builder.list_of_integers(node, 4, "steps")
    source = builder.view(node)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        node.refuse("its starts, ends, axes and steps do not match")
    picked = list(range(len(source.channels)))
    channel_axis = source.axes.index(1)
    sizes = (None, *source.dims)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if not -4 <= axis < 4:
            node.refuse(f"attribute axes is {list(axes)}")
        axis %= 4
        if axis == channel_axis:
            picked = picked[_python_slice(start, end, step, len(picked))]
            continue
        size = sizes[axis]
        whole = start == 0 and step == 1 and (end >= size if size else end >= 2**31 - 1)
        if not whole:
            node.refuse(
                f"takes {start}:{end}:{step} of axis {axis}; supported are channels of the "
                "network's input"
            )
    choose(builder, node, channel_axis, picked)


def _python_slice(start: int, end: int, step: int, count: int) -> slice:
    """ONNX clamps an end far below zero to "before the first", which Python writes None."""
    stop = None if step < 0 and end < -count else end
    return slice(start, stop, step)


def split(builder: Builder, node: OnnxNode) -> None:
    """Split of the input's channels."""
    node.known(("axis", "num_outputs", "split"))
    node.arity(1, 2)
    source = builder.view(node)
    count = len(source.channels)
    if len(node.inputs) == 2:
        sizes = builder.list_of_integers(node, 1, "sizes")
    else:
        each = -(-count // len(node.outputs))
        sizes = node.get(
            "split", (each,) * (len(node.outputs) - 1) + (count - each * (len(node.outputs) - 1),)
        )
    if sum(sizes) != count or len(sizes) != len(node.outputs) or min(sizes) < 1:
        node.refuse(f"cuts {count} channels into {list(sizes)}")
    source.map.uses -= 1
    if node.get("num_outputs", len(sizes)) != len(sizes):
        node.refuse(f"attribute num_outputs is {node.get('num_outputs', 0)}, not {len(sizes)}")
    start = 0
    for output, size in zip(node.outputs, sizes, strict=True):
        if not output:
            start += size
            continue
        source.map.uses += 1
        part = replace_outputs(node, output)
        choose(builder, part, node.get("axis", 0), list(range(start, start + size)))
        start += size


def replace_outputs(node: OnnxNode, output: str) -> OnnxNode:
    """The node as if it made ``output`` alone."""
    return replace(node, outputs=(output,))
