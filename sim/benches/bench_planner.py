"""Bench of `fb_planner`: the blocks of compiled networks, in order, and none of them too early.

The reference walks over rows, tiles, passes and blocks of a descriptor in terms of the
convolution - which source rows a row needs, which pooled rows it completes - and gives for every
block what it must contain and what must be there before it may leave.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.blocks import TARGETS, unpack
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock
from tests.random_networks import Fire, Pool, Recipe, build

SCRATCH, OUTPUT, OUTPUT_STRIDE, SPACE = 0x40000000, 0x50000000, 0x1080, 1 << 18
# Slowest answer of the planner once nothing is missing: the steps of a new group and row.
PATIENCE = 40
# Cycles after which everything that the planner waits for changes its pace.
PHASE = 200

RECIPES = (
    Recipe(21, 40, 3, 3, 2, 0, 11, (Pool(3, True), Fire(5, 9, 13)), 19, 1),
    Recipe(13, 19, 1, 1, 1, 0, 10, (Fire(3, 8, 17), Pool(2, False)), 5, 0, relu=False),
    Recipe(20, 33, 3, 7, 2, 3, 9, (Fire(1, 2, 3), Pool(3, False), Fire(9, 10, 6)), 9, 1),
    Recipe(12, 50, 2, 3, 1, 1, 17, (Pool(2, True), Fire(4, 16, 8)), 33, 0),
    Recipe(13, 37, 2, 3, 1, 1, 17, (Fire(4, 16, 9, True), Fire(5, 9, 16, True), Pool(3, True)), 9),
    Recipe(17, 35, 1, 3, 2, 1, 7, (Fire(4, 3, 4, True), Fire(5, 5, 8, True)), 9, relu=False),
    Recipe(
        14, 43, 3, 3, 1, 1, 9, (Pool(3, True, 1), Fire(5, 9, 7), Pool(2, True, 1)), 5, relu=False
    ),
)


@dataclass(frozen=True)
class Segment:
    """An address range in memory that a tile's results fill."""

    addr: int
    words: int
    is_sum: int
    tag: int


@dataclass(frozen=True)
class Expected:
    """A block: what it holds, what must be there, what goes with it."""

    values: dict[str, int]
    group: int
    weights: int  # words that must have been loaded since start
    rows: int  # of its group's source, 0 if it does not read any
    squeezed: int  # squeeze rows that must be in the ring
    room: int  # words that its results take in the output FIFO
    addends: int  # words of a stored map that are added to its results
    segment: Segment | None
    squeeze_row: bool  # completes one


def emitted_rows(g: dict[str, int]) -> dict[int, int]:
    """Which row of results a computed row completes: {computed row: stored row}."""
    if g.get("mode", 0) == d.MODE_SUM:
        return {g["rows"] - 1: 0}
    if g.get("mode", 0) == d.MODE_DIRECT:
        return {row: row for row in range(g["rows"])}
    kernel = (3 if g.get("pool_kernel3") else 2) - g.get("pool_padded", 0)
    return {min(2 * k + kernel - 1, g["rows"] - 1): k for k in range(g["out_rows"])}


