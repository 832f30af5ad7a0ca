"""Weights and biases in the order in which the array consumes them."""

from __future__ import annotations

import numpy as np


def phase_taps(kernel_width: int, stride: int) -> tuple[int, ...]:
    """Taps of each horizontal phase: columns p, p + stride, ... of a kernel row."""
    return tuple(-(-(kernel_width - p) // stride) for p in range(stride))


def pack_weights(weights: np.ndarray, stride: int, channels: int) -> np.ndarray:
    """Weight words of one convolution, int8 [blocks, K, channels].

    ``weights`` is int8 [O, I, kh, kw].  A K step is (kernel row, phase, input channel, tap),
    the last innermost; a stride of 2 splits the columns into an even and an odd phase.  Output
    channels are cut into blocks of ``channels``, the last one filled with zero weights.
    """
    outputs, _, kh, _ = weights.shape
    steps = []
    for phase in range(stride):
        columns = weights[:, :, :, phase::stride]  # [O, I, kh, taps]
        steps.append(columns.transpose(2, 1, 3, 0).reshape(kh, -1, outputs))
    words = np.concatenate(steps, axis=1).reshape(-1, outputs)
    blocks = -(-outputs // channels)
    padded = np.zeros((words.shape[0], blocks * channels), np.int8)
    padded[:, :outputs] = words
    return np.ascontiguousarray(padded.reshape(words.shape[0], blocks, channels).transpose(1, 0, 2))


def pack_biases(bias: np.ndarray, shift: np.ndarray, channels: int) -> np.ndarray:
    """Bias entries, uint32 [blocks * channels]: shift in bits 28..24, bias in bits 23..0."""
    outputs = len(bias)
    blocks = -(-outputs // channels)
    entries = np.zeros(blocks * channels, np.uint32)
    low = bias.astype(np.int64) & 0xFFFFFF
    entries[:outputs] = (low | (shift.astype(np.int64) & 31) << 24).astype(np.uint32)
    return entries
