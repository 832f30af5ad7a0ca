"""SqueezeDet as published (arXiv 1612.01051) at 1248x384, KITTI's size: cycles of a frame by the
cycle model.

Its rows are five times as wide as those of a classifier, and the head reads 768 channels of three
rows at once: the engine has tiles twice as wide as the PYNQ-Z2's, and memory for them.
"""

from __future__ import annotations

import numpy as np

from firebrick.bench.detection import HEAD
from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.compiler.outline import Outline, outline
from firebrick.hw.model.compiled import predict_outline
from firebrick.hw.shape import EngineShape, pumped
from firebrick.quantize.geometry import pool_size
from firebrick.quantize.heads import split_head
from firebrick.quantize.network import Concat, Conv, MaxPool, Network, Node, Shape

KEY = "squeezedet"
# (squeeze, expand) of fire2 to fire11, and before which of them the map is pooled.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256),
         (96, 384), (96, 384))  # fmt: skip
POOLED = (2, 4, 6)
KINDS = 3
# As many MACs as the PYNQ-Z2's engine has, in wider tiles, and twice the words: three rows of the
# head's input are 6,912 of them.
SHAPE = EngineShape(28, 16, act_words=8192)


def network(rng: np.random.Generator, height: int = 384, width: int = 1248) -> Network:
    """The network for RGB pictures of a size, with random weights; pools without padding whose
    last window may reach over the edge, and the head in two maps."""
    nodes: list[Node] = []
    shapes: dict[str, Shape] = {"input": (3, height, width)}

    def conv(
        name: str, source: str, filters: int, kernel: int, stride: int = 1, relu: bool = True
    ) -> str:
        channels, rows, columns = shapes[source]
        scale = np.sqrt(2 / (channels * kernel**2))
        weights = rng.normal(0, scale, (filters, channels, kernel, kernel)).astype(np.float32)
        bias = rng.normal(0, 0.1, filters).astype(np.float32)
        padding = (kernel // 2,) * 4
        nodes.append(Conv(name, source, f"{name}.y", weights, bias, stride, padding, relu))
        shapes[f"{name}.y"] = (filters, -(-rows // stride), -(-columns // stride))
        return f"{name}.y"

    x = conv("conv1", "input", 64, 3, 2)
    for number, (squeeze, expand) in enumerate(FIRES, 2):
        if number in POOLED:
            pooled = f"pool{number - 1}.y"
            nodes.append(MaxPool(f"pool{number - 1}", x, pooled, 3, True))
            channels, rows, columns = shapes[x]
            shapes[pooled] = (channels, pool_size(rows, 3, True), pool_size(columns, 3, True))
            x = pooled
        narrow = conv(f"fire{number}/squeeze", x, squeeze, 1)
        parts = tuple(conv(f"fire{number}/expand{k}x{k}", narrow, expand, k) for k in (1, 3))
        x = f"fire{number}/concat.y"
        nodes.append(Concat(f"fire{number}/concat", parts, x))
        shapes[x] = (2 * expand, *shapes[narrow][1:])
    anchors = len(HEAD.anchors)
    head = conv("convdet", x, anchors * (KINDS + 5), 3, relu=False)
    net = Network("squeezedet", "input", tuple(nodes), shapes, False, maps=(head,))
    return split_head(net, anchors)


def outlines() -> list[Outline]:
    """What engines with one and with two K steps a cycle make of it."""
    net = without_numbers(network(np.random.default_rng(1)))
    return [outline(net, shape) for shape in (SHAPE, pumped(SHAPE, 2))]


def cycles(found: list[Outline]) -> dict[str, int]:
    """Predicted cycles a frame, by the name that build/bench.json has for them."""
    return {
        f"{KEY}{'_pump2' if one.shape.pump > 1 else ''}": round(predict_outline(one).cycles)
        for one in found
    }


def lines(found: list[Outline], predicted: dict[str, int]) -> list[str]:
    """What the bench prints."""
    return [
        f"SqueezeDet at 1248x384 on {one.shape}, {one.shape.act_words:,} activation words, by the "
        f"cycle model: {count:,} cycles ({one.ideal_cycles:,} ideal), "
        f"{100e6 / count:.1f} frames/s at 100 MHz"
        for one, count in zip(found, predicted.values(), strict=True)
    ]
