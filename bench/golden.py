"""Frames per second of the golden model: ``python -m firebrick.bench.golden``.

SqueezeNet v1.0 on 227x227 and v1.1 on 224x224 pictures, with random weights and pixels: the
arithmetic, and so the time, is that of trained ones.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from firebrick.commands.frame import Parser, run_cli
from firebrick.quantize import golden
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.support.parallel import workers
from firebrick.quantize.support.terminal import Table, new_console

SEED = 1


def frames_per_second(version: str, frames: int) -> float:
    """Images a second of ``golden.run`` on one batch of ``frames`` images, after a warm-up."""
    rng = np.random.default_rng(SEED)
    net = build(ARCHITECTURES[version](), rng)
    images = rng.integers(0, 256, (frames, *net.shapes[net.input]), np.uint8)
    prepared = for_network(preprocessing("torchvision"), net)
    qnet = quantize_network(net, prepared, images[:2])
    golden.run(qnet, images[:2])
    begin = time.perf_counter()
    golden.run(qnet, images)
    return frames / (time.perf_counter() - begin)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    if options.frames < 1:
        raise FirebrickError(f"--frames must be at least 1, not {options.frames}")
    table = Table(
        "network",
        "frames/s",
        "ms a frame",
        title=f"golden model, {options.frames} frames a batch, {workers()} cores",
    )
    for version in ARCHITECTURES:
        rate = frames_per_second(version, options.frames)
        table.add_row(f"SqueezeNet {version}", f"{rate:.1f}", f"{1000 / rate:.1f}")
    new_console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m firebrick.bench.golden", description=__doc__)
    parser.add_argument("--frames", type=int, default=32, help="images a batch (%(default)s)")
    return parser


if __name__ == "__main__":
    run_cli(main)
