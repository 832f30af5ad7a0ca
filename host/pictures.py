"""Pictures as the network was trained to see them: resized, cropped, in its colors.

With Pillow the result equals that of the quantizer's preprocessing in every pixel. Without it only
pictures that have the network's size already can be used.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .errors import ImageError
from .layout import to_channels_first
from .program import Program

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
ARRAY_SUFFIX = ".npy"
MAX_16 = 65535


def load(path: str | os.PathLike[str], program: Program) -> np.ndarray:
    """Picture of a file, uint8 [H, W, C].

    A `.npy` file holds the numbers themselves, uint8 [C, H, W] or [H, W, C] of the network's size.
    Raises :class:`ImageError` naming the file.
    """
    name = os.fspath(path)
    if name.lower().endswith(ARRAY_SUFFIX):
        return _array(name, program)
    image = _pillow(name)
    try:
        with image.open(name) as opened:
            picture = _as_seen(image, opened, name).convert(_mode(program))
    except FileNotFoundError:
        raise ImageError(f"{name}: no such picture") from None
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise ImageError(f"{name}: not a readable picture ({error})") from None
    return _fitted(picture, program, name)


def fit(pixels: np.ndarray, program: Program, name: str = "picture") -> np.ndarray:
    """Picture of any size as uint8 [H, W, C] of the network's.

    ``pixels`` is uint8 [H, W] or [H, W, C]: gray, gray and alpha, RGB, RGB and alpha; it is
    converted to what the network takes. Raises :class:`ImageError` where it is something else, too
    small, or Pillow is missing and the size is not the network's.
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or not 1 <= channels <= 4:
        raise ImageError(
            f"{name}: {pixels.dtype} {list(pixels.shape)}, a picture is uint8 [H, W] or [H, W, C]"
        )
    spec = program.input
    if pixels.shape[:2] == (spec.height, spec.width) and channels == spec.channels:
        return pixels.reshape(spec.height, spec.width, channels)
    image = _pillow(name)
    planes = pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels
    picture = image.fromarray(np.ascontiguousarray(planes))
    return _fitted(picture.convert(_mode(program)), program, name)


def _array(name: str, program: Program) -> np.ndarray:
    try:
        array = np.load(name, allow_pickle=False)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such picture") from None
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"{name}: not a readable array ({error})") from None
    try:
        return to_channels_first(array, program.input).transpose(1, 2, 0)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None


def _pillow(name: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImageError(
            f"{name}: reading and resizing pictures needs Pillow (pip install pillow); without it, "
            "give arrays of the network's size"
        ) from None
    return Image


def _as_seen(image: Any, picture: Any, name: str) -> Any:
    """The picture as viewers show it: turned as its EXIF orientation says, 16-bit gray scaled to
    8 bits (value * 255 / 65535, rounded); ImageError for values that have no such range."""
    from PIL import ImageOps

    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > MAX_16:
            raise ImageError(
                f"{name}: holds numbers from {values.min()} to {values.max()}; a picture has 8 or "
                "16 bits: save it so, or give the numbers as .npy"
            )
        picture = image.fromarray(((values * 255 + MAX_16 // 2) // MAX_16).astype(np.uint8))
    elif picture.mode == "F":
        raise ImageError(
            f"{name}: holds floating-point numbers, whose range nothing says: save it with 8 or 16 "
            "bits, or give the numbers as .npy"
        )
    return ImageOps.exif_transpose(picture)


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
