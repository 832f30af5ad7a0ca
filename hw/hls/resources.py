"""Resources of the emitted C++, counted function by function: :func:`functions`.

It is no measurement: only Vitis HLS and the tools behind it say what they make of the code.  What
is counted - multipliers, memories, lanes, registers - is what the C++ declares; what each takes is
:data:`ASSUMPTIONS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.model.resources import ARRAY_DSPS, block_rams
from firebrick.hw.shape import EngineShape

# LUTs and flip-flops of an element with its multiplier in a DSP, LUTs of a lane of requantization,
# both as yosys counts such Verilog for the xc7z020.
ELEMENT_LUT, ELEMENT_FF = 96, 134
LANE_LUT = 211
# A multiplier of 25 x 9 bits, and one of 17 x 17, as rows of adders.
FABRIC_MULTIPLIER_LUT = 25 * 9 // 2
PRODUCT_LUT = 17 * 17 // 2
PRODUCTS = 16
CRC_LUT, CRCS = 260, 3
ADAPTER_LUT, ADAPTER_FF, ADAPTER_RAMB36, ADAPTERS = 800, 1000, 1.0, 3
STAGE_FF = 2  # pipeline stages between memories and streams
DESCRIPTOR_BITS = 64 * d.DESCRIPTOR_BEATS
CONTROL_LUT, CONTROL_FF = 200, 200  # counters and states of a process
SHALLOW = 128  # FIFOs of fewer words lie in LUTs: 32 bits of a column each

ASSUMPTIONS = (
    f"an element takes {ELEMENT_LUT} LUTs and {ELEMENT_FF} flip-flops beside its multiplier, a "
    f"lane of requantization {LANE_LUT} LUTs (yosys, the same arithmetic in Verilog)",
    "a multiplier in fabric takes half a LUT a bit of its partial products: "
    f"{FABRIC_MULTIPLIER_LUT} for 25 x 9, {PRODUCT_LUT} for the planning's 17 x 17, of which "
    f"{PRODUCTS} are not shared",
    "memories take the cheapest grid of RAMB36 and RAMB18 (UG473), a second port for nothing; "
    f"FIFOs of fewer than {SHALLOW} words are shift registers in LUTs",
    f"an AXI adapter takes {ADAPTER_LUT} LUTs, {ADAPTER_FF} flip-flops and {ADAPTER_RAMB36:g} "
    "RAMB36",
    f"a CRC of a beat takes {CRC_LUT} LUTs, the counters of a process {CONTROL_LUT} LUTs and "
    f"{CONTROL_FF} flip-flops, and what a pipeline carries is held {STAGE_FF} times",
)


@dataclass(frozen=True)
class Used:
    """What a function takes; ``ramb36`` in halves."""

    function: str
    dsp: int = 0
    lut: int = 0
    ff: int = 0
    ramb36: float = 0.0


def functions(shape: EngineShape) -> tuple[Used, ...]:
    """The processes of a row, what plans them, and what they are joined by."""
    p, c = shape.pixels, shape.channels
    word, step = 8 * p, 9 * p + 8 * c + 2
    columns = min(c // 2, ARRAY_DSPS // p)
    elements, in_dsps = p * c // 2, p * columns
    column, result, bias = 2 * shape.acc_bits * p, word + 40, shape.acc_bits + 5
    # Delay lines: activations and weights at the edges, two accumulators where columns leave.
    skew = 9 * p * (p - 1) // 2 + 25 * (c // 2) * (c // 2 - 1) // 2
    skew += 2 * shape.acc_bits * p * (p - 1) // 2
    # The input ring's words are in parts.
    parts = 2 * block_rams(8 * (p // 2), shape.act_words) + p % 2 * block_rams(8, shape.act_words)
    # With the tail's ring: eight words a cycle go in, in four memories, from a row's four.
    squeezes = 4 * block_rams(word, shape.act_words // 4)
    kept = block_rams(word, shape.act_words // 4) + 4 * block_rams(word, shape.act_words // 8)
    return (
        Used("load_row", 0, CONTROL_LUT + word, CONTROL_FF + word),
        # A pixel of either phase, or as it is stored, or none.
        Used("deal_row", 0, CONTROL_LUT + word, CONTROL_FF + STAGE_FF * word),
        Used("load_program", 0, 2 * CONTROL_LUT + word + CRC_LUT, 2 * CONTROL_FF + word + 8 * c),
        Used("plan_row", 0, 2 * CONTROL_LUT, 2 * CONTROL_FF),
        Used(
            "issue_row",
            0,
            # A byte of eight is three LUTs a bit, with the last pixel; two words that may be zero,
            # from two rings, one of them of four memories.
            CONTROL_LUT + 8 * p * 4 + 6 * word,
            CONTROL_FF + STAGE_FF * (2 * word + step),
            2 * parts + block_rams(8 * c, shape.weight_words),
        ),
        Used(
            "systolic_array",
            in_dsps,
            CONTROL_LUT + elements * ELEMENT_LUT + (elements - in_dsps) * FABRIC_MULTIPLIER_LUT,
            # Long delay lines are shift registers in LUTs, here counted as registers.
            CONTROL_FF + elements * ELEMENT_FF + skew,
        ),
        Used(
            "requantize_row",
            0,
            CONTROL_LUT + p * LANE_LUT + p * shape.acc_bits + 40 * p,
            CONTROL_FF + column + STAGE_FF * (result + 26 * p),
        ),
        Used(
            "deliver_row",
            0,
            # The adder of maps is a lane of requantization; pooling compares three times.
            CONTROL_LUT + p * (LANE_LUT + 26) + p * 3 * 16 + 4 * word,
            CONTROL_FF + STAGE_FF * (3 * word + result),
            block_rams(word, shape.pool_channels)
            + block_rams(word, shape.pool_line_words)
            + block_rams(8, shape.pool_channels)
            + block_rams(40, shape.sums),
        ),
        Used("store_row", 0, CONTROL_LUT + 64 * 2, CONTROL_FF + result),
        Used("run_group", 0, 4 * CONTROL_LUT, 4 * CONTROL_FF, squeezes + kept),
        Used(
            "run_image",
            0,
            PRODUCTS * PRODUCT_LUT + CRCS * CRC_LUT + 6 * CONTROL_LUT,
            # Descriptors as they are read, of the group that runs and of the next one.
            3 * DESCRIPTOR_BITS + 6 * CONTROL_FF,
            2 * block_rams(bias, shape.bias_pairs),
        ),
        _streams(shape, word, step, column, result),
        Used(
            "AXI adapters",
            0,
            ADAPTERS * ADAPTER_LUT,
            ADAPTERS * ADAPTER_FF,
            ADAPTERS * ADAPTER_RAMB36,
        ),
    )


def _streams(shape: EngineShape, word: int, step: int, column: int, result: int) -> Used:
    """The FIFOs between the processes, with the depths of config.h."""
    depths = (
        (word, 32),
        (word + 16, 32),
        (word, shape.fifo_words),
        (8 * shape.channels, 16),
        (step, 16),
        (column, shape.channels // 2),
        (result, shape.channels),
        (result, shape.fifo_words),
    )
    in_luts = [(bits, depth) for bits, depth in depths if depth < SHALLOW]
    blocks = [block_rams(bits, depth) for bits, depth in depths if depth >= SHALLOW]
    lut = sum(bits * -(-depth // 32) + 30 for bits, depth in in_luts)
    return Used("streams", 0, lut, sum(bits for bits, _ in depths), sum(blocks))


def total(found: Sequence[Used]) -> Used:
    return Used(
        "all",
        sum(f.dsp for f in found),
        sum(f.lut for f in found),
        sum(f.ff for f in found),
        sum(f.ramb36 for f in found),
    )
