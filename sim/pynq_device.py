"""A simulated board as a device of real pynq, so that what runs on a board runs on a PC unchanged.

``install(board)`` makes it the active device of the pynq that is installed (3.0 or 3.1). Then
Overlay, DefaultIP, MMIO, allocate, Clocks and Interrupt are pynq's own, as on a board; only what
lies below them is simulated: the registers, the memory, the loading of a bitstream, and Linux's
UIO device through which pynq learns of interrupts.

Of pynq itself two names are replaced, both places where it asks the operating system: which UIO
device an interrupt has (there is no /dev/uio0 on a PC), and, in 3.0, what processor it runs on.

Host memory and DDR are kept apart. Flushing a part of a buffer copies that part, as pynq 3.0 does;
invalidating a part brings back the whole buffer, as pynq 3.1 does.
"""

from __future__ import annotations

import asyncio
import math
import os
import struct
import threading
import tty
from pathlib import Path
from typing import Any

import numpy as np
import pynq.interrupt
import pynq.ps
from pynq.buffer import PynqBuffer
from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
from pynq.pl_server.device import Device
from pynq.pl_server.embedded_device import parse_bit_header
from pynqmetadata.frontends import Metadata

from firebrick.sim.board import SimulatedBoard
from firebrick.sim.contiguous import FRESH_HOST_FILL, Allocator
from firebrick.sim.zynq import (
    SYSTEM_BASE,
    SYSTEM_LAST,
    InterruptController,
    SystemRegisters,
    configure,
)

ARCHITECTURE = "armv7l"
FIRST_INTERRUPT = 61
INTC_TYPE = "xilinx.com:ip:axi_intc:"
SLICE_CYCLES = 20_000
# Between two looks at a register other things happen on a board too: time passes.
ACCESS_CYCLES = 1_000


class _BufferObject:
    """What XRT has behind a buffer: where it lies in the DDR, and the host's view of it."""

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.host = np.full(size, FRESH_HOST_FILL, np.uint8)


class _Memory:
    """The board's memory as pynq allocates from it."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.device = device
        self.allocator = Allocator(device.board)

    def allocate(self, shape: Any, dtype: Any, cacheable: int = 0) -> PynqBuffer:
        """A buffer as pynq's own XrtMemory makes it; RuntimeError where no memory is left."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) if hasattr(shape, "__iter__") else int(shape)
        size *= dtype.itemsize
        bo = _BufferObject(self.allocator.allocate(size), size)
        buffer = PynqBuffer(
            shape,
            dtype,
            buffer=bo.host,
            bo=bo,
            device=self.device,
            device_address=self.device.board.memory_base + bo.start,
            coherent=False,
        )
        buffer.memory = self
        # Freeing it gives it back here; there is no mapping to undo.
        buffer.pointer, buffer.return_to, buffer.freed = bo, self, True
        return buffer

    def return_pointer(self, bo: _BufferObject) -> None:
        self.allocator.free(bo.start)

    def ddr(self, bo: _BufferObject) -> np.ndarray:
        """The DDR behind a buffer; RuntimeError where it has been freed."""
        if bo.start not in self.allocator.used:
            raise RuntimeError("this buffer has been freed")
        return self.device.board.memory[bo.start : bo.start + bo.host.size]