def group_blocks(
    g: dict[str, int], number: int, weights: int, biases: int, image: int, shape: EngineShape
) -> Iterator[Expected]:
    """Blocks of one group; `weights` and `biases` were used by all groups before it."""
    mode = g.get("mode", 0)
    squeeze = bool(g.get("p0_enable"))
    emits = emitted_rows(g)
    kernel = 3 if g.get("pool_kernel3") else 2
    pad = g.get("pool_padded", 0)
    squeezed = 0
    schedule: list[tuple[bool, int]] = []
    for row in range(g["rows"]):
        while squeeze and squeezed < g["mid_total"] and squeezed <= row + g["lead"]:
            schedule.append((True, squeezed))
            squeezed += 1
        schedule.append((False, row))

    first_needed = 0  # source rows before this one are free
    used = weights  # weight words of the run that no later block reads
    for ahead, row in schedule:
        adds = not ahead and bool(g.get("add_enable"))
        for tile in reversed(range(g["tiles"])):
            rightmost = tile == g["tiles"] - 1
            stored = emits.get(row) if not ahead else None
            out_tile = tile
            if mode == d.MODE_POOL:
                out_tile = (tile + pad) // 2
                if tile != max(2 * out_tile - pad, 0) or out_tile >= g["out_tiles"]:
                    stored = None
            elif mode == d.MODE_SUM and tile:
                stored = None
            segment = None
            if stored is not None:
                space = SCRATCH
                if g.get("dst_space", 0) == d.OUTPUT_SPACE:
                    space = OUTPUT + image * OUTPUT_STRIDE
                words = stored * g.get("dst_row_words", 0) + out_tile * g.get("dst_tile_words", 0)
                last_row = row == g["rows"] - 1
                segment = Segment(
                    space + g.get("dst_offset", 0) + words * shape.word_bytes,
                    g["segment_words"],
                    int(mode == d.MODE_SUM),
                    int(tile == 0) | int(tile == 0 and last_row) << 1,
                )
            channel = 0
            passes = [0] if ahead else [k for k in (1, 2) if g.get(f"p{k}_enable")]
            for k in passes:
                p = {n: g.get(f"p{k}_{n}", 0) for n in ("mid", "stride", "pad", "kh", "blocks")}
                p |= {n: g[f"p{k}_{n}"] for n in ("steps", "last", "channels", "phase1")}
                top = row * p["stride"] - p["pad"]
                bottom = top + p["kh"]
                if p["mid"]:
                    ring, row_words, tile_words = "mid", g["mid_row_words"], g["mid_tile_words"]
                    ring_rows = (g["mid_end"] - g.get("mid_base", 0)) // row_words
                    total, source_tiles = g["mid_total"], g["tiles"]
                else:
                    ring, row_words, tile_words = "in", g["src_row_words"], g["src_tile_words"]
                    ring_rows, total, source_tiles = g["in_rows"], g["src_rows"], g["src_tiles"]
                base = g.get(f"{ring}_base", 0)
                for block in range(p["blocks"]):
                    final = block == p["blocks"] - 1
                    channels = p["last"] if final else shape.channels
                    row_end = final and k == passes[-1] and tile == 0
                    group_end = row_end and not ahead and row == g["rows"] - 1
                    free = 0
                    if row_end and not p["mid"]:
                        free = (row + 1) * p["stride"] - p["pad"] - first_needed
                        first_needed += free
                    read = weights + g.get(f"p{k}_weights", 0) + (block + 1) * p["steps"]
                    if tile == 0 and row == (g["mid_total"] if ahead else g["rows"]) - 1:
                        used = read
                    if group_end:
                        used = weights + g["weight_words"]
                    values = {
                        "row_base": base + top % ring_rows * row_words,
                        "ring_base": base,
                        "ring_end": base + ring_rows * row_words,
                        "row_words": row_words,
                        "tile_off": tile * tile_words,
                        "tile_words": tile_words,
                        "top_zero": int(top < 0),
                        "bottom_zero": int(bottom > total),
                        "left_zero": int(tile == 0),
                        "right_zero": int(tile + 1 >= source_tiles),
                        "channels0": p["phase1"],
                        "channels1": p["channels"] - p["phase1"],
                        "kh": p["kh"],
                        "steps": p["steps"],
                        "weight_addr": (weights + g.get(f"p{k}_weights", 0) + block * p["steps"])
                        & 0xFFFF,
                        "free_rows": free,
                        "group_end": int(group_end),
                        "program_end": int(group_end and g.get("group_last", 0)),
                        "weights_used": used & 0xFFFF,
                        "bias_pairs": g["bias_pairs"],
                        "token.bias_addr": (
                            biases + g.get(f"p{k}_bias", 0) + block * shape.channels // 2
                        )
                        & 0xFFF,
                        "token.channels": channels,
                        "token.pixels": g["last_pixels"] if rightmost else shape.pixels,
                        "token.relu": g.get(f"p{k}_relu", 0),
                        "token.add": int(adds),
                    }
                    if adds:
                        names = ("left", "shifts_own", "shift", "signed")
                        values |= {f"token.add_{name}": g[f"add_{name}"] for name in names}
                        values["token.out_signed"] = g.get("out_signed", 0)
                    for name in ("taps0", "taps1", "words0", "words1", "left", "src_signed"):
                        values[name] = g.get(f"p{k}_{name}", 0)
                    if ahead:
                        slot = base_of_squeeze_row(g, row)
                        values |= {
                            "token.target": TARGETS["ring"],
                            "token.addr": slot + tile * g["mid_tile_words"] + channel,
                            "token.row_end": int(row_end),
                        }
                    elif mode == d.MODE_DIRECT:
                        values |= {"token.target": TARGETS["memory"]}
                    elif mode == d.MODE_SUM:
                        values |= {
                            "token.target": TARGETS["sum"],
                            "token.chan": channel,
                            "token.sum_init": int(row == 0 and rightmost),
                            "token.sum_emit": int(stored is not None),
                        }
                    else:
                        # The line buffer holds an unfinished window if one began in a row before.
                        begins = [2 * w - pad for w in range(row + 1)]
                        values |= {
                            "token.target": TARGETS["pool"],
                            "token.chan": channel,
                            "token.addr": (tile + pad) // 2 * g["segment_words"] + channel,
                            "token.tile_odd": tile % 2,
                            "token.tile_first": int(rightmost),
                            "token.tile_last": int(tile == 0),
                            "token.v_use": int(any(max(b, 0) < row < b + kernel for b in begins)),
                            "token.v_store_row": int((row + pad) % 2 == 0),
                            "token.v_emit": int(stored is not None),
                            "token.kernel3": g.get("pool_kernel3", 0),
                            "token.padded": pad,
                            "token.out_signed": g.get("out_signed", 0),
                        }
                        if stored is not None:
                            last_out = out_tile == g["out_tiles"] - 1
                            values["token.out_pixels"] = (
                                g["out_last_pixels"] if last_out else shape.pixels
                            )
                    yield Expected(
                        values,
                        number,
                        read,
                        0 if p["mid"] else min(bottom, total),
                        min(bottom, total) if p["mid"] else 0,
                        channels if stored is not None else 0,
                        channels if adds else 0,
                        segment,
                        ahead and row_end,
                    )
                    segment = None
                    channel += channels


