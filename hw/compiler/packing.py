"""Weights and biases in the order in which the array consumes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

# Cycles that a kernel row lasts where another one follows: the issuer finds its place meanwhile.
ROW_CYCLES_MIN = 3


@dataclass(frozen=True)
class Fetch:
    """How a convolution walks through the words of its source's tile.

    A tile has ``planes`` words, a channel of one phase each; the array takes those of ``pump``
    neighbours together.  The first ``phase1`` of them have ``taps[0]`` taps a kernel row, the
    others ``taps[-1]``; a kernel row takes ``row_cycles``.
    """

    planes: int
    phase1: int
    taps: tuple[int, ...]
    row_cycles: int


def phase_taps(kernel_width: int, stride: int) -> tuple[int, ...]:
    """Taps of each horizontal phase: columns p, p + stride, ... of a kernel row."""
    return tuple(-(-(kernel_width - p) // stride) for p in range(stride))


@cache
def fetch(channels: int, kernel: tuple[int, int], stride: int, pump: int) -> Fetch:
    """How a ``kernel`` (rows, columns) walks over ``channels`` channels, ``pump`` words at once.

    Planes are the channels of the first phase, then those of the second.  A pumped array takes
    them in pairs: an odd channel at the end of the first phase shares a pair with the second
    phase's first one, whose missing taps have zero weights; what no channel is left for is a plane
    of no meaning, whose weights are zero.
    """
    taps = phase_taps(kernel[1], stride)
    phase1 = channels + channels % pump
    planes = max(phase1, channels * stride)
    row = phase1 // pump * taps[0] + (planes - phase1) // pump * taps[-1]
    if pump > 1 and kernel[0] > 1 and row < ROW_CYCLES_MIN:
        more = -(-(ROW_CYCLES_MIN - row) // taps[-1])
        planes += more * pump
        phase1 += more * pump if stride == 1 else 0
        row += more * taps[-1]
    return Fetch(planes, phase1, taps, row)


def pack_weights(
    weights: np.ndarray,
    stride: int,
    channels: int,
    pump: int = 1,
    whole_sets: bool = False,
    halves: tuple[bool, bool] = (False, False),
) -> np.ndarray:
    """Weight words of one convolution, int8 [blocks, cycles, pump, channels].

    ``weights`` is int8 [O, I, kh, kw].  A cycle is (kernel row, ``pump`` planes, tap), the last
    innermost; planes are input channels, with a stride of 2 those of even and then those of odd
    columns: :func:`fetch`.  Output channels are cut into blocks of ``channels``, the last one
    filled with zero weights.  With ``whole_sets`` each phase has its channels in sets of ``pump``.
    ``halves`` says whether the first kernel row has the upper half of each phase's channels only,
    and the last one the lower half.
    """
    if whole_sets and weights.shape[1] % pump:
        weights = np.pad(weights, ((0, 0), (0, -weights.shape[1] % pump), (0, 0), (0, 0)))
    outputs, inputs, kh, kw = weights.shape
    walk = fetch(inputs, (kh, kw), stride, pump)
    taps = walk.taps
    planes = np.zeros((kh, walk.planes, taps[0], outputs), np.int8)
    for phase, count in enumerate(taps):
        columns = weights[:, :, :, phase::stride].transpose(2, 1, 3, 0)  # [kh, I, taps, O]
        planes[:, phase * inputs : (phase + 1) * inputs, :count] = columns
    cycles = []
    for part, count in ((planes[:, : walk.phase1], taps[0]), (planes[:, walk.phase1 :], taps[-1])):
        sets = part[:, :, :count].reshape(kh, -1, pump, count, outputs).transpose(0, 1, 3, 2, 4)
        cycles.append(sets.reshape(kh, -1, pump, outputs))
    rows = list(np.concatenate(cycles, axis=1))
    if any(halves):
        upper = [np.arange(len(part[0])) >= len(part[0]) // 2 for part in cycles]
        kept = np.concatenate(upper)
        if halves[0]:
            rows[0] = rows[0][kept]
        if halves[1]:
            rows[-1] = rows[-1][~kept]
    words = np.concatenate(rows).reshape(-1, pump, outputs)
    blocks = -(-outputs // channels)
    padded = np.zeros((*words.shape[:2], blocks * channels), np.int8)
    padded[..., :outputs] = words
    cut = padded.reshape(*words.shape[:2], blocks, channels).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(cut)


def pack_biases(bias: np.ndarray, shift: np.ndarray, channels: int) -> np.ndarray:
    """Bias entries, uint32 [blocks * channels]: shift in bits 28..24, bias in bits 23..0."""
    outputs = len(bias)
    blocks = -(-outputs // channels)
    entries = np.zeros(blocks * channels, np.uint32)
    low = bias.astype(np.int64) & 0xFFFFFF
    entries[:outputs] = (low | (shift.astype(np.int64) & 31) << 24).astype(np.uint32)
    return entries
