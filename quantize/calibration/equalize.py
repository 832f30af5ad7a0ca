"""Cross-layer equalization: every channel of a feature map uses the 8-bit range it is given.

A channel before a ReLU may be multiplied by any positive factor when the weights that read it are
divided by the same factor: the float network computes the same function, but its quantization
becomes another one.  Max pooling and concatenation carry the factor along, an addition ties the
channels of its operands and of its sum together.  (Nagel et al., "Data-Free Quantization Through
Weight Equalization and Bias Correction", arXiv 1906.04721, balance weight ranges this way; here
each output channel has its own power-of-two weight scale, so that two other things are at stake.)

* The largest weight of a channel lands on +-127 exactly: a power-of-two scale then loses nothing
  against a free one.  This leaves the factor free up to powers of two.
* The power of two weighs the rounding and saturation of the activation against the rounding of
  the weights that read it, both as noise power that reaches the logits (:func:`sensitivities`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from firebrick.quantize.calibration.calibrate import (
    ExponentChoice,
    check_peak,
    exponent_groups,
    rectified_tensors,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import WEIGHT_MAX, largest_exponent, value_range
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import (
    Add,
    Bounds,
    Concat,
    Conv,
    GlobalAverage,
    MaxPool,
    Network,
    Node,
)
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

# Saturation thresholds that are measured, in half octaves below a channel's largest value.
THRESHOLDS = 8
# Powers of two tried around the factor that makes a channel's largest value the largest integer.
POWERS = (-3, -2, -1, 0, 1, 2, 3)
# Saturation errors all have one sign and sit together in the picture, and max pooling selects them:
# they do not average out as rounding errors do.
SATURATION_WEIGHT = 1.0
# The choices of neighbouring layers depend on each other; they settle within a few sweeps.
SWEEPS = 6
# Rounding with error feedback leaves about this share of the noise power of plain rounding.
WEIGHT_NOISE = 0.3
# A channel that hardly wakes on the calibration images, or never, is taken to reach this share of
# the largest value of its map: on other images it may.
LARGEST_RATIO = 2.0**10
# A factor may end this far from the one that makes a channel's largest value the largest integer.
FACTOR_RANGE = 16.0


@dataclass(frozen=True)
class ChannelStatistics:
    """Of one tensor on the calibration images, float64 [C] each unless said otherwise.

    ``peak`` the largest absolute value, ``energy`` the mean square, ``active`` the share of
    values that are not zero, all three with a small floor, ``tail`` [THRESHOLDS + 1, C] the mean
    square of what exceeds ``peak * 2**(-j / 2)`` in row j (zero in row 0).
    """

    peak: np.ndarray
    energy: np.ndarray
    active: np.ndarray
    tail: np.ndarray


@dataclass(frozen=True)
class Equalization:
    """``net`` computes the original's function; ``choices`` gives every exponent group
    (:func:`quantize.calibration.calibrate.exponent_groups`) its exponent, ``gains`` every tensor
    the factor of each of its channels, float64 [C]."""

    net: Network
    choices: dict[str, ExponentChoice]
    gains: dict[str, np.ndarray]


def channel_statistics(
    net: Network, preprocessing: Preprocessing, images: np.ndarray
) -> dict[str, ChannelStatistics]:
    """Statistics of every tensor but the input and the logits, on ``images`` uint8 [N, C, H, W].

    Raises FirebrickError naming the layer whose activations are not finite.
    """
    model = FloatModel(net)
    nodes = [node for node in net.nodes if not isinstance(node, GlobalAverage)]
    measured = {node.output for node in nodes if isinstance(node, Conv | Add)}

    def image_moments(image: np.ndarray) -> list[np.ndarray]:
        maps = model.maps(float_input(image, preprocessing))
        return [_moments(maps[node.output]) for node in nodes]

    totals: list[np.ndarray] = []
    found = parallel_map(image_moments, images)
    for moments in track(found, "equalize: ranges", len(images)):
        for node, moment in zip(nodes, moments, strict=True):
            check_peak(node, float(np.max(moment[0])))
        if not totals:
            totals = moments
            continue
        for total, moment in zip(totals, moments, strict=True):
            np.maximum(total[0], moment[0], out=total[0])
            total[1:] += moment[1:]
    peaks = {node.output: total[0] for node, total in zip(nodes, totals, strict=True)}

    def image_tails(image: np.ndarray) -> dict[str, np.ndarray]:
        maps = model.maps(float_input(image, preprocessing))
        return {name: _tails(maps[name], peaks[name]) for name in measured}

    tails = {name: np.zeros((THRESHOLDS + 1, len(peaks[name]))) for name in peaks}
    for parts in track(parallel_map(image_tails, images), "equalize: tails", len(images)):
        for name, part in parts.items():
            tails[name] += part
    result = {}
    for node, (peak, energy, active) in zip(nodes, totals, strict=True):
        _check_seen(net, node, peak, len(images))
        floor = peak.max() / LARGEST_RATIO
        result[node.output] = ChannelStatistics(
            np.maximum(peak, floor),
            np.maximum(energy / len(images), floor**2 / LARGEST_RATIO),
            np.maximum(active / len(images), 1 / LARGEST_RATIO),
            tails[node.output] / len(images),
        )
    return result


def _check_seen(net: Network, node: Node, peak: np.ndarray, images: int) -> None:
    if isinstance(node, Conv) and node.output != net.averaged and not peak.any():
        raise FirebrickError(
            f"layer {node.name}: its output is zero on all {images} calibration images; give "
            "images like those that the network was trained on"
        )


def _moments(values: np.ndarray) -> np.ndarray:
    """Largest absolute value, mean square, share of nonzero values: float64 [3, C]."""
    flat = values.reshape(values.shape[0], -1)
    size = flat.shape[1]
    return np.stack(
        [
            np.abs(flat).max(axis=1).astype(np.float64),
            np.einsum("cp,cp->c", flat, flat, dtype=np.float64) / size,
            np.count_nonzero(flat, axis=1) / size,
        ]
    )


def _tails(values: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Mean squares of what exceeds each threshold, float64 [THRESHOLDS + 1, C]."""
    flat = np.abs(values.reshape(values.shape[0], -1))
    result = np.zeros((THRESHOLDS + 1, len(flat)))
    for step in range(1, THRESHOLDS + 1):
        over = flat - (peak * 2.0 ** (-step / 2)).astype(np.float32)[:, None]
        np.maximum(over, 0, out=over)
        result[step] = np.einsum("cp,cp->c", over, over) / flat.shape[1]
    return result


