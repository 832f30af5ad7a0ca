"""Bench of `fb_planner`: the blocks of compiled networks, in order, and none of them too early.

The reference is sim/benches/planner_blocks.py.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.blocks import unpack
from firebrick.sim.benches.planner_blocks import (
    OUTPUT,
    OUTPUT_STRIDE,
    SCRATCH,
    SPACE,
    Expected,
    Segment,
    group_blocks,
)
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock
from firebrick.sim.random_networks import Fire, Pool, Recipe, build

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
# Modules in a row, whose groups end in the next one's squeeze layer; those behind the first have
# no squeeze layer of their own.
CHAINS = (
    Recipe(13, 33, 3, 3, 2, 0, 9, (Fire(3, 9, 13), Fire(2, 5, 8), Fire(4, 3, 9)), 9, 1),
    Recipe(
        *(8, 19, 1, 3, 2, 1, 7, (Fire(5, 17, 4), Fire(9, 8, 8), Fire(3, 9, 7), Pool(3, True)), 5),
        relu=False,
    ),
    Recipe(2, 40, 2, 1, 1, 0, 9, (Pool(2, True), Fire(3, 4, 5), Fire(1, 2, 3), Fire(2, 7, 9)), 5),
    Recipe(4, 29, 2, 3, 1, 1, 6, (Pool(2, True), Fire(3, 18, 9), Fire(7, 6, 1)), 5),
)


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
        dut.ring_row_done_i.value = dut.tail_row_done_i.value = 0
        dut.fifo_pop_i.value = dut.start_i.value = 0
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
        given = index = loaded = seq = rows = 0
        written = {"mid": 0, "tail": 0}  # rows in the rings
        writing = {"mid": 0, "tail": 0}  # rows that are on their way to them
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
                names = ("weights", "rows", "mid", "tail", "pop", "addends")
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
            done = {ring: n > 0 and random.random() < pace[ring] for ring, n in writing.items()}
            pop = held > 0 and random.random() < pace["pop"]
            addend = min(addends_due, shape.fifo_words - addends) > 0
            addend = addend and random.random() < pace["addends"]
            offer = given < len(sequence) and random.random() < 0.5
            ready, segment_ready = random.random() < 0.5, random.random() < 0.5
            dut.weights_loaded_i.value = loaded & 0xFFFF
            dut.load_seq_i.value, dut.load_rows_i.value = seq, rows
            dut.ring_row_done_i.value = int(done["mid"])
            dut.tail_row_done_i.value = int(done["tail"])
            dut.fifo_pop_i.value, dut.addend_word_i.value = int(pop), int(addend)
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
                "ring": written["mid"] < block.squeezed or written["tail"] < block.tailed,
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
                if block.ends_in:
                    writing[block.ends_in] += 1
                index += 1
                patience = stuck = 0
                if index < len(blocks) and blocks[index].group != block.group:
                    assert not any(writing.values()), "a row in a ring that nobody needs"
                    written = {"mid": 0, "tail": 0}
            for ring in done:
                written[ring] += int(done[ring])
                writing[ring] -= int(done[ring])
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


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(recipe=range(len(CHAINS)))
async def chained_modules(dut: Any, recipe: int) -> None:
    """Fire modules that hand their rows to the next one's squeeze layer, few rows and many."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    program = compile_network(build(CHAINS[recipe], random.getrandbits(30)), bench.shape)
    groups = [group.fields for group in program.groups]
    assert any(g.get("p3_enable") for g in groups)
    assert any(not g.get("p0_enable") and g.get("p2_enable") for g in groups)
    await bench.run(groups, 2)


