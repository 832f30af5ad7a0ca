"""Parameters, multiply-accumulates and sizes of networks, counted, beside what the paper states."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firebrick.quantize.geometry import conv_size
from firebrick.quantize.network import Concat, Conv, Network, Shape

FLOAT_BYTES = 4
MIB = 2**20
# What the paper prints for the sizes of AlexNet and of the two compressed SqueezeNets (MB), and
# the share of weights that pruning keeps.
PAPER_ALEXNET_MB = 240.0
PAPER_DENSITY = 0.33
# Float32 sizes in table 3 of the paper.  The first two are MiB; the convolutions that figure 2
# draws for the complex bypass come to less than the paper's size in either unit.
PAPER_BYPASS_MB = {"none": 4.8, "simple": 4.8, "complex": 7.7}

# AlexNet as trained with Caffe: outputs, inputs of one group, rows, columns (fully connected
# layers see the 6x6 map of 256 channels, then vectors).
ALEXNET: dict[str, tuple[int, int, int, int]] = {
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
    "fc6": (4096, 256, 6, 6),
    "fc7": (4096, 4096, 1, 1),
    "fc8": (1000, 4096, 1, 1),
}


@dataclass(frozen=True)
class LayerFigures:
    """One convolution.  ``macs`` counts the output positions that see the input, and
    ``border_macs`` those that see only padding, whose result is the bias whatever is sent."""

    name: str
    kernel: tuple[int, int]
    output: Shape
    weights: int
    biases: int
    macs: int
    border_macs: int

    @property
    def parameters(self) -> int:
        return self.weights + self.biases


@dataclass(frozen=True)
class FireFigures:
    """One Fire module against a plain 3x3 convolution with as many inputs and outputs.

    ``weights`` and ``plain_weights`` without biases, as the paper compares them.
    """

    name: str
    inputs: int
    squeeze: int
    outputs: int
    weights: int
    parameters: int
    macs: int
    plain_weights: int

    @property
    def saving(self) -> float:
        """Share of the plain layer's weights that the module does without."""
        return 1 - self.weights / self.plain_weights


def layer_figures(net: Network) -> tuple[LayerFigures, ...]:
    """Every convolution of ``net`` in execution order."""
    result = []
    for node in net.nodes:
        if not isinstance(node, Conv):
            continue
        output = net.shapes[node.output]
        seeing = _positions_that_see(net.shapes[node.input], node)
        positions = output[1] * output[2]
        result.append(
            LayerFigures(
                name=node.name,
                kernel=(node.weights.shape[2], node.weights.shape[3]),
                output=output,
                weights=node.weights.size,
                biases=node.bias.size,
                macs=seeing * node.weights.size,
                border_macs=(positions - seeing) * node.weights.size,
            )
        )
    return tuple(result)


