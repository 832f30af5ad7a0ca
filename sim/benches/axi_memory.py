"""A memory of cocotbext-axi behind the AXI ports of one RTL module.

The modules have no ports for what never changes (IDs, burst type, beat size) and name theirs with a
direction (`axi_araddr_o`): `read_slave` and `write_slave` connect cocotbext-axi's slaves to them.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from typing import Any

from cocotb.types import LogicArray
from cocotbext.axi import AxiReadBus, AxiSlaveRead, AxiSlaveWrite, AxiWriteBus

READ_PORTS = (
    ("araddr", "o"),
    ("arlen", "o"),
    ("arvalid", "o"),
    ("arready", "i"),
    ("rdata", "i"),
    ("rresp", "i"),
    ("rlast", "i"),
    ("rvalid", "i"),
    ("rready", "o"),
)
WRITE_PORTS = (
    ("awaddr", "o"),
    ("awlen", "o"),
    ("awvalid", "o"),
    ("awready", "i"),
    ("wdata", "o"),
    ("wstrb", "o"),
    ("wlast", "o"),
    ("wvalid", "o"),
    ("wready", "i"),
    ("bresp", "i"),
    ("bvalid", "i"),
    ("bready", "o"),
)
# Beats of 8 bytes, incrementing addresses, one ID.
READ_CONSTANTS = {"arid": (4, 0), "rid": (4, 0), "arsize": (3, 3), "arburst": (2, 1)}
WRITE_CONSTANTS = {"awid": (4, 0), "bid": (4, 0), "awsize": (3, 3), "awburst": (2, 1)}


class Constant:
    """Stands for a signal that the module does not have; what is driven to it is dropped."""

    def __init__(self, width: int, value: int) -> None:
        self._width, self._value = width, LogicArray(value, width)

    def __len__(self) -> int:
        return self._width

    @property
    def value(self) -> LogicArray:
        return self._value

    @value.setter
    def value(self, _: Any) -> None:
        pass

    def setimmediatevalue(self, _: Any) -> None:
        """Dropped, like every value driven to it."""


class PortView:
    """The ports of `dut` under the standard names that cocotbext-axi looks for."""

    def __init__(
        self,
        dut: Any,
        prefix: str,
        ports: tuple[tuple[str, str], ...],
        constants: dict[str, tuple[int, int]],
    ) -> None:
        self._name, self._log = dut._name, dut._log
        for name, direction in ports:
            setattr(self, f"{prefix}_{name}", getattr(dut, f"{prefix}_{name}_{direction}"))
        for name, (width, value) in constants.items():
            setattr(self, f"{prefix}_{name}", Constant(width, value))


class Memory:
    """Bytes from address 0, with addresses that answer with an error.

    Attributes:
        data: the content; an access outside it is an error response.
        poisoned: addresses, multiples of 8, of beats that answer with an error.
    """

    def __init__(self, size: int) -> None:
        self.data = bytearray(random.randbytes(size))
        self.poisoned: set[int] = set()

    def _check(self, address: int, length: int) -> None:
        if address + length > len(self.data) or (address & ~7) in self.poisoned:
            raise ValueError(f"no memory at {address:#x}")

    async def read(self, address: int, length: int) -> bytes:
        """Bytes at `address`, an error response if there are none."""
        self._check(address, length)
        return bytes(self.data[address : address + length])

    async def write(self, address: int, data: bytes) -> None:
        """Store bytes at `address`, an error response if there is no room for them."""
        self._check(address, len(data))
        self.data[address : address + len(data)] = data

    def beat(self, address: int) -> int:
        """The 64-bit beat at `address`."""
        return int.from_bytes(self.data[address : address + 8], "little")


def read_slave(dut: Any, memory: Memory, prefix: str = "axi") -> AxiSlaveRead:
    """Connect `memory` to the read channels of `dut`."""
    bus = AxiReadBus.from_prefix(PortView(dut, prefix, READ_PORTS, READ_CONSTANTS), prefix)
    return _quiet(AxiSlaveRead, bus, dut, memory)


def write_slave(dut: Any, memory: Memory, prefix: str = "axi") -> AxiSlaveWrite:
    """Connect `memory` to the write channels of `dut`."""
    bus = AxiWriteBus.from_prefix(PortView(dut, prefix, WRITE_PORTS, WRITE_CONSTANTS), prefix)
    return _quiet(AxiSlaveWrite, bus, dut, memory)


def _quiet(slave_class: Any, bus: Any, dut: Any, memory: Memory) -> Any:
    """Make a slave that does not log every burst: that would take longer than the simulation."""
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
    return slave_class(bus, dut.clk_i, dut.rst_ni, target=memory, reset_active_level=False)


def pauses(share: float) -> Iterator[bool]:
    """Endless random pauses, in runs, that take about `share` of the cycles."""
    while True:
        paused = random.random() < share
        for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
            yield paused
