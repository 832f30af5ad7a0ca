"""The part of pynq that the driver uses, over a simulated board.

``install(board)`` makes ``import pynq`` give this module, ``uninstall()`` takes it away again;
:func:`installed` does both around a block. What a program must do right on the board it must do
right here: host memory and DDR are kept apart until `flush` and `invalidate` copy between them, a
register takes a Python int and no NumPy scalar, and fresh memory holds no zeros.

It never ships to the board.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol
from xml.etree import ElementTree as Xml

import numpy as np

from firebrick.sim.bitstream import load
from firebrick.sim.contiguous import FRESH_HOST_FILL, Allocator
from firebrick.sim.zynq import (
    FCLK_CONTROLS,
    SYSTEM_BASE,
    SYSTEM_LAST,
    InterruptController,
    Registers,
    SystemRegisters,
)

WORD_BYTES = 4
SLICE_CYCLES = 20_000

__version__ = "3.1.2"

# Whether an overlay must have its `.bit`, as :func:`install` was told; pynq has no such name.
NEEDS_BITSTREAM = True

PROCESSOR_TYPE = "processing_system7"
INTC_TYPE = "xilinx.com:ip:axi_intc:"


class Board(Protocol):
    """What this module needs of a board; :class:`sim.board.SimulatedBoard` is one.

    ``memory`` is the DDR (uint8), its first byte at physical address ``memory_base``.
    """

    memory: np.ndarray
    memory_base: int

    @property
    def irq(self) -> bool: ...

    def read_register(self, address: int) -> int: ...

    def write_register(self, address: int, value: int) -> None: ...

    def run(self, cycles: int, until_irq: bool = False) -> int: ...

    def reset(self) -> None: ...


class _Installed:
    """The board behind the module, and what the loaded overlay maps where.

    ``windows`` holds (first address, last address, what answers there, its own first address).
    """

    def __init__(self, board: Board, part: str) -> None:
        self.board = board
        self.part = part
        self.allocator = Allocator(board)
        self.system = SystemRegisters(part)
        self.controller = InterruptController()
        self.fixed = [(SYSTEM_BASE, SYSTEM_LAST, self.system, SYSTEM_BASE)]
        self.windows: list[tuple[int, int, Registers, int]] = list(self.fixed)


_installed: _Installed | None = None
_hidden: dict[str, Any] = {}


def _current() -> _Installed:
    if _installed is None:
        raise RuntimeError("No Devices Found")
    return _installed


def install(board: Board, part: str = "7z020", *, bitstream: bool = True) -> None:
    """Make ``import pynq`` give this module, over ``board`` with a chip of this ``part``.

    Without ``bitstream`` an overlay need not have a `.bit` file: there is nothing to configure.
    """
    global _installed, NEEDS_BITSTREAM
    if _installed is None and "pynq" in sys.modules:
        _hidden["pynq"] = sys.modules["pynq"]
    _installed = _Installed(board, part)
    NEEDS_BITSTREAM = bitstream
    sys.modules["pynq"] = sys.modules[__name__]


def uninstall() -> None:
    """Undo :func:`install`; raises :class:`GuardError` if a buffer was overrun."""
    global _installed
    if _installed is None:
        return
    allocator, _installed = _installed.allocator, None
    del sys.modules["pynq"]
    sys.modules.update(_hidden)
    _hidden.clear()
    allocator.check()


@contextmanager
def installed(board: Board, part: str = "7z020", *, bitstream: bool = True) -> Iterator[None]:
    """Within the block this module is ``pynq``."""
    install(board, part, bitstream=bitstream)
    try:
        yield
    finally:
        uninstall()


# ------------------------------------------------------------------------------------- registers


class MMIO:
    """Registers of a loaded overlay at a physical address."""

    def __init__(self, base_addr: int, length: int = WORD_BYTES, device: Any = None) -> None:
        if base_addr < 0 or length < 0:
            raise ValueError("Base address or length cannot be negative.")
        for first, last, target, start in _current().windows:
            if first <= base_addr and base_addr + length - 1 <= last:
                self._target, self._offset = target, base_addr - first + start
                break
        else:
            raise OSError(f"nothing is mapped at {base_addr:#x}: load the overlay first")
        self.base_addr = base_addr
        self.length = length
        self._state = _current()

    def _address(self, offset: int) -> int:
        if offset < 0:
            raise ValueError("Offset cannot be negative.")
        if offset % WORD_BYTES:
            raise MemoryError("Unaligned access: offset must be multiple of 4.")
        if offset >= self.length:
            raise IndexError(f"offset {offset:#x} is outside of the mapped {self.length} bytes")
        if self._state is not _current():
            raise OSError("the board that these registers belong to is gone")
        return self._offset + offset

    def read(self, offset: int = 0) -> int:
        return self._target.read_register(self._address(offset))

    def write(self, offset: int, data: int | bytes) -> None:
        address = self._address(offset)
        if type(data) is int:
            words = [data]
        elif type(data) is bytes:
            if len(data) % WORD_BYTES:
                raise MemoryError("Unaligned write: data length must be multiple of 4.")
            words = np.frombuffer(data, "<u4").tolist()
        else:
            raise ValueError("Data type must be int or bytes.")
        for i, word in enumerate(words):
            if not 0 <= word < 1 << 32:
                raise OverflowError(f"{word} is not an unsigned 32-bit number")
            self._target.write_register(address + WORD_BYTES * i, word)


class Interrupt:
    """The engine's interrupt pin: :meth:`wait` lets simulated time pass until it is high."""

    def __init__(self, pinname: str) -> None:
        self.pinname = pinname
        self._state = _current()

    async def wait(self) -> None:
        while not self._state.board.irq:
            self._state.board.run(SLICE_CYCLES, until_irq=True)
            # Long enough for whoever waits with a deadline to look at the clock in between.
            await asyncio.sleep(0.001)


