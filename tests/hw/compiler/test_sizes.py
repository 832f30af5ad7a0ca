"""Every picture from 32x32 to 512x512 compiles for the default engine, and the cycles of the
largest ones are what their size explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.hw.compiler import memory_plan
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.memory_plan import Conflict, Need
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.sim.random_networks import (
    V1_0,
    V1_1,
    Fire,
    Recipe,
    build,
    random_network,
    sized_recipe,
)

CORNERS = [(32, 32), (32, 512), (512, 32), (512, 512)]


def published(version: Recipe, rng: np.random.Generator, size: tuple[int, int]) -> Recipe:
    return replace(
        version,
        height=size[0],
        width=size[1],
        channels=int(rng.integers(1, 5)),
        classes=int(2 ** rng.uniform(0, 12)),
    )


@pytest.mark.parametrize("version", [V1_0, V1_1], ids=["v1.0", "v1.1"])
def test_squeezenets_of_every_size_compile(version: Recipe) -> None:
    rng = np.random.default_rng(3)
    sizes = [*CORNERS, *((int(h), int(w)) for h, w in rng.integers(32, 513, (12, 2)))]
    for size in sizes:
        recipe = published(version, rng, size)
        program = compile_network(build(recipe, 1), PYNQ_Z2)
        assert program.host["output"]["classes"] == recipe.classes
        for one, two in zip(program.groups, [*program.groups[1:], program.groups[0]], strict=True):
            ends = [g.fields["in_end"] for g in (one, two)] + [one.fields.get("mid_end", 0)]
            assert max(ends) <= PYNQ_Z2.act_words


@pytest.mark.parametrize("version", [V1_0, V1_1], ids=["v1.0", "v1.1"])
def test_the_largest_picture_costs_what_its_size_explains(version: Recipe) -> None:
    """With 4096 classes; what cannot stay on chip costs less than a fifth of the cycles."""
    program = compile_network(
        build(replace(version, height=512, width=512, classes=4096), 1), PYNQ_Z2
    )
    ideal = sum(la["ideal_cycles"] for g in program.host["groups"] for la in g["layers"])
    assert predict(program).cycles < 1.2 * ideal


def test_more_groups_than_a_wait_can_count() -> None:
    """4096 classes on 8 channels with few weights: the pieces behind the first ones do not wait."""
    few = EngineShape(14, 8, weight_words=1024, sums=16)
    recipe = Recipe(40, 40, 3, 3, 2, 0, 16, (Fire(4, 8, 8),), 4096)
    groups = compile_network(build(recipe, 1), few).groups
    pieces = [g.fields for g in groups if g.name.startswith("conv10")]
    assert len(pieces) > 255
    waits = [fields.get("wait_enable", 0) for fields in pieces]
    assert waits == [1] * 255 + [0] * (len(pieces) - 255)
    assert [fields["wait_back"] for fields in pieces[:255]] == list(range(1, 256))


@pytest.mark.parametrize("seed", range(30))
def test_random_sizes_compile(seed: int) -> None:
    """Small engines too: 7 pixels make twice as many tiles."""
    net = build(sized_recipe(np.random.default_rng(seed)), seed)
    for shape in (PYNQ_Z2, EngineShape(7, 16), EngineShape(28, 64)):
        for apart in (False, True):
            assert compile_network(net, shape, apart).groups


# ---------------------------------------------------------------------------------- memory plans


@pytest.mark.parametrize("seed", range(40))
def test_plans_keep_apart_what_is_in_memory_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs = [
        Need(
            f"g{i}",
            int(rng.integers(1, 300)),
            int(rng.integers(1, 4)),
            int(rng.integers(4, 300)),
            int(rng.integers(0, 500)) if rng.integers(2) else 0,
        )
        for i in range(int(rng.integers(2, 9)))
    ]
    least = 16
    while memory_plan.conflict(needs, least) is not None:
        least *= 2
    places = memory_plan.plan(needs, least)
    for number, (need, place) in enumerate(zip(needs, places, strict=True)):
        after = (number + 1) % len(needs)
        ranges = [
            (place.in_base, place.in_rows * need.row_words),
            (place.mid_base, need.mid_words),
            (places[after].in_base, places[after].in_rows * needs[after].row_words),
        ]
        taken = np.zeros(least, int)
        for base, words in ranges:
            assert 0 <= base and base + words <= least
            taken[base : base + words] += 1
        assert taken.max() == 1
        assert need.least <= place.in_rows <= max(need.least, min(need.most, 255))


def test_a_plan_that_does_not_fit_names_the_group_and_the_words() -> None:
    needs = [Need("a", 10, 1, 9, 0), Need("b", 30, 2, 9, 25), Need("c", 10, 1, 9, 0)]
    # While b runs: two of its own rows, its squeeze map, a row of c, and a's, as c is the last
    # of an odd number.
    assert memory_plan.conflict(needs, 104) == Conflict(1, 105)
    assert memory_plan.conflict(needs, 105) is None


def test_room_that_is_left_is_shared() -> None:
    needs = [Need("a", 10, 1, 99, 0), Need("b", 10, 1, 99, 0)]
    assert [place.in_rows for place in memory_plan.plan(needs, 100)] == [5, 5]
    short = [Need("a", 10, 1, 2, 0), Need("b", 10, 1, 99, 0)]
    assert [place.in_rows for place in memory_plan.plan(short, 100)] == [2, 8]


def test_rows_that_fit_nowhere_are_refused_by_layer_and_limit() -> None:
    wide = Recipe(32, 512, 3, 3, 1, 1, 64, (Fire(8, 64, 64),), 10)
    with pytest.raises(CompileError, match=r"layer conv10: 1 rows of .* 4736 words .* has 4096"):
        compile_network(build(wide, 1), PYNQ_Z2)


def test_pauses_do_no_work_and_are_no_maps() -> None:
    program = compile_network(build(replace(V1_0, height=512, width=512), 1), PYNQ_Z2)
    pauses = [i for i, group in enumerate(program.groups) if group.name == "pause"]
    assert pauses
    for index in pauses:
        assert program.host["groups"][index]["layers"] == [
            {"name": "pause", "macs": 0, "ideal_cycles": 0}
        ]
        assert program.groups[index].fields["src_row_words"] == 1
    assert "pause" not in [entry["name"] for entry in program.host["maps"]]


def test_random_networks_have_rings_of_several_rows() -> None:
    program = compile_network(random_network(0), PYNQ_Z2)
    assert min(group.fields["in_rows"] for group in program.groups) > 1
