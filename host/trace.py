"""A profile as a table, as spans of time, and as a trace file for ui.perfetto.dev.

The engine counts, for every group, the cycles in which its array worked and those in which it
waited, by cause. It does not record *when* within the group it waited: spans and traces put the
waits of a group at the end of its time, in a fixed order, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .results import GroupProfile, Profile

ACTIVE = "active"
CAUSES = ("weights", "input", "output", "drain", "switch")
MEANINGS = {
    "active": "a K step enters the array in every cycle",
    "weights": "weights not loaded yet",
    "input": "input rows not loaded yet",
    "output": "no room for results",
    "drain": "a block drains, or a squeeze row is under way",
    "switch": "start, change of group or row, last results",
}
TAIL = "last results"


@dataclass(frozen=True)
class Row:
    """One group in the table, or all of them; cycles are measured, ``ideal`` is calculated.

    ``idle`` holds cycles by cause. ``share`` is the part of the run's cycles, ``busy`` the part
    of the group's own cycles in which the array worked, both 0..1.
    """

    name: str
    macs: int
    ideal: int
    cycles: int
    active: int
    idle: dict[str, int]
    share: float
    busy: float

    @property
    def waits(self) -> int:
        """Idle cycles of all causes."""
        return sum(self.idle.values())

    @property
    def main_cause(self) -> str:
        """The cause of most idle cycles, "" where there are none."""
        return max(self.idle, key=lambda cause: self.idle[cause]) if self.waits else ""


@dataclass(frozen=True)
class Span:
    """What the array did from cycle ``begin`` to ``end``, for one group."""

    group: str
    what: str
    begin: int
    end: int

    @property
    def cycles(self) -> int:
        return self.end - self.begin


def _row(group: GroupProfile, total: int) -> Row:
    idle = {cause: group.stalls.get(cause, 0) for cause in CAUSES}
    return Row(
        group.name,
        group.macs,
        group.ideal_cycles,
        group.cycles,
        group.active,
        idle,
        group.cycles / total,
        group.active / group.cycles if group.cycles else 0.0,
    )


def table(profile: Profile) -> list[Row]:
    """Rows of the groups, of the results written after the last K step, and of the run."""
    total = max(profile.cycles, 1)
    rows = [_row(group, total) for group in profile.groups]
    nothing = dict.fromkeys(CAUSES, 0)
    tail = profile.tail_cycles
    rows.append(Row(TAIL, 0, 0, tail, 0, {**nothing, "switch": tail}, tail / total, 0.0))
    active = sum(row.active for row in rows)
    idle = {cause: sum(row.idle[cause] for row in rows) for cause in CAUSES}
    macs, ideal = (sum(getattr(row, name) for row in rows) for name in ("macs", "ideal"))
    rows.append(Row("run", macs, ideal, profile.cycles, active, idle, 1.0, active / total))
    return rows


def spans(profile: Profile) -> Iterator[Span]:
    """The run from its start to its end without gaps: for every group its active cycles, then its
    idle ones by cause. Causes without cycles give no span."""
    at = 0
    for row in table(profile)[:-1]:
        for what, cycles in ((ACTIVE, row.active), *row.idle.items()):
            if cycles:
                yield Span(row.name, what, at, at + cycles)
                at += cycles


def trace_events(profile: Profile, clock_hz: float) -> list[dict[str, object]]:
    """Events of the Trace Event Format, times in microseconds from the start of the run.

    Process 1 has a track of the groups, one of what the array did, and counters a group: MACs a
    cycle, and the idle share by cause in percent. Raises ValueError for a clock that is not
    positive.
    """
    if not clock_hz > 0:
        raise ValueError(f"a clock of {clock_hz} Hz: give the engine's clock in Hz, e.g. 100e6")

    def time(cycle: int) -> float:
        # Whole nanoseconds, so that neighbouring slices meet exactly.
        return round(cycle * 1e9 / clock_hz) / 1000

    def slice_(name: str, track: int, begin: int, end: int, arguments: dict) -> dict[str, object]:
        duration = round(time(end) - time(begin), 3)
        return {
            "name": name,
            "cat": "firebrick",
            "ph": "X",
            "ts": time(begin),
            "dur": duration,
            "pid": 1,
            "tid": track,
            "args": arguments,
        }

    def counter(name: str, cycle: int, values: dict[str, float]) -> dict[str, object]:
        return {"name": name, "ph": "C", "ts": time(cycle), "pid": 1, "args": values}

    events: list[dict[str, object]] = []
    tracks = {1: "groups", 2: "array (how long in each group, not when)"}
    label = f"Firebrick at {clock_hz / 1e6:g} MHz"
    events.append({"name": "process_name", "ph": "M", "pid": 1, "args": {"name": label}})
    for track, name in tracks.items():
        for key, value in (
            ("thread_name", {"name": name}),
            ("thread_sort_index", {"sort_index": track}),
        ):
            events.append({"name": key, "ph": "M", "pid": 1, "tid": track, "args": value})

    layers = {group.name: [layer.name for layer in group.layers] for group in profile.groups}
    at = 0
    for row in table(profile)[:-1]:
        if not row.cycles:
            continue
        end = at + row.cycles
        arguments = {
            "cycles": row.cycles,
            "ideal cycles": row.ideal,
            "active cycles": row.active,
            **{f"idle: {cause}": cycles for cause, cycles in row.idle.items()},
            "MACs": row.macs,
            "layers": ", ".join(layers.get(row.name, [])),
        }
        events.append(slice_(row.name, 1, at, end, arguments))
        events.append(counter("MACs a cycle", at, {"MACs": round(row.macs / row.cycles, 1)}))
        idle = {cause: round(100 * n / row.cycles, 2) for cause, n in row.idle.items()}
        events.append(counter("idle %", at, idle))
        at = end
    events.append(counter("MACs a cycle", at, {"MACs": 0.0}))
    events.append(counter("idle %", at, dict.fromkeys(CAUSES, 0.0)))
    for span in spans(profile):
        arguments = {"cycles": span.cycles, "group": span.group, "meaning": MEANINGS[span.what]}
        events.append(slice_(span.what, 2, span.begin, span.end, arguments))
    return events


def write_trace(profile: Profile, path: str | Path, clock_hz: float) -> Path:
    """Write ``profile`` as a trace file (JSON) that ui.perfetto.dev and chrome://tracing open."""
    path = Path(path)
    content = {
        "traceEvents": trace_events(profile, clock_hz),
        "displayTimeUnit": "ns",
        "otherData": {"clock_hz": clock_hz, "cycles": profile.cycles},
    }
    text = json.dumps(content, separators=(",", ":"))
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path
