"""Bench of `fb_pe`: two exact dot products, the forwarding and the drain chains."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.pipeline import garbage, run, signed_array
from firebrick.sim.benches.runner import bench_parameters

DRAIN = 5  # cycles from the last step to the drain outputs
FIRST_DELAY = 2
LAST_DELAY = 3
BLOCKS = 120


def packed_weight(w0: np.ndarray, w1: np.ndarray) -> np.ndarray:
    """The operand's 16 stored bits: w1 less the borrow of w0 above w0."""
    return ((w1 - (w0 < 0)) & 0xFF) << 8 | (w0 & 0xFF)


@cocotb.test()
async def accumulates(dut: Any) -> None:
    """Blocks of random and of extreme values, garbage between them."""
    bits = int(bench_parameters().get("AccBits", 24))
    rng = np.random.default_rng(random.getrandbits(32))
    act, w0, w1, first, last, expected = [], [], [], [], [], {}
    for block in range(BLOCKS):
        steps = int(rng.integers(1, 40))
        low, high = ((0, 255), (-128, 127))[block % 2]
        x = rng.integers(low, high + 1, steps)
        a, b = rng.integers(-127, 128, (2, steps))
        if block % 3 == 0:
            x = rng.choice([low, high, 0], steps)
            a, b = rng.choice([-127, 127, 0, -1], (2, steps))
        act += x.tolist()
        w0 += a.tolist()
        w1 += b.tolist()
        first += [1] + [0] * (steps - 1)
        last += [0] * (steps - 1) + [1]
        expected[len(act) - 1] = (int(x @ a), int(x @ b))
        gap = int(rng.choice([0, 0, 1, 5]))
        act += rng.integers(-256, 256, gap).tolist()
        w0 += rng.integers(-127, 128, gap).tolist()
        w1 += rng.integers(-127, 128, gap).tolist()
        first += rng.integers(0, 2, gap).tolist()
        last += [0] * gap
    cycles = len(act) + DRAIN + 1
    tail = [0] * (cycles - len(act))
    x_all, w0_all, w1_all = (np.array(values + tail) for values in (act, w0, w1))
    weights = packed_weight(w0_all, w1_all).tolist()
    even_in, odd_in = garbage(rng, cycles, bits), garbage(rng, cycles, bits)
    flags = {
        "first_i": ([0] * FIRST_DELAY + first + tail)[:cycles],
        "last_i": ([0] * LAST_DELAY + last + tail)[:cycles],
    }
    got = await run(
        dut,
        {
            "act_i": (x_all & 0x1FF).tolist(),
            "weight_i": weights,
            "even_i": even_in,
            "odd_i": odd_in,
            **flags,
        },
        ["act_o", "weight_o", "first_o", "last_o", "even_o", "odd_o"],
    )
    even, odd = signed_array(got["even_o"], bits), signed_array(got["odd_o"], bits)
    for step, sums in expected.items():
        assert (even[step + DRAIN], odd[step + DRAIN]) == sums
    captured = {step + DRAIN for step in expected}
    for cycle in range(DRAIN, cycles):
        if cycle not in captured:
            assert got["even_o"][cycle] == even_in[cycle - 1]
            assert got["odd_o"][cycle] == odd_in[cycle - 1]
    assert got["act_o"][1:] == (x_all[:-1] & 0x1FF).tolist()
    assert got["weight_o"][1:] == weights[:-1]
    assert got["first_o"][1:] == flags["first_i"][:-1]
    assert got["last_o"][1:] == flags["last_i"][:-1]
