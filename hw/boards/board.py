"""A board as data: ``<name>.toml`` in this folder, read and checked.

::

    title = "PYNQ-Z2"
    part = "xc7z020clg400-1"
    pynq_image = "official"        # or "community", "none"

    [clock]
    reference_mhz = 50.0           # crystal of the processing system
    io_pll_multiplier = 20         # set by the board's boot loader; FCLK0 is divided from this PLL
    fclk0_divisors = [5, 2]        # each 1 to 63; pynq programs them from the .hwh

    [memory]
    kind = "DDR3"
    bus_bits = 16
    megatransfers = 1050           # a second
    mebibytes = 512
    hp_bits = 64                   # of the ports through which the engine reaches it

    [engine]                       # fields of EngineShape; others have its defaults
    pixels = 14
    channels = 32
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from firebrick.hw.boards.parts import Chip, chip_of
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError

FOLDER = Path(__file__).resolve().parent
DIVISOR_MAX = 63  # six bits in the register of an FCLK
PYNQ_IMAGES = ("official", "community", "none")

# The modelled memory (firebrick.hw.memory_timing.MemoryTiming) is that of a PYNQ-Z2 seen from 150
# MHz; in seconds it is every board's.  A 4-Gbit DDR3 is refreshed every 7.8 us for about 260 ns.
MODELLED = MemoryTiming()
MODELLED_HZ = 150e6


@dataclass(frozen=True)
class Clock:
    """Clocks of the processing system: FCLK0 = reference * multiplier / (divisor0 * divisor1)."""

    reference_mhz: float
    io_pll_multiplier: int
    fclk0_divisors: tuple[int, int]

    def __post_init__(self) -> None:
        _within("reference_mhz", self.reference_mhz, 30, 60)
        # DS187: VCO of a PLL of the processing system, speed grade -1.
        _within("reference_mhz * io_pll_multiplier", self.io_pll_hz / 1e6, 780, 1600)
        for divisor in self.fclk0_divisors:
            _within("fclk0_divisors", divisor, 1, DIVISOR_MAX)
        _within("the frequency of FCLK0 in MHz", self.fclk0_hz / 1e6, 10, 250)

    @property
    def io_pll_hz(self) -> int:
        return round(self.reference_mhz * 1e6 * self.io_pll_multiplier)

    @property
    def fclk0_hz(self) -> int:
        """The engine's clock."""
        return round(self.io_pll_hz / math.prod(self.fclk0_divisors))

    def at_most(self, hertz: float) -> Clock:
        """The same clocks with FCLK0 at the highest frequency that is not above ``hertz``.

        Raises FirebrickError where the dividers cannot give that.
        """
        # A divided third of a MHz is written with as many digits as one likes.
        wanted = self.io_pll_hz / (hertz * (1 + 1e-6)) if hertz > 0 else math.inf
        pairs = [
            (first, second)
            for first in range(1, DIVISOR_MAX + 1)
            for second in range(1, first + 1)
            if first * second >= wanted
        ]
        if not pairs:
            raise FirebrickError(
                f"a clock of {hertz / 1e6:g} MHz: the dividers of {self.io_pll_hz / 1e6:g} MHz end "
                f"at {DIVISOR_MAX} x {DIVISOR_MAX}"
            )
        best = min(pairs, key=lambda pair: (pair[0] * pair[1], pair[0]))
        return replace(self, fclk0_divisors=best)


