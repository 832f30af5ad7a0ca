"""Import a trained network from an ONNX file: :func:`import_model`, :func:`import_onnx`.

The graph is followed node by node.  Normalizations, padding and transposes become part of the
layers around them, a ReLU a flag of the layer before it, Identity and Dropout disappear, linear
layers become convolutions, and the tail must be global average -> [Softmax].  What cannot be
expressed in :class:`quantize.network.Network` is refused, never approximated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx import (
    arithmetic,
    head,
    layers,
    layout,
    operators,
    quantizers,
    rectify,
    schema,
)
from firebrick.quantize.importers.onnx.graph import OnnxGraph, OnnxNode, Refusal, read_graph
from firebrick.quantize.importers.onnx.refusals import stand_in, together, wide_kernels
from firebrick.quantize.importers.onnx.saturation import saturation
from firebrick.quantize.importers.onnx.values import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    NET_END,
    AddLayer,
    Builder,
    ConvLayer,
    Flat,
    Grid,
    Layer,
    Logits,
    Map,
    PoolLayer,
    Unfit,
    View,
    whole,
)
from firebrick.quantize.network import (
    Add,
    Bounds,
    Concat,
    Conv,
    GlobalAverage,
    MaxPool,
    Network,
    Node,
)


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A network as a file holds it.

    ``network`` takes what the file takes plus ``shift`` (float64 [C]): normalization ahead of the
    first layer is in the first layer's weights as far as it multiplies, and in ``shift`` as far
    as it adds.  ``prepared_by`` names the nodes it comes from, ``bytes_in`` tells whether the
    file takes bytes (0..255).  ``layers`` and ``input_grids`` are what the file says of
    quantization; see :mod:`quantize.calibration.take_over`; quantizers behind the average are
    ``dropped``, because the mean is exact here, and those of ``unfit`` come behind a scale or shift
    that no layer before it could take in.
    """

    path: Path
    network: Network
    shift: np.ndarray
    prepared_by: tuple[OnnxNode, ...]
    bytes_in: bool
    layers: tuple[tuple[Layer, Map], ...]
    input_grids: tuple[tuple[View, Grid], ...]
    dropped: tuple[OnnxNode, ...]
    unfit: tuple[Unfit, ...]
    metadata: dict[str, str]

    @property
    def quantizers(self) -> bool:
        """Whether the file quantizes feature maps."""
        return bool(self.input_grids) or any(made.grids for _, made in self.layers)


def import_model(path: str | Path) -> ImportedModel:
    """The network of an ONNX file (opsets 7 to 24), named after the file.

    Raises FirebrickError in one line, naming file, node, operator and what is supported, for
    everything that :class:`Network` cannot express, for weights that are not finite, and for
    files that are truncated or contradict themselves.
    """
    graph = read_graph(path)
    builder = Builder(graph)
    builder.uses = _count_uses(graph)
    builder.values.update(graph.constants)
    builder.values[graph.input] = _input(builder)
    found: list[Refusal] = []
    stood_in: list[Map] = []
    for node in graph.nodes:
        try:
            _follow(builder, node)
        except Refusal as refusal:
            # The rest is followed as far as it can be, so that all reasons are told at once.
            made = stand_in(builder, node)
            stood_in += [made] if made else []
            found.append(refusal)
    if found:
        raise together(_with_end(builder, found, stood_in))
    return _finish(builder)


def _follow(builder: Builder, node: OnnxNode) -> None:
    """Enter one node; Refusal where it cannot be used."""
    for output in node.outputs:
        if output and output in builder.values:
            node.refuse(f"makes {output!r}, which exists already")
    operators.check_domain(node)
    schema.check(node, builder.graph.opset)
    if layout.fold(builder, node):
        return
    if node.op not in HANDLERS:
        operators.refuse(builder, node, HANDLERS)
    if builder.unknown.intersection(node.inputs):
        layers.check_alone(builder, node)
        builder.unknown.update(node.outputs)
        return
    _refuse_behind_softmax(builder, node)
    HANDLERS[node.op](builder, node)
    _count_mean(builder, node)
    _compare_declared(builder, node)


