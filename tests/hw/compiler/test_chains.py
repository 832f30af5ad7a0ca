"""Fire modules whose maps stay on the chip: where the compiler chains them, and what it saves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.descriptor_rules import broken_rule
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.check import check_qnetwork
from firebrick.sim.engine_check import SMALL
from firebrick.sim.random_networks import V1_0, V1_1, Fire, Recipe, build, random_network
from tests.chained_networks import FIRES, NETWORKS, moved_bytes, tails

SHAPES = (PYNQ_Z2, pumped(PYNQ_Z2, 2), SMALL, pumped(SMALL, 2))


def check_rules(program: Program) -> None:
    """The engine takes every group, and no ring lies in another that is in use beside it."""
    groups = [group.fields for group in program.groups]
    assert {broken_rule(fields, program.shape) for fields in groups} == {None}
    for one, two in zip(groups, groups[1:] + groups[:1], strict=True):
        rings = [(one["in_base"], one["in_end"]), (two["in_base"], two["in_end"])]
        if one.get("p0_enable"):
            rings.append((one["mid_base"], one["mid_end"]))
        if one.get("p3_enable"):
            rings.append((one["tail_base"], one["tail_base"] + 2 * one["tail_row_words"]))
        for a, b in itertools.combinations(rings, 2):
            assert a[1] <= b[0] or b[1] <= a[0], rings


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_chained_where_it_may_be(name: str, shape: EngineShape) -> None:
    make, expected = NETWORKS[name]
    net = make()
    check_qnetwork(net)
    program, apart = compile_network(net, shape), compile_network(net, shape, chains=False)
    check_rules(program)
    stages = compile_network(net, shape, stages_apart=True)
    assert tails(apart) == tails(stages) == set()
    if name == "many channels" and shape.channels == SMALL.channels:
        # Not all of it fits the weight memory.
        assert tails(program) < expected
    else:
        assert tails(program) == expected
    if tails(program):
        assert moved_bytes(program) < moved_bytes(apart)
    else:
        assert program.blob == apart.blob


def test_what_a_tail_makes_is_stored_instead_of_the_modules_map() -> None:
    program = compile_network(NETWORKS["plain"][0](), SMALL)
    stored = [entry["name"] for entry in program.host["maps"]]
    assert {"fire1/squeeze", "fire2/squeeze", "fire2/concat"} <= set(stored)
    assert not {"fire0/concat", "fire1/concat", "fire0/squeeze"} & set(stored)
    fields = {group.name: group.fields for group in program.groups}
    for name, fire, after in zip(("fire0", "fire1"), FIRES[:2], FIRES[1:], strict=True):
        g = fields[name]
        channels = fire.expand1 + fire.expand3
        assert g["p3_channels"] == g["tail_tile_words"] == channels
        assert g["segment_words"] == after.squeeze == g["p3_last"]
        assert g["tail_row_words"] == g["tiles"] * channels
        assert g.get("mode", 0) == d.MODE_DIRECT
    assert fields["fire0"]["p0_enable"] and not fields["fire1"].get("p0_enable")
    assert not fields["fire2"].get("p0_enable") and not fields["fire2"].get("p3_enable")


@pytest.mark.parametrize("expand3", [7, 8, 9, 16])
@pytest.mark.parametrize("expand1", [8, 9])
def test_sets_of_a_pumped_ring_are_filled_in_the_last_block(expand1: int, expand3: int) -> None:
    """An odd number of channels needs one more, which a full block has no room for."""
    shape = pumped(SMALL, 2)
    recipe = Recipe(9, 19, 3, 3, 1, 1, 6, (Fire(5, expand1, expand3), FIRES[1]), 5)
    program = compile_network(build(recipe, 1), shape)
    check_rules(program)
    full = (expand1 + expand3) % 2 == 1 and expand3 % shape.channels == 0
    assert tails(program) == (set() if full else {"fire0"})


def test_what_does_not_fit_is_not_chained() -> None:
    """Weights, biases or rows on the chip: the modules are groups as they were without chains."""
    for name, shape, fewer in (
        ("plain", replace(SMALL, weight_words=256), False),
        ("plain", replace(SMALL, weight_words=128), True),
        ("plain", replace(SMALL, bias_pairs=32), False),
        ("plain", replace(SMALL, bias_pairs=16), True),
        ("wide", replace(SMALL, act_words=1024), False),
        ("wide", replace(SMALL, act_words=512), True),
    ):
        program = compile_network(NETWORKS[name][0](), shape)
        check_rules(program)
        assert (len(tails(program)) < 2) == fewer, shape


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_keep_the_rules(seed: int) -> None:
    for shape in SHAPES:
        net = random_network(seed, bypass=seed % 4 == 3)
        program, apart = compile_network(net, shape), compile_network(net, shape, chains=False)
        check_rules(program)
        assert (program.blob == apart.blob) == (not tails(program))
        assert moved_bytes(program) <= moved_bytes(apart)


@pytest.mark.parametrize(("recipe", "count"), [(V1_0, 5), (V1_1, 5)], ids=["v1.0", "v1.1"])
def test_squeezenets(recipe: Recipe, count: int) -> None:
    """Modules with a pooling between them are not chained, all others are."""
    net = build(recipe, 1)
    program, apart = compile_network(net, PYNQ_Z2), compile_network(net, PYNQ_Z2, chains=False)
    assert len(tails(program)) == count
    assert moved_bytes(program) < 0.75 * moved_bytes(apart)
