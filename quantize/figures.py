"""Parameters, multiply-accumulates and sizes of networks: ``python -m quantize.figures``.

Prints them per layer, per Fire module, against plain 3x3 layers and against AlexNet, for v1.0,
v1.1, any of the paper's hyper-parameters, or a trained network's file.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from quantize.architectures import ARCHITECTURES, SqueezeNetConfig, layer_shapes, with_weights
from quantize.cli import Parser, run_cli
from quantize.convolution import conv_size
from quantize.errors import FirebrickError
from quantize.load import load_network
from quantize.network import Add, Concat, Conv, Network, Shape

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


def print_layers(net: Network, console: Console) -> None:
    """One row a convolution, with its output shape, and the sums."""
    layers = layer_figures(net)
    total = macs(net)
    border = sum(layer.border_macs for layer in layers)
    table = _table(
        f"{net.name}: layers, input {_size(net.shapes[net.input])}",
        "layer",
        ("kernel", "output", "parameters", "MACs", "MACs %"),
    )
    for layer in layers:
        table.add_row(
            layer.name,
            f"{layer.kernel[0]}x{layer.kernel[1]}",
            _size(layer.output),
            f"{layer.parameters:,}",
            f"{layer.macs:,}",
            f"{100 * layer.macs / total:.1f}",
        )
    table.add_section()
    table.add_row("sum", "", "", f"{parameters(net):,}", f"{total:,}", "100.0")
    console.print(table)
    for layer in layers:
        if layer.border_macs:
            console.print(
                f"{layer.name}: {layer.macs + layer.border_macs:,} MACs with the outputs that see "
                "only padding; those follow from the bias alone and need not be computed.",
                highlight=False,
            )
    if border:
        console.print(f"All layers with such outputs: {total + border:,} MACs.", highlight=False)


def print_fires(net: Network, console: Console) -> None:
    """One row a Fire module, against a plain 3x3 layer of as many inputs and outputs."""
    fires = fire_figures(net)
    if not fires:
        console.print(f"{net.name} has no Fire modules")
        return
    table = _table(
        f"{net.name}: Fire modules against plain 3x3 layers (without biases)",
        "module",
        ("inputs", "squeeze", "outputs", "MACs", "weights", "plain 3x3", "saving %"),
    )
    for fire in fires:
        table.add_row(
            fire.name,
            str(fire.inputs),
            str(fire.squeeze),
            str(fire.outputs),
            f"{fire.macs:,}",
            f"{fire.weights:,}",
            f"{fire.plain_weights:,}",
            f"{100 * fire.saving:.2f}",
        )
    table.add_section()
    weights, plain = sum(f.weights for f in fires), sum(f.plain_weights for f in fires)
    table.add_row(
        "sum",
        "",
        "",
        "",
        f"{sum(fire.macs for fire in fires):,}",
        f"{weights:,}",
        f"{plain:,}",
        f"{100 * (1 - weights / plain):.2f}",
    )
    console.print(table)


def print_example(console: Console, inputs: int = 256, outputs: int = 512) -> None:
    """One layer in general: a 3x3 convolution as a Fire module, by squeeze filters."""
    plain = plain_weights(inputs, outputs)
    table = _table(
        f"A 3x3 layer of {inputs} inputs and {outputs} outputs as a Fire module",
        "squeeze filters",
        ("squeeze ratio", "weights", "saving %"),
    )
    table.add_row("plain 3x3", "", f"{plain:,}", "")
    for squeeze in (16, 32, 64, 128):
        weights = fire_weights(inputs, squeeze, outputs)
        table.add_row(
            str(squeeze),
            f"{squeeze / outputs:g}",
            f"{weights:,}",
            f"{100 * (1 - weights / plain):.2f}",
        )
    console.print(table)


def print_alexnet(net: Network, console: Console) -> None:
    """Parameters and sizes against AlexNet, uncompressed and after Deep Compression."""
    layers = layer_figures(net)
    own, alexnet = parameters(net), sum(alexnet_parameters().values())
    sizes = Sizes.of(layers)
    table = _table(f"{net.name} against AlexNet", "stored as", ("bytes", "MB", "MiB"))
    for label, size in (
        ("AlexNet, float32", float(alexnet * FLOAT_BYTES)),
        (f"{net.name}, float32", float(sizes.float32)),
        ("8-bit weights, 32-bit biases", float(sizes.fixed)),
        ("pruned to 33 %, 8-bit codes", sizes.pruned_8bit),
        ("pruned to 33 %, 6-bit codes, Huffman", sizes.pruned_6bit),
    ):
        table.add_row(label, f"{size:,.0f}", f"{size / 1e6:.2f}", f"{size / MIB:.2f}")
    console.print(table)
    printed = sizes.as_printed()
    ratios = ", ".join(f"{mb:g} MB {times_smaller(mb)}x" for mb in printed)
    console.print(
        f"{own:,} parameters, {alexnet / own:.1f} times fewer than AlexNet's {alexnet:,}.\n"
        f"As the SqueezeNet paper counts, against {PAPER_ALEXNET_MB:.0f} MB: {ratios} (float32 in "
        "MiB, the others in MB).",
        highlight=False,
    )


def print_bypass(console: Console) -> None:
    """SqueezeNet v1.0 without and with bypass: what section 6 of the paper compares."""
    table = _table(
        "SqueezeNet v1.0 with bypass (section 6)",
        "bypass",
        ("additions", "parameters", "MACs", "MB", "MiB", "paper"),
    )
    for bypass, printed in PAPER_BYPASS_MB.items():
        net = _shapes_only(SqueezeNetConfig(bypass=bypass))
        size = FLOAT_BYTES * parameters(net)
        table.add_row(
            bypass,
            str(sum(isinstance(node, Add) for node in net.nodes)),
            f"{parameters(net):,}",
            f"{macs(net):,}",
            f"{size / 1e6:.2f}",
            f"{size / MIB:.2f}",
            f"{printed:g}",
        )
    console.print(table)


def _table(title: str, first: str, others: tuple[str, ...]) -> Table:
    """A table narrow enough for 80 columns: text in the first column, numbers in the others."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


