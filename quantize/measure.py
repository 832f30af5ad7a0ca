"""How far a quantized network is from its float original: SQNR, saturation, agreement."""

from __future__ import annotations

import math

import numpy as np

from quantize import golden
from quantize.fixed_point import value_range
from quantize.float_model import FloatModel
from quantize.network import Network
from quantize.preprocess import float_input
from quantize.progress import track
from quantize.qnetwork import QConv, QNetwork


def sqnr_db(signal_energy: float, error_energy: float) -> float | None:
    """Signal to quantization noise, 10 log10(sum x**2 / sum (x - q)**2) in dB; None where it is
    not a number (no signal, or no error)."""
    if signal_energy <= 0 or error_energy <= 0:
        return None
    return 10 * math.log10(signal_energy / error_energy)


def measure(net: Network, qnet: QNetwork, images: np.ndarray, held_out: np.ndarray | None) -> dict:
    """Compare float and golden, image by image.

    ``images`` uint8 [N, C, H, W] give every convolution's SQNR and its share of saturated values,
    ``held_out`` the agreement of the first choices (percent) and the SQNR of the logits.
    """
    model = FloatModel(net)
    names = [node.output for node in qnet.nodes if isinstance(node, QConv)]
    signal = dict.fromkeys(names, 0.0)
    error = dict.fromkeys(names, 0.0)
    clipped = dict.fromkeys(names, 0)
    values = dict.fromkeys(names, 0)
    logits = []
    for image in track(images, "measure: every layer", len(images)):
        maps = model.maps(float_input(image, qnet.preprocessing))
        result = golden.run(qnet, image[None], keep=names)
        logits.append((maps[net.nodes[-1].output], result.logits[0]))
        for name in names:
            tensor = qnet.tensors[name]
            integers = result.tensors[name][0]
            real = maps[name]
            difference = real - integers * np.float32(np.ldexp(1.0, -tensor.exponent))
            signal[name] += float(np.vdot(real, real))
            error[name] += float(np.vdot(difference, difference))
            low, high = value_range(tensor.signed)
            clipped[name] += int(np.count_nonzero(integers == high))
            if tensor.signed:
                clipped[name] += int(np.count_nonzero(integers == low))
            values[name] += integers.size
    return {
        "measured_images": len(images),
        "logit_sqnr_db": _logit_sqnr(logits),
        "tensors": {
            name: {
                "sqnr_db": sqnr_db(signal[name], error[name]),
                "saturated": clipped[name] / values[name],
            }
            for name in names
        },
        "held_out": None if held_out is None else _held_out(model, qnet, held_out),
    }


def _held_out(model: FloatModel, qnet: QNetwork, images: np.ndarray) -> dict:
    last = model.net.nodes[-1].output
    pairs = [
        (
            model.maps(float_input(image, qnet.preprocessing))[last],
            golden.run(qnet, image[None]).logits[0],
        )
        for image in track(images, "measure: held-out images", len(images))
    ]
    same = sum(int(a.argmax() == b.argmax()) for a, b in pairs)
    return {
        "images": len(images),
        "agreement": 100.0 * same / len(images),
        "logit_sqnr_db": _logit_sqnr(pairs),
    }


def _logit_sqnr(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
    signal = sum(float(np.vdot(a, a)) for a, _ in pairs)
    error = sum(float(np.vdot(a - b, a - b)) for a, b in pairs)
    return sqnr_db(signal, error)