def _with_end(builder: Builder, found: list[Refusal], stood_in: list[Map]) -> list[Refusal]:
    """``found`` and what else there is to say of a network that cannot be used: kernels that no
    engine runs, another end than the global average."""
    found = [*found, *wide_kernels(builder, found)]
    result = builder.values.get(builder.graph.outputs[0])
    if isinstance(result, Logits) and result.view.map not in stood_in:
        try:
            head.check_classifier(result)
        except Refusal as refusal:
            found.append(refusal)
    order = {node.name: index for index, node in enumerate(builder.graph.nodes)}
    return sorted(found, key=lambda refusal: order[refusal.node.name])


def import_onnx(path: str | Path) -> Network:
    """As :func:`import_model`, for a network that stands alone; see :func:`alone`."""
    return alone(import_model(path))


def alone(model: ImportedModel) -> Network:
    """The network of ``model`` as it is without preprocessing: it takes what the file takes.

    A shift of the input goes into the first layer's bias; where that layer pads, the file is
    refused.
    """
    if not np.any(model.shift):
        return model.network
    name = model.network.input
    nodes: list[Node] = []
    for node in model.network.nodes:
        if isinstance(node, Conv) and node.input == name:
            if any(node.padding) and not model.prepared_by:
                raise FirebrickError(
                    f"{model.path}: layer {node.name}: the input is padded by a value other "
                    "than 0, which a float network alone cannot express; pad by 0 there, or state "
                    "what the value comes from as preprocessing"
                )
            if any(node.padding):
                model.prepared_by[0].refuse(
                    "shifts the network's input ahead of a Conv that pads, which a float network "
                    "alone cannot express; export the network without its normalization and state "
                    "that as preprocessing"
                )
            more = node.weights.astype(np.float64).sum(axis=(2, 3)) @ model.shift
            node = replace(node, bias=(node.bias + more).astype(np.float32))
        nodes.append(node)
    return replace(model.network, nodes=tuple(nodes))


def _refuse_behind_softmax(builder: Builder, node: OnnxNode) -> None:
    """A Softmax is noted, not computed: nothing behind it can change its values."""
    values = [builder.values.get(name) for name in node.inputs]
    computed = any(isinstance(value, Logits) and value.softmax for value in values)
    if computed and node.op not in BEHIND_SOFTMAX:
        node.refuse(
            "follows the Softmax, whose values the network does not compute; export the network "
            f"without this node and do on the host what it does; {NET_END}"
        )


def _count_mean(builder: Builder, node: OnnxNode) -> None:
    """What reads the mean reads the map behind it: a map of several readers is left as it is."""
    value = builder.values.get(node.outputs[0])
    if not isinstance(value, Logits):
        return
    made, uses = value.view.map, builder.uses[node.outputs[0]]
    sources = [builder.values.get(name) for name in node.inputs]
    views = [v.view if isinstance(v, Flat | Logits) else v for v in sources]
    if any(isinstance(view, View) and view.map is made for view in views):
        made.uses += uses - 1
    else:
        made.uses = uses


def _input(builder: Builder) -> View:
    """The network's input: channels last where the file transposes it before a layer reads it."""
    graph = builder.graph
    axes = CHANNELS_LAST if _channels_last(graph) else CHANNELS_FIRST
    sizes = dict(zip(axes[1:], graph.input_dims, strict=True))
    made = Map(graph.input, (sizes[1], sizes[2], sizes[3]), builder.uses[graph.input])
    return whole(made, axes)


def _channels_last(graph: OnnxGraph) -> bool:
    """Whether the input is [N, H, W, C]: it is followed to the first node that tells."""
    follow = {graph.input}
    channels = graph.input_dims[2]
    for node in graph.nodes:
        if not node.inputs or not follow.intersection(node.inputs):
            continue
        if node.op == "Transpose":
            return node.get("perm", ()) == (0, 3, 1, 2)
        if node.op == "Reshape":
            shape = graph.constants.get(node.inputs[-1], np.zeros(0))
            last = [1, *graph.input_dims[:2]]
            return channels == 1 and [int(size) for size in shape[1:]] == last
        if node.op in ("Conv", "MaxPool", "Concat", "Shape"):
            return False
        follow.update(node.outputs)
    return False


