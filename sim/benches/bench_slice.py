"""Bench of `fb_slice`: order, stability, throughput, and registers on both sides."""

from __future__ import annotations

import itertools
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from firebrick.sim.benches.runner import bench_parameters, reset, start_clock


class Bench:
    """The slice between a source that holds its words and a sink of any kind."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.width = int(bench_parameters()["Width"])
        self.words: deque[int] = deque()
        self.offered: int | None = None
        self.held: int | None = None
        self.popped = 0

    async def start(self) -> None:
        self.dut.in_valid_i.value = self.dut.out_ready_i.value = 0
        start_clock(self.dut)
        await reset(self.dut)

    async def step(self, push: bool, pop: bool) -> None:
        """One cycle; a word that was offered stays until it is taken."""
        dut = self.dut
        if self.offered is None and push:
            self.offered = random.getrandbits(self.width)
        dut.in_valid_i.value = int(self.offered is not None)
        dut.in_data_i.value = (
            random.getrandbits(self.width) if self.offered is None else self.offered
        )
        dut.out_ready_i.value = int(pop)
        await RisingEdge(dut.clk_i)
        valid = dut.out_valid_o.value == 1
        assert valid == bool(self.words), "a word is late, or came from nowhere"
        if valid:
            shown = int(dut.out_data_o.value)
            assert shown == self.words[0] and self.held in (None, shown)
            self.held = None if pop else shown
            if pop:
                self.words.popleft()
                self.popped += 1
        if self.offered is not None and dut.in_ready_o.value == 1:
            self.words.append(self.offered)
            self.offered = None
        assert len(self.words) <= 2


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_traffic(dut: Any) -> None:
    """Every rate on both sides."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(60):
        push, pop = random.choice(((0.9, 0.2), (0.2, 0.9), (0.5, 0.5), (1.0, 1.0), (1.0, 0.0)))
        for _ in range(random.randint(5, 40)):
            await bench.step(random.random() < push, random.random() < pop)
    assert bench.popped > 300


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def no_gaps(dut: Any) -> None:
    """A word a cycle, also after both places were full."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(2):
        for _ in range(4):
            await bench.step(push=True, pop=False)
        assert len(bench.words) == 2 and dut.in_ready_o.value == 0
        before = bench.popped
        for _ in range(20):
            await bench.step(push=True, pop=True)
        assert bench.popped == before + 20


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def no_path_through(dut: Any) -> None:
    """Within a cycle, nothing of one side is seen on the other."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(50):
        await bench.step(random.random() < 0.6, random.random() < 0.5)
        seen = set()
        for pattern in range(4):
            await Timer(1, "ns")
            dut.in_valid_i.value, dut.out_ready_i.value = pattern & 1, pattern >> 1
            await ReadOnly()
            outputs = (dut.in_ready_o, dut.out_valid_o, dut.out_data_o)
            seen.add(tuple(int(signal.value) for signal in outputs))
        assert len(seen) == 1
        await Timer(1, "ns")


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reset_while_full(dut: Any) -> None:
    """A reset, be it of one cycle, forgets both words: there is room, and nothing is shown."""
    bench = Bench(dut)
    await bench.start()
    for places, cycles in itertools.product((1, 2), (1, 4)):
        while len(bench.words) < places:
            await bench.step(push=True, pop=False)
        assert len(bench.words) == places
        bench.words.clear()
        bench.offered = bench.held = None
        dut.in_valid_i.value = 0
        await reset(dut, cycles)
        before = bench.popped
        for _ in range(20):
            await bench.step(push=True, pop=True)
        assert bench.popped == before + 19