@dataclass(frozen=True)
class Memory:
    """The board's DDR and the width of the HP ports through which the engine reaches it."""

    kind: str
    bus_bits: int
    megatransfers: int
    mebibytes: int
    hp_bits: int

    def __post_init__(self) -> None:
        if self.kind not in ("DDR3", "DDR3L"):
            raise ValueError(f"kind is {self.kind!r}; known are DDR3 and DDR3L")
        if self.bus_bits not in (16, 32):
            raise ValueError(f"bus_bits is {self.bus_bits}; a Zynq-7000 has 16 or 32")
        _within("megatransfers", self.megatransfers, 400, 1066)  # DS187, speed grade -1
        _within("mebibytes", self.mebibytes, 64, 1024)
        if self.hp_bits != 64:
            raise ValueError(f"hp_bits is {self.hp_bits}; the engine's ports have 64")

    @property
    def bytes_per_second(self) -> int:
        """What the DDR moves at best, in both directions together."""
        return self.megatransfers * 1_000_000 * self.bus_bits // 8

    def timing(self, hertz: float) -> MemoryTiming:
        """The memory as an engine with a clock of ``hertz`` sees it."""
        ratio = hertz / MODELLED_HZ
        return MemoryTiming(
            read_latency=math.ceil(MODELLED.read_latency * ratio),
            write_latency=math.ceil(MODELLED.write_latency * ratio),
            bytes_per_cycle=int(self.bytes_per_second // hertz),
            refresh_interval=int(MODELLED.refresh_interval * ratio),
            refresh_cycles=math.ceil(MODELLED.refresh_cycles * ratio),
        )


@dataclass(frozen=True)
class Board:
    """One board; ``name`` is that of its file, ``part`` the full name of its chip."""

    name: str
    title: str
    part: str
    pynq_image: str
    clock: Clock
    memory: Memory
    shape: EngineShape

    def __post_init__(self) -> None:
        _ = self.chip
        if self.pynq_image not in PYNQ_IMAGES:
            raise ValueError(
                f"pynq_image is {self.pynq_image!r}; it is one of {', '.join(PYNQ_IMAGES)}"
            )

    @property
    def chip(self) -> Chip:
        return chip_of(self.part)

    @property
    def timing(self) -> MemoryTiming:
        """The memory as the engine on this board sees it."""
        return self.memory.timing(self.clock.fclk0_hz)

    def with_clock(self, megahertz: float) -> Board:
        """The same board with FCLK0 at most at ``megahertz`` (FirebrickError where impossible)."""
        try:
            return replace(self, clock=self.clock.at_most(megahertz * 1e6))
        except ValueError as error:
            raise FirebrickError(f"{self.title}: {error}") from error


def board_names(folder: Path = FOLDER) -> list[str]:
    """Names of the boards that are known, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


@cache
def load_board(name: str, folder: Path = FOLDER) -> Board:
    """The board called ``name``.

    Raises FirebrickError for an unknown board (it lists the known ones) and for a file that is not
    TOML, lacks a field, or has an unknown one, or one of another type or out of its limits: the
    message names the file, the field and the limit.
    """
    path = folder / f"{name}.toml"
    if name not in board_names(folder):
        raise FirebrickError(f"board {name!r} is not known; {', '.join(board_names(folder))} are")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FirebrickError(f"{path.name}: not a TOML file: {error}") from error
    try:
        parts = {
            "clock": _build(Clock, "clock", _take(table, "clock", "", dict)),
            "memory": _build(Memory, "memory", _take(table, "memory", "", dict)),
            "shape": _build(EngineShape, "engine", _take(table, "engine", "", dict)),
        }
        plain = {k: v for k, v in table.items() if k not in ("clock", "memory", "engine")}
        return _build(Board, "", plain, name=name, **parts)
    except (ValueError, FirebrickError) as error:
        raise FirebrickError(f"{path.name}: {error}") from error


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g}, outside {low:g} to {high:g}")


def _take(table: dict[str, Any], name: str, section: str, kind: type) -> Any:
    """A value of the table, of this type."""
    where = f"{section}.{name}" if section else name
    if name not in table:
        raise ValueError(f"field {where} is missing")
    value = table[name]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"field {where} is {value!r}, not {_KINDS[kind]}")
    return value


_KINDS = {int: "an integer", float: "a number", str: "a text", dict: "a table", list: "a list"}
_TYPES = {"int": int, "float": float, "str": str}


def _build(cls: type, section: str, table: dict[str, Any], **given: Any) -> Any:
    """A dataclass from a table, its fields checked; ``given`` ones are not in the table."""
    wanted = {f.name: f for f in fields(cls) if f.name not in given}
    unknown = sorted(set(table) - set(wanted))
    if unknown:
        where = f"{section}.{unknown[0]}" if section else unknown[0]
        raise ValueError(f"field {where} is unknown; {', '.join(wanted)} are fields there")
    values = dict(given)
    optional = cls is EngineShape
    for name, field in wanted.items():
        if name not in table and optional and name not in ("pixels", "channels"):
            continue
        if field.type in _TYPES:
            values[name] = _take(table, name, section, _TYPES[str(field.type)])
        else:
            pair = _take(table, name, section, list)
            if len(pair) != 2 or any(type(value) is not int for value in pair):
                raise ValueError(f"field {section}.{name} is {pair}, not a list of two integers")
            values[name] = tuple(pair)
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{section}: {error}" if section else str(error)) from error
