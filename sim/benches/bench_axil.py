"""Bench of `fb_axil` with the AXI4-Lite master of cocotbext-axi and a register file in Python."""

from __future__ import annotations

import logging
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from firebrick.sim.benches.axi_memory import PortView, pauses
from firebrick.sim.benches.runner import reset, start_clock

PORTS = (
    ("awaddr", "i"),
    ("awvalid", "i"),
    ("awready", "o"),
    ("wdata", "i"),
    ("wstrb", "i"),
    ("wvalid", "i"),
    ("wready", "o"),
    ("bresp", "o"),
    ("bvalid", "o"),
    ("bready", "i"),
    ("araddr", "i"),
    ("arvalid", "i"),
    ("arready", "o"),
    ("rdata", "o"),
    ("rresp", "o"),
    ("rvalid", "o"),
    ("rready", "i"),
)
SIZE = 0x2000
BAD = 0x1800  # the register bus answers with an error from here on


class Bench:
    """Master, and a register file with the bus's timing: errors after 1 cycle, data after 3."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.registers = bytearray(random.randbytes(SIZE))
        self.expected = bytearray(self.registers)
        self.writes = self.reads = 0
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        bus = AxiLiteBus.from_prefix(PortView(dut, "axil", PORTS, {}), "axil")
        self.master = AxiLiteMaster(bus, dut.clk_i, dut.rst_ni, reset_active_level=False)

    async def start(self) -> None:
        """Clock, reset and register file."""
        start_clock(self.dut)
        await reset(self.dut)
        cocotb.start_soon(self._serve_writes())
        cocotb.start_soon(self._serve_reads())

    def pause(self, share: float) -> None:
        """Set the share of cycles in which each of the five channels pauses."""
        write, read = self.master.write_if, self.master.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel):
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False
        for channel in (read.ar_channel, read.r_channel):
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False

    async def _serve_writes(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            # The right answer is there in the one cycle in which it counts, noise otherwise.
            dut.wr_error_i.value = random.randint(0, 1)
            if dut.wr_en_o.value == 0:
                continue
            self.writes += 1
            address, data = int(dut.wr_addr_o.value), int(dut.wr_data_o.value)
            strobes = int(dut.wr_strb_o.value)
            dut.wr_error_i.value = int(address >= BAD)
            if address < BAD:
                for lane in range(4):
                    if strobes >> lane & 1:
                        self.registers[(address & ~3) + lane] = data >> 8 * lane & 0xFF

    async def _serve_reads(self) -> None:
        dut = self.dut
        pipeline: deque[int | None] = deque([None, None])
        while True:
            await RisingEdge(dut.clk_i)
            started = int(dut.rd_addr_o.value) if dut.rd_en_o.value == 1 else None
            self.reads += started is not None
            pipeline.append(started)
            address = pipeline.popleft()
            if address is None:
                dut.rd_data_i.value = random.getrandbits(32)
                dut.rd_error_i.value = random.randint(0, 1)
            else:
                word = self.registers[address & ~3 : (address & ~3) + 4]
                dut.rd_data_i.value = int.from_bytes(word, "little")
                dut.rd_error_i.value = int(address >= BAD)

    async def write(self, address: int, data: bytes) -> None:
        """Write through the master and check the response."""
        response = await self.master.write(address, data)
        bad = address + len(data) > BAD
        assert response.resp == (AxiResp.SLVERR if bad else AxiResp.OKAY)
        if not bad:
            self.expected[address : address + len(data)] = data

    async def read(self, address: int, length: int) -> None:
        """Read through the master and compare with what was written."""
        response = await self.master.read(address, length)
        bad = address + length > BAD
        assert response.resp == (AxiResp.SLVERR if bad else AxiResp.OKAY)
        if not bad:
            assert response.data == self.expected[address : address + length]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_accesses(dut: Any) -> None:
    """Words and parts of words, good and bad addresses, pauses on every channel."""
    bench = Bench(dut)
    await bench.start()
    for share in (0.0, 0.3, 0.7):
        bench.pause(share)
        for _ in range(150):
            size = random.choice((1, 2, 4, 4, 4, 8))
            address = random.randrange(0, SIZE - 8)
            address -= address % min(size, 4)
            if address < BAD < address + size:
                continue  # the master would merge a good and a bad response
            if random.random() < 0.5:
                await bench.write(address, random.randbytes(size))
            else:
                await bench.read(address, size)
    assert bench.registers == bench.expected


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reads_and_writes_at_once(dut: Any) -> None:
    """Both directions run independently; each access reaches the register bus exactly once."""
    bench = Bench(dut)
    await bench.start()
    bench.pause(0.3)

    async def write_all() -> None:
        for address in range(0, 0x200, 4):
            await bench.write(address, random.randbytes(4))

    async def read_all() -> None:
        for address in range(0x400, 0x600, 4):
            await bench.read(address, 4)

    writer, reader = cocotb.start_soon(write_all()), cocotb.start_soon(read_all())
    await writer
    await reader
    assert bench.writes == 128 and bench.reads == 128
    assert bench.registers == bench.expected


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def data_before_address(dut: Any) -> None:
    """The two halves of a write arrive in either order, far apart."""
    bench = Bench(dut)
    await bench.start()
    write = bench.master.write_if
    for late in (write.aw_channel, write.w_channel):
        late.pause = True
        task = cocotb.start_soon(bench.write(0x40, random.randbytes(4)))
        for _ in range(20):
            await RisingEdge(dut.clk_i)
            assert dut.wr_en_o.value == 0
        late.pause = False
        await task
    assert bench.writes == 2 and bench.registers == bench.expected
