"""Bench of `fb_ram`: two cycles of latency, data held between reads."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.runner import bench_parameters, start_clock


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_access(dut: Any) -> None:
    """Reads and writes in the same cycles, never of the same address at once."""
    parameters = bench_parameters()
    width, depth = int(parameters["Width"]), int(parameters["Depth"])
    memory = [random.getrandbits(width) for _ in range(depth)]
    dut.rd_en_i.value = 0
    start_clock(dut)
    for address, word in enumerate(memory):
        dut.wr_en_i.value = 1
        dut.wr_addr_i.value = address
        dut.wr_data_i.value = word
        await RisingEdge(dut.clk_i)
    first: int | None = None  # what the two registers hold, None before the first read
    second: int | None = None
    checked = 0
    for _ in range(3000):
        read, write = random.random() < 0.7, random.random() < 0.5
        address = random.randrange(depth)
        target = random.randrange(depth)
        write = write and target != address
        word = random.getrandbits(width)
        dut.rd_en_i.value = int(read)
        dut.rd_addr_i.value = address
        dut.wr_en_i.value = int(write)
        dut.wr_addr_i.value = target
        dut.wr_data_i.value = word
        await RisingEdge(dut.clk_i)
        if second is not None:
            assert int(dut.rd_data_o.value) == second
            checked += 1
        second = first
        if read:
            first = memory[address]
        if write:
            memory[target] = word
    assert checked > 2900
