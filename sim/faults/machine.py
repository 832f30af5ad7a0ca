"""An engine with its memory, its networks and what they should answer, without a driver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from firebrick.host import layout
from firebrick.host.program import Program as Parsed
from firebrick.host.program import parse_program
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.board import MemoryTiming, ProtocolError, SimulatedBoard

START, SOFT_RESET = 1, 2
BUSY, DONE, FAILED, RESETTING = 1, 2, 4, 8
ALIGNMENT = 128
MEMORY_BYTES = 1 << 20
SPARE_BYTES = 512
"""Room behind a program, for one that is longer."""
STALL_CYCLES = 3000
"""Register TIMEOUT: longer than any wait of a right run."""
LIMIT = 60_000
"""Cycles after which a run without an interrupt is looked into."""
RESET_CYCLES = 4000
REGISTER = {r.name: r.offset for r in d.REGISTERS}
CODES = {code: name for code, name, _ in d.ERRORS}
SPACES = ("program", "input", "output", "scratch")


@dataclass(frozen=True, eq=False)
class Case:
    """A compiled network, pictures, and the golden answers to them."""

    net: QNetwork
    program: Program
    images: np.ndarray

    @cached_property
    def parsed(self) -> Parsed:
        return parse_program(self.program.blob)

    @cached_property
    def expected(self) -> golden.GoldenResult:
        return golden.run(self.net, self.images, [m.name for m in self.parsed.maps])


def make_case(net: QNetwork, shape: EngineShape, images: np.ndarray, apart: bool) -> Case:
    """``net`` compiled for ``shape``; CompileError where that is too small for it."""
    return Case(net, compile_network(net, shape, stages_apart=apart), images)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``what`` is "done", the name of an error code, "hang" where nothing moved
    and no interrupt came, or "long" where it was still at work."""

    what: str
    cycles: int

    @property
    def is_error(self) -> bool:
        return self.what in CODES.values()


