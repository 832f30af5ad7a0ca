"""Bench of `fb_axi_reader` against a memory of cocotbext-axi."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from firebrick.sim.benches.axi_memory import Memory, pauses, read_slave
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

SIZE = 1 << 16
Command = tuple[int, int]  # byte address, beats


class Bench:
    """Reader, memory, and a watch on every rule that the AR channel and the FIFO must keep."""

    def __init__(self, dut: Any) -> None:
        parameters = bench_parameters()
        self.dut = dut
        self.burst_beats = int(parameters.get("BurstBeats", 16))
        self.fifo_depth = int(parameters.get("FifoDepth", 512))
        self.max_outstanding = int(parameters.get("MaxOutstanding", 8))
        self.memory = Memory(SIZE)
        self.slave = read_slave(dut, self.memory)
        self.errors = 0
        self.asked = 0
        self.received = 0
        self.popped = 0
        self.outstanding = 0
        self.most_outstanding = 0
        self.sink_share = 0.0

    async def start(self) -> None:
        """Clock, reset and watch."""
        dut = self.dut
        dut.cmd_valid_i.value = 0
        dut.data_ready_i.value = 0
        dut.abort_i.value = 0
        start_clock(dut)
        await reset(dut)
        cocotb.start_soon(self._watch())

    def pause(self, address: float, data: float, sink: float) -> None:
        """Set the shares of cycles in which AR, R and the data's consumer pause."""
        self.slave.ar_channel.set_pause_generator(pauses(address) if address else None)
        self.slave.r_channel.set_pause_generator(pauses(data) if data else None)
        self.slave.ar_channel.pause = self.slave.r_channel.pause = False
        self.sink_share = sink

    async def _watch(self) -> None:
        dut = self.dut
        waiting: tuple[int, int] | None = None
        while True:
            await RisingEdge(dut.clk_i)
            assert dut.axi_rready_o.value == 1
            self.errors += int(dut.error_o.value)
            if dut.axi_rvalid_i.value == 1:
                self.received += 1
                self.outstanding -= int(dut.axi_rlast_i.value)
            if dut.data_valid_o.value == 1 and dut.data_ready_i.value == 1:
                self.popped += 1
            if dut.axi_arvalid_o.value == 1:
                burst = (int(dut.axi_araddr_o.value), int(dut.axi_arlen_o.value) + 1)
                assert waiting in (None, burst), "AR changed before it was taken"
                waiting = burst
                if dut.axi_arready_i.value == 1:
                    self._check_burst(*burst)
                    waiting = None
            else:
                assert waiting is None, "AR withdrawn"

    def _check_burst(self, address: int, beats: int) -> None:
        limit = self.burst_beats * 8
        assert address % 8 == 0 and 1 <= beats <= self.burst_beats
        assert address // limit == (address + beats * 8 - 1) // limit, "burst crosses a boundary"
        self.asked += beats
        self.outstanding += 1
        self.most_outstanding = max(self.most_outstanding, self.outstanding)
        assert self.outstanding <= self.max_outstanding
        assert self.asked - self.popped <= self.fifo_depth, "asked for more than the FIFO holds"

    async def send(self, commands: list[Command], gaps: bool = True) -> None:
        """Give commands, with random gaps."""
        dut = self.dut
        for address, beats in commands:
            if gaps and random.random() < 0.3:
                await ClockCycles(dut.clk_i, random.randint(1, 30))
            dut.cmd_valid_i.value = 1
            dut.cmd_addr_i.value = address
            dut.cmd_beats_i.value = beats
            await RisingEdge(dut.clk_i)
            while dut.cmd_ready_o.value == 0:
                await RisingEdge(dut.clk_i)
            dut.cmd_valid_i.value = 0

    async def take(self) -> tuple[int, int]:
        """One beat from the data stream: value, last."""
        dut = self.dut
        for _ in range(5000):
            ready = int(random.random() >= self.sink_share)
            dut.data_ready_i.value = ready
            await RisingEdge(dut.clk_i)
            if ready and dut.data_valid_o.value == 1:
                return int(dut.data_o.value), int(dut.data_last_o.value)
        raise AssertionError("no data within 5000 cycles")

    async def check(self, commands: list[Command]) -> None:
        """Take the data of `commands` and compare it with the memory."""
        for address, beats in commands:
            for i in range(beats):
                value, last = await self.take()
                where = address + 8 * i
                expected = 0 if where in self.memory.poisoned else self.memory.beat(where)
                assert value == expected, f"wrong beat {i} of {beats} at {address:#x}"
                assert last == (i == beats - 1), f"wrong last at beat {i} of {beats}"
        self.dut.data_ready_i.value = 0

    async def transfer(self, commands: list[Command], gaps: bool = True) -> None:
        """Run commands to the end and see the reader idle and empty."""
        sender = cocotb.start_soon(self.send(commands, gaps))
        await self.check(commands)
        await sender
        await ClockCycles(self.dut.clk_i, 4)
        assert self.dut.idle_o.value == 1
        assert self.dut.data_valid_o.value == 0

    async def wait_idle(self) -> None:
        """Wait until nothing is queued or outstanding."""
        for _ in range(5000):
            await RisingEdge(self.dut.clk_i)
            if self.dut.idle_o.value == 1:
                return
        raise AssertionError("not idle within 5000 cycles")


