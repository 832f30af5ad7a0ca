"""Bench of `fb_sum` against running sums."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from firebrick.sim.benches.pipeline import pack, run, signed_array
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

LATENCY = 3
SPACING = 4  # cycles after which an index may come again
CYCLES = 3000


@cocotb.test()
async def adds(dut: Any) -> None:
    """Random indices as close as allowed, sums that start anew, the widest values."""
    parameters = bench_parameters()
    depth, in_bits = int(parameters["Depth"]), int(parameters["InBits"])
    bits = int(parameters["SumBits"])
    rng = np.random.default_rng(random.getrandbits(32))
    limit = 1 << (in_bits - 1)
    value = rng.integers(-limit, limit, CYCLES)
    value[rng.random(CYCLES) < 0.1] = -limit
    valid, init, emit = (rng.integers(0, 2, CYCLES) for _ in range(3))
    # A few indices often, so that they come again as soon as they may; the others now and then.
    index = rng.choice(rng.integers(0, depth, 6), CYCLES)
    index = np.where(rng.random(CYCLES) < 0.2, rng.integers(0, depth, CYCLES), index)
    last_seen = np.full(depth, -SPACING)
    totals = np.zeros(depth, np.int64)
    begun = np.zeros(depth, bool)
    expected = {}
    closest = CYCLES
    for cycle in range(CYCLES):
        at = index[cycle]
        distance = cycle - last_seen[at]
        valid[cycle] &= int(distance >= SPACING)
        if not valid[cycle]:
            continue
        init[cycle] |= int(not begun[at])
        closest = min(closest, distance if begun[at] else CYCLES)
        begun[at] = True
        last_seen[at] = cycle
        totals[at] = (0 if init[cycle] else totals[at]) + value[cycle]
        wrapped = (int(totals[at]) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
        totals[at] = wrapped
        if emit[cycle]:
            expected[cycle + LATENCY] = wrapped
    assert closest == SPACING
    pad = [0] * (LATENCY + 1)
    got = await run(
        dut,
        {
            "valid_i": valid.tolist() + pad,
            "sum_i": pack(value[:, None], in_bits) + pad,
            "index_i": index.tolist() + pad,
            "init_i": init.tolist() + pad,
            "emit_i": emit.tolist() + pad,
        },
        ["valid_o", "sum_o"],
    )
    sums = signed_array(got["sum_o"], bits)
    assert set(np.flatnonzero(got["valid_o"])) == set(expected)
    for cycle, total in expected.items():
        assert sums[cycle] == total


@cocotb.test()
async def reset_drops_what_is_under_way(dut: Any) -> None:
    """A reset, be it of one cycle, keeps a sum that is not there yet from being written."""
    start_clock(dut)
    for signal in (dut.valid_i, dut.init_i, dut.emit_i):
        signal.value = 0
    await reset(dut)

    async def add(value: int, init: int, emit: int, wait: int) -> None:
        for signal, given in zip(
            (dut.valid_i, dut.sum_i, dut.index_i, dut.init_i, dut.emit_i),
            (1, value, 3, init, emit),
            strict=True,
        ):
            signal.value = given
        await RisingEdge(dut.clk_i)
        dut.valid_i.value = 0
        await ClockCycles(dut.clk_i, wait)

    for cycles, under_way in itertools.product((1, 4), (0, 1)):
        await add(10, init=1, emit=0, wait=SPACING)
        await add(5, init=0, emit=0, wait=under_way)
        await reset(dut, cycles)
        await ClockCycles(dut.clk_i, SPACING)
        await add(1, init=0, emit=1, wait=LATENCY - 1)
        await ReadOnly()
        assert dut.valid_o.value == 1 and int(dut.sum_o.value) == 11
        await RisingEdge(dut.clk_i)
