"""Bench of `fb_intc`: the AXI INTC's registers as documented, and pynq's way to use them."""

from __future__ import annotations

import logging
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from firebrick.hw import definition as d
from firebrick.sim.benches.axi_memory import PortView, pauses
from firebrick.sim.benches.bench_axil import PORTS
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

OFFSET = {r.name: r.offset for r in d.INTC_REGISTERS}
ENABLE, HARDWARE = 1, 2
NONE_PENDING = 0xFFFF_FFFF


class Model:
    """What the registers hold, written down from the documentation."""

    def __init__(self, inputs: int) -> None:
        self.mask = (1 << inputs) - 1
        self.isr = self.ier = self.mer = 0

    @property
    def pending(self) -> int:
        return self.isr & self.ier

    def write(self, name: str, value: int, level: int) -> None:
        bits = value & self.mask
        if name == "ISR" and not self.mer & HARDWARE:
            self.isr = bits
        elif name == "IER":
            self.ier = bits
        elif name == "IAR":
            self.isr &= ~bits
        elif name == "SIE":
            self.ier |= bits
        elif name == "CIE":
            self.ier &= ~bits
        elif name == "MER":
            self.mer = value & ENABLE | (self.mer | value) & HARDWARE
        self.sample(level)

    def sample(self, level: int) -> None:
        if self.mer & HARDWARE:
            self.isr |= level

    def read(self, name: str) -> int:
        lowest = (self.pending & -self.pending).bit_length() - 1
        vector = lowest if self.pending else NONE_PENDING
        values = {"ISR": self.isr, "IPR": self.pending, "IER": self.ier, "MER": self.mer}
        return {**values, "IVR": vector}.get(name, 0)

    @property
    def output(self) -> int:
        return int(bool(self.mer & ENABLE and self.pending))


