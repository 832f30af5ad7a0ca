"""Convolution and pooling over whole maps with matrix products (BLAS); float or exact integers.

A convolution is one product [O, K] x [K, positions] an image, K = kernel rows x kernel columns x
input channels.  A 1x1 convolution's columns are the map itself; otherwise they are gathered tap
by tap, each tap one strided copy.
"""

from __future__ import annotations

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.geometry import Padding, conv_size, pool_size

FloatType = type[np.float32] | type[np.float64]


def weight_matrix(weights: np.ndarray, dtype: FloatType) -> np.ndarray:
    """[O, I, kh, kw] as the [O, kh * kw * I] matrix that :func:`columns` goes with."""
    return np.ascontiguousarray(
        weights.transpose(0, 2, 3, 1).reshape(weights.shape[0], -1), dtype=dtype
    )


def columns(
    x: np.ndarray,
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    pad_value: np.ndarray | None,
    dtype: FloatType,
) -> tuple[np.ndarray, tuple[int, int]]:
    """The columns [kh * kw * I, rows * cols] of one image ``x`` [I, H, W], and (rows, cols).

    Padded positions hold ``pad_value`` [I], zero where None.  Raises FirebrickError when the
    kernel does not fit the padded map.
    """
    channels, height, width = x.shape
    top, left, bottom, right = padding
    kh, kw = kernel
    rows = conv_size(height, kh, stride, top, bottom)
    cols = conv_size(width, kw, stride, left, right)
    if rows < 1 or cols < 1:
        raise FirebrickError(
            f"a {kh}x{kw} kernel does not fit a {height}x{width} map padded by {padding}"
        )
    if any(padding):
        padded = np.empty((channels, height + top + bottom, width + left + right), dtype)
        if pad_value is None:
            padded.fill(0)
        else:
            padded[:] = np.asarray(pad_value, dtype)[:, None, None]
        padded[:, top : top + height, left : left + width] = x
    else:
        padded = x.astype(dtype, copy=False)
    if (kh, kw, stride) == (1, 1, 1):
        return np.ascontiguousarray(padded).reshape(channels, -1), (rows, cols)
    gathered: np.ndarray = np.empty((kh, kw, channels, rows, cols), dtype)
    for dy in range(kh):
        for dx in range(kw):
            gathered[dy, dx] = padded[
                :,
                dy : dy + (rows - 1) * stride + 1 : stride,
                dx : dx + (cols - 1) * stride + 1 : stride,
            ]
    return gathered.reshape(kh * kw * channels, rows * cols), (rows, cols)


def max_pool(
    x: np.ndarray, kernel: int, ceil_mode: bool, stride: int = 2, padding: int = 0
) -> np.ndarray:
    """Max pooling of [..., H, W] (any number type); windows begin ``padding`` rows and columns, at
    most 1, ahead of the map.

    A window that reaches over an edge takes the maximum of what is inside; over the last one it
    does with ``ceil_mode``.  Raises FirebrickError when no window fits.
    """
    if padding:
        # Every window over the edge holds the first row (or column) too: twice is no more.
        x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, 0)] * 2, mode="edge")
    rows = pool_size(x.shape[-2], kernel, ceil_mode, stride)
    cols = pool_size(x.shape[-1], kernel, ceil_mode, stride)
    if rows < 1 or cols < 1:
        raise FirebrickError(
            f"a {kernel}x{kernel} pooling window does not fit a {x.shape[-2]}x{x.shape[-1]} map"
        )
    return _pool_last(_pool_rows(x, kernel, rows, stride), kernel, cols, stride)


def _pool_rows(x: np.ndarray, kernel: int, rows: int, stride: int) -> np.ndarray:
    result = np.ascontiguousarray(x[..., 0 : (rows - 1) * stride + 1 : stride, :])
    for tap in range(1, kernel):
        inside = x[..., tap : tap + (rows - 1) * stride + 1 : stride, :]
        part = result[..., : inside.shape[-2], :]
        np.maximum(part, inside, out=part)
    return result


def _pool_last(x: np.ndarray, kernel: int, cols: int, stride: int) -> np.ndarray:
    result = np.ascontiguousarray(x[..., 0 : (cols - 1) * stride + 1 : stride])
    for tap in range(1, kernel):
        inside = x[..., tap : tap + (cols - 1) * stride + 1 : stride]
        part = result[..., : inside.shape[-1]]
        np.maximum(part, inside, out=part)
    return result
