"""Histograms of every layer's weights and activations, before and after quantization.

Both are counted in the units of the 8-bit integers, so that one axis serves both and what lies
beyond it is what saturates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.fixed_point import WEIGHT_MAX, value_range
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QConv, QGlobalSum, QNetwork
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

BINS = 64


@dataclass(frozen=True)
class Histogram:
    """Counts of values in :data:`BINS` bins of equal width from ``low`` to ``high``, integers and
    both included, of the float values (rounded to integers) and of the fixed-point ones;
    ``below`` and ``above`` count the float values outside."""

    low: int
    high: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    below: int
    above: int


def count(before: np.ndarray, after: np.ndarray, low: int, high: int) -> Histogram:
    """Histogram of ``before`` (float, in units of the integers) and ``after`` (integers), arrays
    of any shape; each bin is (high + 1 - low) / BINS integers wide."""
    rounded = np.rint(before).ravel()
    inside = rounded[(rounded >= low) & (rounded <= high)]
    return Histogram(
        low,
        high,
        _binned(inside, low, high),
        _binned(after.ravel(), low, high),
        int(np.count_nonzero(rounded < low)),
        int(np.count_nonzero(rounded > high)),
    )


def _binned(values: np.ndarray, low: int, high: int) -> tuple[int, ...]:
    width = (high + 1 - low) / BINS
    place = ((values - float(low)) / width).astype(np.int64)
    return tuple(np.bincount(place, minlength=BINS).tolist())


def _sum(one: Histogram, other: Histogram) -> Histogram:
    return Histogram(
        one.low,
        one.high,
        tuple(a + b for a, b in zip(one.before, other.before, strict=True)),
        tuple(a + b for a, b in zip(one.after, other.after, strict=True)),
        one.below + other.below,
        one.above + other.above,
    )


def weight_histograms(weights: dict[str, np.ndarray], qnet: QNetwork) -> dict[str, Histogram]:
    """By layer: float ``weights`` [O, I, kh, kw], each channel in units of its own scale, against
    the int8 weights."""
    found = {}
    for node in qnet.nodes:
        if isinstance(node, QConv | QGlobalSum):
            scale = np.ldexp(1.0, node.weight_exponent)[:, None, None, None]
            found[node.name] = count(
                weights[node.name] * scale, node.weights, -WEIGHT_MAX - 1, WEIGHT_MAX
            )
    return found


def activation_histograms(net: Network, qnet: QNetwork, images: np.ndarray) -> dict[str, Histogram]:
    """By layer: its output on ``images``, uint8 [N, C, H, W], float against fixed point.

    ``net`` must be the float network whose tensors ``qnet``'s stand for, channel by channel.
    """
    model = FloatModel(net)
    layers = {node.name: node.output for node in qnet.nodes if isinstance(node, QConv)}

    def of_image(image: np.ndarray) -> dict[str, Histogram]:
        maps = model.maps(float_input(image, qnet.preprocessing))
        fixed = golden.run(qnet, image[None], keep=list(layers.values())).tensors
        counted = {}
        for layer, name in layers.items():
            tensor = qnet.tensors[name]
            units = maps[name] * np.float32(np.ldexp(1.0, tensor.exponent))
            counted[layer] = count(units, fixed[name][0], *value_range(tensor.signed))
        return counted

    total: dict[str, Histogram] = {}
    for counted in track(parallel_map(of_image, images), "count: histograms", len(images)):
        for layer, histogram in counted.items():
            total[layer] = _sum(total[layer], histogram) if layer in total else histogram
    return total