def boundary_commands(burst_beats: int) -> list[Command]:
    """Every length up to two bursts and a beat from every place around a 4 KB boundary."""
    lengths = range(1, 2 * burst_beats + 2)
    starts = range(-burst_beats - 1, burst_beats + 1)
    return [(0x2000 + 8 * s, n) for s, n in itertools.product(starts, lengths)]


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def every_length_and_alignment(dut: Any) -> None:
    """All short commands around a boundary, shuffled, with pauses on every channel."""
    bench = Bench(dut)
    await bench.start()
    commands = boundary_commands(bench.burst_beats)
    random.shuffle(commands)
    cut = len(commands) // 3
    for share, part in (
        (0.5, commands[:cut]),
        (0.2, commands[cut : 2 * cut]),
        (0.0, commands[cut:]),
    ):
        bench.pause(share, share, share)
        await bench.transfer(part)
    assert bench.errors == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def full_fifo(dut: Any) -> None:
    """A consumer that stops for long: nothing is lost and nothing asked for in vain."""
    bench = Bench(dut)
    await bench.start()
    beats = 3 * bench.fifo_depth + 5
    sender = cocotb.start_soon(bench.send([(0x88, beats)]))
    await ClockCycles(dut.clk_i, bench.fifo_depth + 400)
    assert bench.fifo_depth - bench.burst_beats < bench.received <= bench.fifo_depth
    bench.pause(0.0, 0.3, 0.0)
    await bench.check([(0x88, beats)])
    await sender


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def full_speed(dut: Any) -> None:
    """Without pauses a beat comes in every cycle, from one command to the next as well."""
    bench = Bench(dut)
    await bench.start()
    commands = [(0x1000, 300), (0x4000, 32), (0x5000, 32), (0x3000, 200)]
    cocotb.start_soon(bench.send(commands, gaps=False))
    await bench.take()
    gaps = 0
    for _ in range(sum(n for _, n in commands) - 1):
        await RisingEdge(dut.clk_i)
        while dut.data_valid_o.value == 0:
            gaps += 1
            await RisingEdge(dut.clk_i)
    assert bench.most_outstanding > 1
    assert gaps == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def error_responses(dut: Any) -> None:
    """Each bad beat is reported once, and delivered."""
    bench = Bench(dut)
    await bench.start()
    bench.pause(0.2, 0.2, 0.2)
    bench.memory.poisoned = {0x1008, 0x1010, 0x1078, 0x2000}
    await bench.transfer([(0x1000, 40), (0x1F80, 20), (0x3000, 7)])
    assert bench.errors == 4


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def abort_and_restart(dut: Any) -> None:
    """Abort at any time, as level or pulse: AR keeps its rules, old data never shows up again."""
    bench = Bench(dut)
    await bench.start()
    bench.memory.poisoned = {0x6000}
    for round_ in range(60):
        share = random.choice((0.0, 0.3, 0.7))
        bench.pause(share, share, 0.3)
        sender = cocotb.start_soon(bench.send([(0x6000 - 8 * random.randint(0, 40), 200)] * 3))
        for _ in range(random.randint(0, 60)):
            dut.data_ready_i.value = int(random.random() < 0.7)
            await RisingEdge(dut.clk_i)
        dut.data_ready_i.value = 0
        sender.cancel()
        # A command taken in the cycle of the abort is dropped with the others.
        dut.cmd_valid_i.value = random.randint(0, 1)
        dut.abort_i.value = 1
        await RisingEdge(dut.clk_i)
        if round_ % 2:
            dut.abort_i.value = 0
        await RisingEdge(dut.clk_i)
        dut.cmd_valid_i.value = 0
        await RisingEdge(dut.clk_i)
        errors = bench.errors
        await bench.wait_idle()
        asked = bench.asked
        assert bench.outstanding == 0, "idle while bursts are outstanding"
        assert bench.errors == errors, "error reported for dropped data"
        dut.abort_i.value = 0
        await ClockCycles(dut.clk_i, 3)
        assert dut.cmd_ready_o.value == 1 and dut.data_valid_o.value == 0
        assert bench.asked == asked
        bench.asked = bench.popped = bench.received = 0
        errors = bench.errors
        await bench.transfer([(0x7000 + 8 * random.randint(0, 20), random.randint(1, 50))] * 2)
        assert bench.errors == errors


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def beats_of_before_a_reset(dut: Any) -> None:
    """What a memory still owes to the time before a reset is dropped; the next command is right."""
    dut.cmd_valid_i.value = dut.data_ready_i.value = dut.abort_i.value = 0
    dut.axi_arready_i.value = dut.axi_rvalid_i.value = 0
    start_clock(dut)
    await reset(dut)
    for _ in range(100):
        dut.axi_rvalid_i.value = random.randint(0, 1)
        dut.axi_rlast_i.value = random.randint(0, 1)
        dut.axi_rresp_i.value = random.choice((0, 2))
        dut.axi_rdata_i.value = random.getrandbits(64)
        await RisingEdge(dut.clk_i)
        assert dut.idle_o.value == 1 and dut.data_valid_o.value == 0 and dut.error_o.value == 0
    dut.axi_rvalid_i.value = 0
    await ClockCycles(dut.clk_i, 3)
    dut.axi_rresp_i.value = 0
    for round_ in range(3):
        dut.cmd_valid_i.value, dut.cmd_addr_i.value, dut.cmd_beats_i.value = 1, 0x80, 3
        await RisingEdge(dut.clk_i)
        dut.cmd_valid_i.value = 0
        dut.axi_arready_i.value = dut.data_ready_i.value = 1
        while dut.axi_arvalid_o.value == 0:
            await RisingEdge(dut.clk_i)
        assert (int(dut.axi_araddr_o.value), int(dut.axi_arlen_o.value)) == (0x80, 2)
        got = []
        for beat in range(12):
            dut.axi_rvalid_i.value = int(beat < 3)
            dut.axi_rlast_i.value = int(beat == 2)
            dut.axi_rdata_i.value = 10 * round_ + beat
            await RisingEdge(dut.clk_i)
            if dut.data_valid_o.value == 1:
                got.append((int(dut.data_o.value), int(dut.data_last_o.value)))
        assert got == [(10 * round_ + beat, int(beat == 2)) for beat in range(3)]
        assert dut.idle_o.value == 1
