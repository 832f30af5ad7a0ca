"""Advice: the smallest engine that is fast enough, and changes by what they buy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.hw.boards.board import load_board
from firebrick.hw.compiler.outline import outline
from firebrick.hw.explore.advice import Adviser, fastest, gains, smallest
from firebrick.hw.explore.changes import changes
from firebrick.hw.explore.engines import engine, with_memories
from firebrick.hw.model.compiled import predict_outline
from tests.hw.explore.test_changes import SMALL, layers, residual

BOARDS = [load_board(name) for name in ("pynq-z2", "cora-z7-07s", "zybo-z7-10")]


@pytest.fixture(scope="module")
def adviser() -> Adviser:
    return Adviser(layers(SMALL))


def test_the_smallest_that_is_fast_enough(adviser: Adviser) -> None:
    options = adviser.options(BOARDS)
    assert {o.engine.board.chip.name for o in options} == {"xc7z007s", "xc7z010", "xc7z020"}
    best = fastest(options)
    assert best is not None
    wished = 0.5 * best.frames_per_second
    chosen = smallest(options, wished)
    assert chosen is not None and chosen.frames_per_second >= wished
    for other in options:
        if other.frames_per_second >= wished:
            luts = other.engine.board.chip.resources.lut
            assert (luts, other.engine.used.lut) >= (
                chosen.engine.board.chip.resources.lut, chosen.engine.used.lut,
            )  # fmt: skip
    assert smallest(options, 2 * best.frames_per_second) is None


def test_options_are_what_the_model_says(adviser: Adviser) -> None:
    option = adviser.own(BOARDS[0])
    found = outline(adviser.net, BOARDS[0].shape)
    assert option.speed.cycles == predict_outline(found, BOARDS[0].timing).cycles
    assert 0.2 < option.use < 1
    too_large = engine(BOARDS[1], with_memories(BOARDS[1].chip, 16, 32))
    assert "routed" in adviser.option(too_large).problem


def test_changes_are_the_best_of_their_kind_and_in_order(adviser: Adviser) -> None:
    on = adviser.own(BOARDS[0])
    found = gains(adviser.net, on)
    assert len(found) == 3 and len({gain.kind for gain in found}) == 3
    assert all(gain.times > 1 and gain.cycles < on.speed.cycles for gain in found)
    assert [g.times for g in found] == sorted((g.times for g in found), reverse=True)
    tried = {change.text: change.net for change in changes(adviser.net, BOARDS[0].shape)}
    for gain in found:
        again = Adviser(tried[gain.text]).option(on.engine)
        assert again.speed.cycles == gain.cycles


def test_a_network_without_fire_modules_gets_three_changes_too() -> None:
    net = residual()
    for board in BOARDS:
        on = Adviser(net).own(board)
        found = gains(net, on)
        assert len(found) == 3
        tried = {change.text: change.net for change in changes(net, board.shape)}
        for gain in found:
            assert Adviser(tried[gain.text]).option(on.engine).speed.cycles == gain.cycles


def test_an_array_has_other_memories_where_the_network_needs_them() -> None:
    """Fire modules whose squeezed rows are more than the usual activation memory holds."""
    large = replace(SMALL, base_expand=128, incr_expand=0, squeeze_ratio=1.0)
    large = replace(large, input_size=(97, 301))
    adviser = Adviser(layers(large))
    usual = engine(BOARDS[0], with_memories(BOARDS[0].chip, 5, 16))
    assert "activation memory has 4096" in adviser.option(usual).speed.refusal
    found = [o.engine for o in adviser.options(BOARDS[:1]) if str(o.engine.shape) == "5x16"]
    assert [(e.shape.act_words, bool(e.lacking)) for e in found] == [(8192, False)]