class Bench:
    """The register master and the inputs."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.inputs = int(bench_parameters().get("Inputs", 1))
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        bus = AxiLiteBus.from_prefix(PortView(dut, "axil", PORTS, {}), "axil")
        self.master = AxiLiteMaster(bus, dut.clk_i, dut.rst_ni, reset_active_level=False)
        dut.irq_i.value = 0

    async def start(self) -> None:
        start_clock(self.dut)
        await reset(self.dut)

    def pause(self, share: float) -> None:
        write, read = self.master.write_if, self.master.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel]
        for channel in (*channels, read.ar_channel, read.r_channel):
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False

    async def write(self, offset: int, value: int) -> None:
        response = await self.master.write(offset, value.to_bytes(4, "little"))
        assert response.resp == AxiResp.OKAY

    async def read(self, offset: int) -> int:
        response = await self.master.read(offset, 4)
        assert response.resp == AxiResp.OKAY
        return int.from_bytes(response.data, "little")

    async def settle(self) -> None:
        await ClockCycles(self.dut.clk_i, 4)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_accesses(dut: Any) -> None:
    """All registers written and read in any order while the inputs come and go."""
    bench = Bench(dut)
    await bench.start()
    model = Model(bench.inputs)
    level = 0
    names = [*OFFSET, "IMR", "ILR", "none"]
    offsets = {**OFFSET, "IMR": 0x20, "ILR": 0x24, "none": 0xFFC}
    for step in range(500):
        bench.pause(random.choice((0.0, 0.3)))
        if random.random() < 0.4:
            level = random.getrandbits(bench.inputs) & random.getrandbits(bench.inputs)
            dut.irq_i.value = level
            await bench.settle()
            model.sample(level)
        name = random.choice(names)
        if random.random() < 0.6:
            value = random.getrandbits(32)
            if name == "MER":  # hardware interrupts cannot be switched off again
                value &= random.choice((0, ENABLE, ENABLE)) | (HARDWARE if step > 150 else 0)
            await bench.write(offsets[name], value)
            model.write(name, value, level)
        else:
            assert await bench.read(offsets[name]) == model.read(name), f"{name} in step {step}"
        await bench.settle()
        assert dut.irq_o.value == model.output, f"output in step {step}"
    assert model.mer & HARDWARE


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reset_state(dut: Any) -> None:
    """After reset nothing is enabled, and an input that is high is not seen."""
    bench = Bench(dut)
    dut.irq_i.value = (1 << bench.inputs) - 1
    await bench.start()
    for name in OFFSET:
        expected = NONE_PENDING if name == "IVR" else 0
        assert await bench.read(OFFSET[name]) == expected, name
    assert dut.irq_o.value == 0
    await bench.write(OFFSET["MER"], ENABLE | HARDWARE)
    assert await bench.read(OFFSET["ISR"]) == (1 << bench.inputs) - 1
    assert dut.irq_o.value == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def software_interrupts(dut: Any) -> None:
    """ISR can be written until hardware interrupts are enabled."""
    bench = Bench(dut)
    await bench.start()
    await bench.write(OFFSET["IER"], 1)
    await bench.write(OFFSET["MER"], ENABLE)
    await bench.write(OFFSET["ISR"], 1)
    await bench.settle()
    assert dut.irq_o.value == 1 and await bench.read(OFFSET["IVR"]) == 0
    await bench.write(OFFSET["IAR"], 1)
    await bench.settle()
    assert dut.irq_o.value == 0
    await bench.write(OFFSET["MER"], ENABLE | HARDWARE)
    await bench.write(OFFSET["ISR"], 1)
    assert await bench.read(OFFSET["ISR"]) == 0
    await bench.write(OFFSET["MER"], 0)
    assert await bench.read(OFFSET["MER"]) == HARDWARE


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def as_pynq_uses_it(dut: Any) -> None:
    """Enable, wait, disable, acknowledge, and only then quiet the source: one stale interrupt."""
    bench = Bench(dut)
    await bench.start()
    write, read = bench.write, bench.read
    await write(OFFSET["IER"], 0)  # pynq finds the controller
    for _ in range(3):
        await write(OFFSET["SIE"], 1)  # someone waits
        await write(OFFSET["MER"], ENABLE | HARDWARE)
        await bench.settle()
        if dut.irq_o.value == 1:  # latched by the last round, after it was acknowledged
            assert await read(OFFSET["IPR"]) == 1
            await write(OFFSET["CIE"], 1)
            await write(OFFSET["IAR"], 1)
            await write(OFFSET["SIE"], 1)
            await write(OFFSET["MER"], ENABLE | HARDWARE)
            await bench.settle()
        assert dut.irq_o.value == 0
        dut.irq_i.value = 1
        cycles = 0
        while dut.irq_o.value == 0:
            await RisingEdge(dut.clk_i)
            cycles += 1
            assert cycles < 5
        assert await read(OFFSET["IPR"]) == 1
        await write(OFFSET["CIE"], 1)
        await bench.settle()
        assert dut.irq_o.value == 0
        await write(OFFSET["IAR"], 1)
        assert await read(OFFSET["ISR"]) == 1, "an input that is still high is seen again"
        dut.irq_i.value = 0
        await bench.settle()
        assert dut.irq_o.value == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reset_while_interrupting(dut: Any) -> None:
    """A reset, be it of one cycle, ends the interrupt with it, and forgets that there was one."""
    bench = Bench(dut)
    await bench.start()
    for cycles in (1, 4):
        await bench.write(OFFSET["SIE"], 1)
        await bench.write(OFFSET["MER"], ENABLE | HARDWARE)
        dut.irq_i.value = 1
        await bench.settle()
        assert dut.irq_o.value == 1
        dut.irq_i.value = 0
        await reset(dut, cycles)
        await RisingEdge(dut.clk_i)
        assert dut.irq_o.value == 0
        assert await bench.read(OFFSET["ISR"]) == await bench.read(OFFSET["MER"]) == 0
