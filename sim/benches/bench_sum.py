"""Bench of `fb_sum` against running sums."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.pipeline import pack, run, signed_array
from firebrick.sim.benches.runner import bench_parameters

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
