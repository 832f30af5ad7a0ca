"""Bench of `fb_lut_products`: both products of every step, one or two cycles later."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.pipeline import pack, run, signed_array
from firebrick.sim.benches.runner import bench_parameters

STEPS = 400


def packed_weight(w0: np.ndarray, w1: np.ndarray) -> np.ndarray:
    """The operand's 16 stored bits: w1 less the borrow of w0 above w0."""
    return ((w1 - (w0 < 0)) & 0xFF) << 8 | (w0 & 0xFF)


def operands(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations of either sign and two weights, extremes among them: int64 [steps] each."""
    act = rng.integers(-128, 256, steps)
    w0, w1 = rng.integers(-127, 128, (2, steps))
    act[::5] = rng.choice([-128, 255, 0], act[::5].shape)
    w0[::3], w1[::4] = rng.choice([-127, 127, 0, -1]), rng.choice([-127, 127, 0, -1])
    return act, w0, w1


@cocotb.test()
async def multiplies(dut: Any) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    delay = 1 if bench_parameters().get("Late") else 2
    act, w0, w1 = operands(rng, STEPS)
    inputs = {
        "act_i": pack(act[:, None], 9),
        "weight_i": pack(packed_weight(w0, w1)[:, None], 16),
    }
    got = await run(dut, inputs, ["product0_o", "product1_o"])
    for name, weight in (("product0_o", w0), ("product1_o", w1)):
        assert (signed_array(got[name], 16)[delay:] == (act * weight)[:-delay]).all()
