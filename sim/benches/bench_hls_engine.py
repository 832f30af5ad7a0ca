"""Bench of what is emitted around an HLS kernel: registers, run control, errors, bus resets.

The kernel is a stand-in that copies one burst an image; see tests/sim/standin/firebrick_kernel.sv.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from firebrick.hw import definition as d
from firebrick.sim.benches.bench_engine import (
    DONE,
    ERROR,
    FAILED,
    INPUT,
    OUTPUT,
    PROGRAM,
    RESETTING,
    SCRATCH,
    Bench,
)

BYTES = 128


async def launch(bench: Bench, images: int, code: int = 0) -> list[bytes]:
    """Start the stand-in on random data; what it has to copy."""
    data = [random.randbytes(BYTES) for _ in range(images)]
    bench.store(PROGRAM, bytes([code]) + random.randbytes(63))
    for index, block in enumerate(data):
        bench.store(INPUT + index * 256, block)
    bench.store(OUTPUT, bytes(images * 384))
    for name, value in (
        ("PROGRAM_ADDR", PROGRAM),
        ("INPUT_ADDR", INPUT),
        ("OUTPUT_ADDR", OUTPUT),
        ("SCRATCH_ADDR", SCRATCH),
        ("IMAGES", images),
        ("INPUT_STRIDE", 256),
        ("OUTPUT_STRIDE", 384),
        ("PROGRAM_END", INPUT),
        ("INPUT_END", OUTPUT),
        ("OUTPUT_END", SCRATCH),
        ("SCRATCH_END", SCRATCH + 4096),
        ("TIMEOUT", 2000),
        ("IRQ_ENABLE", 3),
        ("CONTROL", 1),
    ):
        await bench.write(name, value)
    return data


async def check_run(bench: Bench, images: int) -> None:
    data = await launch(bench, images)
    assert await bench.interrupted() == DONE
    for index, block in enumerate(data):
        at = OUTPUT + index * 384
        assert bytes(bench.memory.data[at : at + BYTES]) == block
    await bench.check_counters(images, 1)
    assert await bench.read("READ_BEATS_PROGRAM") == 8 * images
    assert await bench.read("READ_BEATS_MAPS") == await bench.read("WRITE_BEATS") == 16 * images


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def runs(dut: Any) -> None:
    """Identity, and runs of several images with pausing buses."""
    bench = Bench(dut)
    await bench.start()
    shape = bench.shape
    assert await bench.read("ID") == d.ENGINE_ID
    assert await bench.read("SHAPE") & 0xFFFF == shape.pixels | shape.channels << 8
    for share in (0.0, 0.3, 0.6):
        bench.pause(share)
        await check_run(bench, random.randint(1, 5))


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def errors(dut: Any) -> None:
    """The kernel's error codes, the register block's own, and error responses of the memory."""
    bench = Bench(dut)
    await bench.start()
    for name in ("MAGIC", "PAYLOAD_CRC", "CAPACITY"):
        await launch(bench, 1, ERROR[name])
        assert await bench.interrupted() & FAILED
        assert await bench.read("ERROR") & 0xFF == ERROR[name]
        await bench.soft_reset()
    for name, address in (
        ("PROGRAM_READ", PROGRAM + 8),
        ("MAP_READ", INPUT),
        ("MAP_WRITE", OUTPUT),
    ):
        bench.memory.poisoned = {address}
        await launch(bench, 2)
        assert await bench.interrupted() & FAILED
        assert await bench.read("ERROR") & 0xFF == ERROR[name]
        bench.memory.poisoned = set()
        await bench.soft_reset()
    await check_run(bench, 2)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def soft_reset_any_time(dut: Any) -> None:
    """A soft reset at random moments leaves no burst half done; the next run is right."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(40):
        bench.pause(random.choice((0.0, 0.5)))
        await launch(bench, 3)
        await ClockCycles(dut.clk_i, random.randint(0, 120))
        await bench.soft_reset()
        assert dut.irq_o.value == 0
    bench.pause(0.2)
    await check_run(bench, 3)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def hanging_memory(dut: Any) -> None:
    """A channel that stops answering: time-out; the reset waits for the memory."""
    bench = Bench(dut)
    await bench.start()
    maps, stream = bench.reads
    writes = bench.writes
    for channel in (maps.r_channel, stream.r_channel, writes.w_channel, writes.b_channel):
        channel.pause = True
        await launch(bench, 2)
        assert await bench.interrupted() & FAILED
        assert await bench.read("ERROR") & 0xFF == ERROR["TIMEOUT"]
        await ClockCycles(dut.clk_i, 50)
        assert await bench.read("STATUS") & RESETTING
        channel.pause = False
        await bench.soft_reset()
        await check_run(bench, 1)
