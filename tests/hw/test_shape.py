"""Engines as users write them."""

from __future__ import annotations

import pytest

from firebrick.hw.boards.board import load_board
from firebrick.hw.explore.engines import all_boards, engines
from firebrick.hw.shape import EngineShape, parse_shape, pumped, spelled
from firebrick.quantize.errors import FirebrickError


def test_pumped_arrays_have_the_same_bytes_of_weights() -> None:
    assert parse_shape("14x32") == EngineShape()
    assert parse_shape("14x32p2") == EngineShape(weight_words=4096, pump=2)
    small = load_board("cora-z7-07s").shape
    assert parse_shape("6x8p2", small) == pumped(
        EngineShape(6, 8, act_words=small.act_words, weight_words=small.weight_words,
                    bias_pairs=small.bias_pairs), 2
    )  # fmt: skip


def test_depths_of_memories() -> None:
    made = parse_shape("8x16p2,weight_words=1024,act_words=2048")
    assert made == EngineShape(8, 16, act_words=2048, weight_words=1024, pump=2)
    assert spelled(made) == "8x16p2,act_words=2048,weight_words=1024"
    assert spelled(parse_shape("8x16p2")) == "8x16p2"


def test_every_engine_that_is_tried_can_be_written() -> None:
    for board in all_boards():
        for one in engines(board):
            assert parse_shape(spelled(one.shape, board.shape), board.shape) == one.shape


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("14", "not pixels x channels"),
        ("14x32p", "not pixels x channels"),
        ("3x32", "an array has 4 to 32 rows"),
        ("14x32p3", "pump 3: an array takes 1 or 2"),
        ("14x32,depth=4", "memories are act_words"),
        ("14x32,act_words", "a memory and its depth, once"),
        ("14x32,act_words=2048,act_words=1024", "once"),
        ("14x32,sums=100", "sums = 100: a memory's depth is a power of two"),
        ("14x32,", "'': behind a comma"),
    ],
)
def test_what_is_none_is_refused(text: str, told: str) -> None:
    with pytest.raises(FirebrickError, match=told):
        parse_shape(text)
