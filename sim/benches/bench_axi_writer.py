"""Bench of `fb_axi_writer` against a memory of cocotbext-axi."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from firebrick.sim.benches.axi_memory import Memory, pauses, write_slave
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

SIZE = 1 << 16
Command = tuple[int, int, int]  # byte address, beats, tag


class Bench:
    """Writer, memory, expected memory, and a watch on the rules of AW and W."""

    def __init__(self, dut: Any) -> None:
        parameters = bench_parameters()
        self.dut = dut
        self.burst_beats = int(parameters.get("BurstBeats", 16))
        self.max_outstanding = int(parameters.get("MaxOutstanding", 8))
        self.memory = Memory(SIZE)
        self.expected = bytearray(self.memory.data)
        self.slave = write_slave(dut, self.memory)
        self.done: list[int] = []
        self.errors = 0
        self.pushed = 0
        self.announced = 0
        self.aborting = False
        self.silent = False
        self.outstanding = 0
        self.w_beats = 0
        self.w_gaps = 0
        self.source_share = 0.0
        self.in_order: list[Command] = []

    async def start(self) -> None:
        """Clock, reset and watch."""
        dut = self.dut
        dut.cmd_valid_i.value = 0
        dut.data_valid_i.value = 0
        dut.abort_i.value = 0
        start_clock(dut)
        await reset(dut)
        cocotb.start_soon(self._watch())

    def pause(self, address: float, data: float, response: float, source: float) -> None:
        """Set the shares of cycles in which AW, W, B and the source of data pause."""
        channels = (self.slave.aw_channel, self.slave.w_channel, self.slave.b_channel)
        for channel, share in zip(channels, (address, data, response), strict=True):
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False
        self.source_share = source

    async def _watch(self) -> None:
        dut = self.dut
        address: tuple[int, int] | None = None
        beat: tuple[int, int, int] | None = None
        inside = False
        while True:
            await RisingEdge(dut.clk_i)
            assert dut.axi_bready_o.value == 1
            self.errors += int(dut.error_o.value)
            self.outstanding -= int(dut.axi_bvalid_i.value)
            if dut.done_valid_o.value == 1:
                self._check_done(int(dut.done_tag_o.value))
            if dut.axi_awvalid_o.value == 1:
                burst = (int(dut.axi_awaddr_o.value), int(dut.axi_awlen_o.value) + 1)
                assert address in (None, burst), "AW changed before it was taken"
                if address is None:
                    self._check_burst(*burst)
                address = None if dut.axi_awready_i.value == 1 else burst
            else:
                assert address is None, "AW withdrawn"
            if dut.data_valid_i.value == 1 and dut.data_ready_o.value == 1:
                self.pushed += 1
            if dut.axi_wvalid_o.value == 1:
                strobes = int(dut.axi_wstrb_o.value)
                assert strobes == 0xFF or (strobes == 0 and self.aborting)
                now = (int(dut.axi_wdata_o.value), strobes, int(dut.axi_wlast_o.value))
                assert beat in (None, now), "W changed before it was taken"
                beat = None if dut.axi_wready_i.value == 1 else now
                if beat is None:
                    self.w_beats += 1
                    inside = not now[2]
            else:
                assert beat is None, "W withdrawn"
                assert not inside, "W starves within a burst"
                self.w_gaps += 1

    def _check_burst(self, address: int, beats: int) -> None:
        limit = self.burst_beats * 8
        assert address % 8 == 0 and 1 <= beats <= self.burst_beats
        assert address // limit == (address + beats * 8 - 1) // limit, "burst crosses a boundary"
        self.announced += beats
        assert self.announced <= self.pushed, "burst announced before its beats are there"
        self.outstanding += 1
        assert self.outstanding <= self.max_outstanding

    def _check_done(self, tag: int) -> None:
        assert not self.silent, "done reported for a dropped command"
        address, beats, expected_tag = self.in_order[len(self.done)]
        assert tag == expected_tag
        self.done.append(tag)
        stored = self.memory.data[address : address + 8 * beats]
        assert stored == self.expected[address : address + 8 * beats], "done before it is stored"

    async def send(self, commands: list[Command], gaps: bool = True) -> None:
        """Give commands, with random gaps."""
        dut = self.dut
        for address, beats, tag in commands:
            if gaps and random.random() < 0.3:
                await ClockCycles(dut.clk_i, random.randint(1, 30))
            dut.cmd_valid_i.value = 1
            dut.cmd_addr_i.value = address
            dut.cmd_beats_i.value = beats
            dut.cmd_tag_i.value = tag
            await RisingEdge(dut.clk_i)
            while dut.cmd_ready_o.value == 0:
                await RisingEdge(dut.clk_i)
            dut.cmd_valid_i.value = 0

    async def feed(self, beats: list[int]) -> None:
        """Push beats of data, with random gaps."""
        dut = self.dut
        for value in beats:
            while self.source_share and random.random() < self.source_share:
                await RisingEdge(dut.clk_i)
            dut.data_valid_i.value = 1
            dut.data_i.value = value
            await RisingEdge(dut.clk_i)
            while dut.data_ready_o.value == 0:
                await RisingEdge(dut.clk_i)
            dut.data_valid_i.value = 0

    def plan(self, commands: list[Command]) -> list[int]:
        """Random data for `commands`, entered into the expected memory."""
        beats = []
        for address, count, _ in commands:
            for i in range(count):
                value = random.getrandbits(64)
                beats.append(value)
                where = address + 8 * i
                if where not in self.memory.poisoned:
                    self.expected[where : where + 8] = value.to_bytes(8, "little")
        self.in_order.extend(commands)
        return beats

    async def transfer(self, commands: list[Command], gaps: bool = True) -> None:
        """Run commands that do not overlap to the end and compare the whole memory."""
        target = len(self.done) + len(commands)
        beats = self.plan(commands)
        sender = cocotb.start_soon(self.send(commands, gaps))
        feeder = cocotb.start_soon(self.feed(beats))
        await feeder
        await sender
        await self.wait_idle()
        await ClockCycles(self.dut.clk_i, 3)
        assert len(self.done) == target
        assert self.memory.data == self.expected, "memory differs from what was written"

    async def wait_idle(self) -> None:
        """Wait until nothing is queued or outstanding."""
        for _ in range(5000):
            await RisingEdge(self.dut.clk_i)
            if self.dut.idle_o.value == 1:
                return
        raise AssertionError("not idle within 5000 cycles")


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def every_length_and_alignment(dut: Any) -> None:
    """All short commands around a boundary, shuffled; nothing outside them is touched."""
    bench = Bench(dut)
    await bench.start()
    lengths = range(1, 2 * bench.burst_beats + 2)
    starts = range(-bench.burst_beats - 1, bench.burst_beats + 1)
    places = list(itertools.product(starts, lengths))
    random.shuffle(places)
    share = 0.0
    for i, (start, beats) in enumerate(places):
        if i % 100 == 0:
            share = (0.0, 0.2, 0.5)[i // 100 % 3]
            bench.pause(share, share, share, share)
        # Now and then with a second command right behind.
        address, tag = 0x2000 + 8 * start, random.randrange(16)
        other = (0x6000 + 8 * start, random.randint(1, 40), random.randrange(16))
        await bench.transfer([(address, beats, tag)] if i % 4 else [(address, beats, tag), other])
    assert bench.errors == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def long_commands(dut: Any) -> None:
    """Commands much longer than the FIFO, with every mix of pauses."""
    bench = Bench(dut)
    await bench.start()
    for shares in itertools.product((0.0, 0.6), repeat=4):
        bench.pause(*shares)
        await bench.transfer([(0x1008, 150, 1), (0x3FF8, 1, 2), (0x4000, 77, 3), (0x5000, 1, 4)])
    assert bench.errors == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def full_speed(dut: Any) -> None:
    """Without pauses a beat leaves in every cycle, across bursts and commands."""
    bench = Bench(dut)
    await bench.start()
    commands = [(0x1000, 320, 1), (0x4000, 32, 2), (0x5000, 32, 3), (0x6000, 160, 4)]
    beats = bench.plan(commands)
    cocotb.start_soon(bench.send(commands, gaps=False))
    cocotb.start_soon(bench.feed(beats))
    while bench.w_beats == 0:
        await RisingEdge(dut.clk_i)
    bench.w_gaps = 0
    while bench.w_beats < len(beats):
        await RisingEdge(dut.clk_i)
    assert bench.w_gaps == 0
    await bench.wait_idle()
    await ClockCycles(dut.clk_i, 3)
    assert bench.done == [1, 2, 3, 4]
    assert bench.memory.data == bench.expected


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def data_ahead_of_commands(dut: Any) -> None:
    """Data without a command waits, and a command without data announces nothing."""
    bench = Bench(dut)
    await bench.start()
    commands = [(0x1040, 12, 5)]
    beats = bench.plan(commands)
    await bench.feed(beats)
    await ClockCycles(dut.clk_i, 40)
    assert bench.announced == 0 and dut.idle_o.value == 1
    await bench.send(commands)
    await bench.wait_idle()
    await ClockCycles(dut.clk_i, 3)
    assert bench.done == [5] and bench.memory.data == bench.expected
    commands = [(0x1100, 16, 6)]
    beats = bench.plan(commands)
    await bench.send(commands)
    await ClockCycles(dut.clk_i, 40)
    assert bench.announced == 12 and dut.idle_o.value == 0
    await bench.feed(beats)
    await bench.wait_idle()
    await ClockCycles(dut.clk_i, 3)
    assert bench.done == [5, 6] and bench.memory.data == bench.expected


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def error_responses(dut: Any) -> None:
    """Each burst with a bad beat is reported once; commands end all the same."""
    bench = Bench(dut)
    await bench.start()
    bench.pause(0.2, 0.2, 0.2, 0.2)
    limit = bench.burst_beats * 8
    bench.memory.poisoned = {0x1000 + limit - 8, 0x1000 + limit, 0x1008 + limit, 0x3000}
    await bench.transfer([(0x1000, 40, 1), (0x1F80, 20, 2), (0x3000, 7, 3)])
    assert bench.errors == 3


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def abort_and_restart(dut: Any) -> None:
    """Abort at any time, as level or pulse: announced bursts end without storing anything."""
    bench = Bench(dut)
    await bench.start()
    silenced = 0
    for round_ in range(60):
        address, data, response = random.choices((0.0, 0.3, 0.7), k=3)
        bench.pause(address, data, response, random.choice((0.0, 0.4)))
        before = bytes(bench.memory.data)
        beats_each = random.choice((10, 40, 100))
        start = 0x6000 - 8 * random.randint(0, 40)
        commands = [(start + 0x400 * i, beats_each, i) for i in range(3)]
        done = len(bench.done)
        beats = bench.plan(commands)
        sender = cocotb.start_soon(bench.send(commands))
        feeder = cocotb.start_soon(bench.feed(beats))
        await ClockCycles(dut.clk_i, random.randint(1, 90))
        sender.cancel()
        feeder.cancel()
        # What is offered in the cycle of the abort is dropped with the rest.
        dut.cmd_valid_i.value = random.randint(0, 1)
        dut.data_valid_i.value = random.randint(0, 1)
        dut.abort_i.value = 1
        bench.aborting = True
        await RisingEdge(dut.clk_i)
        if round_ % 2:
            dut.abort_i.value = 0
        await RisingEdge(dut.clk_i)
        dut.cmd_valid_i.value = 0
        dut.data_valid_i.value = 0
        await RisingEdge(dut.clk_i)
        bench.silent = True
        w_before = bench.w_beats
        await bench.wait_idle()
        silenced += bench.w_beats - w_before
        assert bench.outstanding == 0, "idle while bursts are outstanding"
        dut.abort_i.value = 0
        await ClockCycles(dut.clk_i, 3)
        assert dut.cmd_ready_o.value == 1 and dut.axi_wvalid_o.value == 0
        for where in range(0, SIZE, 8):
            part = slice(where, where + 8)
            assert bench.memory.data[part] in (before[part], bench.expected[part])
        bench.aborting = bench.silent = False
        bench.expected[:] = bench.memory.data
        del bench.in_order[len(bench.done) :]
        assert len(bench.done) - done <= len(commands)
        bench.pushed = bench.announced = 0
        await bench.transfer([(0x7000 + 8 * random.randint(0, 20), random.randint(1, 50), 9)])
    assert silenced > 50 and bench.errors == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def responses_of_before_a_reset(dut: Any) -> None:
    """What a memory still owes to the time before a reset is dropped."""
    dut.cmd_valid_i.value = dut.data_valid_i.value = dut.abort_i.value = 0
    dut.axi_awready_i.value = dut.axi_wready_i.value = dut.axi_bvalid_i.value = 0
    start_clock(dut)
    await reset(dut)
    for _ in range(40):
        dut.axi_bvalid_i.value = random.randint(0, 1)
        dut.axi_bresp_i.value = random.choice((0, 2))
        await RisingEdge(dut.clk_i)
        assert dut.idle_o.value == 1 and dut.done_valid_o.value == 0 and dut.error_o.value == 0
    dut.axi_bvalid_i.value = 0
    await ClockCycles(dut.clk_i, 3)
    # One burst: it is idle when that one has been answered, and not before.
    dut.axi_awready_i.value = dut.axi_wready_i.value = 1
    dut.cmd_valid_i.value, dut.cmd_addr_i.value, dut.cmd_beats_i.value = 1, 0x40, 1
    dut.cmd_tag_i.value = 3
    dut.data_valid_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.cmd_valid_i.value = dut.data_valid_i.value = 0
    await ClockCycles(dut.clk_i, 20)
    assert dut.idle_o.value == 0
    dut.axi_bvalid_i.value, dut.axi_bresp_i.value = 1, 0
    await RisingEdge(dut.clk_i)
    dut.axi_bvalid_i.value = 0
    done = 0
    for _ in range(6):
        await RisingEdge(dut.clk_i)
        done += int(dut.done_valid_o.value)
    assert done == 1 and int(dut.done_tag_o.value) == 3 and dut.idle_o.value == 1
