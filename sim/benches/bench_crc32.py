"""Bench of `fb_crc32` against zlib."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.runner import start_clock


@cocotb.test()
async def matches_zlib(dut: Any) -> None:
    """Messages of random length, with gaps, by themselves or continuing from a value."""
    dut.clear_i.value = 0
    dut.valid_i.value = 0
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    checked = 0
    for _ in range(60):
        crc = seed = random.choice((0, random.getrandbits(32)))
        dut.clear_i.value = 1
        dut.seed_i.value = seed
        dut.valid_i.value = 0
        dut.data_i.value = random.getrandbits(64)
        await RisingEdge(dut.clk_i)
        dut.clear_i.value = 0
        dut.seed_i.value = random.getrandbits(32)
        # The first beat may follow at once.
        if random.random() < 0.5:
            await RisingEdge(dut.clk_i)
            assert int(dut.crc_o.value) == seed
        for _ in range(random.randint(1, 40)):
            value = random.choice([random.getrandbits(64), 0, 2**64 - 1])
            crc = zlib.crc32(value.to_bytes(8, "little"), crc)
            dut.valid_i.value = 1
            dut.data_i.value = value
            await RisingEdge(dut.clk_i)
            dut.valid_i.value = 0
            dut.data_i.value = random.getrandbits(64)
            await RisingEdge(dut.clk_i)
            for _ in range(random.randint(1, 3)):
                await RisingEdge(dut.clk_i)
                assert int(dut.crc_o.value) == crc
                checked += 1
    assert checked > 1000


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """One beat a cycle: the value after each beat appears two cycles after it."""
    dut.clear_i.value = 0
    dut.valid_i.value = 0
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    expected: list[int] = []
    running = 0
    dut.seed_i.value = 0
    dut.clear_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.clear_i.value = 0
    for _ in range(200):
        value = random.getrandbits(64)
        dut.valid_i.value = 1
        dut.data_i.value = value
        await RisingEdge(dut.clk_i)
        if len(expected) >= 2:
            assert int(dut.crc_o.value) == expected[-2]
        running = zlib.crc32(value.to_bytes(8, "little"), running)
        expected.append(running)
