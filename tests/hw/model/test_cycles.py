"""The cycle model by itself: its bookkeeping, what it does with other memories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.random_networks import (
    V1_0,
    V1_0_COMPLEX,
    V1_0_SIMPLE,
    V1_1,
    Fire,
    Recipe,
    build,
    halved,
    random_network,
)

PERFECT = MemoryTiming(0, 0, 1000, 0, 0, 8)


@pytest.fixture(scope="module")
def v1_0() -> Program:
    return compile_network(build(V1_0, 1), PYNQ_Z2)


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [PYNQ_Z2, EngineShape(7, 16)], ids=str)
@pytest.mark.parametrize("images", [1, 3])
def test_every_cycle_is_charged_once(
    seed: int, shape: EngineShape, images: int, bypass: bool
) -> None:
    program = compile_network(random_network(seed, bypass), shape, stages_apart=seed % 2 == 0)
    found = predict(program, images=images)
    assert found.active + sum(found.stalls.values()) == pytest.approx(found.cycles, abs=5)
    assert sum(g.cycles for g in found.groups) + found.tail_cycles == found.cycles
    assert [g.name for g in found.groups] == [g.name for g in program.groups]
    for group, described in zip(found.groups, program.host["groups"], strict=True):
        assert group.active + sum(group.stalls.values()) == pytest.approx(group.cycles, abs=5)
        assert sum(la.cycles for la in group.layers) == pytest.approx(group.cycles, abs=5)
        assert sum(la.active for la in group.layers) == group.active
        assert [la.name for la in group.layers] == [la["name"] for la in described["layers"]]


def test_active_cycles_are_the_k_steps(v1_0: Program) -> None:
    """Ideal cycles count C cycles for a block of fewer K steps; the fire2 and fire3 expand1x1
    layers have such blocks, 55 rows of 4 tiles of 2 blocks of 16 K steps each."""
    found = predict(v1_0)
    assert v1_0.ideal_cycles == 1_979_448
    pacing = 2 * 55 * 4 * 2 * (32 - 16)
    assert found.active == v1_0.ideal_cycles - pacing
    assert found.stalls["drain"] == pytest.approx(pacing, rel=0.1)


def test_squeezenet_is_near_its_ideal(v1_0: Program) -> None:
    assert v1_0.ideal_cycles < predict(v1_0).cycles < 1.02 * v1_0.ideal_cycles
    assert predict(v1_0, PERFECT).cycles < predict(v1_0).cycles


@pytest.mark.parametrize("padding", [(1, 1, 1, 1), (0, 0, 1, 1)], ids=["symmetric", "keras"])
def test_a_strided_layer_waits_for_next_to_nothing(padding: tuple[int, int, int, int]) -> None:
    """Of a size that occurs, and as the documentation says."""
    program = compile_network(halved(56, (64, 128), padding), PYNQ_Z2)
    at = [g.name for g in program.groups].index("block0/a")
    (layer,) = program.host["groups"][at]["layers"]
    ideal, cycles = layer["ideal_cycles"], round(predict(program).groups[at].cycles)
    # Rows, tiles of 14 pixels, blocks of 32 channels, K steps.
    assert ideal == 28 * 2 * 4 * 9 * 64 and ideal <= cycles < 1.001 * ideal
    if padding == (1, 1, 1, 1):
        text = (ROOT / "docs" / "how-it-works.md").read_text()
        assert f"a 3x3 layer takes {cycles:,} cycles on 14x32, of which {ideal:,}" in text


def test_a_batch_costs_less_than_its_images_alone(v1_0: Program) -> None:
    one, eight = predict(v1_0).cycles, predict(v1_0, images=8).cycles
    assert 8 * v1_0.ideal_cycles < eight < 8 * one


@pytest.mark.parametrize("recipe", [V1_0_SIMPLE, V1_0_COMPLEX], ids=["simple", "complex"])
def test_a_bypass_costs_no_more_than_its_traffic(recipe: Recipe) -> None:
    """Maps that are added are read while the array computes: what the array waits for them is less
    than it takes to read them, and with a memory that never waits it is next to nothing."""
    program = compile_network(build(recipe, 1), PYNQ_Z2)
    added = sum(
        f["rows"] * f["tiles"] * f["segment_words"] * PYNQ_Z2.word_bytes // 8
        for f in (g.fields for g in program.groups)
        if f.get("add_enable")
    )
    groups = [replace(g, fields={**g.fields, "add_enable": 0}) for g in program.groups]
    without = predict(replace(program, groups=tuple(groups)))
    assert 0 < predict(program).cycles - without.cycles < added / 10
    free = predict(replace(program, groups=tuple(groups)), PERFECT)
    assert predict(program, PERFECT).cycles - free.cycles < 5000


def test_chained_modules_wait_less_for_a_slow_memory() -> None:
    """The same K steps, fewer bytes."""
    net = build(V1_1, 1)
    chained, apart = (compile_network(net, PYNQ_Z2, chains=c) for c in (True, False))
    assert any(g.fields.get("p3_enable") for g in chained.groups)
    slow = MemoryTiming(bytes_per_cycle=4)
    assert predict(chained).active == predict(apart).active
    assert predict(chained, slow).cycles < 0.9 * predict(apart, slow).cycles


def test_results_in_front_of_a_tail_delay_the_rows_that_come_in() -> None:
    """Both take the rings' one write port: rows of 2 * 128 beats a tile (a beat a cycle, in cycles
    that results leave free) beside 128 + 8 results a tile."""
    fires = (Fire(8, 64, 64), Fire(8, 64, 64))
    net = build(Recipe(40, 56, 3, 1, 1, 0, 128, fires, 10), 1)
    program = compile_network(net, pumped(PYNQ_Z2, 2))
    (fire,) = [
        g
        for g, described in zip(predict(program, PERFECT).groups, program.groups, strict=True)
        if described.fields.get("p3_enable")
    ]
    assert fire.cycles > 0.9 * 40 * 4 * (2 * 128 + 128 + 8)
    assert fire.stalls["input"] > fire.active / 10


def test_slow_memory_costs_what_it_moves() -> None:
    """At one byte a cycle the memory decides: all its traffic takes 8 cycles a beat."""
    program = compile_network(build(V1_1, 1), PYNQ_Z2)
    slow = predict(program, MemoryTiming(bytes_per_cycle=1))
    stored = sum(m["bytes"] for m in program.host["maps"])
    weights = sum(len(g.payload) for g in program.groups)
    read = sum(
        g.fields["src_rows"] * g.fields["load_row_words"] * PYNQ_Z2.word_bytes
        for g in program.groups
    )
    assert slow.cycles > stored + weights + read
    assert slow.active == predict(program).active
    assert sum(slow.stalls.values()) > 10 * sum(predict(program).stalls.values())


@pytest.mark.parametrize(
    "worse",
    [
        MemoryTiming(read_latency=200),
        MemoryTiming(bytes_per_cycle=8),
        MemoryTiming(refresh_cycles=300),
        MemoryTiming(write_latency=400),
    ],
    ids=["read latency", "bandwidth", "refresh", "write latency"],
)
def test_a_worse_memory_costs_more(worse: MemoryTiming) -> None:
    program = compile_network(random_network(7), PYNQ_Z2, stages_apart=True)
    assert predict(program, worse).cycles > predict(program).cycles


def test_a_start_runs_at_least_one_image(v1_0: Program) -> None:
    with pytest.raises(ValueError, match="0 images"):
        predict(v1_0, images=0)
