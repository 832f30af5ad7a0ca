"""All reasons why a file cannot be used, in one line: :func:`together`, and what lets an import
go on behind a node that it refused: :func:`stand_in`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx.graph import OnnxNode, Refusal
from firebrick.quantize.importers.onnx.layout import dims_of
from firebrick.quantize.importers.onnx.operators import ADVICE, HOST, PLAIN, SHRINKING
from firebrick.quantize.importers.onnx.values import (
    CHANNELS_FIRST,
    NO_PADDING,
    Builder,
    ConvLayer,
    Logits,
    Map,
    Value,
    View,
    whole,
)
from firebrick.quantize.network import Shape
from firebrick.quantize.support.reasons import by_kind

# Operators whose output is as large as their first input.
KEEP_SHAPE = {op for op, advice in ADVICE.items() if advice not in (SHRINKING, HOST, PLAIN)} | set(
    "Add BatchNormalization Clip Div Max Min Mul Pow Relu Sqrt Sub Sum".split()
)


def together(refusals: Sequence[Refusal]) -> FirebrickError:
    """One error for all: counted by operator and kind, the first node of each by name."""
    if len(refusals) == 1:
        return refusals[0]
    groups = by_kind(refusals, lambda refusal: f"{refusal.node.op}: {refusal.reason}")
    hint = "; ".join(dict.fromkeys(refusal.hint for refusal in refusals if refusal.hint))
    hint = f"; {hint}" if hint else ""
    path = refusals[0].node.path
    if len(groups) == 1:
        return FirebrickError(f"{path}: {_counted(refusals)}{hint}")
    parts = [f"[{number}] {_counted(group)}" for number, group in enumerate(groups, 1)]
    return FirebrickError(
        f"{path}: {len(refusals)} nodes cannot be used, for {len(groups)} reasons: "
        f"{' '.join(parts)}{hint}"
    )


def wide_kernels(builder: Builder, told: Sequence[Refusal]) -> list[Refusal]:
    """What no engine will run of convolutions that are read, but not ``told`` of.

    They are networks like others here: whoever must change a network anyway is told of them too.
    """
    names = {refusal.node.name for refusal in told}
    found = []
    for node in builder.graph.nodes:
        weights = builder.values.get(node.inputs[1]) if len(node.inputs) > 1 else None
        if node.op != "Conv" or node.name in names:
            continue
        if not isinstance(weights, np.ndarray) or weights.ndim != 4:
            continue
        source = builder.values.get(node.inputs[0])
        first = isinstance(source, View) and source.map.source is None
        rows, columns = weights.shape[2:]
        if not first and (rows, columns) not in ((1, 1), (3, 3)):
            found.append(
                Refusal(
                    node,
                    f"is a convolution of {rows}x{columns} behind the first layer; engines run 1x1 "
                    "and 3x3 there: two of 3x3 see as much as one of 5x5",
                )
            )
    return found


def _counted(group: Sequence[Refusal]) -> str:
    """The first node with its reason, and how many more of its operator there are."""
    node, more = group[0].node, len(group) - 1
    told = f"node {node.name} ({node.op}): {group[0].reason}"
    return f"{told} (and {more} more {node.op})" if more else told


def stand_in(builder: Builder, node: OnnxNode) -> Map | None:
    """Give the outputs of a refused node a value, so that what follows it can be judged; what has
    none is added to the builder's ``unknown``.  Returns the map that stands in for a feature map.
    """
    made = None
    sources = [builder.values.get(name) for name in node.inputs]
    for name in filter(None, node.outputs):
        if name in builder.values:
            continue
        sizes = _sizes(builder, node, name, sources)
        if sizes is None or min(sizes) < 1:
            builder.unknown.add(name)
        elif any(isinstance(source, Logits) for source in sources):
            made = _map(name, (max(sizes), 1, 1))
            builder.values[name] = Logits(node, whole(made), sizes)
        elif len(sizes) == 3:
            made = _map(name, (sizes[0], sizes[1], sizes[2]))
            builder.values[name] = whole(made)
        else:
            builder.unknown.add(name)
    return made


def _sizes(
    builder: Builder, node: OnnxNode, name: str, sources: Sequence[Value | None]
) -> tuple[int, ...] | None:
    """The dimensions of a refused node's output without the batch, None where nothing tells."""
    source = sources[0] if sources else None
    if isinstance(source, np.ndarray) or source is None:
        return None
    stated = builder.graph.declared.get(name, ())[1:]
    known = tuple(size for size in stated if size is not None)
    if known and len(known) == len(stated):
        return known
    if node.op in ("Conv", "FusedConv", "MaxPool", "AveragePool", "LpPool"):
        return _windows(node, source, sources[1] if len(sources) > 1 else None)
    if node.op in KEEP_SHAPE:
        return dims_of(source)
    return None


def _windows(node: OnnxNode, source: Value, weights: Value | None) -> tuple[int, ...] | None:
    """Of a convolution or pooling, whatever its attributes are, if only they make sense."""
    if not isinstance(source, View) or source.axes != CHANNELS_FIRST:
        return None
    kernel, channels = node.get("kernel_shape", ()), source.shape[0]
    if isinstance(weights, np.ndarray) and weights.ndim == 4:
        kernel, channels = weights.shape[2:], weights.shape[0]
    strides, spread = node.get("strides", (1, 1)), node.get("dilations", (1, 1))
    pads = node.get("pads", NO_PADDING)
    if {len(kernel), len(strides), len(spread)} != {2} or len(pads) != 4 or min(strides) < 1:
        return None
    same = node.get("auto_pad", "NOTSET").startswith("SAME")
    sizes = [channels]
    for axis in (0, 1):
        size, taps = source.shape[1 + axis], (kernel[axis] - 1) * spread[axis] + 1
        room = size - 1 if same else size + pads[axis] + pads[axis + 2] - taps
        sizes.append(room // strides[axis] + 1)
    return tuple(sizes)


def _map(name: str, shape: Shape) -> Map:
    """A map as a convolution of its own makes it, which takes in whatever follows."""
    weights, zeros = np.zeros((shape[0], 1, 1, 1)), np.zeros(shape[0])
    return Map(name, shape, 1, ConvLayer(name, [], [], weights, zeros, 1, NO_PADDING))
