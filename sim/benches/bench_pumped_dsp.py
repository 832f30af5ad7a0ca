"""Bench of `fb_pumped_dsp`: the sum of two products in every cycle of the slow clock."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.bench_lut_products import operands, packed_weight
from firebrick.sim.benches.pipeline import halves, pack, run, signed_array

STEPS = 400
LATENCY = 3


@cocotb.test()
async def multiplies(dut: Any) -> None:
    """The second operands come a cycle after the first; extremes of both at once."""
    rng = np.random.default_rng(random.getrandbits(32))
    first, second = operands(rng, STEPS), operands(rng, STEPS)
    for place in (7, 8, 50):
        for values, extreme in zip(first, (255, 127, -127), strict=True):
            values[place] = extreme
        for values, extreme in zip(second, (255, 127, -127), strict=True):
            values[place] = extreme
    inputs: dict[str, list[int]] = {}
    for index, (act, w0, w1) in enumerate((first, second)):
        late = [np.roll(values, index) for values in (act, w0, w1)]
        inputs[f"act{index}_i"] = pack(late[0][:, None], 9)
        inputs[f"weight{index}_i"] = pack(packed_weight(late[1], late[2])[:, None], 16)
    cocotb.start_soon(halves(dut))
    got = await run(dut, inputs, ["product0_o", "product1_o"])
    for name, weight in (("product0_o", 1), ("product1_o", 2)):
        sums = first[0] * first[weight] + second[0] * second[weight]
        # The last pair's second half would come behind the end.
        assert (signed_array(got[name], 17)[LATENCY:] == sums[:-LATENCY]).all()