def channel_slots(net: Network) -> dict[str, np.ndarray]:
    """For every tensor but the logits the slot of each channel, int64 [C].

    Channels that must share a factor share a slot: max pooling and concatenation carry it along,
    an addition joins those of its operands.
    """
    parent: list[int] = []

    def root(slot: int) -> int:
        while parent[slot] != slot:
            parent[slot] = parent[parent[slot]]
            slot = parent[slot]
        return slot

    def fresh(name: str) -> np.ndarray:
        begin = len(parent)
        parent.extend(range(begin, begin + net.shapes[name][0]))
        return np.arange(begin, len(parent))

    slots = {net.input: fresh(net.input)}
    for node in net.nodes:
        if isinstance(node, Conv):
            slots[node.output] = fresh(node.output)
        elif isinstance(node, Concat):
            slots[node.output] = np.concatenate([slots[name] for name in node.inputs])
        elif isinstance(node, Add):
            first, second = (slots[name] for name in node.inputs)
            for a, b in zip(first, second, strict=True):
                parent[root(int(b))] = root(int(a))
            slots[node.output] = first
        elif isinstance(node, MaxPool):
            slots[node.output] = slots[node.input]
    roots = np.array([root(slot) for slot in range(len(parent))])
    return {name: roots[ids] for name, ids in slots.items()}


def rescale(net: Network, gains: dict[str, np.ndarray]) -> Network:
    """The same function with every channel of tensor ``t`` multiplied by ``gains[t]``, positive
    [C]; ones for the input, for what the global average reads, and for maps that are outputs."""
    nodes: list[Node] = []
    for node in net.nodes:
        if isinstance(node, Conv):
            gain = gains[node.output]
            weights = node.weights * gain[:, None, None, None]
            node = replace(
                node,
                weights=(weights / gains[node.input][None, :, None, None]).astype(np.float32),
                bias=(node.bias * gain).astype(np.float32),
                bounds=_scaled(node.bounds, gain),
            )
        elif isinstance(node, Add):
            node = replace(node, bounds=_scaled(node.bounds, gains[node.output]))
        nodes.append(node)
    return replace(net, nodes=tuple(nodes))


