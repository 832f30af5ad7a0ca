"""The preprocessing as a part of the first convolution: the network eats raw pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firebrick.quantize.calibration.calibrate import rectified_tensors
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import check_finite
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.preprocessing import channel_order
from firebrick.quantize.qnetwork import Preprocessing

# A padded pixel may differ from the float network's zero by no more than what rounding a pixel
# to an integer costs anyway.
PAD_TOLERANCE = 0.5


@dataclass(frozen=True, eq=False)
class Folded:
    """A convolution in terms of its integer input: real output = sum(weights * real input) +
    bias - sum(weights * ``offset``), ``offset`` [I] being what the preprocessing subtracts."""

    node: Conv
    weights: np.ndarray
    bias: np.ndarray
    offset: np.ndarray
    pad_value: np.ndarray | None
    pad_error: float
    signed_input: bool


def fold_input(net: Network, node: Conv, preprocessing: Preprocessing) -> Folded:
    """The convolution as a function of what it really reads: raw pixels for those on the input.

    (pixel * scale - mean) / std becomes weights * scale / std and an offset of mean / scale per
    channel; channels of a BGR network are put into the picture's order.  The offset is multiplied
    by the weights *after* their quantization: their errors then meet centred pixels, not raw ones.
    """
    check_finite(node)
    weights = node.weights.astype(np.float64)
    bias = node.bias.astype(np.float64)
    if node.input != net.input:
        signed = not rectified_tensors(net)[node.input]
        return Folded(node, weights, bias, np.zeros(weights.shape[1]), None, 0.0, signed)
    weights = (
        weights * (preprocessing.scale / np.asarray(preprocessing.std, np.float64))[:, None, None]
    )
    offset = np.asarray(preprocessing.mean, np.float64) / preprocessing.scale
    # The picture's channel c is the float network's channel order[c].
    order = np.argsort(channel_order(preprocessing.color))
    weights, offset = weights[:, order], offset[order]
    pad_value, pad_error = None, 0.0
    if any(node.padding):
        pad_value = np.clip(np.rint(offset), 0, 255).astype(np.uint8)
        pad_error = float(np.abs(pad_value - offset).max())
        if pad_error > PAD_TOLERANCE:
            channel = int(np.abs(pad_value - offset).argmax())
            raise FirebrickError(
                f"layer {node.name}: its zero padding stands for the pixel value "
                f"{offset[channel]:.2f} in channel {channel}, which a pixel (0..255) misses by "
                f"{pad_error:.2f}; at most {PAD_TOLERANCE} is allowed; check scale and mean"
            )
    return Folded(node, weights, bias, offset, pad_value, pad_error, False)
