"""Bench of `fb_requant` against the golden requantization."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.quantize.golden.integer_model import requantize
from firebrick.sim.benches.pipeline import garbage, pack, run, signed_array, unpack
from firebrick.sim.benches.runner import bench_parameters

BLOCKS = 150
SUM_BITS = 40


def accumulators(
    rng: np.random.Generator, shape: tuple[int, ...], shift: np.ndarray, bits: int
) -> np.ndarray:
    """Values of all magnitudes, near the saturation limits, and ties of the rounding."""
    limit = 1 << (bits - 1)
    spread = rng.integers(0, 1 << rng.integers(1, bits, shape)) * rng.choice([-1, 1], shape)
    unit = np.left_shift(1, np.minimum(shift, bits))
    near = rng.choice([-129, -128, -1, 0, 1, 127, 128, 255, 256, 511, 512], shape) * unit
    ties = rng.integers(-300, 300, shape) * unit + unit // 2
    # One bit more or less than a tie decides, whichever bit of the fraction it is.
    fraction = np.maximum(shift - 1, 1)
    place = np.where(rng.random(shape) < 0.5, rng.integers(0, 32, shape) % fraction, fraction - 1)
    off = rng.choice([-1, 1], shape) << place
    # Between its steps the shifter keeps 17 bits: values just inside and outside of them, and
    # those whose kept bits look like a small number of the other sign.
    cut = (rng.choice([-1, 1], shape) << rng.choice([16, 17], shape)) << (shift & ~7)
    cut += rng.integers(-600, 600, shape) * unit
    kind = rng.choice([0, 1, 2, 3, 3, 3, 4], shape)
    value = np.choose(kind, [spread, near + off, ties, ties + off, cut])
    extreme = rng.choice([-limit, limit - 1], shape)
    return np.clip(np.where(rng.random(shape) < 0.02, extreme, value), -limit, limit - 1)


@cocotb.test()
async def requantizes(dut: Any) -> None:
    """Blocks of channels as the array drains them, apart or back to back, garbage in between."""
    parameters = bench_parameters()
    pixels = int(parameters["P"])
    bits = int(parameters.get("AccBits", 24))
    ctx_bits = int(parameters["CtxBits"])
    latency = pixels + 5
    rng = np.random.default_rng(random.getrandbits(32))
    limit = 1 << (bits - 1)

    valid: list[int] = []
    for _ in range(BLOCKS):
        channels = int(rng.choice([1, 2, 7, 8, 16]))
        valid += [1] * channels
        gap = int(rng.choice([0, 0, 1, 5]))
        valid += [0] * gap
    cycles = len(valid)
    tail = latency + 1
    shift = rng.integers(0, 32, cycles)
    shift[rng.random(cycles) < 0.5] %= 24
    relu = rng.integers(0, 2, cycles)
    count = np.where(rng.random(cycles) < 0.7, pixels, rng.integers(0, pixels + 1, cycles))
    value = accumulators(rng, (cycles, pixels), shift[:, None], bits)
    bias = rng.integers(-limit // 4, limit // 4, cycles)
    # The compiler proves that accumulator and bias stay within range, before and after adding.
    acc = np.clip(value - bias[:, None], -limit, limit - 1)
    value = np.clip(acc + bias[:, None], -limit, limit - 1)
    acc = value - bias[:, None]
    assert (np.abs(acc) <= limit).all()

    # Row p of a channel comes p cycles late.
    width = cycles + pixels + tail
    chains = rng.integers(-limit, limit, (width, pixels))
    for cycle in np.flatnonzero(valid):
        chains[cycle + np.arange(pixels), np.arange(pixels)] = acc[cycle]
    total = cycles + tail
    pad = [0] * tail
    ctx = garbage(rng, total, ctx_bits)
    got = await run(
        dut,
        {
            "valid_i": valid + pad,
            "bias_i": pack(bias[:, None], bits) + garbage(rng, tail, bits),
            "shift_i": shift.tolist() + garbage(rng, tail, 5),
            "relu_i": relu.tolist() + pad,
            "pixels_i": count.tolist() + pad,
            "ctx_i": ctx,
            "acc_i": pack(chains[:total], bits),
        },
        ["valid_o", "word_o", "sum_o", "ctx_o"],
    )
    assert not any(got["valid_o"][:latency])
    assert got["valid_o"][latency : latency + cycles] == valid

    inside = np.arange(pixels) < count[:, None]
    unsigned = requantize(value, shift[:, None], relu=True)
    signed = requantize(value, shift[:, None], relu=False).view(np.uint8)
    words = np.where(inside, np.where(relu[:, None] == 1, unsigned, signed), 0)
    counted = np.where(relu[:, None] == 1, np.maximum(value, 0), value)
    sums = np.where(inside, counted, 0).sum(axis=1)
    live = np.flatnonzero(valid)
    got_words = unpack(got["word_o"], pixels, 8, signed=False)
    got_sums = signed_array(got["sum_o"], SUM_BITS)
    np.testing.assert_array_equal(got_words[live + latency], words[live])
    np.testing.assert_array_equal(got_sums[live + latency], sums[live])
    assert [got["ctx_o"][cycle + latency] for cycle in live] == [ctx[cycle] for cycle in live]
