"""Bench of the primitives RAMB18E1 and RAMB36E1 in simulation: bits, bytes and both ports at once.

The model is a list of bits with a list of parity bits; addresses count bits, as UG473 has it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import Timer

from firebrick.sim.benches.runner import bench_parameters

CYCLES = 3000
# Addresses of few words: reads and writes meet.
NEAR_WORDS = 4


@dataclass(frozen=True)
class Shape:
    """A port's access: data bits, parity bits, and where they are."""

    width: int

    @property
    def data(self) -> int:
        return self.width // 9 * 8 if self.width >= 9 else self.width

    @property
    def parity(self) -> int:
        return self.width // 9

    def place(self, address: int) -> tuple[int, int]:
        first = address // self.data * self.data
        return first, first // 8


class Model:
    """Content of the memory; ``known`` tells which bits have been written."""

    def __init__(self, bits: int) -> None:
        self.data = [0] * bits
        self.parity = [0] * (bits // 8)
        self.known = [False] * bits

    def read(self, shape: Shape, address: int) -> tuple[int, int] | None:
        at, byte = shape.place(address)
        if not all(self.known[at : at + shape.data]):
            return None
        data = sum(bit << i for i, bit in enumerate(self.data[at : at + shape.data]))
        return data, sum(b << i for i, b in enumerate(self.parity[byte : byte + shape.parity]))

    def write(self, shape: Shape, address: int, enables: int, data: int, parity: int) -> None:
        at, byte = shape.place(address)
        for i in range(shape.data):
            if enables >> (i // 8) & 1:
                self.data[at + i] = data >> i & 1
                self.known[at + i] = True
        for i in range(shape.parity):
            if enables >> i & 1:
                self.parity[byte + i] = parity >> i & 1


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_access(dut: Any) -> None:
    """One port writes, the other reads; a read shows what was there before the cycle's write."""
    p = bench_parameters()
    joined = p["RAM_MODE"] == '"SDP"'
    half = len(dut.DIADI)
    wide = joined and p["WRITE_WIDTH_B"] > half + half // 8
    writer = "B" if joined else "A"
    write, read = Shape(p[f"WRITE_WIDTH_{writer}"]), Shape(p[f"READ_WIDTH_{'BA'[joined]}"])
    bits = 512 * half * 2
    model = Model(bits)
    addresses = {"A": dut.ADDRARDADDR, "B": dut.ADDRBWRADDR}
    enables = {"A": dut.ENARDEN, "B": dut.ENBWREN}
    top = 1 << (len(dut.ADDRARDADDR) - 1) if len(dut.ADDRARDADDR) > 14 else 0
    for pin in ("RSTRAMARSTRAM", "RSTRAMB", "RSTREGARSTREG", "RSTREGB", "WEA", "WEBWE"):
        getattr(dut, pin).value = 0
    shown: tuple[int, int] | None = None
    checked = 0
    for _ in range(CYCLES):
        target, address = (random.randrange(NEAR_WORDS * 64) for _ in range(2))
        if random.random() < 0.1:
            target = address = random.randrange(bits)
        bytes_ = (write.data + 7) // 8
        # Below a byte's width, and in TDP mode of yosys, one enable goes to all pins.
        chosen = random.getrandbits(bytes_)
        data, parity = random.getrandbits(write.data), random.getrandbits(max(1, write.parity))
        active, asked = random.random() < 0.8, random.random() < 0.8
        addresses[writer].value = top | target
        addresses["AB".replace(writer, "")].value = top | address
        enables[writer].value = int(active)
        enables["AB".replace(writer, "")].value = int(asked)
        (dut.WEBWE if joined else dut.WEA).value = chosen
        low = (1 << half) - 1
        low_parity = (1 << half // 8) - 1
        if wide:
            dut.DIADI.value, dut.DIBDI.value = data & low, data >> half
            dut.DIPADIP.value, dut.DIPBDIP.value = parity & low_parity, parity >> half // 8
        else:
            word, word_parity = (dut.DIBDI, dut.DIPBDIP) if joined else (dut.DIADI, dut.DIPADIP)
            word.value, word_parity.value = data, parity if write.parity else 0
        await _cycle(dut)
        if asked:
            shown = model.read(read, address)
        if active:
            model.write(write, target, chosen, data, parity)
        if shown is not None:
            found = int(dut.DOADO.value) if joined else int(dut.DOBDO.value)
            found_parity = int(dut.DOPADOP.value) if joined else int(dut.DOPBDOP.value)
            if joined:
                found |= int(dut.DOBDO.value) << half
                found_parity |= int(dut.DOPBDOP.value) << half // 8
            # Without parity bits to write, what they hold is arbitrary.
            mask = (1 << read.parity) - 1 if write.parity else 0
            assert found & (1 << read.data) - 1 == shown[0]
            assert found_parity & mask == shown[1] & mask
            checked += 1
    assert checked > CYCLES // 4


async def _cycle(dut: Any) -> None:
    """A rising edge of both clocks at once."""
    for level in (0, 1):
        await Timer(5, "ns")
        dut.CLKARDCLK.value = level
        dut.CLKBWRCLK.value = level
    await Timer(1, "ns")
