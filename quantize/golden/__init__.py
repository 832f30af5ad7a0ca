"""The answer, defined: the integer golden model, and the float network it is measured against.

In comes a quantized network (or a float one) and pictures, out come feature maps, sums and logits,
exact in every bit; nothing here knows of files, calibration or hardware.  Imports the vocabulary
and ``support`` only.  ``golden.run`` is :func:`quantize.golden.integer_model.run`.
"""

from firebrick.quantize.golden.integer_model import (
    FLOAT32_EXACT,
    FLOAT64_EXACT,
    GoldenResult,
    Keep,
    accumulator_reach,
    add,
    conv_accumulate,
    exact_float,
    logits,
    max_pool,
    prepare,
    run,
    step,
)

__all__ = [
    "FLOAT32_EXACT",
    "FLOAT64_EXACT",
    "GoldenResult",
    "Keep",
    "accumulator_reach",
    "add",
    "conv_accumulate",
    "exact_float",
    "logits",
    "max_pool",
    "prepare",
    "run",
    "step",
]
