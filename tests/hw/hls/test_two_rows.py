"""Maps of two rows in one: what the emitted C++ makes of them, in every way they are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import assemble
from firebrick.hw.descriptor_rules import broken_rule
from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls.cycles import estimate
from firebrick.hw.shape import EngineShape
from tests.hw.hls import two_rows
from tests.hw.hls.two_rows import WAYS, Case, Way

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
SHAPES = (EngineShape(4, 8), EngineShape(14, 32), EngineShape(16, 32))
ERROR = {name: code for code, name, _ in d.ERRORS}
BY_NAME = {way.name: way for way in WAYS}


def check(engine: CSim, way: Way, seed: int) -> None:
    """Every byte that is stored, and the schedule's counts."""
    # Where a map is folded already its last row may have no other beside it.
    odd = way.source == "folded" and seed % 2 == 1
    case = two_rows.made(way, engine.shape, np.random.default_rng(seed), odd)
    fields = case.program.groups[0].fields
    assert broken_rule(fields, engine.shape) is None
    seen: dict[str, int] = {}
    found = two_rows.run(engine, case, seen.update)
    assert seen["ERROR"] == 0
    assert np.array_equal(found, case.answer)
    counts = estimate([fields], engine.shape)
    assert counts.active == seen["ACTIVE"]
    assert counts.maps_read == seen["READ_BEATS_MAPS"]
    assert counts.program_read == seen["READ_BEATS_PROGRAM"]
    assert counts.written == seen["WRITE_BEATS"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way(way: Way) -> None:
    for seed in range(3):
        check(CSim(SHAPE), way, seed)


@pytest.mark.parametrize("way", WAYS[::3], ids=lambda way: way.name)
def test_exact_types_give_the_same(way: Way) -> None:
    check(CSim(SHAPE, flags=("-DFIREBRICK_EXACT_TYPES",)), way, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("shape", [SHAPE, *SHAPES], ids=str)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way_often(way: Way, shape: EngineShape) -> None:
    for seed in range(3, 40):
        check(CSim(shape), way, seed)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fold", {"load_fold": 3}),
        ("fold", {"load_reach": 3}),
        ("fold", {"load_reach": 0}),
        ("pairing", {"load_reach": 1}),
        ("fold", {"src_tiles": 2}),
        ("fold", {"tiles": 2}),
        ("fold", {"p0_enable": 1}),
        ("fold", {"p3_enable": 1}),
        ("folded", {"load_phases": 1}),
        ("folded", {"load_skip": 1}),
        ("folded", {"load_reach": 2}),
        ("folded", {"src_rows": 5}),
        ("paired", {"p1_phase1": 1}),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, values: dict[str, int]) -> None:
    assert refusal(two_rows.made(BY_NAME[name], SHAPE, np.random.default_rng(0)), values, SHAPE)


@pytest.mark.nightly
def test_an_odd_number_of_pixels_has_no_halves() -> None:
    shape = EngineShape(7, 8)
    case = two_rows.made(BY_NAME["pairing"], shape, np.random.default_rng(0))
    assert refusal(case, {"load_fold": d.FOLD_APART, "load_reach": 1}, shape)
    assert refusal(case, {"odd_rows": 1}, shape)


def refusal(case: Case, values: dict[str, int], shape: EngineShape) -> bool:
    """Whether the engine and the rules refuse the program with other ``values`` as senseless."""
    (group,) = case.program.groups
    wrong = replace(group, fields=group.fields | values)
    program = assemble("wrong", shape, [wrong], case.program.host, 0)
    seen: dict[str, int] = {}
    two_rows.run(CSim(shape), replace(case, program=program), seen.update)
    assert broken_rule(wrong.fields, shape) == "FIELDS"
    return seen["ERROR"] == ERROR["FIELDS"]