def _scaled(bounds: Bounds | None, gain: np.ndarray) -> Bounds | None:
    if bounds is None:
        return None
    step = None if bounds.step is None else bounds.step * gain
    return replace(bounds, low=bounds.low * gain, high=bounds.high * gain, step=step)


def sensitivities(net: Network, statistics: dict[str, ChannelStatistics]) -> dict[str, np.ndarray]:
    """By tensor and channel, float64 [C]: the noise power in the logits, up to one factor for
    all, of independent noise of unit power in the channel.

    Backwards through the network: a convolution multiplies noise power by its squared weights, a
    ReLU lets the share of it pass that meets values above zero.
    """
    power = {name: np.zeros(shape[0]) for name, shape in net.shapes.items()}
    for name in net.maps:
        power[name] += 1.0
    for node in reversed(net.nodes):
        out = power[node.output]
        if isinstance(node, GlobalAverage):
            power[node.input] += 1.0
        elif isinstance(node, Conv):
            squares = np.square(node.weights.astype(np.float64)).sum(axis=(2, 3))
            power[node.input] += _passed(node, out, statistics) @ squares
        elif isinstance(node, MaxPool):
            power[node.input] += out
        elif isinstance(node, Concat):
            start = 0
            for name in node.inputs:
                stop = start + net.shapes[name][0]
                power[name] += out[start:stop]
                start = stop
        else:
            for name in node.inputs:
                power[name] += _passed(node, out, statistics)
    return power


def _passed(
    node: Conv | Add, power: np.ndarray, statistics: dict[str, ChannelStatistics]
) -> np.ndarray:
    return power * statistics[node.output].active if node.relu else power


def equalize(net: Network, preprocessing: Preprocessing, images: np.ndarray) -> Equalization:
    """Choose the factors on calibration ``images``, uint8 [N, C, H, W] raw pixels.

    Raises FirebrickError naming a layer whose activations are not finite or all zero.
    """
    statistics = channel_statistics(net, preprocessing, images)
    choice = _Choice(net, statistics)
    for _ in range(SWEEPS):
        choice.sweep()
    gains = {name: choice.factor[ids] for name, ids in choice.slots.items()}
    return Equalization(rescale(net, gains), choice.exponent_choices(gains), gains)


