"""Bench of `fb_addend`: words of stored maps in the order of the results, never too early."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

SCRATCH = 0x20000000
SPACE = 1 << 24


@dataclass(frozen=True)
class Command:
    """What must be read for one tile, and the group's row that must have been written before."""

    address: int
    words: int
    group: int
    row: int
    writer: int | None


class Bench:
    """Memory, descriptors, the groups that write and the results that pop."""

    def __init__(self, dut: Any) -> None:
        given = bench_parameters()
        self.dut = dut
        self.pixels, self.word_bytes = int(given["Pixels"]), int(given["WordBytes"])
        self.fifo_words = int(given["FifoWords"])

    def random_program(self, groups: int) -> list[dict[str, int]]:
        """Groups of which some add, parts of maps or all of their channels."""
        program = []
        for number in range(groups):
            words = random.randint(1, 40)
            tiles = random.randint(1, 5)
            tile_words = words + random.choice((0, 0, 13))
            waits = number > 0 and random.random() < 0.8
            program.append(
                {
                    "add_enable": int(number > 0 and random.random() < 0.7),
                    "add_offset": random.randrange(0, 1 << 20, self.word_bytes),
                    "add_tile_words": tile_words,
                    "add_last_tile": (tiles - 1) * tile_words,
                    "add_wait_enable": int(waits),
                    "add_wait_back": random.randint(1, number) if waits else 0,
                    "segment_words": words,
                    "tiles": tiles,
                    "rows": random.randint(1, 6),
                    "src_row_words": random.getrandbits(13),
                    "group_last": int(number == groups - 1),
                }
            )
        program[-1]["add_enable"] = 1
        return program

    def commands(self, program: list[dict[str, int]], images: int) -> list[Command]:
        found = []
        for group in range(len(program) * images):
            f = program[group % len(program)]
            writer = group - f["add_wait_back"] if f.get("add_wait_enable") else None
            for row in range(f["rows"] if f["add_enable"] else 0):
                for tile in reversed(range(f["tiles"])):
                    words = (row * f["tiles"] + tile) * f["add_tile_words"]
                    address = SCRATCH + f["add_offset"] + words * self.word_bytes
                    found.append(Command(address, f["segment_words"], group, row, writer))
        return found

    async def start(self) -> None:
        dut = self.dut
        dut.group_valid_i.value = dut.data_valid_i.value = dut.pop_i.value = 0
        dut.cmd_ready_i.value = dut.written_seq_i.value = dut.written_rows_i.value = 0
        dut.scratch_addr_i.value = SCRATCH
        dut.scratch_end_i.value = SCRATCH + SPACE
        dut.start_i.value = 0
        await reset(dut)
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0

    async def run(
        self, program: list[dict[str, int]], images: int, gaps: float, work: float
    ) -> int:
        """Run to the end of all groups; cycles that it took.

        `gaps` is the share of cycles in which a handshake pauses, `work` how often words are popped
        and rows written.
        """
        dut = self.dut
        commands = self.commands(program, images)
        total = sum(c.words for c in commands)
        descriptors = [
            int.from_bytes(d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, f), "little")
            for f in program
        ]
        groups = len(program) * images
        given = index = popped = cycle = quiet = 0
        arrived: list[int] = []  # when each word came into the FIFO
        seq, rows = 0, 0  # groups completely written, rows of the next
        beats: list[int] = []
        due: list[int] = []
        mask = (1 << 8 * self.pixels) - 1
        while popped < total or given < groups:
            # A group is written once the words that it adds have been used.
            needs = sum(c.words for c in commands if c.group <= seq)
            grow = seq < groups and given > seq and random.random() < work
            if grow and rows < program[seq % len(program)]["rows"]:
                rows += int(rows + 1 < program[seq % len(program)]["rows"] or popped >= needs)
                if rows == program[seq % len(program)]["rows"]:
                    seq, rows = seq + 1, 0
            dut.written_seq_i.value, dut.written_rows_i.value = seq, rows
            offer = given < groups and random.random() >= gaps
            dut.group_valid_i.value = int(offer)
            if offer:
                dut.group_i.value = descriptors[given % len(program)]
            ready = random.random() >= gaps
            give = bool(beats) and random.random() >= gaps
            dut.cmd_ready_i.value = int(ready)
            dut.data_valid_i.value = int(give)
            dut.data_i.value = beats[0] if give else random.getrandbits(64)
            # A word is at the FIFO's output at most four cycles after it came.
            pop = len(arrived) > popped and arrived[popped] + 4 < cycle
            pop = pop and random.random() < work
            dut.pop_i.value = int(pop)
            await RisingEdge(dut.clk_i)
            assert dut.bounds_error_o.value == 0
            cycle += 1
            quiet += 1
            if pop:
                quiet = 0
                assert int(dut.data_o.value) == due[popped] & mask, f"word {popped}"
                popped += 1
            if dut.word_o.value == 1:
                arrived.append(cycle)
                quiet = 0
                assert len(arrived) - popped <= self.fifo_words + 1
            if ready and dut.cmd_valid_o.value == 1:
                command = commands[index]
                assert int(dut.cmd_addr_o.value) == command.address, f"command {index}"
                assert int(dut.cmd_beats_o.value) == command.words * self.word_bytes // 8
                assert given > command.group, "a group that is not known"
                if command.writer is not None:
                    there = seq > command.writer or (seq == command.writer and rows > command.row)
                    assert there, f"{command} is not written yet"
                index += 1
                quiet = 0
                for _ in range(command.words):
                    data = random.getrandbits(8 * self.word_bytes)
                    due.append(data)
                    lanes = range(self.word_bytes // 8)
                    beats += [data >> 64 * k & ((1 << 64) - 1) for k in lanes]
            if give and dut.data_ready_o.value == 1:
                beats.pop(0)
                quiet = 0
            given += int(offer and dut.group_ready_o.value == 1)
            assert quiet < 3000, "nothing moves"
        assert index == len(commands)
        dut.pop_i.value = 0
        return cycle


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def random_programs(dut: Any) -> None:
    """Over several images; writers, results and memory slow or fast."""
    bench = Bench(dut)
    start_clock(dut)
    for gaps, work in ((0.3, 0.3), (0.0, 0.9), (0.6, 0.5), (0.0, 0.05)):
        await bench.start()
        await bench.run(bench.random_program(random.randint(2, 6)), 2, gaps, work)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def full_speed(dut: Any) -> None:
    """A beat a cycle where nobody waits: commands and groups cost next to nothing."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    group = {
        "add_enable": 1,
        "add_offset": 128,
        "add_tile_words": 40,
        "add_last_tile": 120,
        "segment_words": 40,
        "tiles": 4,
        "rows": 8,
    }
    cycles = await bench.run([group], 1, 0.0, 1.0)
    assert cycles <= 4 * 8 * 40 * bench.word_bytes // 8 + 40


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def tiles_outside(dut: Any) -> None:
    """A tile that does not lie in the scratch space is never asked for."""
    bench = Bench(dut)
    start_clock(dut)
    tile = 3 * bench.word_bytes
    for offset, last, good in (
        (SPACE - 4 * tile, 3, 4),
        (SPACE - 4 * tile + 8, 3, 2),
        (SPACE, 3, 0),
        ((1 << 32) - 2 * tile, 3, 0),
        ((1 << 32) - tile, 3, 1),
        ((1 << 32) - 8, 3, 1),
        (1 << 31, 3, 0),
    ):
        await bench.start()
        fields = {"add_enable": 1, "add_offset": offset, "segment_words": 3, "rows": 2, "tiles": 2}
        fields |= {"add_tile_words": 3, "add_last_tile": last}
        descriptor = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
        dut.group_i.value = int.from_bytes(descriptor, "little")
        dut.group_valid_i.value = dut.cmd_ready_i.value = 1
        asked, failed = 0, False
        for _ in range(60):
            await RisingEdge(dut.clk_i)
            if dut.group_ready_o.value == 1:
                dut.group_valid_i.value = 0
            failed |= dut.bounds_error_o.value == 1
            if dut.cmd_valid_o.value == 1:
                at, size = int(dut.cmd_addr_o.value), 8 * int(dut.cmd_beats_o.value)
                assert SCRATCH <= at and at + size <= SCRATCH + SPACE
                asked += 1
        assert (asked, failed) == (good, good < 4), (offset, asked)
