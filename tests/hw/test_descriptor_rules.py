"""The rules of descriptors: what the compiler writes keeps them all."""

from __future__ import annotations

import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.descriptor_rules import CAPACITY, FIELDS, broken_rule
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.sim.random_networks import (
    V1_0_COMPLEX,
    V1_1,
    build,
    random_network,
    random_strides,
    random_sums,
)
from tests.chained_networks import NETWORKS

SHAPES = (PYNQ_Z2, EngineShape(7, 8, act_words=8192), EngineShape(28, 16, sums=64))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("apart", [False, True])
def test_compiled_programs_break_none(seed: int, apart: bool) -> None:
    compiled = 0
    nets = (random_network(seed), random_network(seed, bypass=True), random_sums(seed))
    for net in (*nets, random_strides(seed)):
        for shape in SHAPES:
            try:
                program = compile_network(net, shape, apart)
            except CompileError:
                continue
            compiled += 1
            assert [broken_rule(g.fields, shape) for g in program.groups] == [None] * len(
                program.groups
            )
    assert compiled >= 6


def test_squeezenets_break_none() -> None:
    for recipe in (V1_1, V1_0_COMPLEX):
        program = compile_network(build(recipe, 1), PYNQ_Z2)
        assert {broken_rule(g.fields, PYNQ_Z2) for g in program.groups} == {None}


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"in_end": PYNQ_Z2.act_words + 1}, CAPACITY),
        ({"weight_words": PYNQ_Z2.weight_words - 1}, CAPACITY),
        ({"bias_pairs": PYNQ_Z2.bias_pairs - 1}, CAPACITY),
        ({"segment_words": 0}, FIELDS),
        ({"src_row_words": 0}, FIELDS),
        ({"src_rows": 0}, FIELDS),
        ({"load_row_words": 0}, FIELDS),
        ({"load_phases": 3}, FIELDS),
        ({"load_phases": 1, "load_tile_words": 0}, FIELDS),
        ({"p1_last": PYNQ_Z2.channels + 1}, FIELDS),
        ({"p1_enable": 0}, FIELDS),
        ({"dst_tile_words": 1}, FIELDS),
        ({"dst_space": 0}, FIELDS),
        ({"src_offset": 4}, FIELDS),
        ({"mode": 3}, FIELDS),
    ],
)
def test_broken_rules(values: dict[str, int], rule: str) -> None:
    first = compile_network(random_network(3), PYNQ_Z2).groups[0].fields
    assert broken_rule(first, PYNQ_Z2) is None
    assert broken_rule({**first, **values}, PYNQ_Z2) == rule


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"tail_base": PYNQ_Z2.act_words}, CAPACITY),
        ({"tail_row_words": PYNQ_Z2.act_words // 2 + 1}, CAPACITY),
        ({"tail_row_words": 0}, FIELDS),
        ({"mode": d.MODE_POOL}, FIELDS),
        ({"mode": d.MODE_SUM}, FIELDS),
        ({"add_enable": 1}, FIELDS),
        ({"p3_steps": 0}, FIELDS),
        ({"p3_blocks": 0}, FIELDS),
        ({"p3_last": 0}, FIELDS),
        ({"p3_last": PYNQ_Z2.channels + 1}, FIELDS),
        ({"p3_channels": 0}, FIELDS),
    ],
)
def test_broken_rules_of_a_tail(values: dict[str, int], rule: str) -> None:
    program = compile_network(NETWORKS["plain"][0](), PYNQ_Z2)
    chained = [group.fields for group in program.groups if group.fields.get("p3_enable")]
    for fields in chained:
        assert broken_rule(fields, PYNQ_Z2) is None
        assert broken_rule({**fields, **values}, PYNQ_Z2) == rule
        # Without a tail nobody looks at its fields.
        without = {"p3_enable": 0, **{n: v for n, v in values.items() if n[:2] in ("p3", "ta")}}
        assert broken_rule({**fields, **without}, PYNQ_Z2) is None


FOLDED = {"load_fold": d.FOLD_APART, "load_reach": 1}
STORED = {"load_fold": d.FOLD_STORED, "load_reach": 1, "src_rows": 8}


