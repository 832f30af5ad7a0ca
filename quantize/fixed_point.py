"""Fixed-point arithmetic: power-of-two scales, rounding and saturation.

An 8-bit value ``q`` with exponent ``e`` stands for the real number q * 2**-e.  Everything here
is exact; nothing depends on a network.
"""

from __future__ import annotations

import numpy as np

WEIGHT_MAX = 127
MAX_SHIFT = 31
# An addition shifts an operand left by at most 7 bits and its sum right by at most 15.
MAX_ADD_LEFT = 7
MAX_ADD_SHIFT = 15
ACCUMULATOR_BITS = 24
UINT8_RANGE = (0, 255)
INT8_RANGE = (-128, 127)


def value_range(signed: bool) -> tuple[int, int]:
    """The smallest and the largest 8-bit activation."""
    return INT8_RANGE if signed else UINT8_RANGE


def largest_magnitude(signed: bool) -> int:
    """The largest absolute value of an 8-bit activation: 255, or 128 where it has a sign."""
    low, high = value_range(signed)
    return max(-low, high)


def shift_round_half_even(value: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """``value * 2**-shift`` rounded to the nearest integer, ties to the even one.

    ``value`` is an integer array, ``shift`` (>= 0) broadcasts against it; returns int64.  The
    bias added before the arithmetic right shift is half less one, plus one where the quotient
    rounded down is odd: only then does a tie carry.
    """
    value = np.asarray(value, np.int64)
    shift = np.asarray(shift, np.int64)
    if np.any(shift < 0) or np.any(shift > MAX_SHIFT):
        raise ValueError(f"shift must lie within 0..{MAX_SHIFT}")
    half_less_one = (np.int64(1) << np.maximum(shift - 1, 0)) - 1
    odd = (value >> shift) & 1
    return np.where(shift == 0, value, (value + half_less_one + odd) >> shift)


def saturate(value: np.ndarray, signed: bool) -> np.ndarray:
    """Clip integers to the 8-bit range; returns int8 or uint8."""
    low, high = value_range(signed)
    return np.clip(value, low, high).astype(np.int8 if signed else np.uint8)


def requantize(acc: np.ndarray, shift: np.ndarray | int, relu: bool) -> np.ndarray:
    """An accumulator's 8-bit activation: shift right, round half to even, saturate.

    ``acc`` is an integer array, ``shift`` (0..31) broadcasts against it (for one shift a channel
    pass it as [O, 1, 1]).  Returns uint8 with ``relu`` (negative values become 0), else int8.
    """
    return saturate(shift_round_half_even(acc, shift), signed=not relu)


def quantize_real(value: np.ndarray, exponent: np.ndarray | int, signed: bool) -> np.ndarray:
    """Real numbers as 8-bit values of scale 2**-exponent: rounded half to even, saturated."""
    low, high = value_range(signed)
    scaled = np.rint(np.ldexp(value, exponent))
    return np.clip(scaled, low, high).astype(np.int8 if signed else np.uint8)


def largest_exponent(magnitude: float, limit: int) -> int | None:
    """The largest e with ``rint(magnitude * 2**e) <= limit``; None for a magnitude of zero.

    ``magnitude`` must be finite and not negative.  This is the no-saturation exponent of a
    tensor whose largest absolute value is ``magnitude``.
    """
    if magnitude == 0.0:
        return None
    exponent = int(np.floor(np.log2(limit) - np.log2(magnitude))) + 1
    while np.rint(np.ldexp(magnitude, exponent)) > limit:
        exponent -= 1
    return exponent


def signed_bits(magnitude: int) -> int:
    """Bits of the two's complement type that holds every integer from -magnitude to magnitude."""
    return int(magnitude).bit_length() + 1
