"""Bench of `fb_issuer`: the pixels that its slots fetch are those of the convolution.

The slots are followed through a model of the window fetch whose memory holds names instead of
values: every pixel is (address, column) or None for zero. So the bench does not repeat the
issuer's selection codes; it checks that each tap sees the right pixels, and of two rows in one
those of its own row.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.blocks import layout, pack
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

PIXELS = 8
# Whether the first kernel row is of the upper half of the channels, the last one of the lower half.
HALVES = ((0, 1), (1, 0), (1, 1))
Pixel = tuple[int, int] | None
# Selection code: the older of the two history words that it joins, and the first pixel.
SELECT = {0: (1, 0), 1: (1, PIXELS - 1), 2: (1, 1), 3: (1, 2), 4: (2, 1), 5: (2, 2), 6: (2, 3)}
# Those that look to the left, or to the right: the pixel that has no such neighbour in a fold.
EDGES = {1: PIXELS // 2, 2: PIXELS // 2 - 1, 4: PIXELS // 2 - 1}


@dataclass(frozen=True)
class Slot:
    """What left the issuer in one cycle."""

    cycle: int
    read: int
    addr: int
    zero: int  # bit 0 of the word's front half, bit 1 of its back half
    fold: int
    elem_last: int
    sel: int
    signed: int
    first: int
    last: int
    weight: int


@dataclass(frozen=True)
class Step:
    """What one K step must be."""

    pixels: tuple[Pixel, ...]
    weight: int
    signed: int
    first: int
    last: int


def random_block(channels: int, longest: int, pump: int) -> dict[str, int]:
    """A block of one of the convolutions that the engine knows, somewhere in a ring."""
    kind = random.choice(("1x1", "3x3", "3x3/2", "one phase", "two phases"))
    left = int(kind == "3x3" or (kind == "3x3/2" and random.randint(0, 1)))
    kh = {"1x1": 1, "3x3": 3, "3x3/2": 3}.get(kind) or random.randint(1, 7)
    if kind == "two phases":
        taps1 = random.randint(1, 4)
        taps0 = min(4, taps1 + random.randint(0, 1))
    elif kind == "3x3/2":
        taps0, taps1 = 2, 1
    else:
        taps0 = taps1 = {"1x1": 1, "3x3": 3}.get(kind) or random.randint(1, 4)
    channels0 = random.randint(1, max(1, longest // (kh * (taps0 + taps1))))
    first, last = random.choice(HALVES) if random.random() < 0.5 else (0, 0)
    if kh == 1 and first and last:
        first = 0  # of its only row nothing would be left
    if kh > 1:
        # A kernel row that another one follows lasts at least 3 cycles, half a row too.
        channels0 = max(channels0, -(-3 // taps0))
    if first or last:
        channels0 = 2 * (channels0 if kh > 1 else -(-channels0 // 2))
    channels0 *= pump
    channels1 = channels0 if kind in ("two phases", "3x3/2") else 0
    tile_words = channels0 + channels1
    fold = int(kind in ("1x1", "3x3", "3x3/2") and random.random() < 0.4)
    tiles = 1 if fold else random.randint(1, 4)
    rows_read = kh - (first + last) / 2
    row_words = tiles * tile_words
    rows = random.randint(kh, kh + 3)
    base = random.randint(0, 500) * pump
    tile = random.randrange(tiles)
    values = {
        "row_base": base + random.randrange(rows) * row_words,
        "ring_base": base,
        "ring_end": base + rows * row_words,
        "row_words": row_words,
        "tile_off": tile * tile_words,
        "tile_words": tile_words,
        "top_zero": random.randint(0, 1),
        "bottom_zero": random.randint(0, 1),
        "left_zero": int(tile == 0),
        "right_zero": int(tile == tiles - 1),
        "channels0": channels0,
        "channels1": channels1,
        "half_first": first,
        "half_last": last,
        "fold": fold,
        "kh": kh,
        "taps0": taps0,
        "taps1": taps1,
        "words0": min(taps0, 3 if left else 2),
        "words1": min(taps1, 2),
        "left": left,
        "src_signed": random.randint(0, 1),
        "steps": int(rows_read * (channels0 * taps0 + channels1 * taps1)) // pump,
        "weight_addr": random.choice((random.getrandbits(16), 0xFFFF)),
        "free_rows": random.getrandbits(4),
        "group_end": random.randint(0, 1),
        "program_end": random.randint(0, 1),
        "weights_used": random.getrandbits(16),
        "bias_pairs": random.getrandbits(12),
    }
    bits = [(name, n) for name, n in layout("block_t") if name.startswith("token.")]
    return values | {name: random.getrandbits(n) for name, n in bits}


def expected_steps(block: dict[str, int], weight_mask: int, pump: int) -> list[Step]:
    """The K steps of a block from what a convolution is: of each ``pump`` channels together the
    first one's, whose word the address names."""
    rows = (block["ring_end"] - block["ring_base"]) // block["row_words"]
    start = (block["row_base"] - block["ring_base"]) // block["row_words"]
    steps: list[Step] = []
    total = block["steps"]
    for row in range(block["kh"]):
        slot = block["ring_base"] + (start + row) % rows * block["row_words"]
        above = row == 0 and block["top_zero"]
        below = row == block["kh"] - 1 and block["bottom_zero"]
        for channel in row_channels(block, row, pump):
            first = channel < block["channels0"]
            left = block["left"] if first else 0
            for tap in range(block["taps0"] if first else block["taps1"]):
                pixels: list[Pixel] = []
                for pixel in range(PIXELS):
                    tile, column = divmod(pixel + tap - left, PIXELS)
                    outside = (tile < 0 and block["left_zero"]) or (
                        tile > 0 and block["right_zero"]
                    )
                    if block["fold"]:
                        # The front half's row is above the map first, the back half's below it;
                        # no pixel of one is a neighbour of the other's.
                        front = pixel < PIXELS // 2
                        outside |= (above and front) or (below and not front)
                        outside |= (column < PIXELS // 2) != front
                    else:
                        outside |= above or below
                    address = slot + block["tile_off"] + channel + tile * block["tile_words"]
                    pixels.append(None if outside else (address, column))
                count = len(steps)
                steps.append(
                    Step(
                        tuple(pixels),
                        (block["weight_addr"] + count) & weight_mask,
                        block["src_signed"],
                        int(count == 0),
                        int(count == total - 1),
                    )
                )
    assert len(steps) == total
    return steps


def row_channels(block: dict[str, int], row: int, pump: int) -> list[int]:
    """Channels that a kernel row reads, of each ``pump`` together the first: all, the upper half
    of each phase in the first row, or the lower half in the last one."""
    half = block["channels0"] // 2
    upper = row == 0 and block["half_first"]
    lower = row == block["kh"] - 1 and block["half_last"]
    found = []
    for begin, count in ((0, block["channels0"]), (block["channels0"], block["channels1"])):
        kept = range(half if upper else 0, half if lower else block["channels0"], pump)
        found += [begin + channel for channel in kept if count]
    return found


def fetched_steps(slots: list[Slot]) -> list[Step]:
    """What the window fetch makes of slots: its history, one slot behind the memory."""
    nothing: list[Pixel] = [None] * PIXELS
    history = [nothing, nothing, nothing]
    steps = []
    for index, slot in enumerate(slots):
        following = slots[index + 1] if index + 1 < len(slots) else None
        if index == 0:
            history = _shift(history, slot)
        # The history moves on in the cycle behind this slot: by a read of the next one if that
        # is there, and always behind an element's last tap.
        if following is not None and following.cycle == slot.cycle + 1:
            if following.read or slot.elem_last:
                history = _shift(history, following)
        else:
            assert slot.elem_last, "a gap within an element"
            history = [nothing, *history[:2]]
        older, first = SELECT[slot.sel]
        joined = [*history[older], *history[older - 1]][first : first + PIXELS]
        if slot.fold and slot.sel in EDGES:
            joined[EDGES[slot.sel]] = None
        steps.append(Step(tuple(joined), slot.weight, slot.signed, slot.first, slot.last))
        if following is not None and following.cycle != slot.cycle + 1:
            assert following.read
            history = _shift(history, following)
    return steps


def _shift(history: list[list[Pixel]], slot: Slot) -> list[list[Pixel]]:
    if not slot.read:
        # An element's first tap reads its first word, always.
        raise AssertionError("an element begins without a read")
    half = PIXELS // 2
    word: list[Pixel] = [
        None if slot.zero >> p // half & 1 else (slot.addr, p) for p in range(PIXELS)
    ]
    return [word, *history[:2]]


class Bench:
    """Blocks in, slots, tokens and completions out."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.channels = int(bench_parameters()["Channels"])
        self.pump = int(bench_parameters().get("Pump", 1))
        self.weight_mask = (1 << int(bench_parameters()["WeightAddrBits"])) - 1
        self.slots: list[Slot] = []
        self.tokens: list[tuple[int, int]] = []  # cycle, token
        self.done: list[tuple[int, tuple[int, ...]]] = []
        self.accepted: list[int] = []
        self.cycle = 0

    async def start(self) -> None:
        self.dut.block_valid_i.value = 0
        start_clock(self.dut)
        await reset(self.dut)

    def _watch(self) -> None:
        dut = self.dut
        if dut.token_valid_o.value == 1:
            self.tokens.append((self.cycle, int(dut.token_o.value)))
        if dut.done_o.value == 1:
            ports = (
                dut.done_free_rows_o,
                dut.done_group_end_o,
                dut.done_program_end_o,
                dut.done_weights_used_o,
                dut.done_bias_pairs_o,
            )
            self.done.append((self.cycle, tuple(int(p.value) for p in ports)))
        assert dut.act_rd_en_o.value == dut.slot_read_o.value
        if dut.slot_valid_o.value == 0:
            assert dut.slot_read_o.value == 0
            assert dut.slot_first_o.value == 0 and dut.slot_last_o.value == 0
            return
        self.slots.append(
            Slot(
                self.cycle,
                int(dut.slot_read_o.value),
                int(dut.act_rd_addr_o.value),
                int(dut.slot_zero_o.value),
                int(dut.slot_fold_o.value),
                int(dut.slot_elem_last_o.value),
                int(dut.slot_sel_o.value),
                int(dut.slot_signed_o.value),
                int(dut.slot_first_o.value),
                int(dut.slot_last_o.value),
                int(dut.slot_weight_addr_o.value),
            )
        )

    async def run(self, blocks: list[dict[str, int]], share: float, pause: int = 0) -> None:
        """Give those of the blocks that have not been given, from `pause` cycles on, waiting in
        `share` of the cycles; ends when all have been issued."""
        dut = self.dut
        waiting = list(blocks[len(self.accepted) :])
        begin = self.cycle + pause
        limit = self.cycle + 100 + sum(max(b["steps"], self.channels) + 20 for b in blocks) * 4
        while len(self.done) < len(blocks) or self.done[-1][0] + 4 > self.cycle:
            offer = bool(waiting) and self.cycle >= begin and random.random() >= share
            dut.block_valid_i.value = int(offer)
            dut.block_i.value = (
                pack("block_t", waiting[0])
                if offer
                else random.getrandbits(sum(b for _, b in layout("block_t")))
            )
            await RisingEdge(dut.clk_i)
            self._watch()
            if offer and dut.block_ready_o.value == 1:
                waiting.pop(0)
                self.accepted.append(self.cycle)
            self.cycle += 1
            assert self.cycle < limit, "the issuer hangs"

    def check(self, blocks: list[dict[str, int]]) -> list[int]:
        """Compare everything with `blocks`; returns the cycle of each block's last slot."""
        expected = [s for b in blocks for s in expected_steps(b, self.weight_mask, self.pump)]
        actual = fetched_steps(self.slots)
        assert len(actual) == len(expected)
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            assert one == other, f"K step {index}: {one}, not {other}"
        ends = [s.cycle for s in self.slots if s.last]
        starts = [s.cycle for s in self.slots if s.first]
        for block, first, last in zip(blocks, starts, ends, strict=True):
            assert last - first == block["steps"] - 1, "a gap within a block"
        for before, after in itertools.pairwise(ends):
            assert after - before >= self.channels, "no time to drain"
        names = [name for name, _ in layout("token_t")]
        for block, (cycle, token), first in zip(blocks, self.tokens, starts, strict=True):
            assert token == pack("token_t", {name: block[f"token.{name}"] for name in names})
            assert cycle == first - 2
        keys = ("free_rows", "group_end", "program_end", "weights_used", "bias_pairs")
        for block, (cycle, values), last in zip(blocks, self.done, ends, strict=True):
            assert values == tuple(block[key] for key in keys)
            assert cycle == last - 1
        return ends


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def without_gaps(dut: Any) -> None:
    """Blocks that always wait: each follows the one before at once, or when that has drained."""
    bench = Bench(dut)
    await bench.start()
    longest = (8, 40, 200)
    blocks = [random_block(bench.channels, random.choice(longest), bench.pump) for _ in range(120)]
    await bench.run(blocks, 0.0)
    ends = bench.check(blocks)
    assert bench.slots[0].cycle == bench.accepted[0] + 3
    for before, after, block in zip(ends, ends[1:], blocks[1:], strict=False):
        assert after - before == max(block["steps"], bench.channels)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def with_gaps(dut: Any) -> None:
    """Blocks that come when they like."""
    bench = Bench(dut)
    await bench.start()
    longest = (1, 10, 60)
    blocks = [random_block(bench.channels, random.choice(longest), bench.pump) for _ in range(150)]
    await bench.run(blocks, 0.9)
    bench.check(blocks)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def halves_and_folds(dut: Any) -> None:
    """Every kernel height with every choice of halves, with one phase and with two, and folds at
    the map's first and last rows; blocks as they come and one behind the other."""
    bench = Bench(dut)
    await bench.start()
    wanted = {(kh, *half, two) for kh in (1, 2, 3, 4) for half in HALVES for two in (0, 1)}
    wanted -= {(1, 1, 1, two) for two in (0, 1)}
    folds = {(top, bottom, left) for top in (0, 1) for bottom in (0, 1) for left in (0, 1)}
    blocks = []
    while wanted or folds:
        block = random_block(bench.channels, random.choice((8, 40)), bench.pump)
        halved = (block["kh"], block["half_first"], block["half_last"], int(block["channels1"] > 0))
        edges = (block["top_zero"], block["bottom_zero"], block["left"])
        new = halved in wanted or (block["fold"] and edges in folds)
        wanted.discard(halved)
        if block["fold"]:
            folds.discard(edges)
        else:
            block |= {"top_zero": 0, "bottom_zero": 0}  # which hide what is read
        blocks += [block] if new else []
    for share in (0.0, 0.5):
        await bench.run(blocks * 2 if share else blocks, share)
    bench.check(blocks * 2)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def late_blocks(dut: Any) -> None:
    """A short block that comes while the array drains starts when it has drained, a cycle later
    where it comes just before that; one that comes afterwards starts at once."""
    bench = Bench(dut)
    await bench.start()
    short = random_block(bench.channels, 1, bench.pump)
    while short["steps"] > 1:
        short = random_block(bench.channels, 1, bench.pump)
    pauses = [*range(bench.channels + 8), 0]
    for pause in pauses:
        await bench.run([short] * (len(bench.done) + 1), 0.0, pause)
    ends = bench.check([short] * len(pauses))
    late = {}
    for taken, before, end in zip(bench.accepted[1:], ends, ends[1:], strict=False):
        spare = taken + 3 - (before + bench.channels)
        late[spare] = end - max(taken + 3, before + bench.channels)
    assert {-1, 0, 1, 2} <= late.keys()
    assert late == {spare: int(spare == 0) for spare in late}


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def counters(dut: Any) -> None:
    """A cycle is active, or pacing while a short block waits, or neither; never both."""
    bench = Bench(dut)
    await bench.start()
    short = random_block(bench.channels, 1, bench.pump)
    while short["steps"] >= bench.channels:
        short = random_block(bench.channels, 1, bench.pump)
    active = pacing = 0
    dut.block_i.value = pack("block_t", short)
    dut.block_valid_i.value = 1
    cycles = 20 * bench.channels
    for _ in range(cycles):
        await RisingEdge(dut.clk_i)
        assert not (dut.active_o.value == 1 and dut.pacing_o.value == 1)
        active += int(dut.active_o.value)
        pacing += int(dut.pacing_o.value)
    # One cycle of each block's period may be its start.
    assert abs(active - cycles * short["steps"] / bench.channels) <= bench.channels
    assert cycles - active - pacing <= cycles / bench.channels + 4
