"""Programs of one group by hand, whose source or results are stored two rows in one.

A paired row has two rows of the map as channels, a folded one has them side by side in a tile.
What a kernel reads is written down as K steps: row, channel and column of the map beside those of
the result, so that nothing here comes from the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Group, Program, assemble
from firebrick.hw.hls.csim import CSim
from firebrick.hw.shape import EngineShape

INPUT, OUTPUT = 1 << 20, 2 << 20
# (row, channel, column) of the source, beside the first row and the column of a result.
Steps = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Conv:
    """A convolution of uint8 maps: ``weights`` int8 [O, I, k, k]; ``pad`` zeros above and on the
    left, and as many as are missing on the other sides."""

    weights: np.ndarray
    stride: int = 1
    pad: int = 0


@dataclass(frozen=True)
class Way:
    """How a convolution is computed: forms of the source and of the results (plain, paired,
    folded); its own kernel, stride and padding; kernel rows, their stride and those above the
    map as the engine walks them: stored ones, or rows of the ring; and the fields for the rest."""

    name: str
    source: str
    target: str
    kernel: int
    stride: int
    pad: int
    walk: tuple[int, int, int]
    fields: dict[str, int]


EVEN = {"load_phases": 2}  # columns dealt out, those of the result first; or the odd ones
ODD = {"load_phases": 2, "load_odd": 1}
SHORT = {"load_phases": 1}
FIRST, LAST = {"half_first": 1}, {"half_last": 1}
APART = {"load_fold": d.FOLD_APART, "load_reach": 1}
APART2 = {"load_fold": d.FOLD_APART, "load_reach": 2}
STORED = {"load_fold": d.FOLD_STORED, "load_reach": 1}
WAYS = (
    Way("paired", "paired", "paired", 3, 1, 1, (3, 1, 1), FIRST | LAST),
    Way("pairing", "plain", "paired", 3, 1, 1, (4, 2, 1), {}),
    Way("pointwise", "paired", "paired", 1, 1, 0, (1, 1, 0), {}),
    Way("apart", "paired", "plain", 3, 2, 0, (2, 1, 0), EVEN | LAST),
    Way("apart_padded", "paired", "plain", 3, 2, 1, (2, 1, 1), ODD | FIRST),
    Way("apart_short", "paired", "plain", 1, 2, 0, (1, 1, 0), SHORT | LAST),
    Way("fold", "plain", "folded", 3, 1, 1, (3, 1, 1), APART),
    Way("fold_2", "plain", "folded", 3, 2, 0, (3, 2, 0), APART2 | EVEN),
    Way("fold_2_padded", "plain", "folded", 3, 2, 1, (3, 2, 1), APART2 | ODD),
    Way("fold_2_short", "plain", "folded", 1, 2, 0, (1, 1, 0), APART | SHORT | {"load_skip": 1}),
    Way("refold", "paired", "folded", 3, 2, 0, (2, 1, 0), APART | EVEN | LAST),
    Way("refold_padded", "paired", "folded", 3, 2, 1, (2, 1, 1), APART | ODD | FIRST),
    Way("refold_short", "paired", "folded", 1, 2, 0, (1, 1, 0), APART | SHORT | LAST),
    Way("folded", "folded", "folded", 3, 1, 1, (3, 1, 1), STORED),
    Way("folded_pointwise", "folded", "folded", 1, 1, 0, (1, 1, 0), {}),
    Way("folded_sums", "folded", "sums", 1, 1, 0, (1, 1, 0), {}),
)


def in_form(map_: np.ndarray, form: str, pixels: int) -> np.ndarray:
    """``map_`` [C, H, W] as the map that its form is in memory."""
    channels, rows, columns = map_.shape
    if form == "paired":
        return (
            map_.reshape(channels, rows // 2, 2, columns)
            .transpose(2, 0, 1, 3)
            .reshape(2 * channels, rows // 2, columns)
        )
    if form == "folded":
        assert 2 * columns == pixels
        even = np.pad(map_, ((0, 0), (0, rows % 2), (0, 0)))
        return even.reshape(channels, -1, pixels)
    return map_


def stored(map_: np.ndarray, shape: EngineShape) -> np.ndarray:
    """Bytes of a map [C, H, W]: words of a tile's pixels, by row, tile and channel."""
    channels, rows, columns = map_.shape
    tiles = -(-columns // shape.pixels)
    padded = np.zeros((channels, rows, tiles * shape.pixels), np.uint8)
    padded[..., :columns] = map_
    words = np.zeros((rows, tiles, channels, shape.word_bytes), np.uint8)
    words[..., : shape.pixels] = padded.reshape(channels, rows, tiles, -1).transpose(1, 2, 0, 3)
    return words.reshape(-1)


def convolved(map_: np.ndarray, conv: Conv, rows: int, columns: int) -> np.ndarray:
    """Results [O, rows, columns] as int64, before saturation."""
    k, s = conv.weights.shape[2], conv.stride
    padded = np.zeros((map_.shape[0], s * rows + k + 2, s * columns + k + 2), np.int64)
    padded[:, conv.pad : conv.pad + map_.shape[1], conv.pad : conv.pad + map_.shape[2]] = map_
    found = np.zeros((len(conv.weights), rows, columns), np.int64)
    for y in range(k):
        for x in range(k):
            part = padded[:, y : y + s * rows : s, x : x + s * columns : s]
            found += np.einsum("oi,ihw->ohw", conv.weights[:, :, y, x].astype(np.int64), part)
    return found


def k_steps(way: Way, channels: int) -> Steps:
    """What each K step reads, in the engine's order: kernel row, phase, channel, tap."""
    (kh, _, pad), pairs = way.walk, 2 if way.source == "paired" else 1
    if way.kernel == 1:
        phases: list[list[int]] = [[0]]
    elif way.stride == 2:
        phases = [[-1, 1], [0]] if way.pad else [[0, 2], [1]]
    else:
        phases = [[-1, 0, 1]]
    steps = []
    for row in range(kh):
        first = row == 0 and way.fields.get("half_first", 0)
        last = row + 1 == kh and way.fields.get("half_last", 0)
        for taps in phases:
            for half in range(first, pairs - last):
                for channel in range(channels):
                    at = pairs * (row - pad) + half
                    steps += [(at, channel, column) for column in taps]
    return steps


def weight_words(conv: Conv, steps: Steps, rows: int, channels: int) -> np.ndarray:
    """Weights int8 [blocks, steps, C] for results of ``rows`` rows of the map each."""
    outputs, _, k, _ = conv.weights.shape
    blocks = -(-rows * outputs // channels)
    words = np.zeros((len(steps), blocks * channels), np.int8)
    for n, (row, channel, column) in enumerate(steps):
        for result in range(rows):
            y, x = row - conv.stride * result + conv.pad, column + conv.pad
            if 0 <= y < k:
                words[n, result * outputs : (result + 1) * outputs] = conv.weights[:, channel, y, x]
    return words.reshape(len(steps), blocks, channels).transpose(1, 0, 2)


@dataclass(frozen=True)
class Case:
    """A program of one group, its picture in memory, and what it is to write."""

    program: Program
    picture: np.ndarray
    answer: np.ndarray


def made(way: Way, shape: EngineShape, rng: np.random.Generator, odd: bool = False) -> Case:
    """A random map and kernel in this way; of an odd number of result rows where ``odd``."""
    p, c = shape.pixels, shape.channels
    inputs, outputs = int(rng.integers(1, 6)), int(rng.integers(1, c + 1))
    folds = way.target in ("folded", "sums")
    height = 2 * int(rng.integers(1, 6)) - odd
    rows, columns = height, p // 2 if folds else int(rng.integers(1, 2 * p + 3))
    source_rows, source_columns = way.stride * rows, way.stride * columns
    if way.source != "folded" and columns > 1 and not folds:
        source_columns -= int(rng.integers(0, way.stride))
    map_ = rng.integers(0, 8, (inputs, source_rows, source_columns), np.uint8)
    k = way.kernel
    conv = Conv(rng.integers(-3, 4, (outputs, inputs, k, k)).astype(np.int8), way.stride, way.pad)
    exact = convolved(map_, conv, rows, columns)
    picture = in_form(map_, way.source, p)
    steps = k_steps(way, inputs)
    together = 2 if way.target == "paired" else 1
    words = weight_words(conv, steps, together, c)
    fields = fields_of(way, shape, rng, picture, steps, rows, columns, outputs)
    if way.target == "sums":
        answer = np.maximum(exact, 0).sum((1, 2)).astype("<i8").view(np.uint8)
    else:
        results = in_form(np.clip(exact, 0, 255).astype(np.uint8), way.target, p)
        answer = stored(results, shape)
        made_rows, tiles = results.shape[1], fields["tiles"]
        assert fields["rows"] == made_rows
        fields |= {
            "dst_row_words": tiles * len(results),
            "dst_tile_words": len(results),
            "dst_last_tile": (tiles - 1) * len(results),
            "segment_words": len(results),
            "out_tiles": tiles,
            "out_rows": made_rows,
            "out_last_pixels": fields["last_pixels"],
        }
    payload = bytes(8 * fields["bias_pairs"]) + words.tobytes()
    host = {"input": {"bytes": 0}, "output": {"bytes": 0}}
    program = assemble(way.name, shape, [Group(way.name, fields, payload)], host, 0)
    return Case(program, stored(picture, shape), answer)


def fields_of(
    way: Way,
    shape: EngineShape,
    rng: np.random.Generator,
    picture: np.ndarray,
    steps: Steps,
    rows: int,
    columns: int,
    outputs: int,
) -> dict[str, int]:
    """The group's fields but for where its map goes; ``rows`` x ``columns`` results in the map."""
    p, c = shape.pixels, shape.channels
    f, (kh, stride, pad) = way.fields, way.walk
    folds, two = way.target in ("folded", "sums"), way.target != "plain"
    fold, phases = f.get("load_fold", 0), f.get("load_phases", 0)
    width = p if folds else columns
    tiles = -(-width // p)
    planes, stored_rows = picture.shape[0], picture.shape[1]
    stored_tiles = -(-picture.shape[2] // p)
    ring_tiles = -(-stored_tiles // 2) if phases else stored_tiles
    ring_words = planes * max(1, phases)
    source_rows = 2 * stored_rows if fold == d.FOLD_STORED else stored_rows
    if f.get("load_skip"):
        source_rows = -(-source_rows // 2)
    total = (2 if way.target == "paired" else 1) * outputs
    blocks = -(-total // c)
    in_rows = kh + f.get("load_reach", 0) + int(rng.integers(0, 12))
    base = int(rng.integers(0, 50))
    values = {
        "src_space": d.INPUT_SPACE,
        "dst_space": d.OUTPUT_SPACE,
        "src_rows": source_rows,
        "src_row_words": ring_tiles * ring_words,
        "src_tile_words": ring_words,
        "src_tiles": ring_tiles,
        "src_last_tile": (tiles - 1) * ring_words,
        "load_row_words": stored_tiles * planes,
        "load_tile_words": planes,
        "in_rows": in_rows,
        "in_base": base,
        "in_end": base + (in_rows + fold) * ring_tiles * ring_words,
        "group_last": 1,
        "rows": -(-rows // 2) if two else rows,
        "tiles": tiles,
        "last_pixels": width - (tiles - 1) * p,
        "odd_rows": int(folds and rows % 2),
        "weight_words": blocks * len(steps),
        "bias_pairs": blocks * c // 2,
    }
    values |= f
    if way.target == "sums":
        values |= {"mode": d.MODE_SUM, "segment_words": outputs, "out_tiles": 1}
    taps = (3, 3) if way.kernel == 3 and way.stride == 1 else (1, 1) if way.kernel == 1 else (2, 1)
    one = {
        "channels": ring_words,
        "phase1": planes,
        "steps": len(steps),
        "blocks": blocks,
        "last": total - (blocks - 1) * c,
        "kh": kh,
        "enable": 1,
        "stride": stride,
        "pad": pad,
        "taps0": taps[0],
        "taps1": taps[1],
        "words0": min(taps[0], 3 if way.pad else 2),
        "words1": taps[1] if way.stride == 2 else min(taps[0], 3),
        "left": way.pad,
        "relu": 1,
    }
    return values | {f"p1_{name}": value for name, value in one.items()}


def run(engine: CSim, case: Case, read: Callable[[dict[str, int]], None]) -> np.ndarray:
    """What the engine writes, as many bytes as are to be written; ``read`` gets its registers."""
    memory = np.zeros(3 << 20, np.uint8)
    blob = case.program.blob
    memory[: len(blob)] = np.frombuffer(blob, np.uint8)
    memory[INPUT : INPUT + case.picture.size] = case.picture
    setup = {
        "PROGRAM_ADDR": 0,
        "INPUT_ADDR": INPUT,
        "OUTPUT_ADDR": OUTPUT,
        "SCRATCH_ADDR": OUTPUT,
        "IMAGES": 1,
        "PROGRAM_END": len(blob),
        "INPUT_END": INPUT + case.picture.size,
        "OUTPUT_END": OUTPUT + case.answer.size,
        "SCRATCH_END": OUTPUT,
    }
    registers, _ = engine.start(memory, setup, timeout=60)
    read(registers)
    return memory[OUTPUT : OUTPUT + case.answer.size]