HYPER_PARAMETERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "base_expand": (int, "expand filters of the first Fire module"),
    "incr_expand": (int, "expand filters added after every FREQ modules"),
    "freq": (int, "modules between two increments"),
    "squeeze_ratio": (float, "squeeze filters per expand filter"),
    "bypass": (str, "none, simple or complex"),
    "pct_3x3": (float, "share of expand filters that are 3x3"),
    "modules": (int, "Fire modules"),
    "first_filters": (int, "filters of conv1"),
    "first_kernel": (int, "rows and columns of conv1's kernel"),
    "pool_after": (_names, "layers that a pooling follows: conv1,fire4,fire8"),
    "classes": (int, "classes"),
    "conv10_padding": (int, "padding of the classifier (1 in the published v1.0 weights)"),
}


def _shapes_only(config: SqueezeNetConfig) -> Network:
    """The network with weights that are all the same zero and so take no memory."""
    zero = np.zeros((), np.float32)
    weights = {
        name: (np.broadcast_to(zero, shape), np.broadcast_to(zero, shape[:1]))
        for name, shape in layer_shapes(config).items()
    }
    return with_weights(config, weights)


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    changes = {name: getattr(options, name) for name in HYPER_PARAMETERS}
    changes = {name: value for name, value in changes.items() if value is not None}
    size = options.input_size
    if options.model is not None:
        if changes or size is not None or options.architecture is not None:
            raise FirebrickError(
                "--model has layers of its own; leave out --architecture and hyper-parameters"
            )
        net = load_network(options.model)
    else:
        config = ARCHITECTURES[options.architecture or "v1.0"]()
        if size is not None:
            changes["input_size"] = (size, size)
        net = _shapes_only(replace(config, **changes))
    console = Console()
    print_layers(net, console)
    print_fires(net, console)
    print_example(console)
    print_alexnet(net, console)
    print_bypass(console)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m quantize.figures", description=__doc__)
    parser.add_argument("--architecture", choices=tuple(ARCHITECTURES), help="default v1.0")
    parser.add_argument("--model", help=".onnx or .net: the figures of a trained network")
    group = parser.add_argument_group("hyper-parameters", "what differs from the architecture")
    for name, (kind, text) in HYPER_PARAMETERS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    group.add_argument("--input-size", type=int, help="rows and columns of the picture")
    return parser


if __name__ == "__main__":
    run_cli(main)
