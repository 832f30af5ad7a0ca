"""Arrays that nextpnr-xilinx can place on each chip."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.hw.boards import CHIPS, board_names, load_board
from firebrick.hw.flow.placeable import (
    is_placeable,
    largest_placeable,
    placeable_dsps,
    require_placeable,
)
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError


@pytest.mark.parametrize(
    ("chip", "dsps", "fits", "too_large"),
    [
        ("xc7z020", 110, (13, 16), (14, 16)),
        ("xc7z010", 40, (5, 16), (6, 16)),
        ("xc7z007s", 33, (4, 16), (5, 16)),
    ],
)
def test_half_of_the_dsps(
    chip: str, dsps: int, fits: tuple[int, int], too_large: tuple[int, int]
) -> None:
    assert placeable_dsps(CHIPS[chip]) == dsps
    assert is_placeable(EngineShape(*fits), CHIPS[chip])
    assert not is_placeable(EngineShape(*too_large), CHIPS[chip])


@pytest.mark.parametrize(
    ("name", "shape"), [("pynq-z2", "13x16"), ("zybo", "5x16"), ("cora-z7-07s", "8x8")]
)
def test_largest_array(name: str, shape: str) -> None:
    board = load_board(name)
    found = largest_placeable(board, lambda _: True)
    assert str(found) == shape and found.act_words == board.shape.act_words
    # No other one that can be placed has more MACs, but where it has far fewer channels.
    for pixels in range(5, 33):
        for channels in [c for c in (8, 16, 32, 64) if 2 * c >= board.shape.channels]:
            other = EngineShape(pixels, channels)
            assert other.macs <= found.macs or not is_placeable(other, board.chip)


def test_what_does_not_fit_otherwise_is_not_offered() -> None:
    board = load_board("pynq-z2")
    assert largest_placeable(board, lambda s: s.pixels <= 7).macs == 6 * 32
    with pytest.raises(FirebrickError, match="PYNQ-Z2: not even an array of 5x8 fits the xc7z020"):
        largest_placeable(board, lambda _: False)


def test_a_refusal_names_the_largest() -> None:
    for name in board_names():
        board = load_board(name)
        large = replace(board, shape=replace(board.shape, pixels=16, channels=32))
        best = largest_placeable(board, lambda _: True)
        with pytest.raises(FirebrickError, match=f"256 multipliers.*SHAPE={best}"):
            require_placeable(large, lambda _: True)
        require_placeable(replace(board, shape=best), lambda _: True)
