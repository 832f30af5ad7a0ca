"""Bench of `fb_rules` against hw/descriptor_rules.py, on descriptors near the rules' edges."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from firebrick.hw import definition as d
from firebrick.hw.descriptor_rules import CAPACITY, FIELDS, broken_rule
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.descriptors import legal_fields
from firebrick.sim.benches.runner import bench_parameters, start_clock

BITS = {p.name: p.bits for p in d.DESCRIPTOR_LAYOUT}


def engine_shape() -> EngineShape:
    """The shape whose memories the module under test knows."""
    given = bench_parameters()
    return EngineShape(
        pixels=given["Pixels"],
        channels=given["Channels"],
        act_words=given["ActWords"],
        weight_words=given["WeightWords"],
        bias_pairs=given["BiasPairs"],
        pool_channels=given["PoolChannels"],
        pool_line_words=given["PoolLineWords"],
        sums=given["Sums"],
        pump=given.get("Pump", 1),
    )


async def verdict(dut: Any, fields: dict[str, int]) -> str | None:
    """What the module says of a descriptor, three cycles after it came."""
    word = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
    dut.group_i.value = int.from_bytes(word, "little")
    await ClockCycles(dut.clk_i, 3)
    if dut.too_large_o.value == 1:
        return CAPACITY
    return FIELDS if dut.senseless_o.value == 1 else None


def near(name: str, fields: dict[str, int]) -> int:
    """A value at which a rule may turn: small, large, or next to another field's."""
    top = (1 << BITS[name]) - 1
    other = random.choice(list(fields.values())) + random.choice((-1, 0, 1))
    depth = 1 << random.randrange(14)
    value = random.choice((0, 1, top, depth, depth - 1, depth - 2, depth + 1, other))
    return value & top


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def same_as_python(dut: Any) -> None:
    """Every field alone at its edges, and a few at a time."""
    shape = engine_shape()
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    seen: Counter[str | None] = Counter()
    trials = [[name] for name in BITS for _ in range(12)]
    trials += [random.sample(sorted(BITS), random.randint(0, 3)) for _ in range(500)]
    for names in trials:
        fields = legal_fields(shape)
        for name in names:
            fields[name] = near(name, fields)
        expected = broken_rule(fields, shape)
        assert await verdict(dut, fields) == expected, (names, fields)
        seen[expected] += 1
    assert min(seen[CAPACITY], seen[FIELDS], seen[None]) > 15, seen


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def depths(dut: Any) -> None:
    """One more than each memory holds is too much, as much as it holds is not."""
    shape = engine_shape()
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    base = legal_fields(shape)
    base |= {"mode": d.MODE_POOL, "pool_last_tile": 0, "segment_words": 1, "dst_tile_words": 8191}
    base |= {"dst_last_tile": 0, "dst_row_words": 65535, "p3_enable": 0}
    base |= {"load_fold": 0, "load_reach": 0, "half_first": 0, "half_last": 0}
    tail = {"p3_enable": 1, "mode": d.MODE_DIRECT, "add_enable": 0}
    tail |= {f"p3_{name}": 1 for name in ("steps", "blocks", "last")}
    tail |= {"p3_channels": shape.pump}
    half = shape.act_words // 2
    sums = {"mode": d.MODE_SUM, "add_enable": 0}
    line = shape.pool_line_words
    for limit, fields in (
        (shape.act_words, {"in_end": 0}),
        (shape.act_words, {"mid_end": 0}),
        (shape.weight_words - 2, {"weight_words": 0}),
        (shape.bias_pairs - 2, {"bias_pairs": 0}),
        (shape.pool_channels, {"segment_words": 0}),
        (line - 1, {"pool_last_tile": 0}),
        (shape.sums, {**sums, "segment_words": 0}),
        (shape.act_words - 2, {**tail, "tail_row_words": 1, "tail_base": 0}),
        (half, {**tail, "tail_base": 0, "tail_row_words": 0}),
    ):
        changed = list(fields)[-1]
        for value, expected in ((limit, None), (limit + 1, CAPACITY)):
            trial = {**base, "in_base": 0, "src_row_words": 1, "p0_enable": 0, **fields}
            trial |= {"p1_mid": 0, "p2_mid": 0, changed: value}
            assert broken_rule(trial, shape) == expected, (changed, value)
            assert await verdict(dut, trial) == expected, (changed, value)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def two_rows(dut: Any) -> None:
    """Every way to fold rows, alone and with each thing that does not go with it; halves of
    channels that are there and that are not."""
    shape = engine_shape()
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    lone = {"tiles": 1, "src_tiles": 1, "p0_enable": 0, "p1_mid": 0, "p2_mid": 0, "p3_enable": 0}
    lone |= {"load_phases": 0, "load_skip": 0, "src_rows": 4, "odd_rows": 0}
    lone |= {"half_first": 0, "half_last": 0, "p1_enable": 1, "p2_enable": 1}
    lone |= {f"p{k}_{name}": 8 * shape.pump for k in (1, 2) for name in ("channels", "phase1")}
    passes = {f"p{k}_{name}": 1 for k in (0, 3) for name in ("enable", "steps", "blocks", "last")}
    passes |= {f"p{k}_channels": shape.pump for k in (0, 3)} | {"p0_phase1": shape.pump}
    passes |= {"p0_kh": 1, "p0_taps0": 1, "p0_mid": 0, "mode": d.MODE_DIRECT, "add_enable": 0}
    passes |= {"mid_base": 0, "mid_row_words": 1, "mid_end": 4, "mid_total": 1}
    passes |= {"tail_base": 0, "tail_row_words": 1, "segment_words": 1, "dst_tile_words": 1}
    passes |= {"dst_last_tile": 0, "dst_row_words": 1}
    variants: list[dict[str, int]] = [{}, {"tiles": 2}, {"src_tiles": 2}, {"src_tiles": 0}]
    variants += [{"load_phases": 1, "load_tile_words": 1}, {"load_phases": 2, "load_tile_words": 1}]
    variants += [{"load_skip": 1}, {"src_rows": 3}, {"src_rows": 1}, {"odd_rows": 1}]
    variants += [passes | {"p3_enable": 0}, passes | {"p0_enable": 0}]
    seen: Counter[str | None] = Counter()
    for fold in range(4):
        for reach in range(4):
            for variant in variants:
                fields = legal_fields(shape) | lone | variant
                fields |= {"load_fold": fold, "load_reach": reach}
                expected = broken_rule(fields, shape)
                assert await verdict(dut, fields) == expected, (fold, reach, variant)
                seen[expected] += 1
    # Apart with a reach of one or two, stored, and as they come.
    assert (
        seen[None] >= (1 if shape.pixels % 2 else 4) and seen[FIELDS] >= 100 and not seen[CAPACITY]
    ), seen
    halves: tuple[dict[str, int], ...] = (
        {},
        {"half_first": 1},
        {"half_last": 1},
        {"half_first": 1, "half_last": 1},
    )
    for half in halves:
        for k in (1, 2):
            for sets in range(1, 6):
                words = sets * shape.pump
                fields = legal_fields(shape) | lone | {"load_fold": 0, "load_reach": 0} | half
                fields |= {f"p{k}_channels": words, f"p{k}_phase1": words}
                expected = FIELDS if half and sets % 2 else None
                # No matter where nobody reads the input.
                for value, wanted in ((1, expected), (0, None)):
                    trial = fields | {f"p{k}_enable": value}
                    assert broken_rule(trial, shape) == wanted, (half, k, sets)
                    assert await verdict(dut, trial) == wanted, (half, k, sets)
                inner = {**fields, **passes, "p3_enable": 0, f"p{k}_mid": 1}
                inner["p0_channels"] = inner["p0_phase1"] = 2 * shape.pump
                assert broken_rule(inner, shape) is None
                assert await verdict(dut, inner) is None


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def offsets(dut: Any) -> None:
    """Each of an offset's three lowest bits alone, and together, makes it none of a whole beat;
    what an operand's is does not matter where nothing is added."""
    shape = engine_shape()
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    for name in ("src_offset", "dst_offset", "add_offset"):
        for low in range(8):
            for adds in (0, 1):
                fields = legal_fields(shape) | {"mode": d.MODE_DIRECT, "p3_enable": 0}
                fields |= {"segment_words": 1, "dst_tile_words": 1, "dst_last_tile": 0}
                fields |= {"dst_row_words": 1, "add_enable": adds}
                fields[name] = fields[name] & ~7 | low
                matters = low and (adds or name != "add_offset")
                expected = FIELDS if matters else None
                assert broken_rule(fields, shape) == expected, (name, low, adds)
                assert await verdict(dut, fields) == expected, (name, low, adds)
