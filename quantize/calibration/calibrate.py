"""What the float network's activations look like on real images: ranges and rounding errors.

The exponent of a tensor is the one with the smallest mean squared error over the calibration
images: a few saturated peaks cost less than one bit of resolution everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import largest_exponent, value_range
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import (
    Add,
    Concat,
    Conv,
    MaxPool,
    Network,
    Node,
    inputs_of,
)
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

# Exponents tried above the no-saturation one.  Each halves the range; beyond three nearly every
# large value saturates and the error grows without bound.
CANDIDATES = 4
# The largest activation: the sum of squares over a map stays far within float32.
LARGEST_ACTIVATION = 2.0**50


@dataclass(frozen=True)
class ExponentChoice:
    """``best`` has the smallest squared error; ``no_saturation`` is the largest exponent at which
    no calibration value saturates; ``largest`` is the largest absolute value that was seen."""

    best: int
    no_saturation: int
    largest: float


def exponent_groups(net: Network) -> dict[str, str]:
    """For every 8-bit tensor but the input, the name of the group that shares its exponent.

    A concatenation shares it with its inputs, max pooling with its input; an addition aligns
    exponents itself, so its output has one of its own.
    """
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for node in net.nodes:
        if isinstance(node, Concat):
            for name in node.inputs:
                parent[find(name)] = find(node.output)
        elif isinstance(node, MaxPool):
            parent[find(node.output)] = find(node.input)
        elif isinstance(node, Conv | Add):
            find(node.output)
    return {name: find(name) for name in parent}


def rectified_tensors(net: Network) -> dict[str, bool]:
    """For every tensor that a node makes whether a ReLU lies before it, so that no value is
    negative: that of a sum or a concatenation where it does before all inputs."""
    rectified = {net.input: False}
    for node in net.nodes:
        if isinstance(node, Conv):
            rectified[node.output] = node.relu
        else:
            own = isinstance(node, Add) and node.relu
            rectified[node.output] = own or all(rectified[name] for name in inputs_of(node))
    return rectified


def check_peak(node: Node, peak: float) -> None:
    """FirebrickError naming the layer whose activations reach ``peak``, if that is too large."""
    if not np.isfinite(peak):
        raise FirebrickError(
            f"layer {node.name}: its activations are not finite on a calibration image; "
            "check the weights and the preprocessing"
        )
    if peak > LARGEST_ACTIVATION:
        weights = ""
        if isinstance(node, Conv):
            weights = f", its weights {float(np.abs(node.weights).max()):.3g}"
        raise FirebrickError(
            f"layer {node.name}: its activations reach {peak:.3g} on a calibration image{weights}; "
            f"activations up to {LARGEST_ACTIVATION:.3g} can be quantized: check the weights, and "
            "scale, mean and std, which must be those of the training"
        )


def activation_exponents(
    net: Network, preprocessing: Preprocessing, images: np.ndarray
) -> dict[str, ExponentChoice]:
    """The exponent of every group of :func:`exponent_groups`, by its name.

    ``images`` uint8 [N, C, H, W], raw pixels.  Two passes: ranges first, then the squared error
    of every candidate exponent, summed over a group's convolutions and additions.  Raises
    FirebrickError naming the layer whose activations are not finite, or are zero on all images.
    """
    model = FloatModel(net)
    groups = exponent_groups(net)
    makers = [n for n in net.nodes if isinstance(n, Conv | Add)]
    rectified = rectified_tensors(net)

    def image_peaks(image: np.ndarray) -> list[float]:
        maps = model.maps(float_input(image, preprocessing))
        return [float(np.abs(maps[maker.output]).max()) for maker in makers]

    largest: dict[str, float] = {}
    found = parallel_map(image_peaks, images)
    for peaks in track(found, "calibrate: ranges", len(images)):
        for maker, peak in zip(makers, peaks, strict=True):
            check_peak(maker, peak)
            if maker.output == net.averaged:
                continue
            group = groups[maker.output]
            largest[group] = max(largest.get(group, 0.0), peak)
    makers = [maker for maker in makers if maker.output != net.averaged]
    signed = {groups[maker.output]: not rectified[maker.output] for maker in makers}
    lossless: dict[str, int] = {}
    for maker in makers:
        group = groups[maker.output]
        exponent = largest_exponent(largest[group], value_range(signed[group])[1])
        if exponent is None:
            raise FirebrickError(
                f"layer {maker.name}: its output is zero on all {len(images)} calibration images; "
                "give images like those that the network was trained on"
            )
        lossless[group] = exponent
    errors = {group: np.zeros(CANDIDATES) for group in lossless}

    def image_errors(image: np.ndarray) -> list[np.ndarray]:
        maps = model.maps(float_input(image, preprocessing))
        named = [(maps[maker.output], groups[maker.output]) for maker in makers]
        return [_squared_errors(map_, lossless[group], signed[group]) for map_, group in named]

    summed = parallel_map(image_errors, images)
    for parts in track(summed, "calibrate: rounding errors", len(images)):
        for maker, part in zip(makers, parts, strict=True):
            errors[groups[maker.output]] += part
    return {
        group: ExponentChoice(
            lossless[group] + int(np.argmin(errors[group])), lossless[group], largest[group]
        )
        for group in lossless
    }


def _squared_errors(values: np.ndarray, lossless: int, signed: bool) -> np.ndarray:
    """Sum of squared rounding and saturation errors at the exponents lossless + 0, 1, ..."""
    low, high = value_range(signed)
    flat = values.reshape(-1)
    flat = flat[flat != 0.0]
    errors = np.empty(CANDIDATES)
    for step in range(CANDIDATES):
        scaled = flat * np.float32(np.ldexp(1.0, lossless + step))
        rounded = np.clip(np.rint(scaled), low, high)
        rounded -= scaled
        errors[step] = np.ldexp(np.dot(rounded, rounded), -2 * (lossless + step))
    return errors
