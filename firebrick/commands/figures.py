"""Parameters, multiply-accumulates and sizes of networks.

Prints them per layer, per Fire module, against plain 3x3 layers and against AlexNet, for v1.0,
v1.1, any of the paper's hyper-parameters, or a trained network's file.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rich import box
from rich.console import Console

from firebrick.commands.frame import Parser
from firebrick.quantize.architectures import (
    ARCHITECTURES,
    SqueezeNetConfig,
    without_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import load_network
from firebrick.quantize.network import Add, Network, Shape
from firebrick.quantize.report.figures import (
    FLOAT_BYTES,
    MIB,
    PAPER_ALEXNET_MB,
    PAPER_BYPASS_MB,
    Sizes,
    alexnet_parameters,
    fire_figures,
    fire_weights,
    layer_figures,
    macs,
    parameters,
    plain_weights,
    times_smaller,
)
from firebrick.quantize.support.terminal import Table, new_console


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
            )
    if border:
        console.print(f"All layers with such outputs: {total + border:,} MACs.")


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
    )


def print_bypass(console: Console) -> None:
    """SqueezeNet v1.0 without and with bypass: what section 6 of the paper compares."""
    table = _table(
        "SqueezeNet v1.0 with bypass (section 6)",
        "bypass",
        ("additions", "parameters", "MACs", "MB", "MiB", "paper"),
    )
    for bypass, printed in PAPER_BYPASS_MB.items():
        net = without_weights(SqueezeNetConfig(bypass=bypass))
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
        net = without_weights(replace(config, **changes))
    console = new_console()
    print_layers(net, console)
    print_fires(net, console)
    print_example(console)
    print_alexnet(net, console)
    print_bypass(console)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick figures", description=__doc__)
    parser.add_argument("--architecture", choices=tuple(ARCHITECTURES), help="default v1.0")
    parser.add_argument("--model", help=".onnx or .net: the figures of a trained network")
    group = parser.add_argument_group("hyper-parameters", "what differs from the architecture")
    for name, (kind, text) in HYPER_PARAMETERS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    group.add_argument("--input-size", type=int, help="rows and columns of the picture")
    return parser
