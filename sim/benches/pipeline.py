"""Drive a module that never waits with prepared inputs, and record its outputs cycle by cycle.

The compute modules have fixed latencies, so a bench prepares one value a cycle for every input
port, runs them all, and compares the record as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firebrick.sim.benches.runner import reset, start_clock


def pack(values: np.ndarray, bits: int) -> list[int]:
    """Integers [cycles, lanes] as one integer a cycle, lane 0 in the lowest `bits` bits."""
    mask = (1 << bits) - 1
    return [
        sum((int(value) & mask) << (lane * bits) for lane, value in enumerate(row))
        for row in values
    ]


def unpack(words: Sequence[int], lanes: int, bits: int, signed: bool) -> np.ndarray:
    """The inverse of :func:`pack`, int64 [cycles, lanes]."""
    mask = (1 << bits) - 1
    values = np.array(
        [[(word >> (lane * bits)) & mask for lane in range(lanes)] for word in words], np.int64
    )
    return np.where(values >> (bits - 1) != 0, values - (1 << bits), values) if signed else values


def signed_array(words: Sequence[int], bits: int) -> np.ndarray:
    """Words as two's complement numbers, int64 [cycles]."""
    return unpack(words, 1, bits, signed=True)[:, 0]


def garbage(rng: np.random.Generator, cycles: int, bits: int) -> list[int]:
    """Random words of any width, for ports that nobody may look at."""
    octets = (bits + 7) // 8
    data = rng.bytes(cycles * octets)
    mask = (1 << bits) - 1
    return [
        int.from_bytes(data[i * octets : (i + 1) * octets], "little") & mask for i in range(cycles)
    ]


async def halves(dut: Any, period_ns: int = 10) -> None:
    """Drive `phase_i` as a register of the fast clock does: low in the first half of a cycle."""
    from cocotb.clock import Clock
    from cocotb.triggers import Timer

    await Timer(1, "ns")
    Clock(dut.phase_i, period_ns, unit="ns").start(start_high=False)


async def run(
    dut: Any, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]
) -> dict[str, list[int]]:
    """Clock the module through the inputs; returns each output's value in each of these cycles.

    All inputs have the same length. A module with `rst_ni` is reset first, with its inputs at
    the values of their last cycle.
    """
    from cocotb.triggers import RisingEdge

    lengths = {len(values) for values in inputs.values()}
    assert len(lengths) == 1, f"inputs of different lengths: {sorted(lengths)}"
    ports = [(getattr(dut, name), [int(v) for v in values]) for name, values in inputs.items()]
    probes = [(getattr(dut, name), name) for name in outputs]
    record: dict[str, list[int]] = {name: [] for name in outputs}
    for port, values in ports:
        port.value = values[-1]
    start_clock(dut)
    if hasattr(dut, "rst_ni"):
        await reset(dut)
    else:
        await RisingEdge(dut.clk_i)
    for cycle in range(lengths.pop()):
        for port, values in ports:
            port.value = values[cycle]
        await RisingEdge(dut.clk_i)
        for probe, name in probes:
            record[name].append(int(probe.value))
    return record
