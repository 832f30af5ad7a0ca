"""The simulated board: the Verilated engine and its memory, in this process.

:class:`SimulatedBoard` offers registers, memory, interrupt and time. The driver does not use it
directly but through :mod:`sim.pynq_standin`, which puts the part of pynq's interface around it that
the driver needs. :func:`simulated` does both.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import IntFlag
from pathlib import Path

import numpy as np

from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.shape import EngineShape
from firebrick.sim.build import Progress, build_library

CLOCK_HZ = 150_000_000
MEMORY_BASE = 0x1000_0000
MEMORY_BYTES = 128 << 20
STALL_PROBABILITY = 0.25
SLICE_CYCLES = 20_000
"""Cycles of one C call: about 0.1 s, so that Ctrl-C is answered."""


class SimulationError(Exception):
    """The simulation cannot go on: the message says in which cycle and why."""


class ProtocolError(SimulationError):
    """The engine broke a rule of AXI, or an assertion in it failed. A defect of the hardware."""


class BusError(SimulationError):
    """A register access got an error response, or none: on the board the process would die."""


class Channel(IntFlag):
    """Channels of the memory ports that can be made to hang."""

    READ_ADDRESS = 1
    READ_DATA = 2
    WRITE_ADDRESS = 4
    WRITE_DATA = 8
    WRITE_RESPONSE = 16
    ALL = 31


class _Config(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in (
                "base",
                "size",
                "read_latency",
                "write_latency",
                "bytes_per_cycle",
                "refresh_interval",
                "refresh_cycles",
                "max_outstanding",
                "seed",
            )
        ),
        ("stall", ctypes.c_double),
    ]


class _Statistics(ctypes.Structure):
    _fields_ = [
        ("read_beats", ctypes.c_uint64 * 2),
        ("write_beats", ctypes.c_uint64),
        ("read_bursts", ctypes.c_uint64 * 2),
        ("write_bursts", ctypes.c_uint64),
        ("refresh_cycles", ctypes.c_uint64),
        ("limited_cycles", ctypes.c_uint64),
        ("error_responses", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class MemoryStatistics:
    """What the memory did since the board was made; beats are of 8 bytes."""

    maps_read_beats: int
    program_read_beats: int
    write_beats: int
    maps_read_bursts: int
    program_read_bursts: int
    write_bursts: int
    refresh_cycles: int
    limited_cycles: int
    error_responses: int


def _load(library: Path) -> ctypes.CDLL:
    """The library with the signatures of its functions (sim/harness/board.cpp)."""
    c = ctypes
    lib = c.CDLL(str(library))
    signatures: dict[str, tuple[object, list[object]]] = {
        "fb_create": (c.c_void_p, [c.POINTER(_Config)]),
        "fb_destroy": (None, [c.c_void_p]),
        "fb_memory": (c.c_void_p, [c.c_void_p]),
        "fb_write": (c.c_int, [c.c_void_p, c.c_uint32, c.c_uint32]),
        "fb_read": (c.c_int, [c.c_void_p, c.c_uint32, c.POINTER(c.c_uint32)]),
        "fb_run": (c.c_uint64, [c.c_void_p, c.c_uint64, c.c_int]),
        "fb_reset": (None, [c.c_void_p, c.c_int]),
        "fb_lose_clock": (None, [c.c_void_p]),
        "fb_irq": (c.c_int, [c.c_void_p]),
        "fb_cycles": (c.c_uint64, [c.c_void_p]),
        "fb_failure": (c.c_char_p, [c.c_void_p]),
        "fb_hang": (None, [c.c_void_p, c.c_uint32]),
        "fb_add_fault": (None, [c.c_void_p, c.c_uint64, c.c_uint64, c.c_int, c.c_int]),
        "fb_clear_faults": (None, [c.c_void_p]),
        "fb_statistics": (None, [c.c_void_p, c.POINTER(_Statistics)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


class SimulatedBoard:
    """One engine with its memory.

    ``seed`` turns on random back-pressure on every channel, with probability
    ``stall_probability`` a cycle, and chooses the initial values of registers without reset; the
    same seed gives the same run. ``library`` replaces the engine of ``hw/rtl`` by another
    library that :mod:`sim.build` made.

    ``memory`` is the DDR, uint8 [memory_bytes], its first byte at ``memory_base``. Every method
    may raise :class:`ProtocolError`; after that the board is of no further use.
    """

    def __init__(
        self,
        shape: EngineShape,
        seed: int | None = None,
        *,
        stall_probability: float = STALL_PROBABILITY,
        timing: MemoryTiming | None = None,
        memory_bytes: int = MEMORY_BYTES,
        assertions: bool = False,
        library: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._handle: int | None = None
        timing = timing or MemoryTiming()
        self.shape = shape
        self.memory_base = MEMORY_BASE
        self.clock_hz = CLOCK_HZ
        self._lib = _load(library or build_library(shape, progress, assertions))
        config = _Config(
            base=self.memory_base,
            size=memory_bytes,
            seed=seed or 0,
            stall=0.0 if seed is None else stall_probability,
            **{f.name: getattr(timing, f.name) for f in fields(timing)},
        )
        self._handle = self._lib.fb_create(ctypes.byref(config))
        if not self._handle:
            raise SimulationError(f"no memory for a simulated board with {memory_bytes} bytes")
        pointer = self._lib.fb_memory(self._handle)
        content = (ctypes.c_uint8 * memory_bytes).from_address(pointer)
        # Whatever array looks into the memory holds ``content``: it is there as long as one does.
        weakref.finalize(content, self._lib.fb_destroy, self._handle).atexit = False
        self.memory: np.ndarray = np.ctypeslib.as_array(content)
        self._check()

    def close(self) -> None:
        """Give memory and model back: at once, or when the last array that looks into ``memory``
        is gone."""
        if self._handle:
            self.memory = np.zeros(0, np.uint8)
            self._handle = None

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> int:
        if not self._handle:
            raise SimulationError("the simulated board is closed")
        return self._handle

    def _check(self) -> None:
        text = self._lib.fb_failure(self._open()).decode()
        if text:
            raise ProtocolError(text)

    # ------------------------------------------------------------------------------ registers

    def read_register(self, address: int) -> int:
        """32-bit value at byte ``address``, by an AXI4-Lite transfer."""
        value = ctypes.c_uint32()
        status = self._lib.fb_read(self._open(), address, ctypes.byref(value))
        self._answer(status, "read", address)
        return value.value

    def write_register(self, address: int, value: int) -> None:
        """Write 32 bits at byte ``address``, by an AXI4-Lite transfer."""
        self._answer(self._lib.fb_write(self._open(), address, value), "write", address)

    def _answer(self, status: int, what: str, address: int) -> None:
        self._check()
        if status:
            reason = "got an error response" if status == 2 else "was not answered"
            raise BusError(f"cycle {self.cycles}: register {what} at {address:#x} {reason}")

    # ----------------------------------------------------------------------------------- time

    @property
    def cycles(self) -> int:
        """Clock cycles since the board was made."""
        return self._lib.fb_cycles(self._open())

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return bool(self._lib.fb_irq(self._open()))

    def run(self, cycles: int, until_irq: bool = False) -> int:
        """Let the clock run for ``cycles``, or until the interrupt; returns the cycles run."""
        done = 0
        while done < cycles:
            part = min(SLICE_CYCLES, cycles - done)
            ran = self._lib.fb_run(self._open(), part, until_irq)
            self._check()
            done += ran
            if ran < part:
                break
        return done

    def reset(self, in_flight: bool = False) -> None:
        """Hard reset, as by loading the overlay anew; memory keeps its content.

        With ``in_flight`` the memory goes on to answer what it had been asked to read, as the
        processor's ports do, which know nothing of the reset.
        """
        self._lib.fb_reset(self._open(), in_flight)
        self._check()

    def lose_clock(self) -> None:
        """The engine's clocks are lost and come back, as where FCLK0 is changed: a hard reset whose
        reason the engine reports."""
        self._lib.fb_lose_clock(self._open())
        self._check()

    def now(self) -> float:
        """Seconds of simulated time."""
        return self.cycles / self.clock_hz

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of simulated time pass (at least one cycle)."""
        self.run(max(1, round(seconds * self.clock_hz)))

    # --------------------------------------------------------------------------------- faults

    def hang(self, channels: Channel | int = Channel.ALL) -> None:
        """Stop answering on these channels of all memory ports; 0 answers again."""
        self._lib.fb_hang(self._open(), int(channels))

    def add_fault(
        self, address: int, length: int, *, reads: bool = True, writes: bool = True
    ) -> None:
        """Answer SLVERR to accesses of ``length`` bytes at the physical ``address``."""
        self._lib.fb_add_fault(self._open(), address, address + length - 1, reads, writes)

    def clear_faults(self) -> None:
        self._lib.fb_clear_faults(self._open())

    def statistics(self) -> MemoryStatistics:
        raw = _Statistics()
        self._lib.fb_statistics(self._open(), ctypes.byref(raw))
        return MemoryStatistics(
            maps_read_beats=raw.read_beats[0],
            program_read_beats=raw.read_beats[1],
            write_beats=raw.write_beats,
            maps_read_bursts=raw.read_bursts[0],
            program_read_bursts=raw.read_bursts[1],
            write_bursts=raw.write_bursts,
            refresh_cycles=raw.refresh_cycles,
            limited_cycles=raw.limited_cycles,
            error_responses=raw.error_responses,
        )


@contextmanager
def simulated(board: SimulatedBoard) -> Iterator[SimulatedBoard]:
    """Within the block ``import pynq`` gives the stand-in over ``board``; closes the board."""
    from firebrick.sim import pynq_standin

    with board, pynq_standin.installed(board):
        yield board