def _count_uses(graph: OnnxGraph) -> Counter[str]:
    """How many nodes (or the graph's outputs) read each tensor."""
    uses: Counter[str] = Counter()
    for node in graph.nodes:
        uses.update(node.inputs)
    uses.update(graph.outputs)
    return uses


def _compare_declared(builder: Builder, node: OnnxNode) -> None:
    """Refuse a file that states another shape for the node's output than follows from the node."""
    stated = builder.graph.declared.get(node.outputs[0])
    value = builder.values.get(node.outputs[0])
    if stated is None or value is None or isinstance(value, np.ndarray):
        return
    dims: tuple[int | None, ...] = (None, *layout.dims_of(value))
    if isinstance(value, View):
        sizes = (None, *value.shape)
        dims = tuple(sizes[axis] for axis in value.axes)
    fits = len(stated) == len(dims) and all(
        a is None or b is None or a == b for a, b in zip(stated, dims, strict=True)
    )
    if not fits:
        shown = ["?" if dim is None else dim for dim in stated]
        made = ", ".join("'N'" if dim is None else str(dim) for dim in dims)
        node.refuse(f"the file states the output shape {shown}, but the node makes [{made}]")


def _logits_name(builder: Builder, result: Logits) -> str:
    """The last tensor of the file that holds the logits themselves: a Softmax is not computed."""
    same = [
        name
        for name, value in builder.values.items()
        if isinstance(value, Logits) and value.view is result.view and not value.softmax
    ]
    return same[-1] if same else builder.graph.outputs[0]


@dataclass(frozen=True, eq=False)
class _Ends:
    """What a file's outputs are: maps, or the one that is averaged and its ``logits``."""

    maps: tuple[Map, ...]
    logits: Logits | None = None


def _ends(builder: Builder) -> _Ends:
    """The file's outputs; FirebrickError where a network cannot end in them."""
    graph = builder.graph
    found = [(name, builder.values.get(name)) for name in graph.outputs]
    for name, result in found:
        if isinstance(result, Flat) and result.view.shape[1:] == (1, 1) and len(found) == 1:
            result = head.averaged(builder, graph.nodes[-1], result)
        if isinstance(result, Logits) and len(found) == 1:
            head.check_classifier(result)
            return _Ends((result.view.map,), result)
        if not isinstance(result, View):
            alone = "" if len(found) == 1 else f"; of {len(found)} outputs each must be a map"
            raise FirebrickError(
                f"{graph.path}: its output {name!r} is neither the global average nor a map"
                f"{alone}; {NET_END}"
            )
        head.check_map(builder, name, result)
    maps = tuple(result.map for _, result in found if isinstance(result, View))
    names = [made.name for made in maps]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise FirebrickError(
            f"{graph.path}: two of its outputs are the map {twice[0]!r}; leave one of them out"
        )
    return _Ends(maps)


def _finish(builder: Builder) -> ImportedModel:
    """The network, once every node has been followed."""
    graph = builder.graph
    ends = _ends(builder)
    read = {id(source) for layer, _ in builder.layers for source in layer.inputs}
    read.update(map(id, ends.maps))
    for layer, made in builder.layers:
        if id(made) not in read:
            raise FirebrickError(
                f"{graph.path}: node {layer.name}: nothing reads its output {made.name!r}; remove "
                "the node"
            )
    bounds = saturation(builder.layers, builder.unfit)
    nodes: list[Node] = [
        _node(layer, made, bounds.get(made.name)) for layer, made in builder.layers
    ]
    source = builder.values[graph.input]
    assert isinstance(source, View)
    shapes = {graph.input: source.map.shape}
    shapes.update((made.name, made.shape) for _, made in builder.layers)
    network = Network(
        name=graph.path.stem,
        input=graph.input,
        nodes=tuple(nodes),
        shapes=shapes,
        softmax=ends.logits is not None and ends.logits.softmax,
        maps=() if ends.logits else tuple(made.name for made in ends.maps),
    )
    if ends.logits is not None:
        network = _with_average(builder, network, ends.logits)
    shift = builder.shift
    return ImportedModel(
        path=graph.path,
        network=network,
        shift=np.zeros(source.map.shape[0]) if shift is None else shift,
        prepared_by=tuple(builder.prepared_by),
        bytes_in=graph.bytes_in,
        layers=tuple(builder.layers),
        input_grids=tuple(builder.input_grids),
        dropped=tuple(builder.dropped),
        unfit=tuple(builder.unfit),
        metadata=graph.metadata,
    )


