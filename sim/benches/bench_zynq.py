"""Bench of the whole programmable logic of a Zynq, from the pins of its processing system.

The bench is the processor (bursts on M_AXI_GP0, pynq's way to handle an interrupt) and the memory
behind S_AXI_HP0 and S_AXI_HP2. A checker of AXI3's rules watches all three ports.
"""

from __future__ import annotations

import logging
import random
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout
from cocotbext.axi import AxiReadBus, AxiSlaveRead, AxiSlaveWrite, AxiWriteBus

from firebrick.hw import definition as d
from firebrick.sim.benches.axi3_checker import INCR, Axi3Checker, watch
from firebrick.sim.benches.axi3_master import Axi3Master, Read, Write
from firebrick.sim.benches.axi_memory import Memory, pauses
from firebrick.sim.benches.bench_engine import (
    BUSY,
    DONE,
    ERROR,
    FAILED,
    INPUT,
    RECIPES,
    REGISTER,
    SIGNALS,
    SIZE,
    Bench,
    engine_shape,
    fitting_network,
)
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images

OKAY, SLVERR, DECERR = 0, 2, 3
INTC = {r.name: d.INTC_BASE + r.offset for r in d.INTC_REGISTERS}
MEMORY_BASE = 0x1C00_0000  # in the half gigabyte of DDR that the boards have
HOLE = 0x7FFF_F000  # in GP0's range, in no window
# What the design has to send with every burst; why is said in firebrick_zynq.sv.
HP_CONSTANTS = {
    f"{channel}{name}": value
    for channel in ("aw", "ar")
    for name, value in (
        ("id", 0),
        ("size", 3),
        ("burst", INCR),
        ("lock", 0),
        ("cache", 0b0011),
        ("prot", 0),
        ("qos", 0),
    )
}
# What enters the module is added to what leaves it: a map that is read through HP2.
BYPASS = Recipe(15, 23, 3, 3, 1, 1, 11, (Pool(3, True), Fire(4, 5, 6, bypass=True)), 9, 0)


class Widened:
    """A signal that AXI4 has more bits of, for the classes that insist on them: read only."""

    def __init__(self, handle: Any, width: int) -> None:
        self._handle, self._width = handle, width

    def __len__(self) -> int:
        return self._width

    @property
    def value(self) -> Any:
        return self._handle.value


class View:
    """A port of the processing system as cocotbext-axi expects it."""

    def __init__(self, ps: Any, port: str) -> None:
        self._name, self._log = ps._name, ps._log
        for name in (*SIGNALS, "arid", "rid", "awid", "bid"):
            handle = getattr(ps, f"{port}_{name}")
            width = {"len": 8, "size": 3}.get(name[2:])
            setattr(self, f"{port}_{name}", Widened(handle, width) if width else handle)


class Ddr(Memory):
    """Memory from MEMORY_BASE on; its content is addressed from 0."""

    async def read(self, address: int, length: int) -> bytes:
        return await super().read(address - MEMORY_BASE, length)

    async def write(self, address: int, data: bytes) -> None:
        await super().write(address - MEMORY_BASE, data)

    def _check(self, address: int, length: int) -> None:
        if address < 0:
            raise ValueError(f"no memory {-address} bytes below its first")
        super()._check(address, length)


