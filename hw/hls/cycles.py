"""Cycles of the C++, as its schedule would be if every loop had the interval that its pragma asks
for: :func:`estimate`.

It is no measurement: only Vitis HLS says which intervals it reaches and how deep its pipelines are.
Assumed are one beat a cycle of each port, and the constants below.  What is counted - rows, blocks,
K steps, beats - is what the C++ counts: ``tests/hw/hls/test_cycles.py`` holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.shape import EngineShape

# Cycles of a region of processes beside its longest one: start, the depth of each pipeline, the
# first read or last write of a burst.
REGION = 60
# Cycles between two regions: the planner's sequential code.
PLANNER = 30
# Latency of the first beat of a burst.
BURST = 40
# Cycles of a block's plan, which is not pipelined.
PLAN = 12
# Rows of a group without squeeze layer that come together, as the input ring has room.
TOGETHER = (1, 2, 4)
# Words a cycle that go into the squeeze ring, and into the tail's, behind a row.
SQUEEZE_WORDS, TAIL_WORDS = 2, 8
# Cycles of a row that are not offered for reading weights: kReadLatency of config.h.
LATENCY = 80


@dataclass(frozen=True)
class Estimate:
    """Cycles of one picture and the counts behind them."""

    cycles: int
    active: int
    maps_read: int
    program_read: int
    written: int
    rows: int
    payload: int


@dataclass
class _Rings:
    loaded: int = 0
    ahead: int = 0
    main_row: int = 0
    tail_row: int = 0
    in_row: int = 0


def estimate(groups: Iterable[Mapping[str, int]], shape: EngineShape) -> Estimate:
    """The schedule of a program's groups, each a descriptor's fields, on the engine ``shape``."""
    beats = shape.word_bytes // d.BEAT_BYTES
    word_beats = shape.channels // d.BEAT_BYTES
    fields = [{field.name: g.get(field.name, 0) for field in d.DESCRIPTOR} for g in groups]
    cycles = BURST + d.HEADER_BEATS
    active = maps_read = written = rows = payload = 0
    program_read = d.HEADER_BEATS
    # Weights that are missing when a group begins, and source rows that are there.
    missing, there = fields[0]["weight_words"], 0
    for g, after in zip(fields, [*fields[1:], None], strict=True):
        words = g["bias_pairs"] + g["weight_words"] * word_beats
        payload += words
        program_read += d.DESCRIPTOR_BEATS + words
        # Descriptor and biases are read between two groups.
        cycles += 2 * BURST + d.DESCRIPTOR_BEATS + g["bias_pairs"]
        left = after["weight_words"] if after else 0
        room = _room(g, after, shape) if after else 0
        ahead = 0
        for row in _rows(g, after, shape, there, missing > 0):
            if row.steps:
                time = max(0, row.steps - row.added * beats - LATENCY) // word_beats
                loaded = min(left, room, time)
                left, room = left - loaded, room - loaded
            else:
                loaded, missing = missing, 0
            rows += 1
            active += row.active
            maps_read += row.load * beats
            program_read += row.added * beats
            written += row.stored
            longest = max(
                row.steps + shape.pixels - 1 + shape.channels if row.steps else 0,
                max(row.load * beats, row.entries) + BURST,
                row.added * beats + loaded * word_beats + 2 * BURST,
                row.stored + BURST,
                row.blocks * max(PLAN, shape.channels),
            )
            copied = -(-row.kept // SQUEEZE_WORDS) + -(-row.handed // TAIL_WORDS)
            cycles += longest + REGION + PLANNER + copied
            ahead = row.ahead
        missing, there = left, ahead
    return Estimate(cycles, active, maps_read, program_read, written, rows, payload)


def _room(g: Mapping[str, int], after: Mapping[str, int], shape: EngineShape) -> int:
    """Weights of the next group that have a place beside the group's."""
    if g["bias_pairs"] + after["bias_pairs"] > shape.bias_pairs:
        return 0
    return shape.weight_words - g["weight_words"]


@dataclass(frozen=True)
class _Row:
    """What one call of the region does: ``entries`` of the words to load, in phases, go to the
    input ring, ``kept`` words to the squeeze ring behind it and ``handed`` words to the tail's, and
    ``ahead`` rows of those to load are the next group's."""

    load: int
    entries: int
    steps: int = 0
    active: int = 0
    blocks: int = 0
    added: int = 0
    stored: int = 0
    kept: int = 0
    handed: int = 0
    ahead: int = 0


def _reach(g: Mapping[str, int]) -> int:
    """Source rows from a group's current one to the last that it reads."""
    if g["p0_enable"]:
        return 1
    below = max(g[f"p{k}_kh"] - g[f"p{k}_pad"] for k in (1, 2) if g[f"p{k}_enable"])
    return below + g["load_reach"]


