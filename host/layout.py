"""Between pictures or feature maps [C, H, W] and the engine's memory layout.

A map of N channels is H rows; a row is ceil(W / P) tiles; a tile is N words, channel after
channel, and maybe more that have no meaning; a word is P horizontally consecutive pixels, one byte
each, padded with zeros to ``word_bytes``.
"""

from __future__ import annotations

import numpy as np

from . import definition
from .errors import ImageError, ProgramError
from .program import Input, Map, Program


def map_bytes(channels: int, height: int, width: int, pixels: int, word_bytes: int) -> int:
    """Bytes of a stored map."""
    return height * -(-width // pixels) * channels * word_bytes


def pack(tensor: np.ndarray, pixels: int, word_bytes: int) -> np.ndarray:
    """Memory image, uint8 [bytes], of an 8-bit map [C, H, W]."""
    channels, height, width = tensor.shape
    tiles = -(-width // pixels)
    words = np.zeros((height, tiles, channels, word_bytes), np.uint8)
    padded = np.zeros((channels, height, tiles * pixels), np.uint8)
    padded[:, :, :width] = tensor.view(np.uint8)
    words[..., :pixels] = padded.reshape(channels, height, tiles, pixels).transpose(1, 2, 0, 3)
    return words.reshape(-1)


def unpack(
    data: np.ndarray,
    shape: tuple[int, int, int],
    pixels: int,
    word_bytes: int,
    signed: bool,
    words: int = 0,
    first: int = 0,
) -> np.ndarray:
    """Map [C, H, W], int8 where ``signed``, else uint8, from its memory image, uint8 [bytes], whose
    tiles have ``words`` words where that is more than C, the map's from ``first`` on.

    Raises :class:`ProgramError` where the number of bytes is not that of ``shape``.
    """
    channels, height, width = shape
    expected = map_bytes(max(channels, words), height, width, pixels, word_bytes)
    if data.size != expected:
        raise ProgramError(
            f"a stored map of {channels}x{height}x{width} has {expected} bytes, not {data.size}"
        )
    tiles = -(-width // pixels)
    stored = np.asarray(data).reshape(height, tiles, max(channels, words), word_bytes)
    rows = (
        stored[:, :, first : first + channels, :pixels]
        .transpose(2, 0, 1, 3)
        .reshape(channels, height, tiles * pixels)
    )
    return np.ascontiguousarray(rows[:, :, :width]).view(np.int8 if signed else np.uint8)


def unpack_map(memory: np.ndarray, spec: Map, pixels: int, word_bytes: int) -> np.ndarray:
    """Feature map ``spec`` [C, H, W] out of its memory, uint8 [bytes]: the scratch memory, or what
    the engine wrote for a picture."""
    data = memory[spec.offset : spec.offset + spec.bytes]
    try:
        stored = unpack(
            data, spec.stored_size, pixels, word_bytes, spec.signed, spec.words, spec.first
        )
    except ProgramError as error:
        raise ProgramError(f"feature map {spec.name}: {error}") from None
    if spec.rows == definition.ROWS_SINGLE:
        return stored
    channels, rows = spec.channels, spec.stored_size[1]
    if spec.rows == definition.ROWS_PAIRED:
        apart = stored.reshape(2, channels, rows, spec.width).transpose(1, 2, 0, 3)
    else:
        apart = stored.reshape(channels, rows, 2, spec.width)
    return np.ascontiguousarray(apart.reshape(channels, 2 * rows, spec.width)[:, : spec.height])


def unpack_outputs(outputs: np.ndarray, program: Program) -> tuple[np.ndarray, dict]:
    """What the engine wrote, uint8 [pictures, bytes], taken apart: the classes' sums int64
    [pictures, classes], and by name the maps that the network ends in, [pictures, C, H, W]."""
    sums = np.ascontiguousarray(outputs[:, : 8 * program.output.classes]).view("<i8")
    maps = {
        spec.name: np.stack(
            [unpack_map(row, spec, program.pixels, program.word_bytes) for row in outputs]
        )
        for spec in program.output.maps
    }
    return sums.astype(np.int64), maps


def to_channels_first(image: np.ndarray, spec: Input) -> np.ndarray:
    """Picture as uint8 [C, H, W].

    Takes [C, H, W], [H, W, C], and for one channel [H, W]; where a shape could be either of the
    first two, it counts as [C, H, W]. Raises :class:`ImageError` for anything else.
    """
    try:
        image = np.asarray(image)
    except (ValueError, TypeError) as error:
        raise ImageError(f"the picture is no array of pixels: {error}") from None
    wanted = (spec.channels, spec.height, spec.width)
    if image.dtype != np.uint8:
        raise ImageError(f"the picture's pixels are {image.dtype}, the network takes uint8")
    if image.shape == wanted:
        return image
    if image.shape == (spec.height, spec.width, spec.channels):
        return image.transpose(2, 0, 1)
    if spec.channels == 1 and image.shape == (spec.height, spec.width):
        return image[None]
    raise ImageError(
        f"the picture is {'x'.join(map(str, image.shape))}, the network takes "
        f"{'x'.join(map(str, wanted))} (channels, height, width) or "
        f"{spec.height}x{spec.width}x{spec.channels}"
    )


class InputPacker:
    """Writes pictures as the engine reads them: padded, cut into phases, tiled.

    With two phases the channels of the even columns come first, then those of the odd columns; a
    missing last odd column is zero, and so are planes behind the channels. A frame costs two
    passes: its rows are taken apart by channel and phase, in runs of a whole row, into memory of
    the packer that keeps the padding from frame to frame; then whole words are moved to their
    places, each as one item. So the innermost loops are long, which is what a small processor's
    time goes to.

    Raises :class:`ProgramError` where the program's number of bytes is not that of its input.
    """

    def __init__(self, spec: Input, pixels: int, word_bytes: int) -> None:
        top, left, bottom, right = spec.padding
        height, width = spec.height + top + bottom, spec.width + left + right
        columns = -(-width // spec.phases)
        channels, tiles = spec.planes, -(-columns // pixels)
        self.spec = spec
        self.bytes = height * tiles * channels * word_bytes
        if self.bytes != spec.bytes:
            raise ProgramError(
                f"input {spec.name}: the program reserves {spec.bytes} bytes, its shape needs "
                f"{self.bytes}"
            )
        rows = np.zeros((height, channels, tiles * pixels), np.uint8)
        pad_value = np.array(spec.pad_value, np.uint8)[:, None]
        # For each phase: its first column of the picture, and where the picture's columns go.
        self._phases: list[tuple[int, np.ndarray]] = []
        for phase in range(spec.phases):
            plane = rows[:, phase * spec.channels : (phase + 1) * spec.channels]
            plane[:, :, : len(range(phase, width, spec.phases))] = pad_value
            first = (phase - left) % spec.phases
            column = (left + first) // spec.phases
            count = len(range(first, spec.width, spec.phases))
            place = plane[top : top + spec.height, :, column : column + count]
            self._phases.append((first, place))
        words = rows.reshape(height, channels, tiles, pixels).view(f"V{pixels}")[..., 0]
        self._words = words.transpose(0, 2, 1)
        row_bytes = tiles * channels * word_bytes
        self._strides = (row_bytes, channels * word_bytes, word_bytes)

    def pack_into(self, image: np.ndarray, out: np.ndarray) -> None:
        """Write ``image`` to ``out``, uint8 [bytes], contiguous.

        The bytes of a word behind its pixels are left as they are: they have to be zero before.
        Raises :class:`ImageError` for a wrong shape or type.
        """
        rows = to_channels_first(image, self.spec).transpose(1, 0, 2)
        for first, place in self._phases:
            place[...] = rows[:, :, first :: self.spec.phases]
        target: np.ndarray = np.ndarray(
            self._words.shape, self._words.dtype, buffer=np.asarray(out), strides=self._strides
        )
        target[...] = self._words


def pack_input(image: np.ndarray, spec: Input, pixels: int, word_bytes: int) -> np.ndarray:
    """Memory image, uint8 [spec.bytes], of a picture; see :class:`InputPacker`.

    Raises :class:`ImageError` for a wrong shape or type, :class:`ProgramError` where the program's
    number of bytes is not that of its input.
    """
    packer = InputPacker(spec, pixels, word_bytes)
    data = np.zeros(packer.bytes, np.uint8)
    packer.pack_into(image, data)
    return data
