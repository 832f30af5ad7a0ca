"""What a group's descriptor must fulfil before the engine acts on it: hw/rtl/fb_rules.sv in Python.

A descriptor that breaks a rule ends a run with the error of that name; where the addresses of a
group lie, and what its blocks use of weights, biases and channels, is checked while it runs.
"""

from __future__ import annotations

from firebrick.hw import definition as d
from firebrick.hw.shape import EngineShape

CAPACITY, FIELDS = "CAPACITY", "FIELDS"


def broken_rule(fields: dict[str, int], shape: EngineShape) -> str | None:
    """CAPACITY where an engine of ``shape`` is too small for a group of these fields, FIELDS where
    they make no sense for any engine, None where the engine starts on it."""
    g = {p.name: fields.get(p.name, 0) for p in d.DESCRIPTOR_LAYOUT}
    if _too_large(g, shape):
        return CAPACITY
    return FIELDS if _senseless(g, shape) else None


def _too_large(g: dict[str, int], shape: EngineShape) -> bool:
    pooled = g["pool_last_tile"] + g["segment_words"]
    tail_end = g["tail_base"] + d.TAIL_ROWS * g["tail_row_words"] if g["p3_enable"] else 0
    return (
        max(g["in_end"], g["mid_end"], tail_end) > shape.act_words
        or g["weight_words"] > shape.weight_words - 2
        or g["bias_pairs"] > shape.bias_pairs - 2
        or (
            g["mode"] == d.MODE_POOL
            and (g["segment_words"] > shape.pool_channels or pooled > shape.pool_line_words)
        )
        or (g["mode"] == d.MODE_SUM and g["segment_words"] > shape.sums)
    )


def _senseless(g: dict[str, int], shape: EngineShape) -> bool:
    counts = (
        *("rows", "tiles", "out_tiles", "src_rows", "src_row_words", "segment_words", "in_rows"),
        "load_row_words",
        *(("load_tile_words",) if g["load_phases"] else ()),
    )
    offsets = [g["src_offset"], g["dst_offset"], g["add_offset"] if g["add_enable"] else 0]
    sums = g["mode"] == d.MODE_SUM
    squeezes = bool(g["p0_enable"])
    return (
        not all(g[name] for name in counts)
        or not 1 <= g["last_pixels"] <= shape.pixels
        or not (g["p1_enable"] or g["p2_enable"])
        or g["mode"] == 3
        or g["src_space"] == 3
        or g["load_phases"] == 3
        or g["dst_space"] not in (d.SCRATCH_SPACE, d.OUTPUT_SPACE)
        or any(offset % d.BEAT_BYTES for offset in offsets)
        or (sums and bool(g["add_enable"]))
        or g["in_base"] + g["src_row_words"] > g["in_end"]
        or (squeezes and g["mid_base"] + g["mid_row_words"] > g["mid_end"])
        or (squeezes and not (g["mid_row_words"] and g["mid_total"]))
        or (not sums and g["dst_tile_words"] < g["segment_words"])
        or (not sums and g["dst_last_tile"] + g["dst_tile_words"] > g["dst_row_words"])
        or bool(
            g["p3_enable"]
            and (g["mode"] != d.MODE_DIRECT or g["add_enable"] or not g["tail_row_words"])
        )
        or _senseless_rows(g, shape)
        or any(_senseless_pass(g, k, shape) for k in range(d.PASSES) if g[f"p{k}_enable"])
    )


def _senseless_rows(g: dict[str, int], shape: EngineShape) -> bool:
    """Two rows in one: of one tile, in halves of a word, and of a lone convolution."""
    folds = bool(g["load_fold"])
    stored = g["load_fold"] == d.FOLD_STORED
    return (
        g["load_fold"] == 3
        or g["load_reach"] == 3
        or folds != bool(g["load_reach"])
        or bool((folds or g["odd_rows"]) and shape.pixels % 2)
        or (folds and (g["src_tiles"] != 1 or g["tiles"] != 1))
        or (folds and bool(g["p0_enable"] or g["p3_enable"]))
        or (stored and bool(g["load_phases"] or g["load_skip"] or g["src_rows"] % 2))
        or (stored and g["load_reach"] != 1)
    )


def _senseless_pass(g: dict[str, int], k: int, shape: EngineShape) -> bool:
    counts = ("steps", "blocks", "phase1", "kh", "taps0")
    p = {name: d.pass_value(g, k, name) for name in (*counts, "last", "channels", "mid")}
    on_chip = k == d.TAIL or (k > 0 and g["p0_enable"])
    halves = not p["mid"] and (g["half_first"] or g["half_last"])
    return (
        not all(p[name] for name in counts)
        or not 1 <= p["last"] <= shape.channels
        or p["phase1"] > p["channels"]
        or bool(p["phase1"] % shape.pump or p["channels"] % shape.pump)
        or bool(halves and p["phase1"] % (2 * shape.pump))
        or bool(p["mid"] and not on_chip)
    )
