"""What the design with an engine of a given shape takes of a chip, without synthesizing it.

*Block RAM* is calculated: every memory of the engine has a known width and depth, and takes the
cheapest grid of RAMB36 or RAMB18 in one of their aspect ratios (UG473).  *DSPs*: one for two
channels of a pixel, up to the number that the array's parameter allows; multipliers beyond are
built from LUTs.  *LUTs and flip-flops* are linear in what the modules are built of: pixels (the
requantizer, the pooling unit and the window have one lane each), beats of a stored word, columns of
the array, elements with a DSP and elements without, what a pumped array has besides, and what the
design was when a point was counted.  The coefficients are a least-squares fit through yosys' counts
(:mod:`.points`), relative errors weighed alike.  Points that are not fitted tell how wrong the
model is (``errors``).

yosys counts a LUT for every function of five or six inputs, Vivado packs two small ones into one:
the figures are an upper estimate.  A chip is not called large enough unless routing has room:
``ROUTABLE`` is the share of each resource that an engine may take, the model's error included: a
rule, no router's limit.  Of LUTs it is what the smallest array, 5x8, takes of the smallest chip, an
xc7z007s, and 6x16 of an xc7z010.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np

from firebrick.hw.boards.parts import Resources
from firebrick.hw.model.points import Point, points
from firebrick.hw.shape import EngineShape

NAMES = {"lut": "LUT", "ff": "FF", "ramb36": "RAMB36", "dsp48e1": "DSP48E1"}

ARRAY_DSPS = 220  # default of parameter Dsps in hw/rtl/fb_array.sv
ROUTABLE = {"lut": 0.82, "ff": 0.75, "ramb36": 0.95, "dsp48e1": 1.0}

# Depth and width of the aspect ratios of a RAMB36 (1.0) and a RAMB18 (0.5).
RAMB36 = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
RAMB18 = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
BLOCK_FIFO_WORDS = 128  # shallower FIFOs lie in LUTs
READER_WORDS = 512
ADDEND_READER_WORDS = 128
PROFILE_WORDS = 1024


def block_rams(width: int, depth: int) -> float:
    """Block RAMs, in RAMB36, of a memory of ``depth`` words of ``width`` bits."""
    grids = [(1.0, *shape) for shape in RAMB36] + [(0.5, *shape) for shape in RAMB18]
    return min(cost * -(-width // w) * -(-depth // d) for cost, d, w in grids)


def memories(shape: EngineShape, adder: bool = True) -> dict[str, tuple[int, int]]:
    """Width and depth of every memory in block RAM, as hw/rtl/firebrick_engine.sv has them; or of
    those that it had before the adder of maps."""
    pixels = 8 * shape.pixels
    found = {
        "weights": (8 * shape.weight_bytes, shape.weight_words),
        "biases": (64, shape.bias_pairs),
        "pool rows": (pixels + 8, shape.pool_channels),
        "pool line": (pixels, shape.pool_line_words),
        "sums": (40, shape.sums),
        "results": (pixels + 1, shape.fifo_words),
        "addends": (pixels, shape.fifo_words),
        "maps reader": (65, READER_WORDS),
        "program reader": (65, READER_WORDS),
        "addend reader": (65, ADDEND_READER_WORDS),
        "profile": (32, PROFILE_WORDS),
    }
    # Words in the parts that the loader writes by themselves.
    half, odd = divmod(shape.pixels, 2)
    for channels in ("", " of odd channels")[: shape.pump]:
        for part, width in (("front", half), ("middle", odd), ("back", half)):
            if width:
                found[f"activations{channels}, {part}"] = (8 * width, shape.act_words // shape.pump)
    if shape.fifo_words < BLOCK_FIFO_WORDS:
        del found["results"], found["addends"]
    if not adder:
        found = {name: memory for name, memory in found.items() if "addend" not in name}
    return found


def _elements(shape: EngineShape) -> int:
    """Processing elements of the array, of two multipliers each."""
    return shape.pixels * shape.channels // 2


def _in_luts(shape: EngineShape) -> int:
    """Elements that are built from LUTs."""
    return max(0, _elements(shape) - ARRAY_DSPS)


def _features(point: Point) -> list[float]:
    """What LUTs and flip-flops are linear in."""
    shape, earlier, no_adder = point.shape, point.earlier, not point.adder
    elements, in_luts = _elements(shape), _in_luts(shape)
    beats = shape.word_bytes // 8
    return [
        *(1, shape.pixels, beats - 1, shape.channels / 2, elements - in_luts, in_luts),
        # Of a pumped array: a second K step's operands along its edges, and in its elements.
        *((shape.pump - 1) * n for n in (shape.pixels + shape.channels / 2, elements)),
        # What the design was when it was counted: another drain, other multipliers from LUTs, less
        # of a planner; nothing of a prediction.
        *(earlier, earlier * elements, earlier * in_luts),
        *(not point.zynq, no_adder, no_adder * shape.pixels),
    ]


@cache
def _coefficients() -> dict[str, np.ndarray]:
    """Fit of LUTs and flip-flops, float64 [features] each."""
    fitted = [p for p in points() if p.fitted]
    rows = np.array([_features(p) for p in fitted], np.float64)
    found = {}
    for name in ("lut", "ff"):
        measured = np.array([getattr(p.resources, name) for p in fitted], np.float64)
        found[name] = np.linalg.lstsq(rows / measured[:, None], np.ones(len(fitted)), rcond=None)[0]
    return found


def predict_resources(shape: EngineShape) -> Resources:
    """Resources of the whole design."""
    return _predict(Point(shape, False, Resources(0, 0, 0, 0), ""))


def _predict(point: Point) -> Resources:
    row, fit = np.array(_features(point)), _coefficients()
    found = memories(point.shape, point.adder)
    return Resources(
        lut=round(float(row @ fit["lut"])),
        ff=round(float(row @ fit["ff"])),
        ramb36=sum(block_rams(width, depth) for width, depth in found.values()),
        dsp48e1=min(_elements(point.shape), ARRAY_DSPS),
    )


def errors(fitted: bool) -> dict[str, float]:
    """Largest relative error of each resource, at points that were fitted or at the others."""
    worst = dict.fromkeys(NAMES, 0.0)
    for p in points():
        if p.fitted == fitted:
            predicted = _predict(p)
            for name in NAMES:
                measured = getattr(p.resources, name)
                error = abs(getattr(predicted, name) - measured) / measured
                worst[name] = max(worst[name], error)
    return worst


def shares(used: Resources, chip: Resources) -> dict[str, float]:
    """Share of the chip that is used, by resource."""
    whole = asdict(chip)
    return {name: value / whole[name] for name, value in asdict(used).items()}


def lacking(used: Resources, chip: Resources) -> list[str]:
    """Which resources an engine asks too much of, in words; empty if it fits.

    A prediction counts as if it were as much too low as the model's worst one.
    """
    margin = errors(fitted=False)
    return [
        f"{getattr(used, name):,} {NAMES[name]} of {getattr(chip, name):,} "
        f"(at most {ROUTABLE[name]:.0%} can be routed)"
        for name, share in shares(used, chip).items()
        if share * (1 + margin[name]) > ROUTABLE[name]
    ]
