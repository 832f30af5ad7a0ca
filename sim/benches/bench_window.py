"""Bench of `fb_window`: every kind of element against the pixels that lie under the kernel."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np

from firebrick.sim.benches.pipeline import garbage, pack, run, unpack
from firebrick.sim.benches.runner import bench_parameters

LATENCY = 6
READ_LATENCY = 2
ELEMENTS = 400


@dataclass(frozen=True)
class Kind:
    """An element: `words` are read at the offsets 0, 1, ... tiles from `start`; tap k takes the
    pixels from `offsets[k]` on, counted from the first pixel of the element's own tile."""

    start: int
    words: int
    offsets: tuple[int, ...]
    selections: tuple[int, ...]


KINDS = (
    Kind(0, 1, (0,), (0,)),  # 1x1, or one phase of a strided kernel
    Kind(-1, 3, (-1, 0, 1), (1, 0, 4)),  # 3x3 with padding
    Kind(0, 2, (0, 1, 2, 3), (0, 2, 3, 6)),  # 7x7 stride 2, even columns
    Kind(0, 2, (0, 1, 2), (0, 2, 5)),  # 7x7 stride 2, odd columns
    Kind(0, 2, (0, 1), (0, 4)),  # 3x3 stride 2, even columns
    Kind(-1, 2, (-1, 0), (1, 0)),  # 3x3 stride 2, odd columns, with padding
)


@cocotb.test()
async def cuts_taps(dut: Any) -> None:
    """Random elements, back to back or apart, with zeroed words, or halves of them where a word has
    a middle, and of two rows in one; what is not read is garbage."""
    pixels = int(bench_parameters()["P"])
    rng = np.random.default_rng(random.getrandbits(32))
    cycles = 6 * ELEMENTS + 20
    half = pixels // 2
    names = ("valid", "read", "elem_last", "signed", "first", "last", "fold")
    slots = {name: rng.integers(0, 2, cycles) for name in names}
    slots["sel"] = rng.integers(0, 7, cycles)
    slots["zero"] = rng.integers(0, 4, cycles)
    slots["valid"][:] = 0
    slots["read"][:] = 0
    words = np.array(unpack(garbage(rng, cycles, 8 * pixels), pixels, 8, signed=False))
    expected: dict[int, np.ndarray] = {}
    cycle = 0
    for _ in range(ELEMENTS):
        kind = KINDS[rng.integers(len(KINDS))]
        fold = pixels % 2 == 0 and rng.random() < 0.5
        signed = int(rng.integers(2))
        line = rng.integers(0, 256, (kind.words, pixels))
        # Pixels from the middle on, and those before it: of an odd number all or none.
        zero = rng.choice([0, 0, 0, 0, 3] + ([1, 2] if pixels % 2 == 0 else []), kind.words)
        taps = len(kind.offsets)
        span = slice(cycle, cycle + taps)
        slots["valid"][span] = 1
        slots["read"][cycle : cycle + kind.words] = 1
        slots["zero"][cycle : cycle + kind.words] = zero
        slots["elem_last"][span] = [0] * (taps - 1) + [1]
        slots["sel"][span] = kind.selections
        slots["signed"][span] = signed
        slots["fold"][span] = fold
        words[cycle + READ_LATENCY : cycle + READ_LATENCY + kind.words] = line
        zeroed = zero[:, None] >> (np.arange(pixels) >= half) & 1
        flat = np.where(zeroed, 0, line).ravel()
        flat = np.where(signed and flat > 127, flat - 256, flat)
        for tap, offset in enumerate(kind.offsets):
            begin = offset - kind.start * pixels
            taken = flat[begin : begin + pixels].copy()
            if fold and offset > 1:
                continue  # of two rows in one no tap looks further aside
            if fold and offset:
                # The pixel whose neighbour lies on the other side of the middle.
                taken[half if offset < 0 else half - 1] = 0
            expected[cycle + tap] = taken
        cycle += taps + int(rng.choice([0, 0, 0, 1, 4]))
    slots["valid"][cycle:] = 0
    slots["read"][cycle:] = 0
    # A tap never reaches past the words that were read, except the last ones of two-word kinds.
    assert all(len(values) == pixels for values in expected.values())
    inputs = {f"slot_{name}_i": values.tolist() for name, values in slots.items()}
    got = await run(
        dut,
        {**inputs, "word_i": pack(words, 8)},
        ["act_o", "valid_o", "first_o", "last_o"],
    )
    acts = unpack(got["act_o"], pixels, 9, signed=True)
    valid = np.array(got["valid_o"])
    assert not valid[:LATENCY].any()
    np.testing.assert_array_equal(valid[LATENCY:], slots["valid"][:-LATENCY])
    for name in ("first", "last"):
        want = (slots[name] & slots["valid"])[:-LATENCY]
        np.testing.assert_array_equal(np.array(got[f"{name}_o"])[LATENCY:], want)
    for slot, values in expected.items():
        np.testing.assert_array_equal(acts[slot + LATENCY], values)
