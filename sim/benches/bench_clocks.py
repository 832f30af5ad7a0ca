"""Bench of `fb_clocks`: reset and lock, with a stand-in of the MMCM."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Edge, First, RisingEdge, Timer

from firebrick.sim.benches.runner import bench_parameters

PERIOD_NS = 10
LOCK = 300  # cycles in which a good clock has locked
LOCK_CYCLES = 256  # that a lock is waited for before the MMCM is reset again
# Cycles in which a new clock has locked: a reset of the MMCM, the stand-in's lock, synchronizers.
RESET, LOCKING = 16, 50
RELOCK = RESET + LOCKING + 16


async def edges(signal: Any, cycles: int) -> int:
    """Rising edges of ``signal`` in so many periods of a good clock."""
    count = 0
    end = cocotb.start_soon(_wait(cycles * PERIOD_NS))
    while True:
        rise = RisingEdge(signal)
        if await First(rise, end) is not rise:
            return count
        count += 1


async def mmcm_resets(dut: Any, cycles: int) -> list[int]:
    """How long each reset of the MMCM was that ended within so many cycles, in cycles."""
    found, high = [], 0
    for _ in range(cycles):
        await RisingEdge(dut.fclk_i)
        if dut.gen_two.u_mmcm.reset.value == 1:
            high += 1
        elif high:
            found.append(high)
            high = 0
    return found


async def cycles_until(dut: Any, most: int) -> int:
    """Cycles of the input until the chip's reset ends, `most` where it does not."""
    for cycle in range(most):
        if dut.rst_no.value == 1:
            return cycle
        await RisingEdge(dut.fclk_i)
    return most


async def _wait(time_ns: int) -> None:
    await Timer(time_ns, "ns")


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_and_lock(dut: Any) -> None:
    """The reset falls at once and rises with the clock; a lost lock shows from then on."""
    pumped = int(bench_parameters().get("Pump", 1)) > 1
    dut.fclk_reset_ni.value = 0
    clock = Clock(dut.fclk_i, PERIOD_NS, unit="ns", impl="gpi")
    clock.start()
    await ClockCycles(dut.fclk_i, 20)
    assert dut.rst_no.value == 0
    await Timer(3, "ns")
    dut.fclk_reset_ni.value = 1
    await First(RisingEdge(dut.rst_no), ClockCycles(dut.fclk_i, LOCK))
    assert dut.rst_no.value == 1 and dut.lost_o.value == 0
    assert await edges(dut.clk_o, 50) in (49, 50, 51)
    assert await edges(dut.clk_fast_o, 50) in ((99, 100, 101) if pumped else (49, 50, 51))
    # Out of step with every clock: at once where that may have stopped, else as it passes.
    await Timer(4, "ns")
    dut.fclk_reset_ni.value = 0
    await Timer(1 if pumped else 4 * PERIOD_NS, "ns")
    assert dut.rst_no.value == 0
    await ClockCycles(dut.fclk_i, 10)
    # The MMCM is reset with the chip.
    assert not pumped or dut.gen_two.u_mmcm.reset.value == 1
    dut.fclk_reset_ni.value = 1
    await First(RisingEdge(dut.rst_no), ClockCycles(dut.fclk_i, LOCK))
    assert dut.rst_no.value == 1 and dut.lost_o.value == 0
    if not pumped:
        return
    for period_ns, locks in ((12, True), (20, False), (10, True)):
        clock.stop()
        clock = Clock(dut.fclk_i, period_ns, unit="ns", impl="gpi")
        clock.start()
        await First(Edge(dut.rst_no), ClockCycles(dut.fclk_i, 10))
        assert dut.rst_no.value == 0
        again = await cycles_until(dut, LOCK)
        assert (again <= RELOCK) == locks, f"reset for {again} cycles at {period_ns} ns"
        # Where a lock is lost the MMCM is reset for as long as it is to be.
        if period_ns == 12:
            assert again >= RESET + LOCKING, f"reset for {again} cycles only at {period_ns} ns"
        await ClockCycles(dut.fclk_i, LOCK)
        assert dut.rst_no.value == int(locks)
        if not locks:
            # Again and again: another clock may have come.
            tries = await mmcm_resets(dut, 3 * (LOCK_CYCLES + RESET))
            assert len(tries) >= 2 and set(tries[1:]) == {RESET}, f"resets of {tries} cycles"
        assert (await edges(dut.clk_o, 50) > 0) == locks
        if locks:
            assert dut.lost_o.value == 1
    # The processing system's reset forgets it.
    dut.fclk_reset_ni.value = 0
    await ClockCycles(dut.fclk_i, 10)
    dut.fclk_reset_ni.value = 1
    await ClockCycles(dut.fclk_i, LOCK)
    assert dut.rst_no.value == 1 and dut.lost_o.value == 0
