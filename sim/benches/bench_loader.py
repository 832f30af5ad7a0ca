"""Bench of `fb_loader`: rows of maps from memory into rings, never too early, never too many;
their columns dealt out to phases where a strided convolution reads them, two rows of a map in one
of the ring where that is folded."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

BASES = {
    d.INPUT_SPACE: 0x10000000,
    d.SCRATCH_SPACE: 0x20000000,
    d.OUTPUT_SPACE: 0x30000000,
}
INPUT_STRIDE = 0x123480
SPACE = 1 << 24
# Cycles that the loader takes from one group to the next, and from a row to the one after.
PATIENCE = 12


@dataclass(frozen=True)
class Plan:
    """What one group's loading must be: the address of every stored row."""

    fields: dict[str, int]
    rows: list[int]
    writer: int | None  # number of the group that writes the source


@dataclass(frozen=True)
class Write:
    """A write to the ring, of one word or of halves of two: the pixels that are written, and
    whether it completes its stored row.

    ``front`` and ``back`` are ring row and address of the pixels before the middle, that of an odd
    number included, and of the others.
    """

    front: tuple[int, int]
    back: tuple[int, int]
    pixels: dict[int, int]
    last: bool


def holds(plan: Plan, row: int, freed: int, written: tuple[int, int]) -> str:
    """What row number ``row`` of the map waits for, where ``freed`` are no longer needed and
    ``written`` are the groups that are in memory, and the next one's rows; empty if nothing."""
    stored = row // rows_each(plan.fields) * (1 + plan.fields.get("load_skip", 0))
    if plan.writer is not None and (plan.writer, stored) >= written:
        return "it is not written yet"
    return "" if row - freed < plan.fields["in_rows"] else "the ring has no room"


def rows_each(fields: dict[str, int]) -> int:
    """Rows of the map that a stored row holds."""
    return 2 if fields.get("load_fold") == d.FOLD_STORED else 1


def ring_rows(fields: dict[str, int]) -> int:
    """Rows that the ring has room for: of a fold more than may be in it at a time."""
    return fields["in_rows"] + fields.get("load_fold", 0)


