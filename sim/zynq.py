"""What a driver sees of a Zynq-7000 besides the engine: registers of its processing system (UG585)
and the interrupt controller in front of it.

Both answer ``read_register(address)`` and ``write_register(address, value)`` with 32-bit values at
byte addresses, the way the simulated board does for its engine.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Protocol

SYSTEM_BASE, SYSTEM_LAST = 0xF800_0000, 0xF800_BFFF

# Of the system-level control registers: PLLs, the clocks made of them, the chip's identification.
PLL_CONTROLS = (0xF800_0100, 0xF800_0104, 0xF800_0108)  # ARM, DDR, IO
FCLK_CONTROLS = (0xF800_0170, 0xF800_0180, 0xF800_0190, 0xF800_01A0)
ARM_CLOCK_CONTROL = 0xF800_0120
IDCODE_ADDRESS = 0xF800_0530
IDCODES = {"7z007s": 0x1372_3093, "7z010": 0x1372_2093, "7z020": 0x2372_7093}
PLL_MULTIPLIERS = (26, 21, 20)
# Dividers of 63 by 63: a slow clock, which whoever loads a design has to set.
BOOT_DIVISORS = 63 << 20 | 63 << 8
ARM_DIVISOR = 2 << 8

# Control registers of the HP ports' FIFOs for reads and writes; bit 0 makes a port 32 bits wide.
AFI_BASES = (0xF800_8000, 0xF800_9000, 0xF800_A000, 0xF800_B000)
AFI_CONTROLS = (0x00, 0x14)
AFI_32_BIT = 1

WORD = 0xFFFF_FFFF


class Registers(Protocol):
    """Whatever answers at addresses."""

    def read_register(self, address: int) -> int: ...

    def write_register(self, address: int, value: int) -> None: ...


def configure(part: str, chip: str) -> None:
    """Configure a ``chip`` (7z020) with a bitstream for ``part``, as its header has it.

    A chip ignores the configuration of another one, and the kernel, which waits for it to be done,
    gives up: OSError.
    """
    if not re.match(rf"(xc)?{chip}", part):
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


class SystemRegisters:
    """Registers of the processing system that a driver may look at, by physical address.

    They start as a boot loader may have left them for another design: slow clocks, HP ports of 32
    bits. Addresses between read as 0; a write there is an OSError.
    """

    def __init__(self, part: str) -> None:
        ports = [base + offset for base in AFI_BASES for offset in AFI_CONTROLS]
        self.values = {
            IDCODE_ADDRESS: IDCODES[part],
            ARM_CLOCK_CONTROL: ARM_DIVISOR,
            **{a: m << 12 for a, m in zip(PLL_CONTROLS, PLL_MULTIPLIERS, strict=True)},
            **dict.fromkeys(FCLK_CONTROLS, BOOT_DIVISORS),
            **dict.fromkeys(ports, AFI_32_BIT),
        }

    def read_register(self, address: int) -> int:
        return self.values.get(address, 0)

    def write_register(self, address: int, value: int) -> None:
        if address not in self.values or address == IDCODE_ADDRESS:
            raise OSError(f"nothing that is simulated takes a write to {address:#x}")
        self.values[address] = value & WORD

    def divide(self, clock: int, first: int, second: int) -> None:
        """Set the dividers of FCLK ``clock``; ValueError where they do not fit their six bits."""
        if not (0 < first < 64 and 0 < second < 64):
            raise ValueError("Frequency divider value out of range.")
        self.values[FCLK_CONTROLS[clock]] = second << 20 | first << 8

    @property
    def narrow_ports(self) -> tuple[int, ...]:
        """Numbers of the HP ports that have 32 bits, for reads or for writes."""
        return tuple(
            number
            for number, base in enumerate(AFI_BASES)
            if any(self.values[base + offset] & AFI_32_BIT for offset in AFI_CONTROLS)
        )


class InterruptController:
    """The registers of hw/rtl/fb_intc.sv, for one input, whose level :meth:`sample` takes."""

    ISR, IPR, IER, IAR, SIE, CIE, IVR, MER = range(0, 0x20, 4)

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.status = self.enabled = self.master = 0
        self.level = False

    def sample(self, level: bool) -> bool:
        """Take the input's level; the level of the output."""
        self.level = level
        if level and self.master & 2:
            self.status = 1
        return bool(self.master & 1 and self.status & self.enabled)

    def read_register(self, address: int) -> int:
        pending = self.status & self.enabled
        values = {
            self.ISR: self.status,
            self.IPR: pending,
            self.IER: self.enabled,
            self.IVR: 0 if pending else WORD,
            self.MER: self.master,
        }
        return values.get(address, 0)

    def write_register(self, address: int, value: int) -> None:
        bit = value & 1
        if address == self.ISR and not self.master & 2:
            self.status = bit
        elif address == self.IER:
            self.enabled = bit
        elif address == self.IAR:
            self.status &= ~bit
        elif address == self.SIE:
            self.enabled |= bit
        elif address == self.CIE:
            self.enabled &= ~bit
        elif address == self.MER:
            # Once hardware interrupts are enabled they stay so until reset.
            self.master = value & 3 | self.master & 2
        # An input that is high is not lost by acknowledging it.
        self.sample(self.level)
