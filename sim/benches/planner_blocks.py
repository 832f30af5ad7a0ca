"""What `fb_planner` is to make of a group, in terms of the convolution: :func:`group_blocks`.

It walks over rows, tiles, passes and blocks of a descriptor - which source rows a row needs, which
pooled rows it completes - and gives for every block what it must contain and what must be there
before it may leave. Of a folded source a row that is computed is two of the map's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.blocks import TARGETS

SCRATCH, OUTPUT, OUTPUT_STRIDE, SPACE = 0x40000000, 0x50000000, 0x1080, 1 << 18
PASS = (
    *("mid", "stride", "pad", "kh", "blocks", "steps", "last", "channels", "phase1", "weights"),
    *("bias", "relu", "taps0", "taps1", "words0", "words1", "left", "src_signed"),
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
    tailed: int  # main rows that must have been written in front of a tail
    room: int  # words that its results take in the output FIFO
    addends: int  # words of a stored map that are added to its results
    segment: Segment | None
    ends_in: str  # the ring, "mid" or "tail", that it completes a row of


def emitted_rows(g: dict[str, int]) -> dict[int, int]:
    """Which row of results a computed row completes: {computed row: stored row}."""
    if g.get("mode", 0) == d.MODE_SUM:
        return {g["rows"] - 1: 0}
    if g.get("mode", 0) == d.MODE_DIRECT:
        return {row: row for row in range(g["rows"])}
    kernel = (3 if g.get("pool_kernel3") else 2) - g.get("pool_padded", 0)
    return {min(2 * k + kernel - 1, g["rows"] - 1): k for k in range(g["out_rows"])}


def rows_in_order(g: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Rows of a group as they run: "mid" (pass 0), "main" and "tail" (pass 3), and their number.

    A tail row runs behind the main row after its own, of which the ring holds both.
    """
    squeezed = 0
    tail = bool(g.get("p3_enable"))
    for row in range(g["rows"]):
        while g.get("p0_enable") and squeezed < g["mid_total"] and squeezed <= row + g["lead"]:
            yield "mid", squeezed
            squeezed += 1
        if tail and row >= 2:
            yield "tail", row - 2
        yield "main", row
    if tail:
        for row in range(max(g["rows"] - 2, 0), g["rows"]):
            yield "tail", row


