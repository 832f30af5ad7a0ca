"""Pictures as the network was trained to see them: resized, cropped, in its colors.

With Pillow the result equals that of the quantizer's preprocessing in every pixel. Without it only
pictures that have the network's size already can be used.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .errors import ImageError
from .program import Program

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def load(path: str | os.PathLike[str], program: Program) -> np.ndarray:
    """Picture of a file, uint8 [H, W, C].  Raises :class:`ImageError` naming the file."""
    name = os.fspath(path)
    image = _pillow(name)
    try:
        with image.open(name) as opened:
            picture = opened.convert(_mode(program))
    except FileNotFoundError:
        raise ImageError(f"{name}: no such picture") from None
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise ImageError(f"{name}: not a readable picture ({error})") from None
    return _fitted(picture, program, name)


def fit(pixels: np.ndarray, program: Program, name: str = "picture") -> np.ndarray:
    """Picture uint8 [H, W, 3] (RGB) or [H, W] of any size as uint8 [H, W, C] of the network's.

    Raises :class:`ImageError` where it is something else, too small, or Pillow is missing.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ImageError(f"{name}: {pixels.dtype} {list(pixels.shape)}, not uint8 [H, W, 3]")
    spec = program.input
    if pixels.shape == (spec.height, spec.width, spec.channels):
        return pixels
    image = _pillow(name)
    return _fitted(image.fromarray(pixels).convert(_mode(program)), program, name)


def _pillow(name: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImageError(
            f"{name}: reading and resizing pictures needs Pillow (pip install pillow); without it, "
            "give arrays of the network's size"
        ) from None
    return Image


def _mode(program: Program) -> str:
    """Order of the channels of a picture itself, as Pillow names it: RGB for BGR."""
    return str(program.preprocessing["color"]).replace("BGR", "RGB")


def _fitted(picture: Any, program: Program, name: str) -> np.ndarray:
    """The shorter side to the network's ``resize``, then the centre; the odd pixel falls to the
    right and the bottom. A picture of exactly the network's size is taken as it is."""
    height, width = program.input.height, program.input.width
    if (picture.height, picture.width) != (height, width):
        resize = int(program.preprocessing.get("resize", 0))
        if resize:
            ratio = resize / min(picture.width, picture.height)
            size = (
                max(resize, round(picture.width * ratio)),
                max(resize, round(picture.height * ratio)),
            )
            # Image.BILINEAR had another home before Pillow 9.1; its number never changed.
            picture = picture.resize(size, 2)
        if picture.width < width or picture.height < height:
            raise ImageError(
                f"{name}: {picture.width}x{picture.height} pixels (width x height) are fewer than "
                f"the network's {width}x{height}; use a larger picture"
            )
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
    pixels = np.array(picture, np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
