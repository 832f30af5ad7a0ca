"""How far a quantized network is from its float original: SQNR, saturation, agreement."""

from __future__ import annotations

import math

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.fixed_point import value_range
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QAdd, QConv, QNetwork
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track


def sqnr_db(signal_energy: float, error_energy: float) -> float | None:
    """Signal to quantization noise, 10 log10(sum x**2 / sum (x - q)**2) in dB; None where it is
    not a number (no signal, or no error)."""
    if signal_energy <= 0 or error_energy <= 0:
        return None
    return 10 * math.log10(signal_energy / error_energy)


def measure(net: Network, qnet: QNetwork, images: np.ndarray, held_out: np.ndarray | None) -> dict:
    """Compare float and golden, image by image.

    ``images`` uint8 [N, C, H, W] give the SQNR of every convolution and addition and its share of
    saturated values, ``held_out`` the agreement of the first choices (percent, None for a network
    that ends in maps) and the SQNR of the logits or maps.
    """
    model = FloatModel(net)
    names = [node.output for node in qnet.nodes if isinstance(node, QConv | QAdd)]
    totals = {name: np.zeros(4) for name in names}
    pairs = []
    compared = parallel_map(lambda image: _compare(model, qnet, names, image), images)
    for real, fixed, sums in track(compared, "measure: every layer", len(images)):
        pairs.append((real, fixed))
        for name in names:
            totals[name] += sums[name]
    return {
        "measured_images": len(images),
        "logit_sqnr_db": _logit_sqnr(pairs),
        "tensors": {
            name: {"sqnr_db": sqnr_db(signal, error), "saturated": clipped / values}
            for name, (signal, error, clipped, values) in totals.items()
        },
        "held_out": None if held_out is None else _held_out(model, qnet, held_out),
    }


def _compare(
    model: FloatModel, qnet: QNetwork, names: list[str], image: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Of one image: float logits, fixed logits, and for each tensor of ``names`` the sums of
    squares of signal and error, the number of values at a limit, and of all values."""
    maps = model.maps(float_input(image, qnet.preprocessing))
    result = golden.run(qnet, image[None], keep=names)
    sums = {}
    for name in names:
        tensor = qnet.tensors[name]
        integers = result.tensors[name][0]
        real = maps[name]
        error = real - integers * np.float32(np.ldexp(1.0, -tensor.exponent))
        low, high = value_range(tensor.signed)
        clipped = np.count_nonzero(integers == high)
        if tensor.signed:
            clipped += np.count_nonzero(integers == low)
        sums[name] = np.array([np.vdot(real, real), np.vdot(error, error), clipped, real.size])
    return model.answer(maps), result.logits[0], sums


def _held_out(model: FloatModel, qnet: QNetwork, images: np.ndarray) -> dict:
    def logits(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        real = model.answer(model.maps(float_input(image, qnet.preprocessing)))
        return real, golden.run(qnet, image[None]).logits[0]

    pairs = list(track(parallel_map(logits, images), "measure: held-out images", len(images)))
    same = sum(int(real.argmax() == fixed.argmax()) for real, fixed in pairs)
    return {
        "images": len(images),
        "agreement": None if qnet.maps else 100.0 * same / len(images),
        "logit_sqnr_db": _logit_sqnr(pairs),
    }


def _logit_sqnr(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
    signal = sum(float(np.vdot(a, a)) for a, _ in pairs)
    error = sum(float(np.vdot(a - b, a - b)) for a, b in pairs)
    return sqnr_db(signal, error)
