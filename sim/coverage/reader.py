"""Verilator's coverage files: points with counts, and what they say of a file's lines and bits.

A point of a line names the lines of a block of statements; a line is covered if one of the blocks
that name it ran, in whichever instance of its module.  A point of a toggle names a bit and a
direction.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from firebrick.quantize.errors import FirebrickError

HEADER = "# SystemC::Coverage"
FIELD = re.compile("\x01([^\x02]*)\x02([^\x01]*)")
LINE_PAGES, TOGGLE_PAGE = ("v_line", "v_branch"), "v_toggle"


@dataclass(frozen=True)
class Point:
    """Where and of what: ``lines`` for a block, ``bit`` for a toggle of it."""

    file: str
    page: str
    lines: tuple[int, ...]
    bit: str


@dataclass
class Module:
    """Lines and toggles of a file, and how often each was seen."""

    lines: Counter[int] = field(default_factory=Counter)
    toggles: Counter[str] = field(default_factory=Counter)

    @property
    def uncovered(self) -> list[int]:
        return sorted(line for line, count in self.lines.items() if not count)

    def covered(self) -> tuple[int, int]:
        """Covered lines and toggles."""
        return sum(n > 0 for n in self.lines.values()), sum(n > 0 for n in self.toggles.values())

    @property
    def still(self) -> dict[str, int]:
        """Signals by line and name ("12 count_q") of which changes of bits were not seen, and how
        many changes."""
        missed = (bit for bit, count in self.toggles.items() if not count)
        return dict(sorted(Counter(re.sub(r"\[[^]]*\]|:.*", "", bit) for bit in missed).items()))


def read_counts(path: Path) -> Counter[str]:
    """Counts of one file by its own words for a point, which :func:`points` understands: counts of
    many runs are added first."""
    counts: Counter[str] = Counter()
    rows = path.read_text(errors="replace").splitlines()
    if not rows or not rows[0].startswith(HEADER):
        raise FirebrickError(f"{path}: not a coverage file of Verilator: run the simulation again")
    for number, row in enumerate(rows[1:], 2):
        words, _, count = row.rpartition("' ")
        if not (words.startswith("C '") and count.isdigit()):
            raise FirebrickError(f"{path}:{number}: {row[:60]!r} is no coverage point")
        counts[words] += int(count)
    return counts


def points(counts: Counter[str]) -> Counter[Point]:
    """Counts by point, those of several instances of a module added up."""
    found: Counter[Point] = Counter()
    for words, count in counts.items():
        found[_point(dict(FIELD.findall(words)))] += count
    return found


def _point(fields: dict[str, str]) -> Point:
    page = fields["page"].split("/")[0]
    if page == TOGGLE_PAGE:
        return Point(fields["f"], page, (int(fields["l"]),), fields["o"])
    return Point(fields["f"], page, tuple(_lines(fields.get("S", fields["l"]))), "")


def _lines(text: str) -> Iterable[int]:
    """Lines of "12-14,17"."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def by_module(counts: Counter[Point]) -> dict[str, Module]:
    """Modules by the name of their file."""
    found: dict[str, Module] = defaultdict(Module)
    for point, count in counts.items():
        module = found[Path(point.file).stem]
        if point.page == TOGGLE_PAGE:
            module.toggles[f"{point.lines[0]} {point.bit}"] += count
        else:
            for line in point.lines:
                module.lines[line] += count
    return dict(sorted(found.items()))