class Bench:
    """Memory, descriptors, the array that frees rows and the writer that completes them."""

    def __init__(self, dut: Any) -> None:
        given = bench_parameters()
        self.dut = dut
        self.pixels, self.word_bytes = int(given["Pixels"]), int(given["WordBytes"])
        self.act_words = 1 << int(given["ActAddrBits"])

    def random_program(self, groups: int) -> list[dict[str, int]]:
        """Descriptors with rings in three parts of the memory that take turns."""
        part = self.act_words // 3
        program = []
        for number in range(groups):
            row_words = random.choice((1, 2, random.randint(1, part // 3)))
            fields = {
                "src_row_words": row_words,
                "load_row_words": row_words,
                "load_tile_words": random.getrandbits(13),
            }
            if self.pixels % 2 == 0 and random.random() < 0.6:
                fields = self.random_fold(part // 4)
            elif random.random() < 0.6:
                fields = self.random_phases(part // 3)
            row_words = fields["src_row_words"]
            fold = fields.get("load_fold", 0)
            # Behind a row there is always the one that the back of the row before it belongs to.
            in_rows = random.randint(1 + (fold > 0), min(6, part // row_words - fold))
            base = number % 3 * part
            fields |= {
                "src_offset": random.randrange(0, 1 << 20, 128),
                "src_rows": random.randint(1, 12 // rows_each(fields)) * rows_each(fields),
                "in_rows": in_rows,
                "in_base": base,
                "in_end": base + (in_rows + fold) * row_words,
                "src_space": d.SCRATCH_SPACE if number else d.INPUT_SPACE,
                "wait_enable": int(number > 0),
                "wait_back": random.randint(1, number) if number else 0,
                "group_last": int(number == groups - 1),
                "tiles": random.getrandbits(8),
                "p0_steps": random.getrandbits(16),
            }
            program.append(fields)
        return program

    def random_phases(self, longest: int) -> dict[str, int]:
        """How rows of at most ``longest`` words in their ring are dealt out."""
        phases = random.choice((1, 2)) if longest > 1 else 1
        tiles = random.randint(1, 5)
        words = random.randint(1, max(1, longest // (phases * -(-tiles // 2))))
        tiles = min(tiles, longest // (phases * words) * 2)
        return {
            "load_phases": phases,
            "load_odd": random.getrandbits(1),
            "load_skip": random.getrandbits(1),
            "load_tile_words": words,
            "load_row_words": tiles * words,
            "src_tile_words": phases * words,
            "src_row_words": -(-tiles // 2) * phases * words,
        }

    def random_fold(self, longest: int) -> dict[str, int]:
        """Two rows of one tile in a ring row of at most ``longest`` words: apart in memory, with
        their columns dealt out or not, or stored in one."""
        fold = random.choice((d.FOLD_APART, d.FOLD_STORED))
        phases = random.randrange(3) if fold == d.FOLD_APART and longest > 1 else 0
        words = random.randint(1, longest // max(phases, 1))
        fields = {"load_fold": fold, "load_reach": 1, "load_phases": phases}
        fields |= {"load_row_words": words, "load_tile_words": words}
        fields |= {name: max(phases, 1) * words for name in ("src_tile_words", "src_row_words")}
        if fold == d.FOLD_APART:
            fields |= {"load_reach": random.randint(1, 2), "load_skip": random.getrandbits(1)}
            fields["load_odd"] = random.getrandbits(1)
        return fields

    def writes(self, fields: dict[str, int], row: int, word: int, data: int) -> list[Write]:
        """What becomes of word number ``word`` of stored row number ``row``."""
        stored = [data >> 8 * p & 255 for p in range(self.pixels)]
        ends = word == fields["load_row_words"] - 1
        phases = fields.get("load_phases", 0)
        fold, reach = fields.get("load_fold", 0), fields.get("load_reach", 0)
        half = self.pixels // 2

        def at(ring_row: int, offset: int) -> tuple[int, int]:
            place = ring_row % ring_rows(fields) * fields["src_row_words"]
            return ring_row, fields["in_base"] + place + offset

        if fold == d.FOLD_STORED:
            exchanged = stored[half:] + stored[:half]
            return [
                Write(at(2 * row, word), at(2 * row, word), dict(enumerate(stored)), False),
                Write(
                    at(2 * row + 1, word), at(2 * row - 1, word), dict(enumerate(exchanged)), ends
                ),
            ]
        if fold == d.FOLD_APART:
            # The row's pixels, all of one tile or those of a phase, in both halves.
            kept = [stored[:half]]
            if phases:
                odd = fields["load_odd"]
                kept = [stored[odd::2], stored[1 - odd :: 2]][:phases]
            return [
                Write(
                    at(row, phase * fields["load_tile_words"] + word),
                    at(row - reach, phase * fields["load_tile_words"] + word),
                    dict(enumerate(pixels * 2)),
                    ends and phase == len(kept) - 1,
                )
                for phase, pixels in enumerate(kept)
            ]
        if phases == 0:
            return [Write(at(row, word), at(row, word), dict(enumerate(stored)), ends)]
        tile, channel = divmod(word, fields["load_tile_words"])
        found = []
        for phase in range(phases):
            # The columns of a phase that lie in this tile, and zeros where the next one may be.
            first = fields["load_odd"] ^ phase
            pixels = {}
            for pixel in range(self.pixels):
                back, column = divmod(2 * pixel + first, self.pixels)
                if back == tile % 2:
                    pixels[pixel] = stored[column]
                elif tile % 2 == 0:
                    pixels[pixel] = 0
            address = tile // 2 * fields["src_tile_words"]
            address += phase * fields["load_tile_words"] + channel
            place = at(row, address)
            found.append(Write(place, place, pixels, ends and phase == phases - 1))
        return found

    def written(self) -> dict[int, int]:
        """The pixels that the module writes."""
        dut, half = self.dut, self.pixels // 2
        data = int(dut.wr_data_o.value)
        front, middle = dut.wr_front_o.value == 1, dut.wr_middle_o.value == 1
        enabled = [front] * half + [middle] * (self.pixels % 2) + [True] * half
        return {p: data >> 8 * p & 255 for p in range(self.pixels) if enabled[p]}

    def plans(self, program: list[dict[str, int]], images: int) -> list[Plan]:
        result: list[Plan] = []
        for image in range(images):
            for number, fields in enumerate(program):
                base = BASES[fields["src_space"]] + fields["src_offset"]
                if fields["src_space"] == d.INPUT_SPACE:
                    base += image * INPUT_STRIDE
                step = fields["load_row_words"] * self.word_bytes * (1 + fields.get("load_skip", 0))
                rows = [base + row * step for row in range(fields["src_rows"] // rows_each(fields))]
                writer = image * len(program) + number - fields["wait_back"]
                result.append(Plan(fields, rows, writer if fields["wait_enable"] else None))
        return result

    async def start(self) -> None:
        dut = self.dut
        dut.group_valid_i.value = dut.issue_done_i.value = dut.data_valid_i.value = 0
        dut.cmd_ready_i.value = dut.wr_ready_i.value = dut.start_i.value = 0
        dut.written_seq_i.value = dut.written_rows_i.value = 0
        dut.input_addr_i.value = BASES[d.INPUT_SPACE]
        dut.scratch_addr_i.value = BASES[d.SCRATCH_SPACE]
        dut.output_addr_i.value = BASES[d.OUTPUT_SPACE]
        dut.input_stride_i.value = INPUT_STRIDE
        dut.input_end_i.value = BASES[d.INPUT_SPACE] + SPACE
        dut.scratch_end_i.value = BASES[d.SCRATCH_SPACE] + SPACE
        dut.output_end_i.value = BASES[d.OUTPUT_SPACE] + SPACE
        await reset(dut)
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0

    async def run(self, plans: list[Plan], gaps: float, work: float) -> None:
        """Load everything; `gaps` is the share of pauses, `work` of cycles with a row freed."""
        dut, half = self.dut, self.pixels // 2
        given = 0  # groups handed over
        asked: list[int] = []  # groups of the rows in flight, in order
        beats: list[tuple[int, int]] = []  # data, last
        # Half of a word, and its address -> group and ring row.
        ring: dict[tuple[str, int], tuple[int, int]] = {}
        due: list[Write] = []  # to come
        loaded = [0] * len(plans)
        freed = [0] * len(plans)
        asked_rows = [0] * len(plans)
        array = 0  # group that the array works on
        written_seq, written_rows = 0, 0
        quiet = late = 0
        while array < len(plans):
            offer = given < len(plans) and random.random() >= gaps
            dut.group_valid_i.value = int(offer)
            if offer:
                descriptor = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, plans[given].fields)
                dut.group_i.value = int.from_bytes(descriptor, "little")
            # The array frees rows that are loaded; with the last block all that are left.
            fields = plans[array].fields
            left = loaded[array] - freed[array]
            end = loaded[array] == fields["src_rows"] and random.random() < work
            free = min(left, random.randint(0, 3)) if random.random() < work else 0
            dut.issue_done_i.value = int(free > 0 or end)
            dut.issue_free_rows_i.value = free if free or end else random.getrandbits(4)
            dut.issue_group_end_i.value = int(end) if free or end else random.getrandbits(1)
            # The writer completes rows of groups that the array has worked on.
            if random.random() < work and written_seq <= array:
                if random.random() < 0.3 and written_seq < array:
                    written_seq, written_rows = written_seq + 1, 0
                elif written_rows < 20:
                    written_rows += 1
            dut.written_seq_i.value = written_seq
            dut.written_rows_i.value = written_rows
            command, write = random.random() >= gaps, random.random() >= gaps
            give = bool(beats) and random.random() >= gaps
            dut.cmd_ready_i.value, dut.wr_ready_i.value = int(command), int(write)
            dut.data_valid_i.value = int(give)
            if give:
                dut.data_i.value, dut.data_last_i.value = beats[0]
            await RisingEdge(dut.clk_i)
            assert dut.bounds_error_o.value == 0
            quiet += 1
            # Rows count as loaded when all of their words are in memory.
            seq, rows = int(dut.seq_o.value), int(dut.rows_o.value)
            for group in range(array, len(plans)):
                if seq > group:
                    count = plans[group].fields["src_rows"]
                else:
                    count = rows if seq == group else 0
                assert count <= loaded[group]
            # The row that comes next is asked for as soon as it may be.
            following = [g for g in range(given) if asked_rows[g] < plans[g].fields["src_rows"]]
            if following and dut.cmd_valid_o.value == 0:
                group = following[0]
                earlier = all(loaded[g] == plans[g].fields["src_rows"] for g in range(group))
                written = (written_seq, written_rows)
                held = holds(plans[group], asked_rows[group], freed[group], written)
                late = late + 1 if earlier and group <= array + 1 and not held else 0
                assert late < PATIENCE, f"group {group} waits for nothing"
            else:
                late = 0
            if command and dut.cmd_valid_o.value == 1:
                quiet = 0
                group = next(g for g, p in enumerate(plans) if asked_rows[g] < p.fields["src_rows"])
                plan = plans[group]
                each = rows_each(plan.fields)
                row = asked_rows[group]
                words = plan.fields["load_row_words"]
                assert group < given, "a row of a group that is not known"
                assert group <= array + 1, "more than a group ahead"
                assert int(dut.cmd_addr_o.value) == plan.rows[row // each], (group, row)
                assert int(dut.cmd_beats_o.value) == words * self.word_bytes // 8
                held = holds(plan, row, freed[group], (written_seq, written_rows))
                assert not held, f"group {group}, row {row}: {held}"
                asked_rows[group] += each
                for word in range(words):
                    data = random.getrandbits(8 * self.word_bytes)
                    last = int(word == words - 1)
                    lanes = range(self.word_bytes // 8)
                    mask = (1 << 64) - 1
                    beats += [(data >> 64 * k & mask, last & int(k == lanes[-1])) for k in lanes]
                    due += self.writes(plan.fields, row // each, word, data)
                asked.append(group)
            if give and dut.data_ready_o.value == 1:
                beats.pop(0)
                quiet = 0
            if write and dut.wr_valid_o.value == 1:
                expected = due.pop(0)
                assert self.written() == expected.pixels
                group = asked[0]
                for part, (row, address) in (("front", expected.front), ("back", expected.back)):
                    if (
                        part == "front"
                        and 0 not in expected.pixels
                        and len(expected.pixels) <= half
                    ):
                        continue
                    assert int(getattr(dut, f"wr_{part}_addr_o").value) == address, (group, row)
                    before = ring.get((part, address))
                    if before and before[0] == group and before[1] != row:
                        # A row ahead of the map is needed until the first ones are free.
                        still = max(before[1], 0) >= freed[group] and before[1] >= -1
                        assert not still, "a row that is still needed is overwritten"
                    ring[part, address] = (group, row)
                if expected.last:
                    asked.pop(0)
                    loaded[group] += rows_each(plans[group].fields)
            given += int(offer and dut.group_ready_o.value == 1)
            if free or end:
                freed[array] += free
                array += int(end)
            if end:
                quiet = 0
            assert quiet < 3000, "the loader hangs"
        assert all(n == p.fields["src_rows"] for n, p in zip(loaded, plans, strict=True))


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def random_programs(dut: Any) -> None:
    """Random groups over several images; array, writer and memory slow or fast."""
    bench = Bench(dut)
    start_clock(dut)
    for gaps, work in ((0.3, 0.3), (0.0, 0.8), (0.6, 0.1), (0.0, 0.02)):
        await bench.start()
        program = bench.random_program(random.randint(2, 7))
        await bench.run(bench.plans(program, 3), gaps, work)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(kind=range(5))
async def full_speed(dut: Any, kind: int) -> None:
    """A beat a cycle is taken as long as the memory's write port is free; words of one beat that
    are written twice take two."""
    bench = Bench(dut)
    fold = max(0, kind - 2)
    phases = 0 if fold else kind
    if fold and bench.pixels % 2:
        return
    start_clock(dut)
    await bench.start()
    words = 50
    ring = {0: 50, 1: 30, 2: 60}[phases]
    fields = {
        "src_rows": 2 if fold == d.FOLD_STORED else 1,
        "load_fold": fold,
        "load_reach": int(fold > 0),
        "src_row_words": ring,
        "load_row_words": words,
        "load_tile_words": 10,
        "load_phases": phases,
        "src_tile_words": 10 * max(phases, 1),
        "in_rows": 1,
        "in_end": ring * (1 + fold),
        "src_space": d.INPUT_SPACE,
        "group_last": 1,
    }
    descriptor = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
    dut.group_i.value = int.from_bytes(descriptor, "little")
    dut.group_valid_i.value = dut.cmd_ready_i.value = dut.wr_ready_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.group_valid_i.value = 0
    while dut.cmd_valid_o.value == 0:
        await RisingEdge(dut.clk_i)
    dut.data_valid_i.value = 1
    beats = words * bench.word_bytes // 8
    for index in range(beats):
        dut.data_last_i.value = int(index == beats - 1)
        await RisingEdge(dut.clk_i)
        if (phases == 2 or fold == d.FOLD_STORED) and bench.word_bytes == 8 and index > 1:
            assert dut.data_ready_o.value == 0
            await RisingEdge(dut.clk_i)
        assert dut.data_ready_o.value == 1, f"beat {index} has to wait"
    dut.data_valid_i.value = 0
    for _ in range(6):
        await RisingEdge(dut.clk_i)
    assert int(dut.seq_o.value) == 1


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def rows_outside(dut: Any) -> None:
    """A row that does not lie in its space is never asked for, wherever a descriptor puts it."""
    bench = Bench(dut)
    start_clock(dut)
    row = 5 * bench.word_bytes
    for space in BASES:
        for offset, rows, good in (
            (0, 3, 3),
            (SPACE - 3 * row, 3, 3),
            (SPACE - 3 * row + 8, 3, 2),
            (SPACE - 8, 3, 0),
            (SPACE, 1, 0),
            ((1 << 32) - 8, 1, 0),
            ((1 << 32) - 4 * row, 3, 0),
            (1 << 31, 1, 0),
        ):
            await bench.start()
            fields = {"src_offset": offset, "src_space": space, "src_rows": rows}
            fields |= {"src_row_words": 5, "load_row_words": 5, "in_rows": 200, "in_end": 1010}
            if bench.pixels % 2 == 0 and random.random() < 0.5:
                # What is asked for is a stored row, whatever it holds.
                fields |= {"load_fold": d.FOLD_STORED, "load_reach": 1, "src_rows": 2 * rows}
            descriptor = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
            dut.group_i.value = int.from_bytes(descriptor, "little")
            dut.group_valid_i.value = 1
            dut.cmd_ready_i.value = 1
            asked, failed = 0, False
            for _ in range(60):
                await RisingEdge(dut.clk_i)
                if dut.group_ready_o.value == 1:
                    dut.group_valid_i.value = 0
                failed |= dut.bounds_error_o.value == 1
                if dut.cmd_valid_o.value == 1:
                    base = BASES[space]
                    at, size = int(dut.cmd_addr_o.value), 8 * int(dut.cmd_beats_o.value)
                    assert base <= at and at + size <= base + SPACE
                    asked += 1
            assert (asked, failed) == (good, good < rows), (space, offset)
