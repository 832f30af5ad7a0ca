"""Bench of `fb_array` against the golden convolution."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.quantize.golden.integer_model import conv_accumulate
from firebrick.sim.benches.pipeline import garbage, pack, run, unpack
from firebrick.sim.benches.runner import bench_parameters

DRAIN_LATENCY = 6
BLOCKS = 24


@cocotb.test()
async def multiplies(dut: Any) -> None:
    """Blocks back to back and apart, short ones paced so that last steps are C cycles apart."""
    parameters = bench_parameters()
    pixels, channels = int(parameters["P"]), int(parameters["C"])
    bits = int(parameters.get("AccBits", 24))
    pump = int(parameters.get("Pump", 1))
    rng = np.random.default_rng(random.getrandbits(32))
    acts: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    first: list[int] = []
    last: list[int] = []
    blocks: list[tuple[int, np.ndarray]] = []
    for block in range(BLOCKS):
        steps = int(rng.choice([1, 2, channels - 1, channels, channels + 1, 3 * channels]))
        signed = block % 2 == 1
        limits = np.iinfo(np.int8 if signed else np.uint8)
        x = rng.integers(limits.min, limits.max + 1, (steps * pump, pixels)).astype(limits.dtype)
        w = rng.integers(-127, 128, (channels, steps * pump)).astype(np.int8)
        if block % 4 == 0:
            x[:] = rng.choice([limits.min, limits.max], x.shape)
            w[:] = rng.choice([-127, 127], w.shape)
        since_last = len(first) - 1 - max((cycle for cycle, _ in blocks), default=-channels)
        gap = max(int(rng.choice([0, 0, 1, 7])), channels - since_last - steps)
        # A row of these is a cycle: K steps one behind the other.
        acts += [
            rng.integers(-256, 256, (gap, pump * pixels)),
            x.astype(np.int64).reshape(steps, -1),
        ]
        weights += [
            rng.integers(-127, 128, (gap, pump * channels)),
            w.T.astype(np.int64).reshape(steps, -1),
        ]
        first += [*rng.integers(0, 2, gap).tolist(), 1, *[0] * (steps - 1)]
        last += [0] * (gap + steps - 1) + [1]
        sums = conv_accumulate(
            x[None, :, None, :], w[:, :, None, None], np.zeros(channels, np.int32)
        )
        blocks.append((len(first) - 1, sums[0, :, 0, :]))
    ends = [cycle for cycle, _ in blocks]
    assert min(np.diff(ends)) == channels
    tail = DRAIN_LATENCY + channels + pixels
    got = await run(
        dut,
        {
            "act_i": pack(np.concatenate(acts), 9) + garbage(rng, tail, 9 * pump * pixels),
            "weight_i": pack(np.concatenate(weights), 8) + garbage(rng, tail, 8 * pump * channels),
            "first_i": first + [1] * tail,
            "last_i": last + [0] * tail,
        },
        ["sum_o"],
    )
    chains = unpack(got["sum_o"], pixels, bits, signed=True)
    row = np.arange(pixels)
    for cycle, sums in blocks:
        for channel in range(channels):
            at = cycle + DRAIN_LATENCY + channel + row
            np.testing.assert_array_equal(chains[at, row], sums[channel])
