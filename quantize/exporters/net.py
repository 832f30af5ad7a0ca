"""Write a network as a Deep Compression ``.net`` file: :func:`write_net`.

The format is described in :mod:`quantize.importers.net`, which reads it back.  A file says nothing
of its network's layers, so only SqueezeNets can be written, whose configuration describes them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.quantize.architectures import (
    BYPASSES,
    SqueezeNetConfig,
    layer_shapes,
    squeezenet_v1_0,
    squeezenet_v1_1,
    with_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.deep_compression import Compressed, CompressedLayer
from firebrick.quantize.importers.net import CODEBOOK, CONFIG, config_path
from firebrick.quantize.network import Concat, Conv, MaxPool, Network, Node, inputs_of
from firebrick.quantize.support.files import write_bytes, write_text


def write_net(compressed: Compressed, path: str | Path, config: SqueezeNetConfig = CONFIG) -> None:
    """Write ``compressed``, and beside it, with .json behind its name, the configuration of its
    network; the file appears complete or not at all.

    ``import_net(path, config)`` gives back the very weights of ``compressed.network``, and so does
    :func:`quantize.importers.load.load_network`, which reads the configuration.  Raises
    FirebrickError naming the first layer in which the network is not that of ``config``.
    """
    check_form(compressed.network, config)
    data = net_bytes(compressed)
    text = json.dumps({"architecture": asdict(config)}, indent=2) + "\n"
    write_text(config_path(path), text)
    write_bytes(path, data)


def net_bytes(compressed: Compressed) -> bytes:
    """The content of the file."""
    counts = np.array([len(layer.codes) for layer in compressed.layers], "<u4")
    return counts.tobytes() + b"".join(_layer_bytes(layer) for layer in compressed.layers)


def _layer_bytes(layer: CompressedLayer) -> bytes:
    codebook = np.zeros(CODEBOOK, "<f4")
    codebook[: len(layer.codebook)] = layer.codebook
    nibbles = np.zeros(len(layer.gaps) + len(layer.gaps) % 2, np.uint8)
    nibbles[: len(layer.gaps)] = layer.gaps
    gaps = nibbles[0::2] | nibbles[1::2] << 4
    bias = layer.bias.astype("<f4")
    return codebook.tobytes() + bias.tobytes() + layer.codes.tobytes() + gaps.tobytes()


def check_form(net: Network, config: SqueezeNetConfig = CONFIG) -> None:
    """FirebrickError unless ``net`` has the layers of ``config``, whatever their names."""
    weights = [(n.weights, n.bias) for n in net.nodes if isinstance(n, Conv)]
    what = f"network {net.name}: a .net file of {config.name} cannot hold it"
    wanted_shape = config.input_shape
    if net.shapes[net.input] != wanted_shape:
        raise FirebrickError(
            f"{what}: its input is {_size(net.shapes[net.input])}, not {_size(wanted_shape)}"
        )
    zero = np.zeros((), np.float32)
    empty = {
        name: (np.broadcast_to(zero, shape), np.broadcast_to(zero, shape[:1]))
        for name, shape in layer_shapes(config).items()
    }
    wanted = with_weights(config, empty)
    convs = sum(isinstance(node, Conv) for node in wanted.nodes)
    if len(weights) != convs:
        raise FirebrickError(f"{what}: it has {len(weights)} convolutions, not {convs}")
    names = {wanted.input: net.input}
    for own, other in zip(net.nodes, wanted.nodes, strict=False):
        sources = tuple(names.get(name) for name in inputs_of(other))
        if _form(own) != _form(other) or inputs_of(own) != sources:
            raise FirebrickError(
                f"{what}: its layer {own.name} is {_words(own)}, reading "
                f"{', '.join(inputs_of(own))}; there {other.name} is {_words(other)}, reading "
                f"{', '.join(str(source) for source in sources)}"
            )
        names[other.output] = own.output
    if len(net.nodes) != len(wanted.nodes):
        raise FirebrickError(f"{what}: it has {len(net.nodes)} layers, not {len(wanted.nodes)}")


def config_of(net: Network) -> SqueezeNetConfig:
    """The configuration of which ``net`` is the network: SqueezeNet v1.0 or v1.1, with or without
    bypass, for pictures and classes of any number, its first layer and poolings as they are.

    Raises FirebrickError naming the layer in which it differs from v1.0, if it is none of them.
    """
    published = CONFIG.input_shape == net.shapes[net.input]
    candidates = [CONFIG] if published else []
    candidates += [
        replace(_adapted(net, make()), bypass=bypass)
        for make in (squeezenet_v1_0, squeezenet_v1_1)
        for bypass in BYPASSES
    ]
    refusal = None
    for config in candidates:
        try:
            check_form(net, config)
        except FirebrickError as error:
            refusal = refusal or error
        else:
            return config
    assert refusal is not None
    raise refusal


def _adapted(net: Network, config: SqueezeNetConfig) -> SqueezeNetConfig:
    """``config`` with the input, first layer, poolings and classifier of ``net``."""
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    pools = [node for node in net.nodes if isinstance(node, MaxPool)]
    channels, height, width = net.shapes[net.input]
    changes: dict[str, Any] = {"input_channels": channels, "input_size": (height, width)}
    if convs:
        first, last = convs[0], convs[-1]
        changes |= {
            "first_filters": first.weights.shape[0],
            "first_kernel": first.weights.shape[2],
            "first_stride": first.stride,
            "first_padding": first.padding[0],
            "classes": last.weights.shape[0],
            "conv10_padding": last.padding[0],
        }
    if pools:
        changes |= {"pool_kernel": pools[0].kernel, "pool_ceil": pools[0].ceil_mode}
    return replace(config, **changes)


def _form(node: Node) -> tuple:
    """What a layer does, but for its weights."""
    if isinstance(node, Conv):
        form = (node.weights.shape, node.stride, node.padding, node.relu)
        return (Conv, *form, node.bounds is not None)
    if isinstance(node, MaxPool):
        return (MaxPool, node.kernel, node.ceil_mode)
    return (type(node),)


def _words(node: Node) -> str:
    if isinstance(node, Conv):
        rows, cols = node.weights.shape[2:]
        return (
            f"a {rows}x{cols} convolution of {node.weights.shape[1]} to {node.weights.shape[0]} "
            f"channels, stride {node.stride}, padding {list(node.padding)}, "
            f"{'with' if node.relu else 'without'} ReLU"
            + ("" if node.bounds is None else f" up to {node.bounds.high.max():g}")
        )
    if isinstance(node, MaxPool):
        return f"a {node.kernel}x{node.kernel} max pooling, ceil_mode {int(node.ceil_mode)}"
    return "a concatenation" if isinstance(node, Concat) else f"a {type(node).__name__}"


def _size(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))