class Machine:
    """The engine of ``library``; where it broke a rule of the bus a new one takes its place."""

    def __init__(
        self, shape: EngineShape, library: Path, kind: type[SimulatedBoard] = SimulatedBoard
    ) -> None:
        self.shape = shape
        self.library = library
        self.kind = kind
        self.board: SimulatedBoard | None = None
        self.spaces: dict[str, tuple[int, int]] = {}  # offset in the memory, bytes
        self.case: Case | None = None
        self.guard = np.zeros(0, np.uint8)

    def fresh(self, seed: int | None, timing: MemoryTiming | None = None) -> SimulatedBoard:
        """A new board, with back-pressure where there is a seed."""
        self.close()
        self.board = self.kind(
            self.shape, seed, library=self.library, memory_bytes=MEMORY_BYTES, timing=timing
        )
        return self.board

    def close(self) -> None:
        if self.board is not None:
            self.board.close()
        self.board = None

    @property
    def bench(self) -> SimulatedBoard:
        assert self.board is not None
        return self.board

    # ------------------------------------------------------------------------------ registers

    def write(self, name: str, value: int) -> None:
        self.bench.write_register(REGISTER[name], value & 0xFFFFFFFF)

    def read(self, name: str) -> int:
        return self.bench.read_register(REGISTER[name])

    # --------------------------------------------------------------------------------- memory

    def place(self, case: Case, images: int, rng: np.random.Generator) -> None:
        """Lay the case's buffers out, with gaps that nobody may write to, and fill the memory."""
        self.case = case
        parsed = case.parsed
        sizes = {
            "program": len(parsed.loadable) + SPARE_BYTES,
            "input": images * self.stride(parsed.input.bytes),
            "output": images * self.stride(parsed.output.bytes),
            "scratch": max(parsed.scratch_bytes, ALIGNMENT),
        }
        at = 0
        self.spaces = {}
        for name in rng.permutation(SPACES):
            at += ALIGNMENT * int(rng.integers(1, 5))
            self.spaces[str(name)] = (at, sizes[str(name)])
            at += self.stride(sizes[str(name)])
        memory = self.bench.memory
        memory[:] = rng.integers(0, 256, memory.size, np.uint8)
        self.store("program", parsed.loadable)
        for index in range(images):
            data = layout.pack_input(
                case.images[index], parsed.input, parsed.pixels, parsed.word_bytes
            )
            self.view("input")[index * self.stride(parsed.input.bytes) :][: data.size] = data
        self.guard = memory.copy()

    @staticmethod
    def stride(size: int) -> int:
        return -(-size // ALIGNMENT) * ALIGNMENT

    def view(self, space: str) -> np.ndarray:
        at, size = self.spaces[space]
        return self.bench.memory[at : at + size]

    def store(self, space: str, data: bytes) -> None:
        """``data`` at the start of a space; what does not fit is cut off."""
        view = self.view(space)
        raw = np.frombuffer(data[: view.size], np.uint8)
        view[: raw.size] = raw

    def address(self, space: str) -> int:
        return self.bench.memory_base + self.spaces[space][0]

    def fence(self) -> None:
        """Answer with an error to whoever reads or writes outside of the spaces."""
        base, end = self.bench.memory_base, self.bench.memory_base + self.bench.memory.size
        at = base
        for begin, size in sorted(self.spaces.values()):
            self.bench.add_fault(at, base + begin - at)
            at = base + begin + size
        self.bench.add_fault(at, end - at)

    def strayed(self) -> bool:
        """Whether anything but outputs and feature maps was written to."""
        memory, guard = self.bench.memory, self.guard
        changed = memory != guard
        for space in ("output", "scratch"):
            at, size = self.spaces[space]
            changed[at : at + size] = False
        return bool(changed.any())

    # ----------------------------------------------------------------------------------- runs

    def setup(self, images: int) -> None:
        """The registers that a driver writes before a start."""
        assert self.case is not None
        parsed = self.case.parsed
        for space in SPACES:
            begin, size = self.address(space), self.spaces[space][1]
            self.write(f"{space.upper()}_ADDR", begin)
            self.write(f"{space.upper()}_END", begin + size)
        self.write("IMAGES", images)
        self.write("INPUT_STRIDE", self.stride(parsed.input.bytes))
        self.write("OUTPUT_STRIDE", self.stride(parsed.output.bytes))
        self.write("TIMEOUT", STALL_CYCLES)
        self.write("IRQ_STATUS", 3)
        self.write("IRQ_ENABLE", 3)

    def start(self, images: int = 1) -> None:
        self.setup(images)
        self.write("CONTROL", START)

    def wait(self, limit: int = LIMIT) -> Outcome:
        """Let the engine run until its interrupt, or until nothing moves any more."""
        begin = self.bench.cycles
        self.bench.run(limit, until_irq=True)
        cycles = self.bench.cycles - begin
        if self.bench.irq:
            return Outcome(self.ended(), cycles)
        before = self.read("ACTIVE"), self.read("READ_BEATS_PROGRAM"), self.read("WRITE_BEATS")
        self.bench.run(2 * STALL_CYCLES, until_irq=True)
        if self.bench.irq:
            return Outcome(self.ended(), self.bench.cycles - begin)
        after = self.read("ACTIVE"), self.read("READ_BEATS_PROGRAM"), self.read("WRITE_BEATS")
        return Outcome("hang" if before == after else "long", self.bench.cycles - begin)

    def ended(self) -> str:
        """What STATUS and ERROR say of a run that has ended."""
        status = self.read("STATUS")
        self.write("IRQ_STATUS", 3)
        if status & FAILED:
            return CODES[self.read("ERROR") & 0xFF]
        return "done" if status & DONE else f"status {status:#x}"

    def soft_reset(self) -> bool:
        """False where the reset does not end."""
        self.write("CONTROL", SOFT_RESET)
        return self.settled()

    def settled(self) -> bool:
        """Whether the engine comes to rest, as it does once it has aborted."""
        for _ in range(RESET_CYCLES // 20):
            if not self.read("STATUS") & (RESETTING | BUSY):
                return True
            self.bench.run(20)
        return False

    def right(self, images: int = 1) -> bool:
        """Whether all sums, and the last picture's maps, are the golden model's."""
        assert self.case is not None
        parsed, expected = self.case.parsed, self.case.expected
        stride = self.stride(parsed.output.bytes)
        rows = np.array(self.view("output")).reshape(images, stride)
        sums = np.ascontiguousarray(rows[:, : 8 * parsed.output.classes]).view("<i8")
        totals = sums + np.array(parsed.output.addend, np.int64)
        if not np.array_equal(totals, expected.sums[:images]):
            return False
        scratch = np.array(self.view("scratch"))
        return all(
            np.array_equal(
                layout.unpack_map(scratch, m, parsed.pixels, parsed.word_bytes),
                expected.tensors[m.name][images - 1],
            )
            for m in parsed.maps
        )

    def recovers(self, rng: np.random.Generator, reset: bool = True) -> bool:
        """Whether the right program, after a soft reset or without one, gives the right answer."""
        assert self.case is not None
        self.bench.hang(0)
        self.bench.clear_faults()
        try:
            if not (self.soft_reset() if reset else self.settled()):
                return False
            self.place(self.case, 1, rng)
            self.start()
            return self.wait().what == "done" and self.right() and not self.strayed()
        except ProtocolError:
            return False