def _ring_rows(g: Mapping[str, int]) -> int:
    """Source rows that the ring holds: without those that the halves of a fold overlap."""
    return max(0, (g["in_end"] - g["in_base"]) // g["src_row_words"] - g["load_fold"])


def _stored_rows(g: Mapping[str, int], rows: int) -> int:
    """Rows of the stored source that have ``rows`` of its rows."""
    return -(-rows // 2) if g["load_fold"] == d.FOLD_STORED else rows


def _words(g: Mapping[str, int], rows: int) -> tuple[int, int]:
    """Words of so many rows of the stored source, and those that go to the ring."""
    words = rows * g["load_row_words"]
    twice = g["load_phases"] == 2 or g["load_fold"] == d.FOLD_STORED
    return words, 2 * words if twice else words


def _first_rows(g: Mapping[str, int], after: Mapping[str, int] | None, stored_rows: int) -> int:
    """Rows of the next group that are loaded beside the group's last one."""
    if after is None:
        return 0
    first = min(_reach(after), after["src_rows"])
    apart = after["in_end"] <= g["in_base"] or after["in_base"] >= g["in_end"]
    follows = after["wait_enable"] and after["wait_back"] == 1
    stored = _stored_rows(after, first)
    waits = follows and stored_rows < (2 * stored - 1 if after["load_skip"] else stored)
    if not apart or first > _ring_rows(after) or waits:
        return 0
    return 2 * stored if after["load_fold"] == d.FOLD_STORED else stored


def _rows(
    g: Mapping[str, int],
    after: Mapping[str, int] | None,
    shape: EngineShape,
    there: int,
    incomplete: bool,
) -> Iterable[_Row]:
    """The planner of planner.h: which rows run, and what is loaded beside them, if ``there`` rows
    are there already, and weights are missing (``incomplete``)."""
    squeezes, tail = bool(g["p0_enable"]), bool(g["p3_enable"])
    reads = [k for k in (1, 2) if g[f"p{k}_enable"]]
    reach, ring_rows = _reach(g), _ring_rows(g)
    stride = g["p0_stride"] if squeezes else g[f"p{reads[-1]}_stride"]
    # Two rows of results in one.
    stride *= 2 if g["load_fold"] else 1
    above = any(g[f"p{k}_pad"] for k in ([0] if squeezes else reads))
    rings, stored_rows = _Rings(there), 0
    window = above + reach
    together = (
        max(n for n in TOGETHER if n == 1 or ring_rows >= window + (2 * n - 1) * stride)
        if not squeezes and not tail
        else 1
    )

    def needed(at: int) -> int:
        return min(at + reach, g["src_rows"])

    def load(target: int) -> tuple[int, int]:
        count = _stored_rows(g, max(0, target - rings.loaded))
        rings.loaded += 2 * count if g["load_fold"] == d.FOLD_STORED else count
        return _words(g, count)

    while (rings.tail_row if tail else rings.main_row) < g["rows"]:
        left, last = rings.main_row < g["rows"], rings.main_row + 1 == g["rows"]
        more, ahead = squeezes and rings.ahead < g["mid_total"], rings.main_row + g["lead"]
        main = left and (not more or rings.ahead > ahead)
        squeeze = left and more and (not main or (not last and rings.ahead == ahead + 1))
        # The tail row of the main row before.
        trailing = tail and (main or not left) and rings.main_row > 0
        writes = trailing if tail else main
        sourced = squeeze or (main and not squeezes)
        if incomplete or (sourced and rings.loaded < needed(rings.in_row)):
            incomplete = False
            yield _Row(*(load(needed(rings.in_row)) if sourced else (0, 0)))
        room = max(0, rings.in_row - above) + ring_rows
        count = max(
            n
            for n in TOGETHER
            if n <= together
            and (n == 1 or rings.main_row + n <= g["rows"])
            and (n == 1 or rings.loaded >= needed(rings.in_row + (n - 1) * stride))
        )
        next_row = rings.in_row + (count * stride if sourced else 0)
        words, entries = load(min(needed(next_row + (together - 1) * stride), room))
        ends = writes and (rings.tail_row if tail else rings.main_row) + count == g["rows"]
        early = _first_rows(g, after, stored_rows) if ends and not words else 0
        if after is not None and early:
            words, entries = _words(after, _stored_rows(after, early))
        steps = active = blocks = 0
        for k in [0] * squeeze + reads * main + [d.TAIL] * trailing:
            many = g["tiles"] * g[f"p{k}_blocks"] * count
            blocks += many
            active += many * g[f"p{k}_steps"]
            steps += many * max(g[f"p{k}_steps"], shape.channels)
        adds = g["tiles"] * g["segment_words"] * count if main and g["add_enable"] else 0
        each = [_stored(g, rings.main_row + n, shape) for n in range(count if writes else 0)]
        kept = g["mid_row_words"] if squeeze else 0
        handed = g["tail_row_words"] if main and tail else 0
        yield _Row(words, entries, steps, active, blocks, adds, sum(each), kept, handed, early)
        stored_rows += sum(beats > 0 for beats in each)
        rings.ahead += squeeze
        rings.main_row += count if main else 0
        rings.tail_row += trailing
        rings.in_row = next_row


def _stored(g: Mapping[str, int], main_row: int, shape: EngineShape) -> int:
    """Beats that a main row writes, or its tail row."""
    beats = shape.word_bytes // d.BEAT_BYTES
    last, odd = main_row + 1 == g["rows"], (main_row + g["pool_padded"]) % 2 == 1
    if g["mode"] == d.MODE_SUM:
        return g["segment_words"] if last else 0
    tiles = g["tiles"]
    if g["mode"] == d.MODE_POOL:
        over_edge = last and bool(g["pool_last_emit"])
        if g["pool_kernel3"]:
            emits = (not odd and main_row != 0) or (odd and over_edge)
        else:
            emits = odd or over_edge
        tiles = min((tiles - 1 + g["pool_padded"]) // 2 + 1, g["out_tiles"]) if emits else 0
    return tiles * g["segment_words"] * beats
