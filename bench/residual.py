"""ResNet-8 of MLPerf Tiny, whose speed on the xc7z020 others have measured: the race of the bench.

Random weights: cycles do not depend on them.  A frame is small, so what is lost at its start and
end, and in rows that do not fill the array, counts; batches of frames are one start.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firebrick.bench import pumped
from firebrick.bench.pumped import Run
from firebrick.hw.compiler.compile import compile_network
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.network import Add, Conv, GlobalAverage, Network, Node, Shape
from firebrick.quantize.pictures.preprocess import for_network, preprocessing

NAME = "ResNet-8"
KEY = "resnet8"
BATCH = 8
MHZ = 100
SEED = 1
SAME = (1, 1, 1, 1)
# As Keras pads a stride of 2 where the size is even.
BEHIND = (0, 0, 1, 1)


def resnet8(rng: np.random.Generator, size: int = 32, classes: int = 10) -> Network:
    """The network of MLPerf Tiny's image classification, for RGB pictures of ``size`` x ``size``:
    three blocks of two 3x3 convolutions with 16, 32 and 64 filters and a shortcut."""
    nodes: list[Node] = []
    shapes: dict[str, Shape] = {"input": (3, size, size)}

    def conv(
        name: str, source: str, filters: int, kernel: int, stride: int = 1, relu: bool = True
    ) -> str:
        channels, rows, columns = shapes[source]
        scale = np.sqrt(2 / (channels * kernel**2))
        weights = rng.normal(0, scale, (filters, channels, kernel, kernel)).astype(np.float32)
        bias = rng.normal(0, 0.1, filters).astype(np.float32)
        padding = (0, 0, 0, 0) if kernel == 1 else SAME if stride == 1 else BEHIND
        nodes.append(Conv(name, source, f"{name}.y", weights, bias, stride, padding, relu))
        shapes[f"{name}.y"] = (filters, -(-rows // stride), -(-columns // stride))
        return f"{name}.y"

    x = conv("conv", "input", 16, 3)
    for block, filters in enumerate((16, 32, 64), 1):
        stride = 1 if block == 1 else 2
        y = conv(f"block{block}.a", x, filters, 3, stride)
        y = conv(f"block{block}.b", y, filters, 3, relu=False)
        short = x
        if stride > 1:
            short = conv(f"block{block}.shortcut", x, filters, 1, stride, relu=False)
        x = f"block{block}.sum"
        nodes.append(Add(f"block{block}.add", (short, y), x, True))
        shapes[x] = shapes[y]
    logits = conv("classes", x, classes, 1, relu=False)
    nodes.append(GlobalAverage("average", logits, "logits"))
    shapes["logits"] = (classes, 1, 1)
    return Network("resnet8", "input", tuple(nodes), shapes, False)


def runs(folder: Path) -> tuple[int, list[Run]]:
    """MACs of a frame, and what one frame and a batch take with one and with two K steps a cycle.

    Raises FirebrickError where an answer is not the golden model's.
    """
    rng = np.random.default_rng(SEED)
    net = resnet8(rng)
    images = rng.integers(0, 256, (BATCH, *net.shapes[net.input]), np.uint8)
    qnet = quantize_network(net, for_network(preprocessing("torchvision"), net), images)
    sums = golden.run(qnet, images).sums
    programs = [compile_network(qnet, shape) for shape in pumped.shapes()]
    found = [
        pumped.simulate(program, images[:frames], sums[:frames], MHZ, folder)
        for program in programs
        for frames in (1, BATCH)
    ]
    return pumped.macs(programs[0]), found


def cycles(found: list[Run]) -> dict[str, int]:
    """Cycles a frame, by the name that build/bench.json has for them."""
    return {
        f"{KEY}{'_pump2' if run.pump > 1 else ''}"
        f"{f'_batch{run.frames}' if run.frames > 1 else ''}": run.cycles
        for run in found
    }