class ZynqBench(Bench):
    """Processor and memory around the programmable logic."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.ps = ps = dut.u_ps7
        self.shape = engine_shape()
        self.memory = Ddr(SIZE)
        logging.getLogger(f"cocotb.{ps._name}").setLevel(logging.ERROR)
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.gp = Axi3Master(ps, "gp0", ps.clk)
        args = (ps.clk, ps.reset_n)
        slave = {"target": self.memory, "reset_active_level": False}
        self.reads = [
            AxiSlaveRead(AxiReadBus.from_prefix(View(ps, port), port), *args, **slave)
            for port in ("hp0", "hp2")
        ]
        self.writes = AxiSlaveWrite(AxiWriteBus.from_prefix(View(ps, "hp0"), "hp0"), *args, **slave)
        for name in ("awready", "wready", "bvalid"):
            getattr(ps, f"hp2_{name}").value = 0
        self.checkers = {
            "gp0": Axi3Checker("GP0", 4),
            "hp0": Axi3Checker("HP0", 8, HP_CONSTANTS),
            "hp2": Axi3Checker("HP2", 8, HP_CONSTANTS),
        }

    async def start(self) -> None:
        """Clock, reset as the processor gives it (not in step with the clock), pynq's set-up."""
        ps = self.ps
        ps.reset_n.value = 0
        self.clock = Clock(ps.clk, 10, unit="ns", impl="gpi")
        self.clock.start()
        await Timer(random.randint(60, 90), "ns")
        ps.reset_n.value = 1
        # A pumped engine has no clock until its MMCM has locked.
        await ClockCycles(ps.clk, 5 if self.shape.pump == 1 else 150)
        self.gp.run()
        for port, checker in self.checkers.items():
            cocotb.start_soon(watch(checker, ps, port, ps.clk))
        await self.put(INTC["IER"], 0)

    def set_clock(self, period_ns: int) -> None:
        """Another FCLK0, from here on."""
        self.clock.stop()
        self.clock = Clock(self.ps.clk, period_ns, unit="ns", impl="gpi")
        self.clock.start()

    def pause(self, share: float) -> None:
        self.gp.pause = share
        channels = [c for r in self.reads for c in (r.ar_channel, r.r_channel)]
        channels += [self.writes.aw_channel, self.writes.w_channel, self.writes.b_channel]
        for channel in channels:
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False

    async def put(self, address: int, value: int) -> None:
        assert await self.gp.write(address, value, id=random.getrandbits(12)) == OKAY

    async def get(self, address: int) -> int:
        value, response = await self.gp.read(address, id=random.getrandbits(12))
        assert response == OKAY
        return value

    async def write(self, name: str, value: int) -> None:
        if name.endswith(("_ADDR", "_END")):
            value += MEMORY_BASE
        await self.put(d.ENGINE_BASE + REGISTER[name], value)

    async def read(self, name: str) -> int:
        return await self.get(d.ENGINE_BASE + REGISTER[name])

    async def interrupt(self) -> None:
        """pynq's `Interrupt.wait`: enable, wait for the processor's interrupt, take it."""
        await self.put(INTC["SIE"], 1)
        await self.put(INTC["MER"], 3)
        if self.ps.irq.value == 0:
            await with_timeout(RisingEdge(self.ps.irq), 5, "ms")
        pending = await self.get(INTC["IPR"])
        assert pending == 1
        await self.put(INTC["CIE"], pending)
        await self.put(INTC["IAR"], pending)

    async def interrupted(self) -> int:
        """As the driver waits: the interrupt may be the last run's, STATUS tells."""
        waits = 0
        while (status := await self.read("STATUS")) & BUSY:
            assert waits < 2, "interrupts without a reason"
            await self.interrupt()
            waits += 1
        causes = await self.read("IRQ_STATUS")
        assert causes == (1 if status & DONE else 2)
        await self.write("IRQ_STATUS", causes)
        assert await self.read("IRQ_STATUS") == 0
        return status

    def finish(self) -> None:
        """Nothing may be under way on any port; what each of them has seen."""
        for checker in self.checkers.values():
            checker.finish()


