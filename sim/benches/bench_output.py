"""Bench of `fb_output`: words and sums become beats, segments become commands, nothing is lost."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

SUM_BITS = 40


@dataclass(frozen=True)
class Segment:
    """What the planner announces, and the words that follow."""

    addr: int
    is_sum: bool
    tag: int
    words: tuple[int, ...]


class Bench:
    """Planner, array and writer around the module."""

    def __init__(self, dut: Any) -> None:
        given = bench_parameters()
        self.dut = dut
        self.pixels, self.word_bytes = int(given["Pixels"]), int(given["WordBytes"])
        self.depth = int(given["FifoWords"])
        self.commands: list[tuple[int, int, int]] = []
        self.beats: list[int] = []
        self.beat_cycles: list[int] = []

    async def start(self) -> None:
        dut = self.dut
        for port in (dut.word_valid_i, dut.segment_valid_i, dut.cmd_ready_i, dut.beat_ready_i):
            port.value = 0
        start_clock(dut)
        await reset(dut)

    def random_segment(self, longest: int) -> Segment:
        is_sum = random.random() < 0.3
        bits = 8 * self.pixels
        words = []
        for _ in range(random.randint(1, longest)):
            if is_sum:
                # What lies above the sum's bits in a word is not part of it.
                value = random.choice((0, 1 << (SUM_BITS - 1), random.getrandbits(SUM_BITS)))
                words.append(random.getrandbits(bits - SUM_BITS) << SUM_BITS | value)
            else:
                words.append(random.getrandbits(bits))
        return Segment(random.getrandbits(32), is_sum, random.getrandbits(2), tuple(words))

    def expected_commands(self, segments: list[Segment]) -> list[tuple[int, int, int]]:
        beats = self.word_bytes // 8
        return [(s.addr, len(s.words) * (1 if s.is_sum else beats), s.tag) for s in segments]

    def expected_beats(self, segments: list[Segment]) -> list[int]:
        mask = (1 << 64) - 1
        result = []
        for segment in segments:
            for word in segment.words:
                if segment.is_sum:
                    value = word & ((1 << SUM_BITS) - 1)
                    negative = value >> (SUM_BITS - 1)
                    result.append((value - (negative << SUM_BITS)) & mask)
                else:
                    result += [word >> 64 * k & mask for k in range(self.word_bytes // 8)]
        return result

    async def run(
        self, segments: list[Segment], word_gap: float, cmd_gap: float, beat_gap: float
    ) -> None:
        """Segments and words in, as far as there is room; the gaps are shares of cycles."""
        dut = self.dut
        waiting = list(segments)
        words: list[tuple[bool, int]] = []  # of segments that were announced
        beats = len(self.expected_beats(segments))
        room, cycle, announced, sent, popped = self.depth, 0, 0, 0, 0
        wanted = sum(len(s.words) for s in segments)
        while len(self.beats) < beats or len(self.commands) < len(segments) or popped < wanted:
            segment = waiting[0] if waiting and random.random() < 0.5 else None
            dut.segment_valid_i.value = int(segment is not None)
            if segment:
                dut.segment_addr_i.value = segment.addr
                dut.segment_words_i.value = len(segment.words)
                dut.segment_sum_i.value = int(segment.is_sum)
                dut.segment_tag_i.value = segment.tag
            give = bool(words) and room > 0 and random.random() >= word_gap
            dut.word_valid_i.value = int(give)
            if give:
                dut.word_sum_i.value, dut.word_i.value = words.pop(0)
                room -= 1
                sent += 1
            else:
                dut.word_i.value = random.getrandbits(8 * self.pixels)
            cmd_ready, beat_ready = random.random() >= cmd_gap, random.random() >= beat_gap
            dut.cmd_ready_i.value = int(cmd_ready)
            dut.beat_ready_i.value = int(beat_ready)
            await RisingEdge(dut.clk_i)
            if segment and dut.segment_ready_o.value == 1:
                waiting.pop(0)
                words += [(segment.is_sum, word) for word in segment.words]
                announced += 1
            if cmd_ready and dut.cmd_valid_o.value == 1:
                address, count = int(dut.cmd_addr_o.value), int(dut.cmd_beats_o.value)
                self.commands.append((address, count, int(dut.cmd_tag_o.value)))
            if beat_ready and dut.beat_valid_o.value == 1:
                self.beats.append(int(dut.beat_o.value))
                self.beat_cycles.append(cycle)
            if dut.pop_o.value == 1:
                room += 1
                popped += 1
            assert popped <= sent, "popped what was never there"
            cycle += 1
            assert cycle < 1000 + 200 * (beats + len(segments)), "the output hangs"
        dut.segment_valid_i.value = 0
        dut.word_valid_i.value = 0
        for _ in range(5):
            await RisingEdge(dut.clk_i)
            assert dut.beat_valid_o.value == 0 and dut.cmd_valid_o.value == 0

    def check(self, segments: list[Segment]) -> None:
        assert self.commands == self.expected_commands(segments)
        assert self.beats == self.expected_beats(segments)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_segments(dut: Any) -> None:
    """Maps and sums mixed, with gaps everywhere."""
    for gaps in ((0.3, 0.3, 0.3), (0.0, 0.9, 0.0), (0.8, 0.0, 0.0), (0.0, 0.0, 0.8)):
        bench = Bench(dut)
        await bench.start()
        segments = [bench.random_segment(random.choice((1, 8, 40))) for _ in range(40)]
        await bench.run(segments, *gaps)
        bench.check(segments)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def full(dut: Any) -> None:
    """All the room that there is gets used and nothing overflows; then a beat comes each cycle."""
    bench = Bench(dut)
    await bench.start()
    bits = 8 * bench.pixels
    words = tuple(random.getrandbits(bits) for _ in range(2 * bench.depth))
    segment = Segment(0x1000, False, 3, words)
    dut.segment_valid_i.value = 1
    dut.segment_addr_i.value, dut.segment_words_i.value = segment.addr, len(words)
    dut.segment_sum_i.value, dut.segment_tag_i.value = 0, segment.tag
    room, sent = bench.depth, 0
    for _ in range(bench.depth + 20):
        give = room > 0
        dut.word_valid_i.value = int(give)
        dut.word_sum_i.value = 0
        dut.word_i.value = words[sent] if give else 0
        room, sent = room - give, sent + give
        await RisingEdge(dut.clk_i)
        dut.segment_valid_i.value = 0
        room += int(dut.pop_o.value)
    assert room == 0 and sent == bench.depth + 1, "a word waits outside of the FIFO, as beats"
    dut.word_valid_i.value = 0
    dut.beat_ready_i.value = 1
    expected = bench.expected_beats([Segment(0, False, 0, words[:sent])])
    for index, beat in enumerate(expected):
        await RisingEdge(dut.clk_i)
        assert dut.beat_valid_o.value == 1, f"no beat in cycle {index} of {len(expected)}"
        assert int(dut.beat_o.value) == beat, f"beat {index}"
    dut.cmd_ready_i.value = 1
    await RisingEdge(dut.clk_i)
    assert dut.cmd_valid_o.value == 1 and dut.beat_valid_o.value == 0
