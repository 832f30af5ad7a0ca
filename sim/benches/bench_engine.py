"""Bench of the whole engine: random networks, pausing memories, error responses.

Both AXI4 masters see one memory of cocotbext-axi; its AXI4-Lite master is the driver. Every
stored map and every sum is compared with the golden model.
"""

from __future__ import annotations

import logging
import random
from dataclasses import fields, replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiReadBus,
    AxiResp,
    AxiSlaveRead,
    AxiSlaveWrite,
    AxiWriteBus,
)

from firebrick.host.layout import pack_input, unpack_map
from firebrick.host.program import Program, parse_program
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.benches.axi_memory import Constant, Memory, pauses
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock
from firebrick.sim.random_networks import (
    Fire,
    Pool,
    Recipe,
    build,
    random_images,
    random_narrow,
    random_recipe,
)

# Where things lie; what is written beyond its place would show up as a wrong comparison.
PROGRAM, INPUT, OUTPUT, SCRATCH, SIZE = 0x000000, 0x080000, 0x0A0000, 0x0C0000, 0x180000
REGISTER = {r.name: r.offset for r in d.REGISTERS}
ERROR = {name: code for code, name, _ in d.ERRORS}
BUSY, DONE, FAILED, RESETTING = 1, 2, 4, 8

READ_SIGNALS = "araddr arlen arsize arburst arvalid arready rdata rresp rlast rvalid rready"
WRITE_SIGNALS = "awaddr awlen awsize awburst awvalid awready wdata wstrb wlast wvalid wready"
SIGNALS = f"{READ_SIGNALS} {WRITE_SIGNALS} bresp bvalid bready".split()

# One network after the other exercises: pool behind the first layer, both pool kernels, phases,
# padding of the picture and of the classifier, layers without ReLU, odd channel counts, bypasses
# with and without a convolution in them, chained modules.
RECIPES = (
    Recipe(21, 26, 3, 3, 2, 0, 11, (Pool(3, True), Fire(5, 9, 13)), 19, 1),
    Recipe(13, 19, 1, 1, 1, 0, 10, (Fire(3, 8, 17, True), Pool(2, False)), 5, 0, relu=False),
    Recipe(20, 33, 3, 7, 2, 3, 9, (Fire(1, 2, 3), Pool(3, False), Fire(9, 10, 6)), 9, 1),
    Recipe(12, 17, 2, 3, 1, 1, 17, (Pool(2, True), Fire(4, 16, 8), Fire(3, 9, 15, True)), 33, 0),
    Recipe(9, 19, 2, 3, 1, 1, 7, (Fire(3, 5, 6), Fire(2, 7, 3), Fire(4, 3, 9)), 9, 1),
)


class View:
    """The ports of `dut` for cocotbext-axi, with the IDs that the engine does not have."""

    def __init__(self, dut: Any, prefix: str) -> None:
        self._name, self._log = dut._name, dut._log
        for name in SIGNALS:
            if hasattr(dut, f"{prefix}_{name}"):
                setattr(self, f"{prefix}_{name}", getattr(dut, f"{prefix}_{name}"))
        for name in ("arid", "rid", "awid", "bid"):
            setattr(self, f"{prefix}_{name}", Constant(4, 0))


def engine_shape() -> EngineShape:
    """The shape that the model was built with."""
    given = bench_parameters()
    names = {f.name: f.name.title().replace("_", "") for f in fields(EngineShape)}
    return EngineShape(**{name: given[port] for name, port in names.items() if port in given})


def fitting_network(shape: EngineShape) -> QNetwork:
    """A random small network that an engine of `shape` can run."""
    while True:
        seed = random.getrandbits(30)
        recipe = random_recipe(np.random.default_rng(seed))
        height, width = random.randint(9, 24), random.randint(9, 40)
        net = build(replace(recipe, height=height, width=width), seed)
        try:
            for apart in (False, True):
                compile_network(net, shape, stages_apart=apart)
        except CompileError:
            continue
        return net


def narrow_network(shape: EngineShape) -> QNetwork:
    """A random network with maps of two rows in one, in every way that ``shape`` has."""
    folds = 1 if shape.pixels % 2 else 3
    while True:
        net = random_narrow(random.getrandbits(30), shape.pixels, shape.channels)
        try:
            groups = compile_network(net, shape).groups
        except CompileError:
            continue
        halves = any(g.fields.get("half_first") or g.fields.get("half_last") for g in groups)
        if halves and len({g.fields.get("load_fold", 0) for g in groups}) == folds:
            return net


