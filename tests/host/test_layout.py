"""Memory layout against an independent, slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firebrick.host import layout
from firebrick.host.definition import ROWS_FOLDED, ROWS_PAIRED
from firebrick.host.errors import ImageError, ProgramError
from firebrick.host.program import Input, Map

SIZES = st.integers(1, 20)
PIXELS = st.integers(4, 28)


def word_bytes(pixels: int) -> int:
    return 8 if pixels <= 8 else 16 if pixels <= 16 else 32


def slow_pack(tensor: np.ndarray, pixels: int, word: int) -> np.ndarray:
    """Byte by byte, from the words of the layout's description."""
    channels, height, width = tensor.shape
    tiles = (width + pixels - 1) // pixels
    out = bytearray()
    for y in range(height):
        for tile in range(tiles):
            for c in range(channels):
                for p in range(word):
                    x = tile * pixels + p
                    inside = p < pixels and x < width
                    out.append(int(tensor[c, y, x]) & 0xFF if inside else 0)
    return np.frombuffer(bytes(out), np.uint8)


@st.composite
def tensors(draw: st.DrawFn) -> np.ndarray:
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 40)))
    return draw(hnp.arrays(draw(st.sampled_from([np.uint8, np.int8])), shape))


@given(tensors(), PIXELS)
def test_pack_matches_the_slow_reference_and_unpack_inverts_it(
    tensor: np.ndarray, pixels: int
) -> None:
    word = word_bytes(pixels)
    packed = layout.pack(tensor, pixels, word)
    np.testing.assert_array_equal(packed, slow_pack(tensor, pixels, word))
    assert packed.size == layout.map_bytes(*tensor.shape, pixels, word)
    back = layout.unpack(packed, tensor.shape, pixels, word, tensor.dtype == np.int8)
    assert back.dtype == tensor.dtype
    np.testing.assert_array_equal(back, tensor)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), SIZES, SIZES)),
    st.tuples(*[st.integers(0, 3)] * 4),
    st.sampled_from([1, 2]),
    PIXELS,
)
def test_input_is_padded_and_cut_into_phases(
    image: np.ndarray, padding: tuple[int, int, int, int], phases: int, pixels: int
) -> None:
    channels, height, width = image.shape
    top, left, bottom, right = padding
    pads = tuple(range(100, 100 + channels))
    full = np.zeros((channels, height + top + bottom, width + left + right), np.uint8)
    for c, y, x in np.ndindex(full.shape):
        inside = top <= y < top + height and left <= x < left + width
        full[c, y, x] = image[c, y - top, x - left] if inside else pads[c]
    columns = (full.shape[2] + phases - 1) // phases
    stored = np.zeros((channels * phases, full.shape[1], columns), np.uint8)
    for c, y, x in np.ndindex(full.shape):
        stored[x % phases * channels + c, y, x // phases] = full[c, y, x]
    word = word_bytes(pixels)
    expected = slow_pack(stored, pixels, word)
    spec = Input(
        "data", channels, height, width, padding, pads, phases, channels * phases, expected.size
    )
    np.testing.assert_array_equal(layout.pack_input(image, spec, pixels, word), expected)


def spec(channels: int = 3, height: int = 4, width: int = 5, size: int = 0) -> Input:
    size = size or layout.map_bytes(channels, height, width, 14, 16)
    return Input("data", channels, height, width, (0, 0, 0, 0), (0,) * channels, 1, channels, size)


def test_channels_last_is_turned_around() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    np.testing.assert_array_equal(
        layout.pack_input(image.transpose(1, 2, 0), spec(), 14, 16),
        layout.pack_input(image, spec(), 14, 16),
    )


def test_gray_picture_needs_no_channel_axis() -> None:
    image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert layout.to_channels_first(image, spec(channels=1)).shape == (1, 4, 5)


@pytest.mark.parametrize("shape", [(3, 5, 4), (4, 5), (3, 4, 6), (3, 4, 5, 1), ()])
def test_wrong_shape_is_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="3x4x5"):
        layout.pack_input(np.zeros(shape, np.uint8), spec(), 14, 16)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.uint16, bool])
def test_wrong_type_is_refused(dtype: type) -> None:
    with pytest.raises(ImageError, match="uint8"):
        layout.pack_input(np.zeros((3, 4, 5), dtype), spec(), 14, 16)


def test_program_with_another_input_size_is_refused() -> None:
    with pytest.raises(ProgramError, match="reserves 8 bytes"):
        layout.pack_input(np.zeros((3, 4, 5), np.uint8), spec(size=8), 14, 16)


def test_map_of_a_wrong_size_names_the_map() -> None:
    wrong = Map("fire2/expand", 0, 0, 2, 2, 3, 4, 0, False, 0, 48)
    with pytest.raises(ProgramError, match="fire2/expand"):
        layout.unpack_map(np.zeros(100, np.uint8), wrong, 14, 16)


def test_words_and_planes_behind_the_channels() -> None:
    """What fills the last pair of a pumped array's words is zero in an input, ignored in a map."""
    image = np.arange(1, 61, dtype=np.uint8).reshape(3, 4, 5)
    wide = Input("data", 3, 4, 5, (0, 0, 0, 0), (0,) * 3, 1, 4, 4 * 4 * 16)
    data = layout.pack_input(image, wide, 14, 16)
    stored = layout.unpack(data, (4, 4, 5), 14, 16, False)
    assert np.array_equal(stored[:3], image) and not stored[3].any()
    stored[3] = 99
    scratch = layout.pack(stored, 14, 16)
    spec = Map("fire2/expand", 0, 0, 3, 4, 4, 5, 0, False, 0, scratch.size)
    assert np.array_equal(layout.unpack_map(scratch, spec, 14, 16), image)


def test_two_rows_in_one_as_channels() -> None:
    values = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    pairs = np.concatenate([values[:, 0::2], values[:, 1::2]])
    memory = layout.pack(pairs, 14, 16)
    spec = Map("conv1", 0, 0, 3, 6, 4, 5, ROWS_PAIRED, False, 0, memory.size)
    assert np.array_equal(layout.unpack_map(memory, spec, 14, 16), values)


@pytest.mark.parametrize("height", [4, 5])
def test_two_rows_in_one_as_columns(height: int) -> None:
    values = np.arange(3 * height * 7, dtype=np.uint8).reshape(3, height, 7)
    even = np.concatenate([values, np.zeros((3, height % 2, 7), np.uint8)], axis=1)
    memory = layout.pack(np.concatenate([even[:, 0::2], even[:, 1::2]], axis=2), 14, 16)
    spec = Map("conv1", 0, 0, 3, 3, height, 7, ROWS_FOLDED, True, 0, memory.size)
    assert np.array_equal(layout.unpack_map(memory, spec, 14, 16), values.view(np.int8))