def base_of_squeeze_row(g: dict[str, int], row: int) -> int:
    """First word of a squeeze row in its ring."""
    base = g.get("mid_base", 0)
    rows = (g["mid_end"] - base) // g["mid_row_words"]
    return base + row % rows * g["mid_row_words"]


def engine_shape() -> EngineShape:
    """The shape of the planner under test."""
    given = bench_parameters()
    return EngineShape(
        pixels=given["Pixels"],
        channels=given["Channels"],
        act_words=1024,
        weight_words=512,
        bias_pairs=64,
        fifo_words=given["FifoWords"],
    )


class Bench:
    """Everything that the planner waits for, each at its own pace."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.shape = engine_shape()

    async def start(self) -> None:
        dut = self.dut
        dut.group_valid_i.value = dut.block_ready_i.value = dut.segment_ready_i.value = 0
        dut.ring_row_done_i.value = dut.fifo_pop_i.value = dut.start_i.value = 0
        dut.addend_word_i.value = 0
        dut.scratch_addr_i.value, dut.output_addr_i.value = SCRATCH, OUTPUT
        dut.output_stride_i.value = OUTPUT_STRIDE
        dut.scratch_end_i.value = SCRATCH + SPACE
        dut.output_end_i.value = OUTPUT + SPACE
        dut.weights_loaded_i.value = dut.load_seq_i.value = dut.load_rows_i.value = 0
        await reset(dut)
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0

    async def run(self, groups: list[dict[str, int]], images: int) -> None:
        """Run groups; what the planner waits for comes now slowly, now fast."""
        dut, shape = self.dut, self.shape
        sequence = groups * images
        blocks: list[Expected] = []
        weights = biases = 0
        for number, g in enumerate(sequence):
            image = number // len(groups)
            blocks += group_blocks(g, number, weights, biases, image, shape)
            weights += g["weight_words"]
            biases += g["bias_pairs"]
        words = [
            int.from_bytes(d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, g), "little")
            for g in groups
        ]
        given = index = loaded = seq = rows = squeezed = 0
        squeezing: list[int] = []  # groups whose squeeze rows are on their way to the ring
        held = patience = cycle = 0  # held: words reserved or in the FIFO
        addends = 0  # words of a stored map that have come and are promised to no block
        addends_due = sum(block.addends for block in blocks)
        scarce = False
        seen: dict[str, bool] = {}  # what was missing a cycle ago
        lacks: dict[str, bool] = {}  # what has been missing for `stuck` cycles
        stuck = 0
        pace: dict[str, float] = {}  # share of cycles in which each of these moves on
        while index < len(blocks):
            block = blocks[index]
            if cycle % PHASE == 0:
                names = ("weights", "rows", "ring", "pop", "addends")
                pace = {name: random.choice((0.01, 0.03, 0.3, 1.0)) for name in names}
                scarce = random.random() < 0.8  # weights come for one block at a time
            cycle += 1
            if random.random() < pace["weights"]:
                # Now and then all that the block needs but one word.
                nearly = max(1, block.weights - loaded - 1)
                limit = min(weights, block.weights + (0 if scarce else 200))
                loaded = min(max(loaded, limit), loaded + random.choice((1, 99, nearly)))
            if random.random() < pace["rows"] and seq < len(sequence) and seq <= block.group + 1:
                if rows < sequence[seq]["src_rows"]:
                    rows += 1
                else:
                    seq, rows = seq + 1, 0
            ring_done = bool(squeezing) and random.random() < pace["ring"]
            pop = held > 0 and random.random() < pace["pop"]
            addend = min(addends_due, shape.fifo_words - addends) > 0
            addend = addend and random.random() < pace["addends"]
            offer = given < len(sequence) and random.random() < 0.5
            ready, segment_ready = random.random() < 0.5, random.random() < 0.5
            dut.weights_loaded_i.value = loaded & 0xFFFF
            dut.load_seq_i.value, dut.load_rows_i.value = seq, rows
            dut.ring_row_done_i.value, dut.fifo_pop_i.value = int(ring_done), int(pop)
            dut.addend_word_i.value = int(addend)
            dut.group_valid_i.value = int(offer)
            if offer:
                dut.group_i.value = words[given % len(words)]
            dut.block_ready_i.value = int(ready)
            dut.segment_ready_i.value = int(segment_ready)
            await RisingEdge(dut.clk_i)
            assert dut.fields_error_o.value == dut.bounds_error_o.value == 0
            missing = {
                "weights": loaded < block.weights,
                "input": (seq == block.group and rows < block.rows) or seq < block.group,
                "ring": squeezed < block.squeezed,
                "output": shape.fifo_words - held < block.room
                or (block.segment is not None and not segment_ready),
            }
            missing["input"] = (missing["input"] and block.rows > 0) or addends < block.addends
            # A wait that lasts has the first of its reasons, whatever else is missing too.
            lasting = missing | {"output": shape.fifo_words - held < block.room}
            stuck = stuck + 1 if lasting == lacks and given > block.group else 0
            lacks = lasting
            # What is missing is looked up a cycle late; room for a segment is not.
            was_missing, seen = seen, dict(missing)
            reasons = [name for name in missing if getattr(dut, f"wait_{name}_o").value == 1]
            assert len(reasons) <= 1
            late = [name for name in reasons if missing[name] or was_missing.get(name, False)]
            assert late == reasons, f"block {index}: {reasons}"
            if stuck > PATIENCE and any(lacks.values()):
                first = next(name for name in lacks if lacks[name])
                assert reasons == [first], f"block {index} waits for {first}: {reasons}"
            if given > block.group and not any(missing.values()) and ready:
                patience += 1
            assert patience < PATIENCE, f"block {index} does not come: {block}"
            accepted = ready and dut.block_valid_o.value == 1
            if dut.block_valid_o.value == 1:
                assert not reasons
                assert not any(missing.values()), f"block {index} too early: {missing}"
            assert int(dut.segment_valid_o.value) == int(accepted and block.segment is not None)
            if accepted:
                self._check(index, block)
                held += block.room
                addends -= block.addends
                if block.squeeze_row:
                    squeezing.append(block.group)
                index += 1
                patience = stuck = 0
                if index < len(blocks) and blocks[index].group != block.group:
                    assert not squeezing, "a squeeze row that nobody needs"
                    squeezed = 0
            if ring_done:
                squeezing.pop(0)
                squeezed += 1
            held -= int(pop)
            addends += int(addend)
            addends_due -= int(addend)
            given += int(offer and dut.group_ready_o.value == 1)
        dut.block_ready_i.value = 1
        dut.group_valid_i.value = 0
        for _ in range(30):
            await RisingEdge(dut.clk_i)
            assert dut.block_valid_o.value == 0 and dut.segment_valid_o.value == 0
        assert given == len(sequence) and addends == addends_due == 0

    def _check(self, index: int, block: Expected) -> None:
        dut = self.dut
        actual = unpack("block_t", int(dut.block_o.value))
        wrong = {
            name: (actual[name], value)
            for name, value in block.values.items()
            if actual[name] != value
        }
        assert not wrong, f"block {index}, (actual, expected): {wrong}"
        if block.segment is not None:
            segment = Segment(
                int(dut.segment_addr_o.value),
                int(dut.segment_words_o.value),
                int(dut.segment_sum_o.value),
                int(dut.segment_tag_o.value),
            )
            assert segment == block.segment, f"block {index}"


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(recipe=range(len(RECIPES)))
async def compiled_networks(dut: Any, recipe: int) -> None:
    """Networks, fused or with each stage apart, over two images; what they wait for is slow."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    net = build(RECIPES[recipe], random.getrandbits(30))
    program = compile_network(net, bench.shape, stages_apart=recipe % 2 == 1)
    await bench.run([group.fields for group in program.groups], 2)