class _Uio:
    """The UIO device of the first interrupt, as a pseudo-terminal: four bytes written enable it,
    four bytes to read say that it came. While it is enabled, simulated time passes."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.device = device
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.enabled = False
        self.count = 0
        # The loop on which pynq is about to listen.
        self.loop = asyncio.get_event_loop()
        self.loop.add_reader(self.master, self._written)

    def _written(self) -> None:
        word = os.read(self.master, 4)
        if not self.enabled and any(word):
            self.enabled = True
            self._tick()

    def _tick(self) -> None:
        if self.device.run_to_interrupt():
            self.enabled = False
            self.count += 1
            os.write(self.master, struct.pack("=I", self.count))
        else:
            self.loop.call_later(0.001, self._tick)


class SimulatedDevice(Device):
    """A Zynq-7000 with a :class:`SimulatedBoard` as what its overlay becomes."""

    def __init__(self, board: SimulatedBoard, part: str = "7z020") -> None:
        super().__init__("simulated")
        self.name = "Simulated"
        self.arch = ARCHITECTURE
        self.capabilities = {"REGISTER_RW": True}
        self.board = board
        self.part = part
        self.default_memory = _Memory(self)
        self.system = SystemRegisters(part)
        self.controller = InterruptController()
        self.lock = threading.RLock()
        self.uio: _Uio | None = None
        self.fixed: list[tuple[int, int, Any]] = [(SYSTEM_BASE, SYSTEM_LAST, self.system)]
        self.windows = list(self.fixed)

    # ------------------------------------------------------------------------------ overlays

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> Any:
        hwh = Path(bitfile_name).with_suffix(".hwh")
        if not hwh.is_file():
            raise RuntimeError("Unable to find metadata for bitstream")
        return RuntimeMetadataParser(Metadata(input=str(hwh)))

    def download(self, bitstream: Any, parser: Any = None) -> None:
        header = parse_bit_header(Path(bitstream.bitfile_name).read_bytes())
        configure(header["part"], self.part)
        with self.lock:
            self.windows = list(self.fixed)
            for ip in parser.ip_dict.values():
                if "phys_addr" in ip:
                    intc = ip["type"].startswith(INTC_TYPE)
                    target = self.controller if intc else self.board
                    last = ip["phys_addr"] + ip["addr_range"] - 1
                    self.windows.append((ip["phys_addr"], last, target))
            self.controller.reset()
            self.board.reset()
        self.post_download(bitstream, parser, self.name)

    # ----------------------------------------------------------------------------- registers

    def _target(self, address: int) -> tuple[Any, int]:
        for first, last, target in self.windows:
            if first <= address <= last:
                return target, address - (0 if target is self.system else first)
        raise OSError(f"nothing is mapped at {address:#x}: load the overlay first")

    def read_registers(self, address: int, length: int) -> bytes:
        target, offset = self._target(address)
        with self.lock:
            if target is self.board:
                self.board.run(ACCESS_CYCLES)
            words = [target.read_register(offset + i) for i in range(0, length, 4)]
            self.controller.sample(self.board.irq)
        return struct.pack(f"={len(words)}I", *words)

    def write_registers(self, address: int, data: bytes) -> None:
        target, offset = self._target(address)
        with self.lock:
            for i, (word,) in enumerate(struct.iter_unpack("=I", bytes(data))):
                target.write_register(offset + 4 * i, word)
            self.controller.sample(self.board.irq)

    # -------------------------------------------------------------------------------- memory

    def flush(self, bo: _BufferObject, offset: int, ptr: int, size: int) -> None:
        end = offset + size
        self.default_memory.ddr(bo)[offset:end] = bo.host[offset:end]

    def invalidate(self, bo: _BufferObject, offset: int, ptr: int, size: int) -> None:
        bo.host[:] = self.default_memory.ddr(bo)

    # ---------------------------------------------------------------------------- interrupts

    def uio_of(self, interrupt: int) -> str | None:
        """Path of the UIO device of an interrupt; Linux has one for the first on pynq's images."""
        if interrupt != FIRST_INTERRUPT:
            return None
        if self.uio is None:
            self.uio = _Uio(self)
        return self.uio.path

    def run_to_interrupt(self) -> bool:
        """Let some time pass; whether the interrupt controller's output is high."""
        with self.lock:
            if not self.controller.sample(self.board.irq):
                self.board.run(SLICE_CYCLES, until_irq=True)
            return self.controller.sample(self.board.irq)


def install(board: SimulatedBoard, part: str = "7z020") -> SimulatedDevice:
    """Make ``board`` the device of pynq in this process, with a chip of this ``part``."""
    device = SimulatedDevice(board, part)
    Device.active_device = device
    pynq.interrupt.get_uio_irq = device.uio_of
    pynq.ps.CPU_ARCH = ARCHITECTURE
    return device
