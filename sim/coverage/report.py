"""Coverage of the RTL as figures, and what of it is not covered for a reason."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.coverage.reader import Point, by_module

WAIVERS = Path(__file__).with_name("waivers.toml")
RTL = ROOT / "hw" / "rtl"


@dataclass(frozen=True)
class Waiver:
    """Lines of ``file`` that hold ``match`` are not reached, because of ``reason``."""

    file: str
    match: str
    reason: str


@dataclass(frozen=True)
class Line:
    """A line that nothing ran."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"hw/rtl/{self.file}:{self.number}: {self.text.strip()}"


@dataclass(frozen=True)
class Figures:
    """Covered and counted lines and toggles of a module."""

    lines: int
    all_lines: int
    toggles: int
    all_toggles: int

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.lines + other.lines,
            self.all_lines + other.all_lines,
            self.toggles + other.toggles,
            self.all_toggles + other.all_toggles,
        )

    @property
    def line_percent(self) -> float:
        return _percent(self.lines, self.all_lines)

    @property
    def toggle_percent(self) -> float:
        return _percent(self.toggles, self.all_toggles)


@dataclass(frozen=True)
class Coverage:
    """Figures by module; uncovered lines without and with a reason; waivers that waive nothing;
    changes of bits not seen, by module and signal (:attr:`sim.coverage.reader.Module.still`)."""

    modules: dict[str, Figures]
    unexplained: list[Line]
    waived: list[tuple[Line, Waiver]]
    stale: list[Waiver]
    still: dict[str, dict[str, int]]

    @property
    def total(self) -> Figures:
        return sum(self.modules.values(), Figures(0, 0, 0, 0))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def read_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """Waivers of a file; FirebrickError for an entry that does not say all that it must."""
    try:
        entries = tomllib.loads(path.read_text()).get("waiver", [])
        found = [Waiver(e["file"], e["match"], e["reason"]) for e in entries]
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise FirebrickError(f"{path}: file, match and reason are needed: {error}") from error
    for waiver in found:
        if not all(text.strip() for text in (waiver.file, waiver.match, waiver.reason)):
            raise FirebrickError(f"{path}: {waiver.file}: give file, match and reason")
    return found


def judge(counts: Counter[Point], waivers: Iterable[Waiver], rtl: Path = RTL) -> Coverage:
    """What ``counts`` says of the files in ``rtl``."""
    waivers = list(waivers)
    figures, still, unexplained, waived = {}, {}, [], []
    for name, module in by_module(counts).items():
        path = rtl / f"{name}.sv"
        # Stand-ins of primitives, and what a bench puts around a module, are not the hardware.
        if not path.is_file():
            continue
        lines, toggles = module.covered()
        figures[name] = Figures(lines, len(module.lines), toggles, len(module.toggles))
        still[name] = module.still
        source = path.read_text().splitlines()
        for number in module.uncovered:
            line = Line(path.name, number, source[number - 1])
            reasons = [w for w in waivers if w.file == line.file and w.match in line.text]
            if reasons:
                waived.append((line, reasons[0]))
            else:
                unexplained.append(line)
    used = {waiver for _, waiver in waived}
    return Coverage(figures, unexplained, waived, [w for w in waivers if w not in used], still)
