"""Random descriptors that break no rule of hw/descriptor_rules.py; what they mean is no matter."""

from __future__ import annotations

import random

from firebrick.hw import definition as d
from firebrick.hw.descriptor_rules import broken_rule
from firebrick.hw.shape import EngineShape


def legal_fields(shape: EngineShape) -> dict[str, int]:
    """All fields of a descriptor, random as far as the rules allow."""

    def upto(limit: int) -> int:
        """From 1 to ``limit``, its ends more often than by chance."""
        return random.choice((1, limit, random.randint(1, limit)))

    g = {p.name: random.getrandbits(p.bits) for p in d.DESCRIPTOR_LAYOUT}
    for ring, row in (("in", "src_row_words"), ("mid", "mid_row_words")):
        g[f"{ring}_end"] = upto(min(shape.act_words, 8191))
        g[row] = upto(g[f"{ring}_end"])
        g[f"{ring}_base"] = random.randint(0, g[f"{ring}_end"] - g[row])
    g |= {
        "weight_words": upto(shape.weight_words - 2),
        "bias_pairs": upto(shape.bias_pairs - 2),
        "mode": d.MODE_DIRECT if g["p3_enable"] else random.randrange(3),
        "src_space": random.randrange(3),
        "dst_space": random.choice((d.SCRATCH_SPACE, d.OUTPUT_SPACE)),
        "last_pixels": upto(shape.pixels),
        "load_phases": random.randrange(3),
        "load_fold": d.FOLD_NONE,
        "load_reach": 0,
    }
    for name, bits in (("rows", 10), ("tiles", 8), ("out_tiles", 8), ("src_rows", 10)):
        g[name] = upto((1 << bits) - 1)
    g["in_rows"], g["mid_total"] = upto(255), upto(1023)
    g["load_row_words"], g["load_tile_words"] = upto(8191), upto(8191)
    if shape.pixels % 2:
        g["odd_rows"] = 0
    elif random.random() < 0.5 and not g["p3_enable"]:
        g |= _fold(g["src_rows"])
    for name in ("src_offset", "dst_offset", "add_offset"):
        g[name] &= ~7
    words = {
        d.MODE_DIRECT: 8191,
        d.MODE_POOL: min(shape.pool_channels, shape.pool_line_words),
        d.MODE_SUM: shape.sums,
    }
    g["segment_words"] = upto(min(8191, words[g["mode"]]))
    if g["mode"] == d.MODE_POOL:
        g["pool_last_tile"] = random.randint(0, shape.pool_line_words - g["segment_words"])
    if g["p3_enable"]:
        g["add_enable"] = 0
        g["tail_row_words"] = upto(min(shape.act_words, 8191) // 2)
        room = min(shape.act_words, 8191) - 2 * g["tail_row_words"]
        g["tail_base"] = random.choice((0, room, random.randint(0, room)))
    if g["mode"] == d.MODE_SUM:
        g["add_enable"] = 0
    else:
        g["dst_tile_words"] = random.randint(g["segment_words"], 8191)
        g["dst_last_tile"] = random.randint(0, 65535 - g["dst_tile_words"])
        least = g["dst_last_tile"] + g["dst_tile_words"]
        g["dst_row_words"] = random.choice((least, random.randint(least, 65535)))
    if not g["p1_enable"]:
        g["p2_enable"] = 1
    halves = g["half_first"] or g["half_last"]
    for k in range(d.PASSES):
        g[f"p{k}_last"] = upto(shape.channels)
        sets = upto(8191 // shape.pump)
        g[f"p{k}_channels"] = sets * shape.pump
        for name, bits in (("steps", 16), ("blocks", 8)):
            g[f"p{k}_{name}"] = upto((1 << bits) - 1)
        if k == d.TAIL:
            continue
        pairs = halves and sets > 1
        g[f"p{k}_phase1"] = upto(sets // 2) * 2 * shape.pump if pairs else upto(sets) * shape.pump
        for name, bits in (("kh", 4), ("taps0", 3)):
            g[f"p{k}_{name}"] = upto((1 << bits) - 1)
        if k == 0 or not g["p0_enable"]:
            g[f"p{k}_mid"] = 0
    # A map of one set of channels has no halves.
    read = [k for k in range(d.TAIL) if g[f"p{k}_enable"] and not g[f"p{k}_mid"]]
    if any(g[f"p{k}_phase1"] % (2 * shape.pump) for k in read):
        g["half_first"] = g["half_last"] = 0
    assert broken_rule(g, shape) is None
    return g


def _fold(src_rows: int) -> dict[str, int]:
    """What belongs to a ring whose rows hold two of a map's: ``src_rows`` of them, or one fewer."""
    fold = random.choice((d.FOLD_APART, d.FOLD_STORED))
    g = {"load_fold": fold, "src_tiles": 1, "tiles": 1, "p0_enable": 0}
    if fold == d.FOLD_APART:
        return g | {"load_reach": random.randint(1, 2)}
    return g | {
        "load_reach": 1,
        "load_phases": 0,
        "load_skip": 0,
        "src_rows": max(2, src_rows & ~1),
    }