class Bench:
    """Engine, memory and register master."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.shape = engine_shape()
        self.memory = Memory(SIZE)
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        args = (dut.clk_i, dut.rst_ni)
        maps, program = View(dut, "m_axi_maps"), View(dut, "m_axi_program")
        slave = {"target": self.memory, "reset_active_level": False}
        self.reads = [
            AxiSlaveRead(AxiReadBus.from_prefix(maps, "m_axi_maps"), *args, **slave),
            AxiSlaveRead(AxiReadBus.from_prefix(program, "m_axi_program"), *args, **slave),
        ]
        self.writes = AxiSlaveWrite(AxiWriteBus.from_prefix(maps, "m_axi_maps"), *args, **slave)
        bus = AxiLiteBus.from_prefix(dut, "s_axi_control")
        self.master = AxiLiteMaster(bus, *args, reset_active_level=False)

    async def start(self) -> None:
        """Clock and reset."""
        start_clock(self.dut)
        await reset(self.dut)

    def pause(self, share: float) -> None:
        """Set the share of cycles in which each channel of every port pauses."""
        m = self.master
        channels = [c for r in self.reads for c in (r.ar_channel, r.r_channel)]
        channels += [self.writes.aw_channel, self.writes.w_channel, self.writes.b_channel]
        channels += [m.write_if.aw_channel, m.write_if.w_channel, m.write_if.b_channel]
        channels += [m.read_if.ar_channel, m.read_if.r_channel]
        for channel in channels:
            channel.set_pause_generator(pauses(share) if share else None)
            channel.pause = False

    async def write(self, name: str, value: int) -> None:
        response = await self.master.write(REGISTER[name], value.to_bytes(4, "little"))
        assert response.resp == AxiResp.OKAY

    async def read(self, name: str) -> int:
        response = await self.master.read(REGISTER[name], 4)
        assert response.resp == AxiResp.OKAY
        return int.from_bytes(response.data, "little")

    def store(self, address: int, data: bytes) -> None:
        self.memory.data[address : address + len(data)] = data

    async def launch(self, program: Program, images: np.ndarray) -> None:
        """Load program and pictures, write the registers, start."""
        shape = self.shape
        stride = -(-program.input.bytes // 128) * 128
        out_stride = -(-program.output.bytes // 128) * 128
        for index, image in enumerate(images):
            data = pack_input(image, program.input, shape.pixels, shape.word_bytes)
            self.store(INPUT + index * stride, data.tobytes())
        self.store(OUTPUT, random.randbytes(len(images) * out_stride))
        self.store(SCRATCH, random.randbytes(SIZE - SCRATCH))
        for name, value in (
            ("PROGRAM_ADDR", PROGRAM),
            ("INPUT_ADDR", INPUT),
            ("OUTPUT_ADDR", OUTPUT),
            ("SCRATCH_ADDR", SCRATCH),
            ("IMAGES", len(images)),
            ("INPUT_STRIDE", stride),
            ("OUTPUT_STRIDE", out_stride),
            ("PROGRAM_END", INPUT),
            ("INPUT_END", OUTPUT),
            ("OUTPUT_END", SCRATCH),
            ("SCRATCH_END", SIZE),
            ("TIMEOUT", 20000),
            ("IRQ_ENABLE", 3),
            ("CONTROL", 1),
        ):
            await self.write(name, value)

    async def interrupted(self) -> int:
        """Wait for the interrupt, acknowledge it; returns what STATUS says."""
        if self.dut.irq_o.value == 0:
            await with_timeout(RisingEdge(self.dut.irq_o), 5, "ms")
        causes = await self.read("IRQ_STATUS")
        status = await self.read("STATUS")
        assert causes == (1 if status & DONE else 2)
        await self.write("IRQ_STATUS", causes)
        await ClockCycles(self.dut.clk_i, 2)
        assert self.dut.irq_o.value == 0
        return status

    async def soft_reset(self) -> None:
        await self.write("CONTROL", 2)
        for _ in range(1000):
            if not await self.read("STATUS") & RESETTING:
                return
        raise AssertionError("the soft reset does not end")

    async def check_run(self, net: QNetwork, images: np.ndarray, apart: bool) -> None:
        """Run `images` and compare sums of all, and maps of the last one, with the golden model."""
        compiled = compile_network(net, self.shape, stages_apart=apart)
        program = parse_program(compiled.blob)
        assert len(compiled.blob) <= INPUT
        self.store(PROGRAM, compiled.blob)
        await self.launch(program, images)
        status = await self.interrupted()
        assert status == DONE, f"status {status:#x}, error {await self.read('ERROR'):#x}"
        expected = golden.run(net, images, keep=[m.name for m in program.maps])
        stride = -(-program.output.bytes // 128) * 128
        for index in range(len(images)):
            at = OUTPUT + index * stride
            raw = bytes(self.memory.data[at : at + program.output.bytes])
            sums = np.frombuffer(raw, "<i8") + np.array(program.output.addend)
            np.testing.assert_array_equal(sums, expected.sums[index], f"sums of image {index}")
        scratch = np.frombuffer(bytes(self.memory.data[SCRATCH:]), np.uint8)
        for spec in program.maps:
            actual = unpack_map(scratch, spec, self.shape.pixels, self.shape.word_bytes)
            np.testing.assert_array_equal(actual, expected.tensors[spec.name][-1], spec.name)
        await self.check_counters(len(images), len(compiled.groups))

    async def check_counters(self, images: int, groups: int) -> None:
        names = ("ACTIVE", *(r.name for r in d.REGISTERS if r.name.startswith("STALL_")))
        parts = [await self.read(name) for name in names]
        assert sum(parts) == await self.read("CYCLES_LO")
        assert await self.read("IMAGES_DONE") == images
        assert await self.read("GROUP") == images * groups


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def random_programs(dut: Any) -> None:
    """Random networks, fused and with each stage apart, two images a run, all channels pausing."""
    bench = Bench(dut)
    await bench.start()
    fixed = [build(recipe, random.getrandbits(30)) for recipe in RECIPES]
    nets = [*fixed, narrow_network(bench.shape)]
    nets += [fitting_network(bench.shape) for _ in range(2)]
    for index, net in enumerate(nets):
        bench.pause((0.0, 0.3, 0.1, 0.6)[index % 4])
        images = random_images(net, 2, random.getrandbits(30))
        await bench.check_run(net, images, apart=bool(index % 2))


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def error_responses(dut: Any) -> None:
    """A failing address on each port: error code, interrupt, soft reset, and a right run after."""
    bench = Bench(dut)
    await bench.start()
    net = build(RECIPES[1], random.getrandbits(30))
    images = random_images(net, 1, random.getrandbits(30))
    compiled = compile_network(net, bench.shape)
    program = parse_program(compiled.blob)
    stream = 64 + sum(len(g.encode()) for g in compiled.groups)
    for code, address in (
        ("PROGRAM_READ", PROGRAM + random.randrange(0, stream, 8)),
        ("MAP_READ", INPUT + random.randrange(0, program.input.bytes, 8)),
        ("MAP_WRITE", SCRATCH + program.maps[0].offset),
        ("MAP_WRITE", OUTPUT + 8),
    ):
        bench.pause(random.choice((0.0, 0.3)))
        bench.store(PROGRAM, compiled.blob)
        bench.memory.poisoned = {address}
        await bench.launch(program, images)
        status = await bench.interrupted()
        error = await bench.read("ERROR")
        assert status & FAILED and not status & DONE
        assert error & 0xFF == ERROR[code], f"error {error & 0xFF}, not {code}"
        bench.memory.poisoned = set()
        await bench.soft_reset()
        assert await bench.read("STATUS") == 0 and await bench.read("ERROR") & 0xFF == 0
    await bench.check_run(net, images, apart=False)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def soft_reset_any_time(dut: Any) -> None:
    """A soft reset in the middle of a run, at random moments; the next run is right."""
    bench = Bench(dut)
    await bench.start()
    net = build(RECIPES[1], random.getrandbits(30))
    images = random_images(net, 1, random.getrandbits(30))
    compiled = compile_network(net, bench.shape)
    program = parse_program(compiled.blob)
    bench.store(PROGRAM, compiled.blob)
    for _ in range(6):
        bench.pause(random.choice((0.0, 0.3)))
        await bench.launch(program, images)
        await ClockCycles(dut.clk_i, random.randint(0, 2500))
        await bench.soft_reset()
        assert dut.irq_o.value == 0
    bench.pause(0.2)
    await bench.check_run(net, images, apart=False)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def hanging_memory(dut: Any) -> None:
    """A channel that stops answering: time-out, and a right run when the memory is back."""
    bench = Bench(dut)
    await bench.start()
    net = build(RECIPES[1], random.getrandbits(30))
    images = random_images(net, 1, random.getrandbits(30))
    compiled = compile_network(net, bench.shape)
    program = parse_program(compiled.blob)
    bench.store(PROGRAM, compiled.blob)
    maps, stream = bench.reads
    writes = bench.writes
    for channel in (maps.ar_channel, stream.r_channel, writes.w_channel, writes.b_channel):
        await bench.launch(program, images)
        channel.pause = True
        await bench.write("TIMEOUT", 700)
        status = await bench.interrupted()
        assert status & FAILED and await bench.read("ERROR") & 0xFF == ERROR["TIMEOUT"]
        # Nothing of a burst that was announced may be left out: the reset waits for the memory.
        await ClockCycles(dut.clk_i, 100)
        waiting = await bench.read("STATUS") & RESETTING
        assert waiting or channel is maps.ar_channel
        channel.pause = False
        await bench.soft_reset()
        await bench.check_run(net, images, apart=False)