def _positions_that_see(shape: Shape, node: Conv) -> int:
    """Output positions whose window holds at least one position of the input."""
    top, left, bottom, right = node.padding
    count = 1
    for size, taps, before, after in zip(
        shape[1:], node.weights.shape[2:], (top, left), (bottom, right), strict=True
    ):
        first = max(0, (before - taps) // node.stride + 1)
        end = -(-(size + before) // node.stride)
        count *= max(0, min(conv_size(size, taps, node.stride, before, after), end) - first)
    return count


def fire_figures(net: Network) -> tuple[FireFigures, ...]:
    """Every Fire module: a concatenation of convolutions that read the same 1x1 convolution."""
    makers = {node.output: node for node in net.nodes}
    figures = {layer.name: layer for layer in layer_figures(net)}
    result = []
    for node in net.nodes:
        if not isinstance(node, Concat):
            continue
        halves = [makers.get(name) for name in node.inputs]
        sources = {half.input for half in halves if isinstance(half, Conv)}
        squeeze = makers.get(next(iter(sources))) if len(sources) == 1 else None
        if not isinstance(squeeze, Conv) or squeeze.weights.shape[2:] != (1, 1):
            continue
        layers = [squeeze, *(half for half in halves if isinstance(half, Conv))]
        if len(layers) != len(halves) + 1:
            continue
        own = [figures[layer.name] for layer in layers]
        inputs, outputs = squeeze.weights.shape[1], net.shapes[node.output][0]
        result.append(
            FireFigures(
                name=_module_name(node, squeeze),
                inputs=inputs,
                squeeze=squeeze.weights.shape[0],
                outputs=outputs,
                weights=sum(layer.weights for layer in own),
                parameters=sum(layer.parameters for layer in own),
                macs=sum(layer.macs for layer in own),
                plain_weights=plain_weights(inputs, outputs),
            )
        )
    return tuple(result)


def _module_name(node: Concat, squeeze: Conv) -> str:
    """What the names of the concatenation and the squeeze layer have in common at the start."""
    common = 0
    for a, b in zip(node.name, squeeze.name, strict=False):
        if a != b:
            break
        common += 1
    return node.name[:common].strip("/_.") or node.name


def plain_weights(inputs: int, outputs: int) -> int:
    """Weights of a 3x3 convolution, without biases."""
    return 9 * inputs * outputs


def fire_weights(inputs: int, squeeze: int, outputs: int) -> int:
    """Weights of a Fire module of which half the outputs are 3x3, without biases."""
    expand1x1 = outputs - outputs // 2
    return inputs * squeeze + squeeze * expand1x1 + 9 * squeeze * (outputs // 2)


def parameters(net: Network) -> int:
    """Weights and biases of all convolutions."""
    return sum(layer.parameters for layer in layer_figures(net))


def macs(net: Network) -> int:
    """Multiply-accumulates of one picture, positions that see only padding left out."""
    return sum(layer.macs for layer in layer_figures(net))


def alexnet_parameters() -> dict[str, int]:
    """Weights and biases of each of AlexNet's layers."""
    return {name: math.prod(shape) + shape[0] for name, shape in ALEXNET.items()}


def compressed_bytes(
    layers: tuple[LayerFigures, ...], density: float, code_bits: int, huffman_gaps: bool
) -> float:
    """Size of a network after Deep Compression, in bytes.

    Pruning keeps the share ``density`` of the weights; a kept weight is an index of ``code_bits``
    into its layer's float32 codebook and the gap before it.  A gap takes 4 bits (the published
    .net file), or with ``huffman_gaps`` its entropy where weights are kept at random, which a
    Huffman code approaches: H(density) / density bits.  Biases stay float32; every layer has a
    uint32 count.  arXiv 1510.00149, sections 2 to 4.
    """
    kept = density * sum(layer.weights for layer in layers)
    biases = sum(layer.biases for layer in layers)
    gap_bits = binary_entropy(density) / density if huffman_gaps else 4.0
    per_layer = FLOAT_BYTES * 2**code_bits + 4
    return kept * (code_bits + gap_bits) / 8 + FLOAT_BYTES * biases + per_layer * float(len(layers))


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network in bytes, in the forms that the paper compares."""

    float32: int
    fixed: int
    pruned_8bit: float
    pruned_6bit: float

    @classmethod
    def of(cls, layers: tuple[LayerFigures, ...]) -> Sizes:
        """``fixed`` is 8-bit weights and 32-bit biases, as the accelerator has them."""
        return cls(
            float32=FLOAT_BYTES * sum(layer.parameters for layer in layers),
            fixed=sum(layer.weights + FLOAT_BYTES * layer.biases for layer in layers),
            pruned_8bit=compressed_bytes(layers, PAPER_DENSITY, 8, huffman_gaps=False),
            pruned_6bit=compressed_bytes(layers, PAPER_DENSITY, 6, huffman_gaps=True),
        )

    def as_printed(self) -> tuple[float, float, float]:
        """float32, 8-bit and 6-bit codes as the paper prints them: the first in MiB with one
        decimal, the others in MB with two."""
        return (
            round(self.float32 / MIB, 1),
            round(self.pruned_8bit / 1e6, 2),
            round(self.pruned_6bit / 1e6, 2),
        )


def times_smaller(megabytes: float) -> int:
    """How many times smaller than AlexNet's 240 MB, whole times as in the paper."""
    return int(PAPER_ALEXNET_MB / megabytes)


def binary_entropy(share: float) -> float:
    """Bits of one yes or no that is yes with probability ``share``."""
    return sum(-p * math.log2(p) for p in (share, 1 - share) if p > 0)