class _BindsDrivers(type):
    """Registers every class with a ``bindto`` list as the driver of those IPs."""

    drivers: ClassVar[dict[str, type]] = {}

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        for vlnv in attrs.get("bindto", ()):
            _BindsDrivers.drivers[vlnv] = cls
        super().__init__(name, bases, attrs)


class DefaultIP(metaclass=_BindsDrivers):
    """Driver of an IP without a more specific one; interrupt pins are attributes."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.mmio = MMIO(description["phys_addr"], description["addr_range"])
        for pin, details in description.get("interrupts", {}).items():
            setattr(self, pin, Interrupt(details["fullpath"]))

    def read(self, offset: int = 0) -> int:
        return self.mmio.read(offset)

    def write(self, offset: int, value: int | bytes) -> None:
        self.mmio.write(offset, value)


class Overlay:
    """A design, described by the `.hwh` next to the `.bit` file of that name.

    Of the `.bit` only the header is looked at; the engine is reset as a download would do.
    """

    def __init__(self, bitfile_name: str, download: bool = True, **_: Any) -> None:
        if not isinstance(bitfile_name, str):
            raise TypeError("Bitstream name has to be a string.")
        self.bitfile_name = os.path.abspath(bitfile_name)
        if NEEDS_BITSTREAM and not os.path.isfile(bitfile_name):
            raise OSError(f"Bitstream file {bitfile_name} does not exist.")
        hwh = Path(bitfile_name).with_suffix(".hwh")
        if not hwh.is_file():
            raise RuntimeError("Unable to find metadata for bitstream")
        self.ip_dict = _parse_hwh(hwh)
        self._drivers: dict[str, Any] = {}
        if download:
            self.download()

    def download(self) -> None:
        state = _current()
        if os.path.isfile(self.bitfile_name):
            load(self.bitfile_name, state.part)
        state.windows = list(state.fixed)
        for ip in self.ip_dict.values():
            if "phys_addr" not in ip:
                self._set_clocks(ip["parameters"])
            if "phys_addr" in ip:
                # Interrupts are simulated in :class:`Interrupt`; nothing raises the controller's.
                target = state.controller if ip["type"].startswith(INTC_TYPE) else state.board
                last = ip["phys_addr"] + ip["addr_range"] - 1
                state.windows.append((ip["phys_addr"], last, target, 0))
        state.controller.reset()
        state.board.reset()

    @staticmethod
    def _set_clocks(parameters: dict[str, str]) -> None:
        """Divide the clocks of the programmable logic as the `.hwh` has it."""
        for i in range(len(FCLK_CONTROLS)):
            first, second = (
                int(parameters[f"PCW_FCLK{i}_PERIPHERAL_DIVISOR{k}"]) for k in range(2)
            )
            if int(parameters[f"PCW_FPGA_FCLK{i}_ENABLE"]):
                _current().system.divide(i, first, second)

    def __getattr__(self, key: str) -> Any:
        ips = self.__dict__.get("ip_dict", {})
        if "phys_addr" not in ips.get(key, {}):
            raise AttributeError(f"Could not find IP or hierarchy {key} in overlay")
        if key not in self._drivers:
            driver = _BindsDrivers.drivers.get(ips[key]["type"], DefaultIP)
            self._drivers[key] = driver(ips[key])
        return self._drivers[key]


def _parse_hwh(path: Path) -> dict[str, dict[str, Any]]:
    """Parts of a `.hwh`, as pynq lists them: name -> {type, phys_addr, addr_range, fullpath,
    parameters, interrupts}; the processing system has no address.

    As in pynq an interrupt is known only where an axi_intc lies between it and the processor.
    """
    modules = Xml.parse(path).getroot().findall("./MODULES/MODULE")
    by_name = {m.get("INSTANCE", ""): m for m in modules}
    ips: dict[str, dict[str, Any]] = {}
    for processor in (m for m in modules if m.get("MODTYPE") == PROCESSOR_TYPE):
        nets = _nets(processor, "IRQ_F2P")
        controllers = [
            m
            for m in modules
            if (m.get("VLNV") or "").startswith(INTC_TYPE) and _nets(m, "irq") & nets
        ]
        lines = {net for controller in controllers for net in _nets(controller, "intr")}
        name = processor.get("INSTANCE", "")
        ips[name] = _part(processor)
        for span in processor.iterfind("./MEMORYMAP/MEMRANGE[@MEMTYPE='REGISTER']"):
            name = span.get("INSTANCE", "")
            module = by_name[name]
            first, last = (int(span.get(k, ""), 16) for k in ("BASEVALUE", "HIGHVALUE"))
            pins = [
                port.get("NAME", "")
                for port in module.iterfind("./PORTS/PORT[@DIR='O'][@SIGIS='INTERRUPT']")
                if port.get("SIGNAME") in lines
            ]
            ips[name] = _part(module) | {
                "phys_addr": first,
                "addr_range": last - first + 1,
                "interrupts": {pin: {"fullpath": f"{name}/{pin}"} for pin in pins},
            }
    return ips


def _part(module: Xml.Element) -> dict[str, Any]:
    return {
        "type": module.get("VLNV"),
        "fullpath": module.get("INSTANCE"),
        "parameters": {
            p.get("NAME"): p.get("VALUE") for p in module.iterfind("./PARAMETERS/PARAMETER")
        },
        "interrupts": {},
    }


def _nets(module: Xml.Element, port: str) -> set[str]:
    """The nets of a port; none where nothing is connected to it."""
    return {p.get("SIGNAME", "") for p in module.iterfind(f"./PORTS/PORT[@NAME='{port}']")} - {""}


# ---------------------------------------------------------------------------------------- memory


class PynqBuffer(np.ndarray):
    """Host memory with a twin in the board's DDR; slices know their place in it.

    The DDR sees what :meth:`flush` copies there, the host what :meth:`invalidate` brings back.
    """

    _state: _Installed | None
    _start: int | None
    _root: int
    _length: int

    def __array_finalize__(self, obj: Any) -> None:
        # A view keeps the allocation; a new array (the result of arithmetic) has none.
        if (
            isinstance(obj, PynqBuffer)
            and obj._start is not None
            and 0 <= self._pointer() - obj._root < obj._length
        ):
            self._state, self._start = obj._state, obj._start
            self._root, self._length = obj._root, obj._length
        else:
            self._state, self._start = None, None
            self._root = self._length = 0

    def _pointer(self) -> int:
        return self.__array_interface__["data"][0]

    def _twin(self) -> np.ndarray:
        if self._state is None or self._start is None:
            raise RuntimeError("this array has no memory on the board: use allocate()")
        if self._start not in self._state.allocator.used:
            raise RuntimeError("this buffer has been freed")
        if not self.flags.c_contiguous:
            raise ValueError("only contiguous parts of a buffer can be flushed or invalidated")
        begin = self._start + self._pointer() - self._root
        return self._state.board.memory[begin : begin + self.nbytes]

    @property
    def device_address(self) -> int:
        """Physical address of the first element."""
        if self._state is None or self._start is None:
            raise RuntimeError("this array has no memory on the board: use allocate()")
        return self._state.board.memory_base + self._start + self._pointer() - self._root

    @property
    def physical_address(self) -> int:
        return self.device_address

    def _bytes(self) -> np.ndarray:
        return np.asarray(self).reshape(-1).view(np.uint8)

    def flush(self) -> None:
        """Copy to the DDR."""
        self._twin()[:] = self._bytes()

    def invalidate(self) -> None:
        """Copy from the DDR."""
        self._bytes()[:] = self._twin()

    def freebuffer(self) -> None:
        """Give the memory back; a second call does nothing."""
        state, start = self._state, self._start
        if state is not None and start is not None and start in state.allocator.used:
            state.allocator.free(start)


def allocate(shape: Any, dtype: Any = "u4", target: Any = None, **_: Any) -> PynqBuffer:
    """Contiguous, page-aligned memory; its first content is arbitrary, as on the board."""
    state = _current()
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    raw = np.full(count * dtype.itemsize, FRESH_HOST_FILL, np.uint8)
    buffer = raw.view(dtype).reshape(shape).view(PynqBuffer)
    buffer._state = state
    buffer._start = state.allocator.allocate(raw.nbytes)
    buffer._root = raw.__array_interface__["data"][0]
    buffer._length = raw.nbytes
    return buffer