def group_blocks(
    g: dict[str, int], number: int, weights: int, biases: int, image: int, shape: EngineShape
) -> Iterator[Expected]:
    """Blocks of one group; `weights` and `biases` were used by all groups before it."""
    mode = g.get("mode", 0)
    emits = emitted_rows(g)
    kernel = 3 if g.get("pool_kernel3") else 2
    pad = g.get("pool_padded", 0)
    tail = bool(g.get("p3_enable"))
    fold = int(g.get("load_fold", 0) != d.FOLD_NONE)
    last_rows = {"mid": g.get("mid_total", 0) - 1, "main": g["rows"] - 1, "tail": g["rows"] - 1}
    first_needed = 0  # source rows before this one are free
    used = weights  # weight words of the run that no later block reads
    for stage, row in rows_in_order(g):
        adds = stage != "mid" and bool(g.get("add_enable"))
        leaves = stage == ("tail" if tail else "main")  # results go to memory, else to a ring
        last_pixels = g["last_pixels"]
        if g.get("odd_rows") and row == last_rows[stage]:
            last_pixels = shape.pixels // 2  # of two rows the second is not there
        for tile in reversed(range(g["tiles"])):
            rightmost = tile == g["tiles"] - 1
            stored = emits.get(row) if leaves else None
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
            main = [k for k in (1, 2) if g.get(f"p{k}_enable")]
            passes = {"mid": [0], "main": main, "tail": [d.TAIL]}[stage]
            for k in passes:
                p = {n: d.pass_value(g, k, n) for n in PASS}
                stride, reach = p["stride"], 0
                if fold and not p["mid"]:
                    # The kernel lies on the front half's row and, so many further down, the back's.
                    stride, reach = 2 * stride, g["load_reach"]
                top = row * stride - p["pad"]
                bottom = top + p["kh"] + reach
                if stage == "tail":
                    ring, row_words, tile_words = "tail", g["tail_row_words"], g["tail_tile_words"]
                    ring_rows, total, source_tiles = 2, g["rows"], g["tiles"]
                elif p["mid"]:
                    ring, row_words, tile_words = "mid", g["mid_row_words"], g["mid_tile_words"]
                    ring_rows = (g["mid_end"] - g.get("mid_base", 0)) // row_words
                    total, source_tiles = g["mid_total"], g["tiles"]
                else:
                    ring, row_words, tile_words = "in", g["src_row_words"], g["src_tile_words"]
                    ring_rows = (g["in_end"] - g.get("in_base", 0)) // row_words
                    total, source_tiles = g["src_rows"], g["src_tiles"]
                base = g.get(f"{ring}_base", 0)
                for block in range(p["blocks"]):
                    final = block == p["blocks"] - 1
                    channels = p["last"] if final else shape.channels
                    row_end = final and k == passes[-1] and tile == 0
                    group_end = row_end and leaves and row == g["rows"] - 1
                    free = 0
                    if row_end and ring == "in":
                        free = (row + 1) * stride - p["pad"] - first_needed
                        first_needed += free
                    read = weights + p["weights"] + (block + 1) * p["steps"]
                    if tile == 0 and row == last_rows[stage]:
                        used = read
                    if group_end:
                        used = weights + g["weight_words"]
                    values = {
                        "row_base": base + top % ring_rows * row_words,
                        "tile_off": tile * tile_words,
                        "top_zero": int(top < 0),
                        "bottom_zero": int(bottom > total),
                        "left_zero": int(tile == 0),
                        "right_zero": int(tile + 1 >= source_tiles),
                        "channels0": p["phase1"],
                        "channels1": p["channels"] - p["phase1"],
                        "half_first": g.get("half_first", 0) if ring == "in" else 0,
                        "half_last": g.get("half_last", 0) if ring == "in" else 0,
                        "fold": fold if ring == "in" else 0,
                        "kh": p["kh"],
                        "steps": p["steps"],
                        "weight_addr": (weights + p["weights"] + block * p["steps"]) & 0xFFFF,
                        "free_rows": free,
                        "group_end": int(group_end),
                        "program_end": int(group_end and g.get("group_last", 0)),
                        "weights_used": used & 0xFFFF,
                        "bias_pairs": g["bias_pairs"],
                        "token.bias_addr": (biases + p["bias"] + block * shape.channels // 2)
                        & 0xFFF,
                        "token.channels": channels,
                        "token.pixels": last_pixels if rightmost else shape.pixels,
                        "token.relu": p["relu"],
                        "token.add": int(adds),
                    }
                    if adds:
                        names = ("left", "shifts_own", "shift", "signed")
                        values |= {f"token.add_{name}": g[f"add_{name}"] for name in names}
                        values["token.out_signed"] = g.get("out_signed", 0)
                    for name in ("taps0", "taps1", "words0", "words1", "left", "src_signed"):
                        values[name] = p[name]
                    if stage != "tail":
                        # A kernel of one row and one column goes to no other row or tile.
                        values |= {
                            "ring_base": base,
                            "ring_end": base + ring_rows * row_words,
                            "row_words": row_words,
                            "tile_words": tile_words,
                        }
                    if not leaves:
                        values |= {
                            "token.target": TARGETS["ring"],
                            "token.addr": ring_word(g, stage, row, tile) + channel,
                            "token.row_end": int(row_end),
                            "token.tail": int(stage == "main"),
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
                        min(bottom, total) if ring == "in" else 0,
                        min(bottom, total) if ring == "mid" else 0,
                        row + 1 if ring == "tail" else 0,
                        channels if stored is not None else 0,
                        channels if adds else 0,
                        segment,
                        {"mid": "mid", "main": "tail"}[stage] if row_end and not leaves else "",
                    )
                    segment = None
                    channel += channels


def ring_word(g: dict[str, int], stage: str, row: int, tile: int) -> int:
    """First word of a tile of a squeeze row, or of a main row in front of a tail, in its ring."""
    if stage == "main":
        return g["tail_base"] + row % 2 * g["tail_row_words"] + tile * g["tail_tile_words"]
    base = g.get("mid_base", 0)
    rows = (g["mid_end"] - base) // g["mid_row_words"]
    return base + row % rows * g["mid_row_words"] + tile * g["mid_tile_words"]