async def disturb(bench: ZynqBench, accesses: list[Read | Write]) -> None:
    """Accesses that leave the engine alone, with changing IDs, several under way."""
    constants = ("ID", "VERSION", "SHAPE", "CAPACITY", "POOL_CAPACITY", "DEFINITION")
    while True:
        burst: list[Read | Write] = []
        for _ in range(random.randint(1, 4)):
            name = random.choice(constants)
            tag = random.getrandbits(12)
            word = (random.getrandbits(32), 0xF)
            burst += [
                Read(d.ENGINE_BASE + REGISTER[name], id=tag),
                Read(d.ENGINE_BASE, random.choice((3, 7, 15)), id=tag ^ 1),
                Read(HOLE, random.randrange(16), id=tag ^ 2),
                Write(HOLE, [word] * random.randint(1, 16), id=tag),
                Write(d.ENGINE_BASE + REGISTER["TIMEOUT"], [(0, 1 << random.randrange(4))], id=tag),
                Write(d.ENGINE_BASE + REGISTER[name], [word], id=tag ^ 3),
            ]
        random.shuffle(burst)
        for access in burst:
            bench.gp.start(access)
        for access in burst:
            await access.done.wait()
        accesses += burst


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def networks_end_to_end(dut: Any) -> None:
    """Random networks, all channels pausing, other traffic on GP0 meanwhile: bit for bit right."""
    bench = ZynqBench(dut)
    await bench.start()
    nets = [build(recipe, random.getrandbits(30)) for recipe in (RECIPES[0], BYPASS)]
    nets.append(fitting_network(bench.shape))
    for index, net in enumerate(nets):
        bench.pause((0.3, 0.0, 0.6)[index])
        others: list[Read | Write] = []
        task = cocotb.start_soon(disturb(bench, others))
        images = random_images(net, 2, random.getrandbits(30))
        await bench.check_run(net, images, apart=bool(index % 2))
        await ClockCycles(bench.ps.clk, 1)
        task.cancel()
        constants = [await bench.read(r.name) for r in d.REGISTERS[:5]]
        for access in others:
            outside = access.addr == HOLE
            if isinstance(access, Write):
                narrow = access.beats[0][1] != 0xF
                assert access.resp == (DECERR if outside else SLVERR if narrow else OKAY)
            else:
                assert access.resps == [DECERR if outside else OKAY] * (access.len + 1)
                if access.addr == d.ENGINE_BASE and access.len:
                    assert access.data[: min(access.len + 1, 5)] == constants[: access.len + 1]
        assert others
    # What is still under way on GP0 was started by the disturbance.
    await ClockCycles(bench.ps.clk, 3000)
    bench.finish()
    hp0, hp2 = bench.checkers["hp0"].seen, bench.checkers["hp2"].seen
    assert min(hp0["ar1"], hp0["aw1"], hp0["b0"], hp2["ar1"]) > 100
    assert hp2["aw1"] == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def registers_by_bursts(dut: Any) -> None:
    """The engine's registers set and read as a memcpy does it; who is where; what is nowhere."""
    bench = ZynqBench(dut)
    await bench.start()
    bench.pause(0.2)
    assert await bench.read("ID") == d.ENGINE_ID
    assert await bench.read("DEFINITION") == d.DEFINITION
    assert await bench.get(INTC["IVR"]) == 0xFFFF_FFFF
    names = [r.name for r in d.REGISTERS if REGISTER["PROGRAM_ADDR"] <= r.offset <= 0x44]
    values = [random.getrandbits(16) for _ in names]
    first = d.ENGINE_BASE + REGISTER["PROGRAM_ADDR"]
    setup = Write(first, [(value, 0xF) for value in values], id=0x123)
    await bench.gp.start(setup).wait()
    assert setup.resp == OKAY
    block = Read(d.ENGINE_BASE, 15, id=0xFFF)
    again = Read(first + 4, 3, id=0x001, burst=2)  # wraps around at 16 bytes
    for access in (block, again):
        bench.gp.start(access)
    for access in (block, again):
        await access.done.wait()
    offset = REGISTER["PROGRAM_ADDR"] // 4
    assert block.data[offset:] == values[: 16 - offset] and block.resps == [OKAY] * 16
    wrapped = [(first + 4 - d.ENGINE_BASE) // 16 * 4 + (offset + 1 + k) % 4 for k in range(4)]
    for index, word in enumerate(wrapped):
        assert again.data[index] == (block.data[word] if word < 16 else values[word - offset])
    # A byte of a register cannot be written, and no other byte changes.
    narrow = Write(first + 1, [(0xAA << 8, 0b0010)], size=0)
    await bench.gp.start(narrow).wait()
    assert narrow.resp == SLVERR and await bench.get(first) == values[0]
    byte = Read(first + 1, size=0, id=5)
    await bench.gp.start(byte).wait()
    assert byte.data[0] >> 8 & 0xFF == values[0] >> 8 & 0xFF
    # The interrupt controller's, one after another with nothing else in between, and as a burst.
    for _ in range(2):
        for name, value in (("IER", 0), ("ISR", 0), ("IVR", 0xFFFF_FFFF)):
            assert await bench.get(INTC[name]) == value
    controller = Read(d.INTC_BASE, 7)
    await bench.gp.start(controller).wait()
    assert controller.data[6] == 0xFFFF_FFFF and controller.resps == [OKAY] * 8
    for address in (0x4000_0000, d.INTC_BASE + d.INTC_BYTES, d.ENGINE_BASE - 4, HOLE):
        assert (await bench.gp.read(address))[1] == DECERR
        assert await bench.gp.write(address, 1) == DECERR
    bench.finish()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def errors_and_reset(dut: Any) -> None:
    """An error response of the memory is an interrupt; the processor's reset ends everything."""
    bench = ZynqBench(dut)
    await bench.start()
    bench.pause(0.1)
    net = build(RECIPES[1], random.getrandbits(30))
    images = random_images(net, 1, random.getrandbits(30))
    await bench.check_run(net, images, apart=False)
    bench.memory.poisoned = {INPUT}
    # The program is still there: run it again.
    for name, value in (("IRQ_ENABLE", 3), ("CONTROL", 1)):
        await bench.write(name, value)
    status = await bench.interrupted()
    assert status & FAILED and await bench.read("ERROR") & 0xFF == ERROR["MAP_READ"]
    bench.memory.poisoned = set()
    await bench.soft_reset()
    await bench.write("IRQ_ENABLE", 3)
    await bench.write("CONTROL", 1)
    await bench.interrupted()
    # Both ends of the ports are idle now, and the reset comes in the middle of a cycle.
    bench.finish()
    await Timer(random.randint(1, 9), "ns")
    bench.ps.reset_n.value = 0
    await Timer(random.randint(60, 99), "ns")
    bench.ps.reset_n.value = 1
    await ClockCycles(bench.ps.clk, 5)
    assert bench.ps.irq.value == 0
    assert await bench.get(INTC["MER"]) == 0 and await bench.read("STATUS") == 0
    assert await bench.read("IRQ_ENABLE") == 0
    np.testing.assert_equal(await bench.read("TIMEOUT"), 1 << 20)
    await bench.check_run(net, images, apart=True)
    bench.finish()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def clock_changes(dut: Any) -> None:
    """FCLK0 set anew while the engine is idle: a pumped one is reset, says so and goes on; a clock
    that its MMCM cannot make two of leaves it in reset until a better one comes."""
    bench = ZynqBench(dut)
    await bench.start()
    net = build(RECIPES[1], random.getrandbits(30))
    images = random_images(net, 1, random.getrandbits(30))
    await bench.check_run(net, images, apart=False)
    pumped = bench.shape.pump > 1
    # 20 ns: an oscillator of 500 MHz, which never locks.  Nobody may ask for anything then.
    for periods in ((12,), (10,), (20, 10)):
        for period_ns in periods:
            bench.set_clock(period_ns)
            await ClockCycles(bench.ps.clk, 300)
        assert await bench.read("STATUS") == (FAILED if pumped else DONE)
        assert await bench.read("ERROR") & 0xFF == ERROR["CLOCK" if pumped else "NONE"]
        await bench.soft_reset()
        assert await bench.read("STATUS") == await bench.read("ERROR") == 0
        await bench.put(INTC["IER"], 0)
        await bench.check_run(net, images, apart=False)
    bench.finish()