class _Choice:
    """The factor of every slot while it is being chosen."""

    def __init__(self, net: Network, statistics: dict[str, ChannelStatistics]) -> None:
        self.net = net
        self.statistics = statistics
        self.slots = channel_slots(net)
        self.power = sensitivities(net, statistics)
        self.convs = [node for node in net.nodes if isinstance(node, Conv)]
        rectified = rectified_tensors(net)
        self.limits = {name: value_range(not rectified[name])[1] for name in net.shapes}
        count = max(int(ids.max()) for ids in self.slots.values()) + 1
        self.fixed = np.zeros(count, bool)
        # What comes in and what goes out means what it means.
        for name in (net.input, *net.maps, *([net.averaged] if net.averaged else [])):
            self.fixed[self.slots[name]] = True
        self.rounded = [
            node.output
            for node in net.nodes
            if isinstance(node, Conv | Add) and node.output != net.averaged
        ]
        self.sharers = {conv.output: self._sharers(self.slots[conv.output]) for conv in self.convs}
        self.start, self.exponents = self._start(count)
        self.factor = self.start.copy()

    def _start(self, count: int) -> tuple[np.ndarray, dict[str, int]]:
        """Factors that bring every channel's largest value to one, and exponents to match."""
        largest = np.zeros(count)
        for name in self.rounded:
            peak = self.statistics[name].peak
            np.maximum.at(largest, self.slots[name], peak)
        factor = np.where(self.fixed | (largest == 0), 1.0, 1.0 / np.where(largest > 0, largest, 1))
        groups = exponent_groups(self.net)
        exponents: dict[str, int] = {}
        for name in self.rounded:
            top = float((self.statistics[name].peak * factor[self.slots[name]]).max())
            fitting = int(np.floor(np.log2(self.limits[name] / top)))
            group = groups[name]
            exponents[group] = min(exponents.get(group, fitting), fitting)
        self.steps = {name: 2.0 ** -exponents[groups[name]] for name in self.rounded}
        return factor, exponents

    def exponent_choices(self, gains: dict[str, np.ndarray]) -> dict[str, ExponentChoice]:
        """The exponents, beside those that would saturate nothing."""
        groups = exponent_groups(self.net)
        largest: dict[str, float] = {}
        limits: dict[str, int] = {}
        for name in self.rounded:
            group = groups[name]
            peak = float((self.statistics[name].peak * gains[name]).max())
            largest[group] = max(largest.get(group, 0.0), peak)
            limits[group] = self.limits[name]
        choices = {}
        for group, peak in largest.items():
            lossless = largest_exponent(peak, limits[group])
            assert lossless is not None
            choices[group] = ExponentChoice(self.exponents[group], lossless, peak)
        return choices

    def sweep(self) -> None:
        """Choose the factors anew, from the first layer to the last, given those of now."""
        read_cost = self._weight_noise()
        for conv in self.convs:
            ids = self.slots[conv.output]
            if self.fixed[ids].any():
                continue
            scaled = np.abs(conv.weights) / self.factor[self.slots[conv.input]][:, None, None]
            top = scaled.max(axis=(1, 2, 3)).astype(np.float64)
            now = self.factor[ids]
            # Of the factors that put the largest weight on 127 the one next to the present one.
            exact = WEIGHT_MAX / np.where(top > 0, top, 1.0)
            exact *= 2.0 ** np.rint(np.log2(now / exact))
            base = np.where(top > 0, exact, now)
            candidates = base * 2.0 ** np.array(POWERS)[:, None]
            costs = np.stack([self._cost(conv.output, c, read_cost) for c in candidates])
            ratio = candidates / self.start[ids]
            costs[(ratio > FACTOR_RANGE) | (ratio < 1 / FACTOR_RANGE)] = np.inf
            best = np.argmin(costs, axis=0)
            self.factor[ids] = np.take_along_axis(candidates, best[None], axis=0)[0]

    def _weight_noise(self) -> np.ndarray:
        """By slot: what its weights' rounding costs, per squared factor."""
        cost = np.zeros(len(self.factor))
        for conv in self.convs:
            if conv.input == self.net.input:
                continue
            ids = self.slots[conv.input]
            scaled = np.abs(conv.weights) / self.factor[ids][:, None, None]
            step = scaled.max(axis=(1, 2, 3)).astype(np.float64) / WEIGHT_MAX
            passed = _passed(conv, self.power[conv.output], self.statistics)
            taps = conv.weights.shape[2] * conv.weights.shape[3]
            noise = WEIGHT_NOISE * taps * float(passed @ np.square(step)) / 12
            np.add.at(cost, ids, noise * self.statistics[conv.input].energy)
        return cost

    def _cost(self, maker: str, factor: np.ndarray, read_cost: np.ndarray) -> np.ndarray:
        """Noise power in the logits of the slots of tensor ``maker``, with factors [C]."""
        cost = read_cost[self.slots[maker]] * np.square(factor)
        for name, mine, place in self.sharers[maker]:
            step = self.steps[name] / factor[place]
            error = self._activation_error(name, mine, step)
            np.add.at(cost, place, self.power[name][mine] * error)
        return cost

    def _sharers(self, ids: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """The rounded tensors that hold slots of ``ids``: name, channels, their place in it."""
        where = np.full(len(self.fixed), -1)
        where[ids] = np.arange(len(ids))
        found = [(name, where[self.slots[name]]) for name in self.rounded]
        return [
            (name, np.flatnonzero(place >= 0), place[place >= 0])
            for name, place in found
            if (place >= 0).any()
        ]

    def _activation_error(self, name: str, mine: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Mean squared error of rounding to multiples of ``step`` [C] and saturating."""
        seen = self.statistics[name]
        peak = seen.peak[mine]
        limit = self.limits[name] * step
        octaves = 2 * np.log2(peak / limit)
        place = np.clip(octaves, 0, THRESHOLDS)
        low = np.minimum(place.astype(np.int64), THRESHOLDS - 1)
        share = place - low
        tail = seen.tail[:, mine]
        columns = np.arange(len(mine))
        saturation = (1 - share) * tail[low, columns] + share * tail[low + 1, columns]
        return seen.active[mine] * np.square(step) / 12 + SATURATION_WEIGHT * saturation