def lone_convolution(shape: EngineShape = PYNQ_Z2) -> dict[str, int]:
    """A group that reads one tile with one pass, of an even number of channels."""
    program = compile_network(random_network(3), shape)
    fields = dict(program.groups[0].fields)
    assert not fields.get("p0_enable") and not fields.get("p2_enable")
    fields |= {"tiles": 1, "src_tiles": 1, "load_phases": 0, "load_skip": 0}
    return fields | {"p1_channels": 8, "p1_phase1": 8}


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({}, None),
        (FOLDED, None),
        ({**FOLDED, "load_reach": 2}, None),
        ({**FOLDED, "load_phases": 2, "load_tile_words": 1, "load_skip": 1}, None),
        ({**FOLDED, "odd_rows": 1}, None),
        (STORED, None),
        ({"odd_rows": 1}, None),
        ({"load_reach": 1}, FIELDS),
        ({"load_reach": 3}, FIELDS),
        ({"load_fold": 3}, FIELDS),
        ({"load_fold": 3, "load_reach": 1}, FIELDS),
        ({**FOLDED, "load_reach": 0}, FIELDS),
        ({**FOLDED, "load_reach": 3}, FIELDS),
        ({**FOLDED, "tiles": 2}, FIELDS),
        ({**FOLDED, "src_tiles": 2}, FIELDS),
        ({**STORED, "load_reach": 2}, FIELDS),
        ({**STORED, "load_reach": 0}, FIELDS),
        ({**STORED, "load_phases": 1, "load_tile_words": 1}, FIELDS),
        ({**STORED, "load_skip": 1}, FIELDS),
        ({**STORED, "src_rows": 7}, FIELDS),
        ({"half_first": 1}, None),
        ({"half_last": 1, "p1_phase1": 4}, None),
        ({"half_first": 1, "p1_phase1": 7}, FIELDS),
        ({"half_last": 1, "p1_phase1": 1}, FIELDS),
        ({"half_first": 1, "half_last": 1, "p1_phase1": 7}, FIELDS),
        ({"half_first": 1, "p2_phase1": 7}, None),
    ],
)
def test_two_rows_in_one(values: dict[str, int], rule: str | None) -> None:
    assert broken_rule(lone_convolution() | values, PYNQ_Z2) == rule


@pytest.mark.parametrize("folded", [FOLDED, STORED])
def test_folds_are_of_a_lone_convolution(folded: dict[str, int]) -> None:
    passes = {f"p{k}_{n}": 1 for k in (0, 3) for n in ("steps", "blocks", "last", "channels")}
    passes |= {"p0_phase1": 1, "p0_kh": 1, "p0_taps0": 1, "tail_row_words": 1}
    passes |= {"mid_row_words": 1, "mid_end": 4, "mid_total": 1, "mode": d.MODE_DIRECT}
    for k in (0, 3):
        fields = lone_convolution() | passes | {f"p{k}_enable": 1, "dst_tile_words": 8191}
        fields |= {"dst_row_words": 65535, "dst_last_tile": 0}
        assert broken_rule(fields, PYNQ_Z2) is None
        assert broken_rule({**fields, **folded}, PYNQ_Z2) == FIELDS


@pytest.mark.parametrize("values", [FOLDED, STORED, {"odd_rows": 1}])
def test_an_odd_number_of_pixels_has_no_halves(values: dict[str, int]) -> None:
    shape = EngineShape(7, 32)
    fields = lone_convolution(shape)
    assert broken_rule(fields, shape) is None
    assert broken_rule({**fields, **values}, shape) == FIELDS


@pytest.mark.parametrize("half", ["half_first", "half_last"])
def test_halves_are_of_sets_of_a_pumped_arrays_channels(half: str) -> None:
    shape = pumped(PYNQ_Z2, 2)
    fields = lone_convolution(shape)
    for words, rule in ((2, FIELDS), (4, None), (6, FIELDS), (8, None)):
        assert broken_rule({**fields, "p1_phase1": words}, shape) is None
        assert broken_rule({**fields, "p1_phase1": words, half: 1}, shape) == rule
        # What comes from the ring of the squeeze map has none.
        squeezed = {"p0_enable": 1, "p0_phase1": 4, "p0_channels": 4, "p0_kh": 1, "p0_taps0": 1}
        squeezed |= {"p0_steps": 1, "p0_blocks": 1, "p0_last": 1, "p1_mid": 1}
        squeezed |= {"mid_row_words": 1, "mid_end": 4, "mid_total": 1}
        assert broken_rule({**fields, **squeezed, "p1_phase1": words, half: 1}, shape) is None


def test_a_tail_reads_sets_of_a_pumped_arrays_channels() -> None:
    shape = pumped(PYNQ_Z2, 2)
    program = compile_network(NETWORKS["plain"][0](), shape)
    fields = next(group.fields for group in program.groups if group.fields.get("p3_enable"))
    assert broken_rule({**fields, "p3_channels": fields["p3_channels"] - 1}, shape) == FIELDS