def _with_average(builder: Builder, network: Network, result: Logits) -> Network:
    """``network`` with the mean at its end."""
    last = network.nodes[-1]
    if last.output != result.view.map.name:
        raise FirebrickError(
            f"{builder.graph.path}: node {last.name} comes after the last layer; {NET_END}"
        )
    output = _logits_name(builder, result)
    output = output if output not in network.shapes else f"{output}/mean"
    taken = {node.name for node in network.nodes}
    name = result.node.name if result.node.name not in taken else f"{result.node.name}/mean"
    return replace(
        network,
        nodes=(*network.nodes, GlobalAverage(name, last.output, output)),
        shapes={**network.shapes, output: (result.classes, 1, 1)},
    )


def _node(layer: Layer, made: Map, bounds: Bounds | None) -> Node:
    inputs = tuple(source.name for source in layer.inputs)
    if isinstance(layer, ConvLayer):
        return Conv(
            layer.name,
            inputs[0],
            made.name,
            np.ascontiguousarray(layer.weights, dtype=np.float32),
            np.ascontiguousarray(layer.bias, dtype=np.float32),
            layer.stride,
            layer.padding,
            layer.relu,
            bounds,
        )
    if isinstance(layer, PoolLayer):
        return MaxPool(
            layer.name, inputs[0], made.name, layer.kernel, layer.ceil_mode, layer.padding
        )
    if isinstance(layer, AddLayer):
        return Add(layer.name, (inputs[0], inputs[1]), made.name, layer.relu, bounds)
    return Concat(layer.name, inputs, made.name)


# What moves the classes, or is dropped there.
BEHIND_SOFTMAX = frozenset(
    "Cast CastLike DequantizeLinear Dropout Flatten GlobalAveragePool Identity Quant "
    "QuantizeLinear Reshape Shape Softmax LogSoftmax Squeeze Transpose Unsqueeze".split()
)

HANDLERS: dict[str, Callable[[Builder, OnnxNode], None]] = {
    "Conv": layers.conv,
    "BatchNormalization": arithmetic.batch_norm,
    "Relu": rectify.relu,
    "Clip": rectify.clip,
    "Max": rectify.clip,
    "Min": rectify.clip,
    "MaxPool": layers.max_pool,
    "Concat": layers.concat,
    "Add": arithmetic.arithmetic,
    "Sub": arithmetic.arithmetic,
    "Mul": arithmetic.arithmetic,
    "Div": arithmetic.arithmetic,
    "Sum": arithmetic.arithmetic,
    "Pad": layers.pad,
    "Dropout": layers.dropout,
    "Identity": layers.identity,
    "GlobalAveragePool": head.global_average_pool,
    "AveragePool": head.average_pool,
    "ReduceMean": head.reduce_mean,
    "Gemm": head.gemm,
    "MatMul": head.mat_mul,
    "Softmax": head.softmax,
    "LogSoftmax": head.softmax,
    "Transpose": layout.transpose,
    "Reshape": layout.reshape,
    "Flatten": layout.flatten,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Cast": layout.cast,
    "CastLike": layout.cast_like,
    "Shape": layout.shape,
    "Gather": layout.gather,
    "GatherND": layout.gather_nd,
    "Slice": layout.cut,
    "Split": layout.split,
    "QuantizeLinear": quantizers.quantize_linear,
    "DequantizeLinear": quantizers.dequantize_linear,
    "Quant": quantizers.quant,
}
