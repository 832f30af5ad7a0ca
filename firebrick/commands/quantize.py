"""Quantize a network and tell how it went.

Reads an .onnx or .net file and a folder of calibration images and writes the quantized network, and
beside it a page (.html) and the same figures as data (.json): error and histograms of every layer,
agreement with the float network, sizes, and what each board is predicted to do.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from firebrick.commands.conversion import Conversion, add_options, convert
from firebrick.commands.frame import Parser
from firebrick.hw.boards import board_names, load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.model.cycles import predict
from firebrick.quantize.calibration.quantizer import fold_input
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.deep_compression import PUBLISHED_DENSITY, compress, sizes
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.figures import PAPER_DENSITY
from firebrick.quantize.report.histogram import activation_histograms, weight_histograms
from firebrick.quantize.report.page import BoardSpeed, Size, collect, render
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import new_console

HISTOGRAM_IMAGES = 16


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    console = new_console()
    page, figures = (Path(options.out).with_suffix(suffix) for suffix in (".html", ".json"))
    with sole_writer(options.out):
        data = report_data(convert(options, console))
        write_text(page, render(data))
        write_text(figures, json.dumps(data, indent=1) + "\n")
    console.print(f"wrote {page}, {figures}", soft_wrap=True)


def report_data(done: Conversion) -> dict:
    """What the page shows, as JSON data."""
    net, qnet = done.net, done.qnet
    weights = {
        node.name: fold_input(net, node, qnet.preprocessing).weights
        for node in net.nodes
        if isinstance(node, Conv)
    }
    images = done.calibration[:HISTOGRAM_IMAGES]
    return collect(
        qnet,
        weights=weight_histograms(weights, qnet),
        activations=activation_histograms(net, qnet, images) if len(images) else {},
        sizes=model_sizes(net),
        boards=board_speeds(qnet),
        accuracy=None if done.accuracy is None else vars(done.accuracy),
    )


def model_sizes(net: Network) -> list[Size]:
    """The network as floats, as the engine has it, and pruned with shared weights: as a `.net`
    file, and with Huffman codes.

    Pruning keeps what the published SqueezeNet v1.0 keeps where there are as many layers, else a
    third of all weights.
    """
    layers = sum(isinstance(node, Conv) for node in net.nodes)
    sparsity = None if layers == len(PUBLISHED_DENSITY) else 1 - PAPER_DENSITY
    found = {bits: sizes(compress(net, sparsity, bits)) for bits in (8, 6)}
    return [
        Size("float32", found[8].float32),
        Size("8-bit weights, 32-bit biases", found[8].int8),
        Size("Deep Compression, 8-bit codes, .net file", found[8].net),
        Size("Deep Compression, 8-bit codes, Huffman", found[8].huffman),
        Size("Deep Compression, 6-bit codes, Huffman", found[6].huffman),
    ]


def board_speeds(qnet: QNetwork) -> list[BoardSpeed]:
    """What every board is predicted to do with ``qnet``."""
    names = board_names()
    return [_speed(qnet, name) for name in track(names, "predict: boards", len(names))]


def _speed(qnet: QNetwork, name: str) -> BoardSpeed:
    board = load_board(name)
    hertz = board.clock.fclk0_hz
    speed = BoardSpeed(board.title, str(board.shape), hertz / 1e6, None, None)
    try:
        program = compile_network(qnet, board.shape)
    except FirebrickError as error:
        return replace(speed, problem=str(error))
    cycles = predict(program, board.timing).cycles
    return replace(speed, cycles=cycles, frames_per_second=hertz / cycles)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick quantize", description=__doc__)
    add_options(parser)
    return parser
