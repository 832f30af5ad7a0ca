"""What a quantizer on a file's input makes of pixels: nothing, a rounding, or a clipping."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firebrick.quantize.importers.onnx.model import ImportedModel
from firebrick.quantize.importers.onnx.values import Grid
from firebrick.quantize.qnetwork import Preprocessing

# Pixel values beyond the quantizer's range that are left to the hardware, which reads all of them:
# a calibration that saw no pure black or white stops that far from them.
MOST_CLIPPED = 8


def pixel_steps(
    model: ImportedModel, preprocessing: Preprocessing
) -> Iterator[tuple[Grid, np.ndarray]]:
    """Every quantizer of the input with the pixel values 0..255 in its steps, float64 [C, 256]."""
    scale = preprocessing.scale / np.asarray(preprocessing.std, np.float64)
    pixels = np.arange(256)
    for view, grid in model.input_grids:
        channels = list(view.channels)
        std = np.asarray(preprocessing.std)[channels]
        mean = np.asarray(preprocessing.mean, np.float64)[channels] / std
        real = pixels * scale[channels, None] - (mean + model.shift[channels])[:, None]
        real = real * view.factor[:, None] + view.offset[:, None]
        yield grid, real / grid.scale


def check_input_range(model: ImportedModel, preprocessing: Preprocessing) -> tuple[str, ...]:
    """Lines on pixels that the file's input quantizer clips, which the hardware does not.

    Refuses a quantizer that clips more than a few pixel values: the hardware would see what the
    trained network never saw.
    """
    lines = []
    for grid, steps in pixel_steps(model, preprocessing):
        beyond = (steps < grid.low - 0.5) | (steps > grid.high + 0.5)
        if not beyond.any():
            continue
        channel = int(beyond.sum(axis=1).argmax())
        inside = np.flatnonzero(~beyond[channel])
        kept = f"{inside[0]} to {inside[-1]}" if len(inside) else "none"
        if beyond[channel].sum() > MOST_CLIPPED:
            grid.node.refuse(
                f"clips the network's input: of the pixel values 0 to 255 of channel {channel} "
                f"only {kept} are within its range, the hardware reads all; check the "
                "preprocessing (scale, mean, std), or quantize the input to its whole range"
            )
        lines.append(
            f"{grid.node.name} clips pixels of channel {channel} to {kept}; here they are not"
        )
    return tuple(lines)
