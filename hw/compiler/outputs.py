"""Maps that leave the engine, made ready for that: :func:`ready_for_outputs`.

What lies in the output memory the engine only writes.  A map that other layers read as well, or
that is a part of another one, stays in the scratch memory, and a 1x1 convolution with the identity,
which the array computes exactly, copies it.  Layers of one kind that read the same map, such as the
parts of a detector's head, become one layer, so that their filters share blocks of the array.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from firebrick.hw.compiler.steps import UNPADDED, module_name
from firebrick.quantize.qnetwork import QConcat, QConv, QNetwork, QNode, QTensor, inputs_of


@dataclass(frozen=True)
class Output:
    """A map that a network ends in: channels of the stored map ``stored`` from ``first`` on."""

    tensor: QTensor
    stored: str
    first: int


def ready_for_outputs(net: QNetwork) -> tuple[QNetwork, tuple[Output, ...]]:
    """``net`` with maps that nothing reads, and where in them its own are found, in their order."""
    ready = _with_copies(net)
    merged, places = _merged(ready)
    outputs = (
        Output(net.tensors[name], *places.get(own, (own, 0)))
        for name, own in zip(net.maps, ready.maps, strict=True)
    )
    return merged, tuple(outputs)


def _with_copies(net: QNetwork) -> QNetwork:
    """``net`` with a copy in the place of every output that is read or joined; its ``maps`` are as
    many, in the same order, and nothing reads them."""
    read = {name for node in net.nodes for name in inputs_of(node)}
    # A copy reads the whole that its map is a part of.
    read |= {_whole(net, name)[0] for name in net.maps if name in read}
    wanted = [name for name in net.maps if name in read]
    if not wanted:
        return net
    tensors = dict(net.tensors)
    renamed: dict[str, str] = {}
    copies: dict[str, list[QNode]] = {}
    for name in wanted:
        whole, first = _whole(net, name)
        copy = _new_name(net, f"{name} (output)")
        tensors[copy] = replace(net.tensors[name], name=copy)
        renamed[name] = copy
        copies.setdefault(whole, []).append(_copy(net, whole, first, name, copy))
    nodes = [new for node in net.nodes for new in (node, *copies.get(node.output, ()))]
    maps = tuple(renamed.get(name, name) for name in net.maps)
    return replace(net, tensors=tensors, nodes=tuple(nodes), maps=maps)


def _new_name(net: QNetwork, wanted: str) -> str:
    taken = {*net.tensors, *(node.name for node in net.nodes)}
    while wanted in taken:
        wanted += "'"
    return wanted


def _whole(net: QNetwork, name: str) -> tuple[str, int]:
    """The stored map that holds ``name``, and its first channel there."""
    first = 0
    while True:
        joins = [n for n in net.nodes if isinstance(n, QConcat) and name in n.inputs]
        if not joins:
            return name, first
        before = joins[0].inputs[: joins[0].inputs.index(name)]
        first += sum(net.tensors[other].shape[0] for other in before)
        name = joins[0].output


def _copy(net: QNetwork, whole: str, first: int, name: str, copy: str) -> QConv:
    """The layer ``copy`` that picks ``name`` out of ``whole``, from channel ``first`` on."""
    tensor = net.tensors[name]
    channels = tensor.shape[0]
    weights = np.eye(channels, net.tensors[whole].shape[0], first, dtype=np.int8)
    zeros = np.zeros(channels, np.int32)
    return QConv(
        copy, whole, copy, weights[:, :, None, None], zeros, zeros, zeros,
        1, UNPADDED, not tensor.signed,
    )  # fmt: skip


def _merged(net: QNetwork) -> tuple[QNetwork, dict[str, tuple[str, int]]]:
    """``net`` with one layer for all of a kind that read one map and make outputs, in the place of
    the last of them; for each of their outputs the map that holds it, and its first channel."""
    kinds: dict[tuple, list[QConv]] = {}
    for node in net.nodes:
        if isinstance(node, QConv) and node.output in net.maps and node.input != net.input:
            kind = (node.input, node.weights.shape[2:], node.stride, node.padding, node.relu)
            kinds.setdefault(kind, []).append(node)
    tensors = dict(net.tensors)
    places: dict[str, tuple[str, int]] = {}
    becomes: dict[str, list[QNode]] = {}
    for layers in kinds.values():
        if len(layers) < 2:
            continue
        name = _new_name(net, module_name([layer.name for layer in layers]))
        first = 0
        for layer in layers:
            places[layer.output] = (name, first)
            becomes[layer.name] = []
            first += len(layer.bias)
        last = layers[-1]
        # The exponents of its parts differ; nothing in the engine depends on them.
        tensors[name] = replace(
            tensors[last.output], name=name, shape=(first, *tensors[last.output].shape[1:])
        )
        merged = replace(
            last,
            name=name,
            output=name,
            weights=np.concatenate([layer.weights for layer in layers]),
            bias=np.concatenate([layer.bias for layer in layers]),
            weight_exponent=np.concatenate([layer.weight_exponent for layer in layers]),
            shift=np.concatenate([layer.shift for layer in layers]),
        )
        becomes[last.name] = [merged]
    if not places:
        return net, places
    nodes = tuple(new for node in net.nodes for new in becomes.get(node.name, [node]))
    maps = tuple(dict.fromkeys(places.get(name, (name, 0))[0] for name in net.maps))
    return replace(net, nodes=nodes, tensors=tensors, maps=maps), places
