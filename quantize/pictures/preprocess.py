"""From picture files to the network's input, as the network was trained.

Nothing is guessed: a preset is named, or every value is given.
"""

from __future__ import annotations

import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.preprocessing import (
    channel_count,
    channel_order,
    check_preprocessing,
    picture_mode,
)
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Numbers on disk, for inputs that are no pictures; listed and read like pictures.
ARRAY_SUFFIX = ".npy"
# What people keep beside pictures.
BESIDE = (".csv", ".txt", ".md", ".json")
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
    Image.DecompressionBombError,
)
# Start of a PGM or PPM file up to its largest value; comments may stand between the numbers.
_GAP = rb"(?:\s|#[^\n]*\n)+"
PNM = re.compile(rb"P[2356]" + _GAP + rb"\d+" + _GAP + rb"\d+" + _GAP + rb"(\d+)")
_BITS, _PHOTOMETRIC = 258, 262  # tags of TIFF
_said: set[str] = set()

# The crop of a preset is that of the networks it is known from; preprocessing() replaces it by
# the input size of the network at hand.
PRESETS: dict[str, Preprocessing] = {
    "caffe-squeezenet": Preprocessing(
        color="BGR",
        resize=256,
        crop=(227, 227),
        scale=1.0,
        mean=(104.0, 117.0, 123.0),
        std=(1.0, 1.0, 1.0),
    ),
    "torchvision": Preprocessing(
        color="RGB",
        resize=256,
        crop=(224, 224),
        scale=1 / 255,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
    # Networks that eat the pixels as they are, as MLPerf Tiny's ResNet-8 does.
    "pixels": Preprocessing(
        color="RGB",
        resize=32,
        crop=(32, 32),
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    ),
    "digits": Preprocessing(
        color="L", resize=32, crop=(32, 32), scale=1 / 255, mean=(0.0,), std=(1.0,)
    ),
}


def preprocessing(
    preset: str | None = None,
    *,
    color: str | None = None,
    resize: int | None = None,
    crop: tuple[int, int] | None = None,
    scale: float | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Preprocessing:
    """A preset, values, or a preset with some values replaced.

    Without a preset every value but ``crop`` must be given; ``crop`` (height, width) is then 0x0
    until :func:`for_network` takes it from the network.  Raises FirebrickError for an unknown
    preset, for missing values and for values that make no sense.
    """
    given: dict[str, Any] = {
        "color": color,
        "resize": resize,
        "crop": crop,
        "scale": scale,
        "mean": None if mean is None else tuple(map(float, mean)),
        "std": None if std is None else tuple(map(float, std)),
    }
    values = {name: value for name, value in given.items() if value is not None}
    if preset is not None:
        if preset not in PRESETS:
            raise FirebrickError(
                f"unknown preprocessing preset {preset!r}; known are {', '.join(PRESETS)}"
            )
        return check_preprocessing(replace(PRESETS[preset], **values))
    missing = [name for name in given if name not in values and name != "crop"]
    if missing:
        raise FirebrickError(
            "the preprocessing that the network was trained with is not stated: name a preset "
            f"({', '.join(PRESETS)}) or give {', '.join(missing)}"
        )
    values.setdefault("crop", (0, 0))
    return check_preprocessing(Preprocessing(**values))


def for_network(value: Preprocessing, net: Network) -> Preprocessing:
    """``value`` with the crop of the network's input.

    A resize smaller than the input becomes the input's size.  Raises FirebrickError when the
    number of channels differs.
    """
    channels, height, width = net.shapes[net.input]
    if channels != channel_count(value):
        raise FirebrickError(
            f"network {net.name}: its input {net.input!r} has {channels} channels, but the "
            f"preprocessing's color {value.color} gives {channel_count(value)}"
        )
    resize = max(value.resize, height, width) if value.resize else 0
    return check_preprocessing(replace(value, resize=resize, crop=(height, width)))


def float_input(images: np.ndarray, value: Preprocessing) -> np.ndarray:
    """What the float network sees: uint8 [..., C, H, W] in the picture's order to float32 of the
    same shape, (pixel * scale - mean) / std, in the order of ``value.color``."""
    ordered = images[..., channel_order(value.color), :, :]
    mean = np.asarray(value.mean)[:, None, None]
    std = np.asarray(value.std)[:, None, None]
    return ((ordered * value.scale - mean) / std).astype(np.float32)


def list_images(folder: str | Path, lost_links: bool = False) -> list[Path]:
    """Pictures and .npy files of a folder, sorted by name; what else lies there is named on stderr.

    FirebrickError when there are none, and for links that lead nowhere unless ``lost_links``, with
    which they are listed too.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FirebrickError(f"{folder}: not a folder of images")
    suffixes = (*SUFFIXES, ARRAY_SUFFIX)
    entries = sorted(folder.iterdir())
    # Finder leaves "._name" beside each file that it copies to other systems.
    named = [p for p in entries if p.suffix.lower() in suffixes and not p.name.startswith("._")]
    lost = [p for p in named if p.is_symlink() and not p.exists()]
    if lost and not lost_links:
        raise FirebrickError(f"{lost[0]}: a link that leads nowhere")
    files = [p for p in named if p.is_file() or p in lost]
    if not files:
        raise FirebrickError(f"{folder}: holds no images ({', '.join(suffixes)})")
    others = [p.name for p in entries if p not in files and p.suffix.lower() not in BESIDE]
    if others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        print(f"not used in {folder}: {len(others)} other entries ({shown})", file=sys.stderr)
    return files


def load_image(path: str | Path, value: Preprocessing) -> np.ndarray:
    """One picture as uint8 [C, H, W], in the order L, LA, RGB or RGBA.

    A picture of exactly the crop's size is taken as it is.  Otherwise its shorter side is resized
    (bilinear) and the centre is cut out, the odd pixel falling to the right and the bottom.
    A picture without an alpha channel is opaque where the network wants one.  A .npy file holds
    the numbers themselves, uint8 of the crop's size: see :func:`_load_array`.
    Raises FirebrickError naming the file when it cannot be read or is too small.
    """
    if Path(path).suffix.lower() == ARRAY_SUFFIX:
        return _load_array(path, value)
    mode = picture_mode(value.color)
    try:
        # By name, Pillow maps the file into memory and mixes up the sides of a turned TIFF.
        with open(path, "rb") as file, Image.open(file) as opened:
            picture = _as_seen(path, opened, "A" in mode).convert(mode)
    except FileNotFoundError as error:
        raise FirebrickError(f"{path}: no such image") from error
    except DAMAGE as error:
        raise FirebrickError(f"{path}: not a readable image ({_line(error)})") from error
    height, width = value.crop
    if (picture.height, picture.width) != (height, width):
        picture = _resize_and_crop(path, picture, value)
    pixels = np.asarray(picture, np.uint8)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes)


def _as_seen(path: str | Path, picture: Image.Image, alpha: bool) -> Image.Image:
    """The picture as viewers show it: turned as its EXIF orientation says, 16-bit gray scaled to
    8 bits (value * 255 / 65535, rounded), the first of several frames.

    Said once: frames and transparency that are not used.  FirebrickError for numbers whose range
    nothing says.
    """
    name = str(path)
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        _say("frames", f"{name}: of pictures with several frames or pages the first is used")
    _check_range(name, picture)
    if picture.format == "TIFF":
        picture.load()  # which turns it
    else:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray(((values * 255 + MAX_16 // 2) // MAX_16).astype(np.uint8))
    if "transparency" in picture.info and picture.mode not in ALPHA_MODES:
        picture = picture.convert("RGBA")
    has_alpha = picture.mode in ALPHA_MODES and not alpha
    if has_alpha and picture.getchannel("A").getextrema() != (255, 255):
        _say(
            "alpha",
            f"{name}: is transparent in places; alpha is left out, as training does: the colors "
            "behind it count",
        )
    return picture


def _check_range(name: str, picture: Image.Image) -> None:
    """FirebrickError unless the numbers of the file are 8 or 16 bits from black to white."""
    wrong = ""
    if picture.format == "PPM":
        with open(name, "rb") as file:
            found = PNM.match(file.read(4096))
        if found and int(found[1]) not in (255, MAX_16):
            wrong = f"numbers up to {int(found[1])}"
    elif picture.mode == "F":
        wrong = "floating-point numbers, whose range nothing says"
    elif picture.mode.startswith("I") and picture.format == "TIFF":
        tags = picture.tag_v2  # type: ignore[attr-defined]
        bits = tuple(tags.get(_BITS, (1,)))
        if picture.mode == "I" or bits != (16,):
            wrong = f"signed or {bits[0]}-bit numbers, whose range nothing says"
        elif tags.get(_PHOTOMETRIC) == 0:
            wrong = "16-bit numbers of which 0 is white"
    elif picture.mode == "I" and picture.format != "PNG":
        wrong = "32-bit numbers, whose range nothing says"
    if wrong:
        raise FirebrickError(
            f"{name}: holds {wrong}; save it with 8 or 16 bits, black as 0, or give the numbers "
            "as .npy"
        )


def _say(kind: str, text: str) -> None:
    """One line on stderr for the first of a kind."""
    if kind not in _said:
        _said.add(kind)
        print(text, file=sys.stderr)


def _line(error: BaseException) -> str:
    text = str(error).partition(" <_io.")[0]  # the file is named already
    return " ".join(text.split()) or type(error).__name__


def _load_array(path: str | Path, value: Preprocessing) -> np.ndarray:
    """An array file as uint8 [C, H, W]; it may hold that, [H, W, C] or, of one channel, [H, W].

    A shape that could be either of the first two counts as [C, H, W].
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise FirebrickError(f"{path}: no such image") from error
    except DAMAGE as error:
        raise FirebrickError(f"{path}: not a readable array ({_line(error)})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FirebrickError(f"{path}: an .npz archive; a .npy file holds one array")
    wanted = (channel_count(value), *value.crop)
    if array.dtype == np.uint8:
        if array.shape == wanted:
            return np.ascontiguousarray(array)
        if array.shape == (*value.crop, wanted[0]):
            return np.ascontiguousarray(array.transpose(2, 0, 1))
        if wanted[0] == 1 and array.shape == value.crop:
            return np.ascontiguousarray(array[None])
    raise FirebrickError(
        f"{path}: holds {array.dtype} {list(array.shape)}; the network takes uint8 {list(wanted)} "
        f"(channels, height, width) or {[*value.crop, wanted[0]]}"
    )


def _resize_and_crop(path: str | Path, picture: Image.Image, value: Preprocessing) -> Image.Image:
    height, width = value.crop
    if value.resize:
        ratio = value.resize / min(picture.width, picture.height)
        size = (
            max(value.resize, round(picture.width * ratio)),
            max(value.resize, round(picture.height * ratio)),
        )
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    if picture.width < width or picture.height < height:
        raise FirebrickError(
            f"{path}: {picture.width}x{picture.height} pixels (width x height) are fewer than the "
            f"network's {width}x{height}; use larger images or give a resize"
        )
    left = (picture.width - width) // 2
    top = (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def load_images(paths: Sequence[str | Path], value: Preprocessing) -> np.ndarray:
    """Pictures as uint8 [N, C, H, W]; see :func:`load_image`."""
    if not paths:
        raise FirebrickError("no images were given")
    return np.stack(list(parallel_map(lambda path: load_image(path, value), paths)))


def batches(paths: Sequence[str | Path], value: Preprocessing, size: int) -> Iterator[np.ndarray]:
    """The pictures of ``paths`` in order, ``size`` at a time, each uint8 [n, C, H, W]."""
    for start in range(0, len(paths), size):
        yield load_images(paths[start : start + size], value)
