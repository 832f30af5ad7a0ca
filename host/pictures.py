"""Pictures as the network was trained to see them: resized, cropped, in its colors.

With Pillow the result equals that of the quantizer's preprocessing in every pixel. Without it only
pictures that have the network's size already can be used.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import zipfile
import zlib
from typing import Any

import numpy as np

from .errors import ImageError
from .layout import to_channels_first
from .program import Program

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
ARRAY_SUFFIX = ".npy"
MAX_16 = 65535
ALPHA_MODES = ("LA", "PA", "RGBA")
# What decoders raise on damaged files.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
# Start of a PGM or PPM file up to its largest value; comments may stand between the numbers.
_GAP = rb"(?:\s|#[^\n]*\n)+"
PNM = re.compile(rb"P[2356]" + _GAP + rb"\d+" + _GAP + rb"\d+" + _GAP + rb"(\d+)")
_BITS, _PHOTOMETRIC = 258, 262  # tags of TIFF
_said: set[str] = set()


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
        # By name, Pillow maps the file into memory and mixes up the sides of a turned TIFF.
        with open(name, "rb") as file, image.open(file) as opened:
            mode = _mode(program)
            picture = _as_seen(image, opened, name, "A" in mode).convert(mode)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name}: no such picture") from None
    except (*DAMAGE, image.DecompressionBombError) as error:
        raise ImageError(f"{name}: not a readable picture ({_line(error)})") from None
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
    except DAMAGE as error:
        raise ImageError(f"{name}: not a readable array ({_line(error)})") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise ImageError(f"{name}: an .npz archive; a .npy file holds one array")
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


def _as_seen(image: Any, picture: Any, name: str, alpha: bool) -> Any:
    """The picture as viewers show it: turned as its EXIF orientation says, 16-bit gray scaled to
    8 bits (value * 255 / 65535, rounded), the first of several frames.

    Said once: frames and transparency that are not used. ImageError for numbers whose range
    nothing says.
    """
    from PIL import ImageOps

    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        say("frames", f"{name}: of pictures with several frames or pages the first is used")
    _check_range(name, picture)
    if picture.format == "TIFF":
        picture.load()  # which turns it
    else:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        picture = image.fromarray(((values * 255 + MAX_16 // 2) // MAX_16).astype(np.uint8))
    if "transparency" in picture.info and picture.mode not in ALPHA_MODES:
        picture = picture.convert("RGBA")
    has_alpha = picture.mode in ALPHA_MODES and not alpha
    if has_alpha and picture.getchannel("A").getextrema() != (255, 255):
        say(
            "alpha",
            f"{name}: is transparent in places; alpha is left out, as training does: the colors "
            "behind it count",
        )
    return picture


def _check_range(name: str, picture: Any) -> None:
    """ImageError unless the numbers of the file are 8 or 16 bits from black to white."""
    wrong = ""
    if picture.format == "PPM":
        with open(name, "rb") as file:
            found = PNM.match(file.read(4096))
        if found and int(found[1]) not in (255, MAX_16):
            wrong = f"numbers up to {int(found[1])}"
    elif picture.mode == "F":
        wrong = "floating-point numbers, whose range nothing says"
    elif picture.mode.startswith("I") and picture.format == "TIFF":
        bits = tuple(picture.tag_v2.get(_BITS, (1,)))
        if picture.mode == "I" or bits != (16,):
            wrong = f"signed or {bits[0]}-bit numbers, whose range nothing says"
        elif picture.tag_v2.get(_PHOTOMETRIC) == 0:
            wrong = "16-bit numbers of which 0 is white"
    elif picture.mode == "I" and picture.format != "PNG":
        wrong = "32-bit numbers, whose range nothing says"
    if wrong:
        raise ImageError(
            f"{name}: holds {wrong}; save it with 8 or 16 bits, black as 0, or give the numbers "
            "as .npy"
        )


def say(kind: str, text: str) -> None:
    """One line on stderr for the first of a kind."""
    if kind not in _said:
        _said.add(kind)
        print(text, file=sys.stderr)


def _line(error: BaseException) -> str:
    text = str(error).partition(" <_io.")[0]  # the file is named already
    return " ".join(text.split()) or type(error).__name__


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
