"""How pictures are prepared, as rules on :class:`quantize.qnetwork.Preprocessing`."""

from __future__ import annotations

import math

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import Preprocessing

# The order in which the float network wants the channels; a letter each.
COLORS = ("RGB", "BGR", "L", "LA", "RGBA", "BGRA")


def check_preprocessing(value: Preprocessing) -> Preprocessing:
    """``value`` itself; FirebrickError where it contradicts itself."""
    if value.color not in COLORS:
        raise FirebrickError(
            f"preprocessing: color must be one of {', '.join(COLORS)}, not {value.color!r}"
        )
    channels = channel_count(value)
    for name, numbers in (("mean", value.mean), ("std", value.std)):
        if len(numbers) != channels:
            raise FirebrickError(
                f"preprocessing: {name} needs {channels} values for color {value.color}, "
                f"not {len(numbers)}"
            )
    if not all(map(math.isfinite, (value.scale, *value.mean, *value.std))):
        raise FirebrickError("preprocessing: scale, mean and std must be finite numbers")
    if value.scale <= 0 or min(value.std) <= 0:
        raise FirebrickError("preprocessing: scale and std must be greater than zero")
    if value.resize < 0 or min(value.crop) < 0:
        raise FirebrickError("preprocessing: resize and crop must not be negative")
    if 0 < value.resize < max(value.crop):
        raise FirebrickError(
            f"preprocessing: a crop of {value.crop[0]}x{value.crop[1]} does not fit pictures "
            f"resized to {value.resize} pixels; give a larger resize, or 0 for none"
        )
    return value


def channel_count(value: Preprocessing) -> int:
    """Channels of the network's input: one for every letter of the color."""
    return len(value.color)


def picture_mode(color: str) -> str:
    """The order of the channels of a picture itself, as Pillow names it: RGB for BGR."""
    return color.replace("BGR", "RGB")


def channel_order(color: str) -> list[int]:
    """For every channel of the float network, the channel of the picture that it is."""
    return [picture_mode(color).index(letter) for letter in color]
