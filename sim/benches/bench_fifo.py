"""Bench of `fb_fifo`: order, level, capacity, throughput, clearing."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from firebrick.sim.benches.runner import bench_parameters, reset, start_clock


class Bench:
    """FIFO under test, compared with a deque in every cycle."""

    def __init__(self, dut: Any) -> None:
        parameters = bench_parameters()
        self.dut = dut
        self.width, self.depth = int(parameters["Width"]), int(parameters["Depth"])
        # From the push into an empty queue to the output: a register or two behind the memory.
        self.latency = 3 if self.depth >= 128 else 2
        self.words: deque[tuple[int, int]] = deque()  # word, cycle of its push
        self.cycle = 0
        self.pushed = self.popped = 0
        self.fullest = 0

    async def start(self) -> None:
        """Clock and reset."""
        dut = self.dut
        dut.clear_i.value = 0
        dut.in_valid_i.value = 0
        dut.out_ready_i.value = 0
        start_clock(dut)
        await reset(dut)

    async def step(self, push: bool, pop: bool, clear: bool = False) -> None:
        """One cycle that offers a word, takes one, or clears; checks what the FIFO shows."""
        dut = self.dut
        word = random.getrandbits(self.width)
        dut.in_valid_i.value = int(push)
        dut.in_data_i.value = word
        dut.out_ready_i.value = int(pop)
        dut.clear_i.value = int(clear)
        await RisingEdge(dut.clk_i)
        self.cycle += 1
        assert int(dut.level_o.value) == len(self.words)
        assert int(dut.in_ready_o.value) == (len(self.words) < self.depth)
        pushed = push and len(self.words) < self.depth
        valid = int(dut.out_valid_o.value)
        if valid:
            assert self.words, "valid output of an empty queue"
            assert int(dut.out_data_o.value) == self.words[0][0]
        else:
            late = self.words and self.cycle - self.words[0][1] >= self.latency
            assert not late, "word missing at the output"
        if valid and pop:
            self.words.popleft()
            self.popped += 1
        if pushed:
            self.words.append((word, self.cycle))
            self.pushed += 1
        if clear:
            self.words.clear()
        self.fullest = max(self.fullest, len(self.words))


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_traffic(dut: Any) -> None:
    """Pushes and pops of all rates: filling up, running empty, clearing in between."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(40):
        push, pop = random.choice(((0.9, 0.2), (0.2, 0.9), (0.5, 0.5), (1.0, 1.0), (1.0, 0.0)))
        clear = random.choice((0.0, 0.0, 0.02))
        for _ in range(random.randint(20, 2 * bench.depth + 20) // 2):
            await bench.step(
                random.random() < push, random.random() < pop, clear=random.random() < clear
            )
    assert bench.popped > 100


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def fills_and_drains_without_gaps(dut: Any) -> None:
    """Depth words fit; then a push and a pop in every cycle; then a pop in every cycle."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(bench.depth):
        await bench.step(push=True, pop=False)
    assert bench.pushed == bench.depth
    await bench.step(push=True, pop=False)
    assert bench.pushed == bench.depth, "a full queue took a word"
    for _ in range(bench.depth):
        await bench.step(push=False, pop=True)
    assert bench.popped == bench.depth and not bench.words
    for _ in range(bench.latency):
        await bench.step(push=True, pop=False)
    before = bench.popped
    for _ in range(2 * bench.depth if bench.depth > bench.latency else 0):
        await bench.step(push=True, pop=True)
    if bench.depth > bench.latency:
        assert bench.popped - before == 2 * bench.depth


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def clear_empties(dut: Any) -> None:
    """After a clear nothing of before comes out, a word pushed in the same cycle included."""
    bench = Bench(dut)
    await bench.start()
    for fill in range(bench.depth + 1):
        for _ in range(fill if bench.depth < 64 else min(fill, 6)):
            await bench.step(push=True, pop=False)
        await bench.step(push=True, pop=True, clear=True)
        for _ in range(5):
            await bench.step(push=False, pop=True)
    dut.clear_i.value = 0
    await ClockCycles(dut.clk_i, 1)
    assert dut.out_valid_o.value == 0 and bench.fullest > 0
