"""Residual networks: ResNet-8 of MLPerf Tiny, whose speed on the xc7z020 others have measured, the
race of the bench; and torchvision's ResNet-18, the largest network that is simulated.

Random weights: cycles do not depend on them.  A frame of ResNet-8 is small, so what is lost at its
start and end, and in rows that do not fill the array, counts; batches of frames are one start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.bench import pumped
from firebrick.bench.pumped import Run
from firebrick.hw.boards.board import load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.model.resources import predict_resources
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.geometry import Padding, conv_size, pool_size
from firebrick.quantize.network import Add, Conv, GlobalAverage, MaxPool, Network, Node, Shape
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.qnetwork import QNetwork

MHZ = 100
SEED = 1
NONE = (0, 0, 0, 0)
SAME = (1, 1, 1, 1)
# As Keras pads a stride of 2 where the size is even.
BEHIND = (0, 0, 1, 1)


class _Layers:
    """A network of random weights under way, for RGB pictures of ``size`` x ``size``."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng = rng
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {"input": (3, size, size)}

    def conv(
        self,
        name: str,
        source: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: Padding = NONE,
        relu: bool = True,
    ) -> str:
        channels, rows, columns = self.shapes[source]
        scale = np.sqrt(2 / (channels * kernel**2))
        weights = self.rng.normal(0, scale, (filters, channels, kernel, kernel)).astype(np.float32)
        bias = self.rng.normal(0, 0.1, filters).astype(np.float32)
        self.nodes.append(Conv(name, source, f"{name}.y", weights, bias, stride, padding, relu))
        top, left, bottom, right = padding
        self.shapes[f"{name}.y"] = (
            filters,
            conv_size(rows, kernel, stride, top, bottom),
            conv_size(columns, kernel, stride, left, right),
        )
        return f"{name}.y"

    def pool(self, name: str, source: str) -> str:
        """3x3 with a stride of 2, padded all around."""
        channels, rows, columns = self.shapes[source]
        self.nodes.append(MaxPool(name, source, f"{name}.y", 3, True, 1))
        self.shapes[f"{name}.y"] = (
            channels,
            pool_size(rows + 1, 3, True),
            pool_size(columns + 1, 3, True),
        )
        return f"{name}.y"

    def block(self, name: str, source: str, filters: int, stride: int, padding: Padding) -> str:
        """Two 3x3 convolutions, the first with ``stride`` and ``padding``, and a shortcut."""
        y = self.conv(f"{name}.a", source, filters, 3, stride, padding)
        y = self.conv(f"{name}.b", y, filters, 3, 1, SAME, relu=False)
        short = source
        if stride > 1:
            short = self.conv(f"{name}.shortcut", source, filters, 1, stride, relu=False)
        self.nodes.append(Add(f"{name}.add", (short, y), f"{name}.sum", True))
        self.shapes[f"{name}.sum"] = self.shapes[y]
        return f"{name}.sum"

    def network(self, name: str, source: str, classes: int) -> Network:
        """The whole, the linear layer in front of the mean."""
        logits = self.conv("classes", source, classes, 1, relu=False)
        self.nodes.append(GlobalAverage("average", logits, "logits"))
        self.shapes["logits"] = (classes, 1, 1)
        return Network(name, "input", tuple(self.nodes), self.shapes, False)


def resnet8(rng: np.random.Generator, size: int = 32, classes: int = 10) -> Network:
    """The network of MLPerf Tiny's image classification: three blocks of two 3x3 convolutions with
    16, 32 and 64 filters and a shortcut."""
    layers = _Layers(rng, size)
    x = layers.conv("conv", "input", 16, 3, 1, SAME)
    for block, filters in enumerate((16, 32, 64), 1):
        stride, padding = (1, SAME) if block == 1 else (2, BEHIND)
        x = layers.block(f"block{block}", x, filters, stride, padding)
    return layers.network("resnet8", x, classes)


def resnet18(
    rng: np.random.Generator, size: int = 224, filters: int = 64, classes: int = 1000
) -> Network:
    """torchvision's: 7x7 with a stride of 2, a padded pooling, and four stages of two blocks, the
    first with ``filters`` filters, each with twice as many as the one before."""
    layers = _Layers(rng, size)
    x = layers.conv("conv1", "input", filters, 7, 2, (3,) * 4)
    x = layers.pool("maxpool", x)
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            name = f"layer{stage + 1}.{block}"
            x = layers.block(name, x, filters << stage, stride, SAME)
    return layers.network("resnet18", x, classes)


@dataclass(frozen=True)
class Subject:
    """A network of the bench, its name in tables and in build/bench.json, how many frames a start
    has, and the arrays that it runs on by what their names there end in."""

    title: str
    key: str
    network: Callable[[np.random.Generator], Network]
    frames: tuple[int, ...]
    arrays: Mapping[str, EngineShape]


BOARD, PUMPED = pumped.shapes()
# Tiles of 16 pixels hold rows of 32, 16 and two of 8.
WIDE = EngineShape(16, 32)
RESNET8 = Subject(
    "ResNet-8 of MLPerf Tiny",
    "resnet8",
    resnet8,
    (1, 8),
    {"": WIDE, "_14x32": BOARD, "_pump2": PUMPED},
)
RESNET18 = Subject(
    "ResNet-18 of torchvision", "resnet18", resnet18, (1,), {"": BOARD, "_pump2": PUMPED}
)


def quantized(net: Network, frames: int) -> tuple[QNetwork, np.ndarray]:
    """``net`` for pictures as torchvision prepares them; random ones, uint8 [frames, C, H, W]."""
    # Random weights do not ask for many pictures to calibrate on.
    images = np.random.default_rng(SEED).integers(
        0, 256, (max(frames, 2), *net.shapes[net.input]), np.uint8
    )
    return quantize_network(net, for_network(preprocessing("torchvision"), net), images), images


def runs(subject: Subject, folder: Path) -> tuple[int, list[Run]]:
    """MACs of a frame, and what a frame of each start takes on each array.

    Raises FirebrickError where an answer is not the golden model's.
    """
    qnet, images = quantized(subject.network(np.random.default_rng(SEED)), max(subject.frames))
    sums = golden.run(qnet, images).sums
    programs = [compile_network(qnet, shape) for shape in subject.arrays.values()]
    found = [
        pumped.simulate(program, images[:frames], sums[:frames], MHZ, folder)
        for program in programs
        for frames in subject.frames
    ]
    return pumped.macs(programs[0]), found


def cycles(subject: Subject, found: list[Run]) -> dict[str, int]:
    """Cycles a frame, by the name that build/bench.json has for them."""
    ends = {shape: end for end, shape in subject.arrays.items()}
    return {
        f"{subject.key}{ends[run.shape]}"
        f"{f'_batch{run.frames}' if run.frames > 1 else ''}": run.cycles
        for run in found
    }


def fabric(subject: Subject) -> str:
    """What the arrays take of the board's chip, by the resource model, in a line."""
    chip = load_board(pumped.BOARD).chip.resources
    counts = {shape: predict_resources(shape) for shape in subject.arrays.values()}
    return "; ".join(
        f"{shape}: {used.lut:,} LUT ({used.lut / chip.lut:.0%} of the board's chip), "
        f"{used.dsp48e1} DSP"
        for shape, used in counts.items()
    )