async def refused(dut: Any, bench: Bench, fields: dict[str, int]) -> tuple[str, int]:
    """Which error a group ends in when all that it waits for is there, and its blocks before."""
    await bench.start()
    values = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
    dut.group_i.value = int.from_bytes(values, "little")
    dut.weights_loaded_i.value = (1 << 15) - 1
    dut.load_seq_i.value = 1
    dut.block_ready_i.value = dut.segment_ready_i.value = dut.group_valid_i.value = 1
    blocks = held = 0
    for _ in range(3000):
        dut.fifo_pop_i.value = int(held > 0)
        held -= int(held > 0)
        await RisingEdge(dut.clk_i)
        dut.group_valid_i.value = 0
        if dut.segment_valid_o.value == 1:
            low = OUTPUT if fields.get("dst_space") == d.OUTPUT_SPACE else SCRATCH
            at, words = int(dut.segment_addr_o.value), int(dut.segment_words_o.value)
            size = words * (8 if dut.segment_sum_o.value == 1 else bench.shape.word_bytes)
            assert low <= at and at + size <= low + SPACE, "results outside of their space"
        if dut.block_valid_o.value == 1:
            blocks += 1
            token = unpack("block_t", int(dut.block_o.value))
            held += token["token.channels"] * token["token.v_emit"]
        for name in ("fields", "bounds"):
            if getattr(dut, f"{name}_error_o").value == 1:
                for _ in range(20):
                    await RisingEdge(dut.clk_i)
                    assert dut.block_valid_o.value == 0, "a block behind an error"
                return name, blocks
    return "", blocks


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def blocks_astray(dut: Any) -> None:
    """Blocks that use more than their group has, or other channels, never leave."""
    bench = Bench(dut)
    start_clock(dut)
    net = build(RECIPES[0], random.getrandbits(30))
    program = compile_network(net, bench.shape)
    first = program.groups[0].fields
    assert not first.get("p0_enable") and first["p1_blocks"] >= 1
    assert (await refused(dut, bench, first))[0] == ""
    assert first["p1_enable"] and not first.get("p2_enable")
    half = bench.shape.channels // 2
    for changes in (
        {"weight_words": first["weight_words"] - 1},
        {"p1_weights": 1},
        {"p1_steps": first["p1_steps"] + 1},
        {"p1_steps": (1 << 16) - 1},
        {"p1_weights": (1 << 16) - 1},
        {"bias_pairs": first["bias_pairs"] - 1},
        {"p1_bias": half},
        {"segment_words": first["segment_words"] - 1},
        {"segment_words": first["segment_words"] + 1},
        {"p1_last": first["p1_last"] - 1},
        {"p1_blocks": first["p1_blocks"] + 1},
    ):
        name, blocks = await refused(dut, bench, {**first, **changes})
        assert name == "fields", changes
        assert blocks < first["p1_blocks"] + int("p1_blocks" in changes), changes
    # What a block uses is counted on from the one before it: only the last has too little.
    net = build(RECIPES[3], random.getrandbits(30))
    first = compile_network(net, bench.shape).groups[0].fields
    blocks = first["p1_blocks"]
    assert not first.get("p0_enable") and blocks >= 2
    for word in ("weight_words", "bias_pairs"):
        changes = {word: first[word] - 1}
        assert await refused(dut, bench, {**first, **changes}) == ("fields", blocks - 1), changes


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def results_outside(dut: Any) -> None:
    """Results never lie outside of their space, wherever a descriptor puts them."""
    bench = Bench(dut)
    start_clock(dut)
    net = build(RECIPES[0], random.getrandbits(30))
    program = compile_network(net, bench.shape, stages_apart=True)
    direct, sums = program.groups[0].fields, program.groups[-1].fields
    assert direct.get("mode", 0) == d.MODE_DIRECT and sums["mode"] == d.MODE_SUM
    size = bench.shape.word_bytes
    end = (direct["rows"] - 1) * direct["dst_row_words"] + direct["dst_last_tile"]
    end = (end + direct["segment_words"]) * size
    for fields, changes, name in (
        (direct, {"dst_offset": SPACE - end}, ""),
        (direct, {"dst_offset": SPACE - end + 8}, "bounds"),
        (direct, {"dst_offset": (1 << 32) - 8}, "bounds"),
        (direct, {"dst_offset": SPACE}, "bounds"),
        (direct, {"dst_row_words": (1 << 16) - 1}, "bounds"),
        (direct, {"dst_last_tile": (1 << 16) - 1}, "bounds"),
        (direct, {"dst_last_tile": 0, "dst_tile_words": 8191}, "bounds"),
        (sums, {"dst_offset": SPACE - 8 * sums["segment_words"]}, ""),
        (sums, {"dst_offset": SPACE - 8 * sums["segment_words"] + 8}, "bounds"),
    ):
        if fields is direct and fields["tiles"] == 1 and changes.get("dst_last_tile") == 0:
            continue
        assert (await refused(dut, bench, {**fields, **changes}))[0] == name, changes
