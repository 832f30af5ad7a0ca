"""Changes to a network's layers that would make it quicker on an engine, without its numbers.

A changed network has to be trained again; what these say is what it would cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.shape import EngineShape
from firebrick.quantize.geometry import conv_size, pool_size
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QNode,
    QTensor,
    inputs_of,
)

# Shares of the picture's rows and columns that are tried, in 32nds.
PICTURE = range(24, 32)
OF = 32


@dataclass(frozen=True)
class Change:
    """A changed network; of several of one ``kind`` the one that buys most is worth telling."""

    kind: str
    text: str
    net: QNetwork


@dataclass(frozen=True)
class Fire:
    """A Fire module: its layers by name."""

    squeeze: QConv
    expands: tuple[QConv, ...]
    concat: QConcat


def fires(net: QNetwork) -> list[Fire]:
    """The Fire modules of a network, in its order."""
    patterns = Patterns(net, apart=False)
    found = []
    for node in net.nodes:
        if isinstance(node, QConv) and (fire := patterns.fire(node)):
            found.append(Fire(node, tuple(fire[0]), fire[1]))
    return found


def parameters(net: QNetwork) -> int:
    """Weights and biases."""
    return sum(
        node.weights.size + node.bias.size
        for node in net.nodes
        if isinstance(node, QConv | QGlobalSum)
    )


def changes(net: QNetwork, shape: EngineShape) -> Iterator[Change]:
    """Networks like ``net``, each changed in one way that suits an engine of ``shape``."""
    modules = fires(net)
    others = tied_layers(net, modules)
    for kind, text, filters in (
        *_filters(modules, shape.channels),
        *_tied_filters(others, shape.channels),
    ):
        changed = rebuilt(net, filters=filters)
        if changed is not None:
            yield Change(kind, text, changed)
    for layer, nodes in _pointwise(net, modules):
        changed = rebuilt(net, nodes=nodes)
        if changed is not None:
            rows, columns = layer.weights.shape[2:]
            yield Change("1x1 for 3x3", f"{layer.name}: 1x1 for {rows}x{columns} filters", changed)
    for pool, module, nodes in _earlier(net, modules):
        changed = rebuilt(net, nodes=nodes)
        if changed is not None:
            text = f"{pool} in front of {module.squeeze.name} instead of behind the module"
            yield Change("pooling", text, changed)
    _, height, width = net.tensors[net.input].shape
    for share in PICTURE:
        size = (height * share // OF, width * share // OF)
        changed = rebuilt(net, size=size)
        if changed is not None:
            text = f"pictures of {size[0]}x{size[1]} instead of {height}x{width}"
            yield Change("picture", text, changed)


def _filters(modules: Sequence[Fire], c: int) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Kind, text and filters by layer of what differs in filters alone."""
    squeezes = {fire.squeeze.name: len(fire.squeeze.bias) for fire in modules}
    uneven = {name: n // c * c for name, n in squeezes.items() if n % c and n > c}
    expands = {e.name: len(e.bias) for fire in modules for e in fire.expands}
    rough = {name: n // c * c for name, n in expands.items() if n % c and n > c}
    for kind, fitted, before in (("squeeze", uneven, squeezes), ("expand", rough, expands)):
        if fitted:
            yield kind, f"{_told(fitted, before)}: multiples of the array's {c} channels", fitted
        if len(fitted) > 1:
            for name, n in fitted.items():
                text = f"{name} with {n} filters instead of {before[name]}: a multiple of {c}"
                yield kind, text, {name: n}
    fewer = {name: _half(n, c) for name, n in squeezes.items()}
    if fewer:
        text = f"{_told(fewer, squeezes)}: {_halved(fewer, squeezes)}"
        yield "fewer squeeze filters", text, fewer
    moved: dict[str, int] = {}
    for fire in modules:
        small = [e for e in fire.expands if e.weights.shape[2] == 1]
        large = [e for e in fire.expands if e.weights.shape[2] == 3]
        if len(small) == len(large) == 1:
            count = len(large[0].bias) // 2
            count = count // c * c or count
            moved[large[0].name] = len(large[0].bias) - count
            moved[small[0].name] = len(small[0].bias) + count
    if moved:
        yield "1x1 for 3x3", f"{_told(moved, expands)}: half of the 3x3 filters as 1x1", moved


def tied_layers(net: QNetwork, modules: Sequence[Fire]) -> list[list[QConv]]:
    """Convolutions outside of Fire modules whose filters can be made more or fewer: each with those
    whose maps are added to its own, which need as many.  Maps that leave the network, or that a
    concatenation joins, stay as they are."""
    leader = {name: name for name in net.tensors}

    def of(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    kept = {net.input, *net.maps}
    for node in net.nodes:
        if isinstance(node, QConcat):
            kept.update((*node.inputs, node.output))
        elif isinstance(node, QAdd | QMaxPool):
            for name in inputs_of(node):
                leader[of(name)] = of(node.output)
    kept = {of(name) for name in kept}
    inside = _inside(modules)
    found: dict[str, list[QConv]] = {}
    for node in net.nodes:
        if isinstance(node, QConv):
            found.setdefault(of(node.output), []).append(node)
    return [
        layers
        for name, layers in found.items()
        if name not in kept and not inside.intersection(layer.name for layer in layers)
    ]


def _inside(modules: Sequence[Fire]) -> set[str]:
    """Layers of Fire modules."""
    return {layer.name for fire in modules for layer in (fire.squeeze, *fire.expands)}


def _tied_filters(tied: Sequence[Sequence[QConv]], c: int) -> Iterator[tuple[str, str, dict]]:
    """As :func:`_filters`, of layers outside of Fire modules: each with those it is tied to."""
    before = {layer.name: len(layer.bias) for layers in tied for layer in layers}
    for layers in tied:
        n = len(layers[0].bias)
        if n % c and n > c:
            fitted = {layer.name: n // c * c for layer in layers}
            yield "filters", f"{_told(fitted, before)}: a multiple of {c}", fitted
        fewer = {layer.name: _half(n, c) for layer in layers}
        yield "fewer filters", f"{_told(fewer, before)}: {_halved(fewer, before)}", fewer


def _half(n: int, c: int) -> int:
    """Half of ``n`` filters; of two times ``c`` channels and more the nearest multiple of these."""
    return n // 2 if n < 2 * c else c * max(1, round(n / (2 * c)))


def _halved(filters: Mapping[str, int], before: Mapping[str, int]) -> str:
    """How many of them are left, in words."""
    exactly = all(2 * n == before[name] for name, n in filters.items())
    return "half as many" if exactly else "about half as many"


def _pointwise(net: QNetwork, modules: Sequence[Fire]) -> Iterator[tuple[QConv, list[QNode]]]:
    """Every larger convolution outside of Fire modules, behind the first layer, with 1x1 filters
    where the size of its map stays."""
    inside = _inside(modules)
    for layer in net.nodes:
        if not isinstance(layer, QConv) or layer.name in inside or layer.input == net.input:
            continue
        sizes = (net.tensors[name].shape[1:] for name in (layer.input, layer.output))
        stays = all(conv_size(n, 1, layer.stride, 0, 0) == m for n, m in zip(*sizes, strict=True))
        if layer.weights.shape[2:] == (1, 1) or not stays:
            continue
        small = replace(layer, weights=layer.weights[:, :, :1, :1], padding=(0, 0, 0, 0))
        yield layer, [small if node is layer else node for node in net.nodes]


def _told(filters: Mapping[str, int], before: Mapping[str, int]) -> str:
    """Layers and their filters in a few words."""
    told = [f"{name} {before[name]} to {n}" for name, n in filters.items()]
    more = f" and {len(told) - 2} more layers" if len(told) > 2 else ""
    return ", ".join(told[:2]) + more


def _earlier(net: QNetwork, modules: Sequence[Fire]) -> Iterator[tuple[str, Fire, list[QNode]]]:
    """Every max pooling that follows a Fire module, in front of it."""
    readers: dict[str, list[QNode]] = {}
    for node in net.nodes:
        for name in inputs_of(node):
            readers.setdefault(name, []).append(node)
    makers = {node.output: node for node in net.nodes}
    for fire in modules:
        behind = readers.get(fire.concat.output, [])
        source = fire.squeeze.input
        if len(behind) != 1 or not isinstance(behind[0], QMaxPool) or source not in makers:
            continue
        if isinstance(makers[source], QMaxPool) or len(readers[source]) != 1:
            continue
        pool = behind[0]
        nodes: list[QNode] = []
        for node in net.nodes:
            if node is pool:
                continue
            if node is fire.squeeze:
                nodes += [replace(pool, input=source), replace(fire.squeeze, input=pool.output)]
            else:
                nodes.append(_reading(node, pool.output, fire.concat.output))
        yield pool.name, fire, nodes


def _reading(node: QNode, old: str, new: str) -> QNode:
    """``node`` with the tensor ``new`` for ``old``."""
    if isinstance(node, QConcat):
        return replace(node, inputs=tuple(new if name == old else name for name in node.inputs))
    if isinstance(node, QAdd):
        first, second = (new if name == old else name for name in node.inputs)
        return replace(node, inputs=(first, second))
    return replace(node, input=new) if node.input == old else node


def rebuilt(
    net: QNetwork,
    *,
    filters: Mapping[str, int] | None = None,
    size: tuple[int, int] | None = None,
    nodes: Sequence[QNode] | None = None,
) -> QNetwork | None:
    """``net`` with other filters of some layers, another size of the picture, or other nodes; all
    of its numbers zero.  None where that makes no network."""
    channels, *before = net.tensors[net.input].shape
    height, width = size or before
    shapes = {net.input: (channels, height, width)}
    made: list[QNode] = []
    for node in nodes or net.nodes:
        sources = [shapes[name] for name in inputs_of(node)]
        first = sources[0]
        if isinstance(node, QConcat):
            shapes[node.output] = (sum(s[0] for s in sources), *first[1:])
        elif isinstance(node, QAdd):
            if sources[0] != sources[1]:
                return None
            shapes[node.output] = first
        elif isinstance(node, QMaxPool):
            padded = (n + node.padding for n in first[1:])
            rows, columns = (pool_size(n, node.kernel, node.ceil_mode) for n in padded)
            shapes[node.output] = (first[0], rows, columns)
        else:
            count = (filters or {}).get(node.name, len(node.bias))
            _, _, *kernel = node.weights.shape
            top, left, bottom, right = node.padding
            rows = conv_size(first[1], kernel[0], node.stride, top, bottom)
            columns = conv_size(first[2], kernel[1], node.stride, left, right)
            shapes[node.output] = (count, rows, columns)
            node = _of_size(node, count, first[0], rows * columns)
        if min(shapes[node.output]) < 1:
            return None
        made.append(node)
    tensors: dict[str, QTensor] = {
        name: replace(net.tensors[name], shape=shape)
        for name, shape in shapes.items()
        if name in net.tensors
    }
    return replace(net, nodes=tuple(made), tensors=tensors)


def _of_size(
    node: QConv | QGlobalSum, outputs: int, inputs: int, positions: int
) -> QConv | QGlobalSum:
    """The layer with so many filters of so many channels, all zero."""
    zeros = np.broadcast_to(np.zeros((), np.int32), (outputs,))
    weights = np.broadcast_to(np.zeros((), np.int8), (outputs, inputs, *node.weights.shape[2:]))
    if isinstance(node, QConv):
        return replace(
            node, weights=weights, bias=zeros, weight_exponent=zeros, shift=zeros, pad_value=None
        )
    return replace(node, weights=weights, bias=zeros, weight_exponent=zeros, positions=positions)
