"""Bench of `fb_add` against the golden addition."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QTensor
from firebrick.sim.benches.pipeline import garbage, pack, run, unpack
from firebrick.sim.benches.runner import bench_parameters

LATENCY = 7
WORDS = 24  # of one setting
EXTREMES = np.array([-128, -127, -1, 0, 1, 63, 64, 127, 128, 254, 255])


def operand(rng: np.random.Generator, shape: tuple[int, int], signed: bool) -> np.ndarray:
    """Activations, one in three at the ends of their range or around zero."""
    kind = np.int8 if signed else np.uint8
    info = np.iinfo(kind)
    ends = EXTREMES[(info.min <= EXTREMES) & (info.max >= EXTREMES)]
    values = rng.integers(info.min, info.max + 1, shape)
    return np.where(rng.random(shape) < 0.33, rng.choice(ends, shape), values).astype(kind)


def words(values: np.ndarray) -> list[int]:
    return pack(values.view(np.uint8), 8)


@cocotb.test()
async def adds(dut: Any) -> None:
    """Every left shift of each operand, every right shift, every sign; gaps, garbage in them, and
    results that pass unchanged in between."""
    parameters = bench_parameters()
    pixels, ctx_bits = int(parameters["P"]), int(parameters["CtxBits"])
    rng = np.random.default_rng(random.getrandbits(32))
    alignments = [(left, 0) for left in range(8)] + [(0, left) for left in range(1, 8)]
    settings = [(*a, shift) for a, shift in itertools.product(alignments, range(16))]
    rng.shuffle(settings)
    names = ("valid_i", "add_i", "left_i", "shifts_own_i", "shift_i", "own_signed_i")
    inputs: dict[str, list[int]] = {
        name: [] for name in (*names, "other_signed_i", "out_signed_i", "own_i", "other_i")
    }
    expected: list[int | None] = []

    def give(count: int, values: dict[str, int], own: list[int], other: list[int]) -> None:
        for name in inputs:
            if name not in ("own_i", "other_i"):
                inputs[name] += [values[name]] * count
        inputs["own_i"] += own
        inputs["other_i"] += other

    for index, (own_left, other_left, shift) in enumerate(settings):
        signs = [bool(v) for v in rng.integers(0, 2, 3)]
        own, other = (operand(rng, (WORDS, pixels), s) for s in signs[:2])
        passes = index % 7 == 0
        values = {
            "valid_i": 1,
            "add_i": int(not passes),
            "left_i": max(own_left, other_left),
            "shifts_own_i": int(own_left > 0),
            "shift_i": shift,
            "own_signed_i": int(signs[0]),
            "other_signed_i": int(signs[1]),
            "out_signed_i": int(signs[2]),
        }
        give(WORDS, values, words(own), words(other))
        tensor = QTensor("sum", (WORDS, pixels, 1), 0, signs[2])
        left = (int(own_left), int(other_left))
        total = golden.add(own, other, left, int(shift), tensor)
        expected += words(own if passes else total)
        for _ in range(int(rng.choice([0, 0, 1, 4]))):
            bits = {name: int(rng.integers(0, 2)) for name in inputs} | {"valid_i": 0}
            give(1, bits, garbage(rng, 1, 8 * pixels), garbage(rng, 1, 8 * pixels))
            expected.append(None)
    for _ in range(LATENCY + 1):
        give(1, dict.fromkeys(inputs, 0), [0], [0])
    ctx = garbage(rng, len(inputs["valid_i"]), ctx_bits)
    got = await run(dut, {**inputs, "ctx_i": ctx}, ["valid_o", "word_o", "ctx_o"])
    assert not any(got["valid_o"][:LATENCY])
    assert got["valid_o"][LATENCY:-1] == [int(word is not None) for word in expected]
    live = [i for i, word in enumerate(expected) if word is not None]
    np.testing.assert_array_equal(
        unpack([got["word_o"][i + LATENCY] for i in live], pixels, 8, signed=False),
        unpack([expected[i] or 0 for i in live], pixels, 8, signed=False),
    )
    assert [got["ctx_o"][i + LATENCY] for i in live] == [ctx[i] for i in live]