def random_group(shape: EngineShape) -> dict[str, int]:
    """A group of the shape of a Fire module, with a squeeze layer and a tail or not; its rows,
    blocks and rings are random."""
    c = shape.channels
    squeeze, tail = random.random() < 0.5, random.random() < 0.7
    rows, tiles = random.choice((1, 2, 3, random.randint(4, 7))), random.randint(1, 3)
    enabled = [k for k in range(4) if (squeeze, True, True, tail)[k]]
    if random.random() < 0.3:
        enabled.remove(random.choice((1, 2)))
    g = {"rows": rows, "out_rows": rows, "tiles": tiles, "out_tiles": tiles, "src_rows": rows}
    g |= {"src_tiles": tiles, "last_pixels": random.randint(1, shape.pixels)}
    g |= {"lead": 1, "mid_total": rows, "weight_words": 0, "bias_pairs": 0}
    channels = {}
    for k in enabled:
        blocks, steps = random.randint(1, 3), random.randint(1, 30)
        g |= {f"p{k}_enable": 1, f"p{k}_blocks": blocks, f"p{k}_steps": steps}
        g |= {f"p{k}_last": random.randint(1, c), f"p{k}_channels": random.randint(1, 90)}
        g |= {f"p{k}_weights": g["weight_words"], f"p{k}_bias": g["bias_pairs"]}
        g |= {f"p{k}_relu": random.getrandbits(1), f"p{k}_src_signed": random.getrandbits(1)}
        g["weight_words"] += blocks * steps
        g["bias_pairs"] += blocks * c // 2
        channels[k] = (blocks - 1) * c + g[f"p{k}_last"]
        if k == d.TAIL:
            continue
        # The last pass that reads the input has the larger kernel.
        kernel = 3 if k == 2 or (k == 1 and squeeze and random.random() < 0.5) else 1
        g |= {f"p{k}_kh": kernel, f"p{k}_pad": kernel // 2, f"p{k}_stride": 1}
        g |= {f"p{k}_phase1": g[f"p{k}_channels"], f"p{k}_taps0": kernel, f"p{k}_taps1": kernel}
        g |= {f"p{k}_words0": kernel, f"p{k}_words1": kernel, f"p{k}_left": kernel // 2}
        g[f"p{k}_mid"] = int(squeeze and k > 0)
    main = sum(channels[k] for k in (1, 2) if k in channels)
    stored = channels[d.TAIL] if tail else main
    for ring, words, kept in (
        ("in", random.randint(1, 90), random.randint(3, 5)),
        ("mid", channels.get(0, 1), 4),
        ("tail", main, 2),
    ):
        row = words * tiles + random.randint(0, 9)
        base = random.randint(0, 8191 - kept * row)
        name = "src" if ring == "in" else ring
        g |= {f"{name}_tile_words": words, f"{name}_last_tile": (tiles - 1) * words}
        g |= {f"{name}_row_words": row, f"{ring}_base": base, f"{ring}_end": base + kept * row}
    g["in_rows"] = (g["in_end"] - g["in_base"]) // g["src_row_words"]
    del g["tail_end"]
    tile_words = stored + random.randint(0, 9)
    g |= {"dst_space": d.SCRATCH_SPACE, "dst_offset": 8 * random.randrange(100)}
    # No matter what they make of the channels: blocks say so, but for those of the rings on chip.
    g |= {name: random.getrandbits(1) for name in ("half_first", "half_last", "odd_rows")}
    g |= {"segment_words": stored, "dst_tile_words": tile_words}
    g |= {"dst_last_tile": (tiles - 1) * tile_words, "dst_row_words": tiles * tile_words}
    return g


def random_fold(shape: EngineShape) -> dict[str, int]:
    """A group whose input ring has two rows of a map in each of its own: one pass or two, any
    kernel and stride, a map that ends where the last kernel does, or before or behind it."""
    c = shape.channels
    stride, pad, reach = random.randint(1, 2), random.randint(0, 1), random.randint(1, 2)
    rows = random.choice((1, 2, random.randint(3, 6)))
    words = 4 * random.randint(1, 20)
    kernel = random.randint(1 + pad, 4)
    need = (rows - 1) * 2 * stride + kernel - pad + reach
    fold = d.FOLD_STORED if reach == 1 and random.random() < 0.5 else d.FOLD_APART
    src_rows = max(1, need - random.choice((0, 0, pad, random.randint(-2, 2))))
    if fold == d.FOLD_STORED:
        src_rows += src_rows % 2
    g = {"rows": rows, "out_rows": rows, "tiles": 1, "out_tiles": 1, "src_rows": src_rows}
    g |= {"src_tiles": 1, "last_pixels": shape.pixels, "weight_words": 0, "bias_pairs": 0}
    g |= {"load_fold": fold, "load_reach": reach, "odd_rows": random.getrandbits(1)}
    g |= {"half_first": random.getrandbits(1), "half_last": random.getrandbits(1)}
    main = 0
    enabled = random.choice(((1,), (2,), (1, 2)))
    for k in enabled:
        blocks, steps = random.randint(1, 3), random.randint(1, 30)
        g |= {f"p{k}_enable": 1, f"p{k}_blocks": blocks, f"p{k}_steps": steps}
        g |= {f"p{k}_last": random.randint(1, c), f"p{k}_channels": words}
        g |= {f"p{k}_phase1": random.choice((words, words // 2))}
        g |= {f"p{k}_weights": g["weight_words"], f"p{k}_bias": g["bias_pairs"]}
        g |= {f"p{k}_stride": stride, f"p{k}_src_signed": random.getrandbits(1)}
        # The last pass is the one that needs most.
        high = k == enabled[-1]
        g |= {f"p{k}_kh": kernel if high else 1, f"p{k}_pad": pad if high else 0}
        g |= {f"p{k}_taps0": 3, f"p{k}_taps1": 2, f"p{k}_words0": 3, f"p{k}_words1": 2}
        g |= {f"p{k}_left": random.getrandbits(1), f"p{k}_relu": random.getrandbits(1)}
        g["weight_words"] += blocks * steps
        g["bias_pairs"] += blocks * c // 2
        main += (blocks - 1) * c + g[f"p{k}_last"]
    kept = kernel + reach + random.randint(0, 3)
    row = words + random.randint(0, 9)
    base = random.randint(0, 8191 - (kept + fold) * row)
    g |= {"src_tile_words": words, "src_row_words": row, "in_rows": kept, "in_base": base}
    g |= {"in_end": base + (kept + fold) * row}
    g |= {"dst_space": d.SCRATCH_SPACE, "dst_offset": 8 * random.randrange(100)}
    g |= {"segment_words": main, "dst_tile_words": main, "dst_row_words": main}
    return g


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def folded_rows(dut: Any) -> None:
    """Two rows at a time: which rows they need, free and zero, in rows of the map."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    groups = [random_fold(bench.shape) for _ in range(24)]
    groups[5::6] = [random_group(bench.shape) for _ in groups[5::6]]
    groups[-1]["group_last"] = 1
    assert len({(g.get("load_fold", 0), g.get("load_reach", 0)) for g in groups}) == 4
    await bench.run(groups, 2)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def random_groups(dut: Any) -> None:
    """Groups with a tail and without, with pass 0 and without, of one row and of several."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    groups = [random_group(bench.shape) for _ in range(16)]
    groups[-1]["group_last"] = 1
    kinds = {(g.get("p0_enable", 0), g.get("p3_enable", 0)) for g in groups}
    assert len(kinds) > 1, kinds
    await bench.run(groups, 2)


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
