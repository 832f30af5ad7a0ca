"""Bench of `fb_pe`: two exact dot products, the forwarding and the drain chain.

With Pump = 2 a cycle takes two K steps: arrays have a column for each.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.bench_lut_products import packed_weight
from firebrick.sim.benches.pipeline import garbage, halves, pack, run, signed_array
from firebrick.sim.benches.runner import bench_parameters

DRAIN = 5  # cycles from the last step to the first sum on the drain chain
FIRST_DELAY = 2
LAST_DELAY = 3
BLOCKS = 120


@cocotb.test()
async def accumulates(dut: Any) -> None:
    """Blocks of random and of extreme values, garbage between them."""
    bits = int(bench_parameters().get("AccBits", 24))
    pump = int(bench_parameters().get("Pump", 1))
    rng = np.random.default_rng(random.getrandbits(32))
    act: list[np.ndarray] = []
    w0: list[np.ndarray] = []
    w1: list[np.ndarray] = []
    first: list[int] = []
    last: list[int] = []
    expected = {}
    for block in range(BLOCKS):
        steps = int(rng.integers(1, 40))
        # Last steps are two cycles apart: a sum each.
        gap = max(int(rng.choice([0, 0, 1, 5])), 2 - steps)
        act.append(rng.integers(-256, 256, (gap, pump)))
        w0.append(rng.integers(-127, 128, (gap, pump)))
        w1.append(rng.integers(-127, 128, (gap, pump)))
        first += rng.integers(0, 2, gap).tolist()
        last += [0] * gap
        low, high = ((0, 255), (-128, 127))[block % 2]
        x = rng.integers(low, high + 1, (steps, pump))
        a, b = rng.integers(-127, 128, (2, steps, pump))
        if block % 3 == 0:
            x = rng.choice([low, high, 0], x.shape)
            a, b = rng.choice([-127, 127, 0, -1], (2, steps, pump))
        act.append(x)
        w0.append(a)
        w1.append(b)
        first += [1] + [0] * (steps - 1)
        last += [0] * (steps - 1) + [1]
        expected[len(first) - 1 + DRAIN] = int((x * a).sum())
        expected[len(first) + DRAIN] = int((x * b).sum())
    cycles = len(first) + DRAIN + 2
    tail = [0] * (cycles - len(first))
    rest = np.zeros((len(tail), pump), np.int64)
    x_all, w0_all, w1_all = (np.concatenate([*values, rest]) for values in (act, w0, w1))
    if bench_parameters().get("FastClock"):
        # The second K step comes a cycle late.
        for values in (x_all, w0_all, w1_all):
            values[:, 1] = np.roll(values[:, 1], 1)
        cocotb.start_soon(halves(dut))
    acts, weights = pack(x_all, 9), pack(packed_weight(w0_all, w1_all), 16)
    sums_in = garbage(rng, cycles, bits)
    flags = {
        "first_i": ([0] * FIRST_DELAY + first + tail)[:cycles],
        "last_i": ([0] * LAST_DELAY + last + tail)[:cycles],
    }
    got = await run(
        dut,
        {
            "act_i": acts,
            "weight_i": weights,
            "sum_i": sums_in,
            **flags,
        },
        ["act_o", "weight_o", "first_o", "last_o", "sum_o"],
    )
    sums = signed_array(got["sum_o"], bits)
    for cycle in range(DRAIN, cycles):
        if cycle in expected:
            assert sums[cycle] == expected[cycle]
        else:
            assert got["sum_o"][cycle] == sums_in[cycle - 1]
    assert got["act_o"][1:] == acts[:-1]
    assert got["weight_o"][1:] == weights[:-1]
    assert got["first_o"][1:] == flags["first_i"][:-1]
    assert got["last_o"][1:] == flags["last_i"][:-1]
