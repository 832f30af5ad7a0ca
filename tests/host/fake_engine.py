"""An engine in plain Python behind the stand-in pynq: fast, and it fails on request.

It checks what a driver must set up (addresses, program in the DDR), takes its time, and computes
nothing like a network: class k's sum is (k + 1) times the sum of the stored picture's bytes, and
every feature map is filled by :func:`expected_map`.
"""

from __future__ import annotations

import json
import zlib

import numpy as np

from firebrick.host import layout
from firebrick.host.definition import (
    DEFINITION,
    ENGINE_ID,
    FORMAT_VERSION,
    HEADER_BYTES,
    PROFILE_BASE,
    PROFILE_WORDS,
    REGISTERS,
)
from firebrick.host.driver import Firebrick
from firebrick.host.program import unpack_header
from firebrick.hw.compiler.program import Group, Program, assemble
from firebrick.hw.shape import EngineShape

SHAPE = EngineShape(7, 8, act_words=1024)
BUSY, DONE, ERROR, RESETTING = 1, 2, 4, 8
ACCESS_CYCLES = 10
RUN_CYCLES = 50_000
CLOCK_HZ = 100_000_000
ADDRESS_OF = {offset: name for name, (offset, _, _) in REGISTERS.items()}


def make_program(
    name: str = "fake", shape: EngineShape = SHAPE, phases: int = 2, **changes: object
) -> Program:
    """A program of two groups that only a fake engine can run; ``changes`` to its host section."""
    channels, height, width, padding = 3, 9, 11, [1, 1, 0, 2]
    columns = -(-(width + 3) // phases)
    pixels, word = shape.pixels, shape.word_bytes
    first = layout.map_bytes(5, 6, 9, pixels, word)
    second = layout.map_bytes(2, 3, 4, pixels, word)
    host = {
        "name": name,
        "shape": {
            **{k: getattr(shape, k) for k in shape.__dataclass_fields__},
            "word_bytes": shape.word_bytes,
        },
        "input": {
            "name": "data",
            "channels": channels,
            "height": height,
            "width": width,
            "padding": padding,
            "pad_value": [7, 8, 9],
            "phases": phases,
            "planes": channels * phases,
            "bytes": layout.map_bytes(channels * phases, height + 1, columns, pixels, word),
        },
        "output": {
            "name": "classes",
            "classes": 3,
            "bytes": 24,
            "addend": [5, -5, 0],
            "positions": 4,
            "exponents": [9, 10, 11],
            "maps": [],
        },
        "maps": [
            {
                "name": "squeeze",
                "offset": 0,
                "first": 0,
                "channels": 5,
                "words": 5,
                "height": 6,
                "width": 9,
                "signed": False,
                "rows": 0,
                "exponent": 3,
                "bytes": first,
            },
            {
                "name": "expand",
                "offset": 1024,
                "first": 0,
                "channels": 2,
                "words": 2,
                "height": 3,
                "width": 4,
                "signed": True,
                "rows": 0,
                "exponent": 3,
                "bytes": second,
            },
        ],
        "groups": [
            {"name": "conv1", "layers": [{"name": "conv1", "macs": 1000, "ideal_cycles": 20}]},
            {"name": "fire2", "layers": [{"name": "fire2", "macs": 3000, "ideal_cycles": 60}]},
        ],
        "preprocessing": {"color": "RGB"},
        "classes": ["cat", "dog", "bird"],
        "anchors": [],
    }
    host.update(changes)
    groups = [Group(n, {}, bytes(range(16)) * 4) for n in ("conv1", "fire2")]
    return assemble(name, shape, groups, host, 4096)


def expected_map(entry: dict, image_sum: int) -> np.ndarray:
    """What the fake engine writes for a map of the host section."""
    shape = (entry["channels"], entry["height"], entry["width"])
    values = (np.arange(np.prod(shape)) * 37 + image_sum) % 251
    return values.reshape(shape).astype(np.uint8).view(np.int8 if entry["signed"] else np.uint8)


class FakeBoard:
    """Implements :class:`sim.pynq_standin.Board`, and the driver's clock."""

    def __init__(self, shape: EngineShape = SHAPE, program: Program | None = None) -> None:
        self.shape = shape
        self.host = json.loads(program.blob[-self._host_bytes(program) :]) if program else {}
        self.memory = np.zeros(4 << 20, np.uint8)
        self.memory_base = 0x1000_0000
        self.cycles = 0
        self.registers = dict.fromkeys(REGISTERS, 0)
        self.remaining = 0
        self.pending_error = 0
        self.starts = 0
        self.profile = [0] * (PROFILE_WORDS * 128)
        # What a test may set:
        self.hang = False
        self.stuck_reset = False
        self.silent_interrupt = False
        self.fail: tuple[int, int] | None = None
        self.id = ENGINE_ID
        self.version = FORMAT_VERSION

    @staticmethod
    def _host_bytes(program: Program) -> int:
        return unpack_header(program.blob[:HEADER_BYTES])["host_bytes"]

    # ---------------------------------------------------------------------- the board
    @property
    def irq(self) -> bool:
        r = self.registers
        return bool(r["IRQ_STATUS"] & r["IRQ_ENABLE"]) and not self.silent_interrupt

    def reset(self) -> None:
        self.registers = dict.fromkeys(REGISTERS, 0)
        self.remaining = 0

    def run(self, cycles: int, until_irq: bool = False) -> int:
        if until_irq and self.irq:
            return 0
        done = min(cycles, self.remaining) if self.remaining and until_irq else cycles
        self.cycles += done
        if self.remaining and not self.hang:
            self.remaining = max(0, self.remaining - done)
            if not self.remaining:
                self._finish()
        return done

    def now(self) -> float:
        return self.cycles / CLOCK_HZ

    def sleep(self, seconds: float) -> None:
        self.run(max(1, round(seconds * CLOCK_HZ)))

    def read_register(self, address: int) -> int:
        self.run(ACCESS_CYCLES)
        if address >= PROFILE_BASE:
            return self.profile[(address - PROFILE_BASE) // 4]
        name = ADDRESS_OF[address]
        s = self.shape
        fixed = {
            "ID": self.id,
            "VERSION": self.version,
            "DEFINITION": DEFINITION,
            "SHAPE": s.pixels
            | s.channels << 8
            | s.acc_bits << 16
            | s.word_bytes << 24
            | s.pump << 30,
            "CAPACITY": self._log2(s.act_words, s.weight_words, s.bias_pairs, s.sums),
            "POOL_CAPACITY": self._log2(s.pool_channels, s.pool_line_words),
        }
        return fixed.get(name, self.registers[name])

    @staticmethod
    def _log2(*depths: int) -> int:
        return sum((d.bit_length() - 1) << 8 * i for i, d in enumerate(depths))

    def write_register(self, address: int, value: int) -> None:
        self.run(ACCESS_CYCLES)
        name = ADDRESS_OF[address]
        assert REGISTERS[name][1] != "ro", f"the driver wrote the read-only register {name}"
        if name == "IRQ_STATUS":
            self.registers[name] &= ~value
        elif name == "CONTROL":
            self._control(value)
        else:
            self.registers[name] = value

    # --------------------------------------------------------------------- the engine
    def _control(self, value: int) -> None:
        r = self.registers
        if value & 2:
            self.remaining = 0
            r["STATUS"] = RESETTING if self.stuck_reset else 0
            r["IRQ_STATUS"] = r["ERROR"] = 0
        elif value & 1 and not r["STATUS"] & BUSY:
            self.starts += 1
            r["STATUS"], r["ERROR"] = BUSY, 0
            addresses = ("PROGRAM_ADDR", "INPUT_ADDR", "OUTPUT_ADDR", "SCRATCH_ADDR")
            aligned = all(r[a] % 128 == 0 for a in addresses) and r["IMAGES"]
            self.pending_error = 0 if aligned else 12
            self.remaining = RUN_CYCLES

    def _bytes(self, address: int, length: int) -> np.ndarray:
        start = address - self.memory_base
        assert 0 <= start and start + length <= len(self.memory)
        return self.memory[start : start + length]

    def _space(self, name: str, offset: int, length: int) -> np.ndarray:
        """Bytes of a space, which must lie within what the driver says that it is."""
        start, end = self.registers[f"{name}_ADDR"], self.registers[f"{name}_END"]
        assert start + offset + length <= end, f"{name}: {offset + length} of {end - start} bytes"
        return self._bytes(start + offset, length)

    def _finish(self) -> None:
        r = self.registers
        code, group = self.fail or (self.pending_error or self._program_error(), 0)
        r["CYCLES_LO"] = RUN_CYCLES
        if code:
            r["STATUS"], r["ERROR"] = ERROR, code | group << 8
            r["IRQ_STATUS"] = 2
            return
        for image in range(r["IMAGES"]):
            self._answer(image)
        r["ACTIVE"], r["IMAGES_DONE"], r["GROUP"] = 40_000, r["IMAGES"], 2 * r["IMAGES"]
        self.profile[:16] = [10_000, 9_000, 1, 2, 3, 4, 5, 6, 30_000, 20_000, 8, 7, 6, 5, 11, 60]
        r["STATUS"] = DONE
        r["IRQ_STATUS"] = 1

    def _program_error(self) -> int:
        data = self._space("PROGRAM", 0, HEADER_BYTES).tobytes()
        header = unpack_header(data)
        if data[:4] != b"FBPG":
            return 1
        if header["header_crc"] != zlib.crc32(data[:56]):
            return 4
        stream = self._space("PROGRAM", HEADER_BYTES, header["stream_bytes"])
        ends = self.registers["PROGRAM_END"] - self.registers["PROGRAM_ADDR"]
        assert ends == HEADER_BYTES + stream.size, "the program's buffer ends elsewhere"
        return 0

    def _answer(self, image: int) -> None:
        r, host = self.registers, self.host
        stored = self._space("INPUT", image * r["INPUT_STRIDE"], host["input"]["bytes"]).copy()
        total = int(stored.astype(np.int64).sum())
        sums = np.arange(1, host["output"]["classes"] + 1, dtype="<i8") * total
        place = self._space("OUTPUT", image * r["OUTPUT_STRIDE"], sums.nbytes)
        place[:] = sums.view(np.uint8)
        for entry in host["maps"]:
            data = layout.pack(expected_map(entry, total), self.shape.pixels, self.shape.word_bytes)
            self._space("SCRATCH", entry["offset"], data.size)[:] = data


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, 9, 11), dtype=np.uint8)


def stored_sum(driver: Firebrick, image: np.ndarray) -> int:
    p = driver.program
    return int(layout.pack_input(image, p.input, p.pixels, p.word_bytes).astype(np.int64).sum())
