"""Sizes of what convolutions and poolings put out, and how padding is written."""

from __future__ import annotations

Padding = tuple[int, int, int, int]


def conv_size(size: int, kernel: int, stride: int, before: int, after: int) -> int:
    """Output rows (or columns) of a convolution; 0 or less where the kernel does not fit."""
    return (size + before + after - kernel) // stride + 1


def pool_size(size: int, kernel: int, ceil_mode: bool, stride: int = 2) -> int:
    """Output rows (or columns) of a pooling; 0 or less where no window fits.

    ``size`` counts what is padded ahead of the map, but not what is padded behind it.
    With ``ceil_mode`` the last window may reach over the edge but must start inside the map (the
    rule of PyTorch and ONNX).  With ``kernel`` >= ``stride`` it always does.
    """
    span = size - kernel
    steps = -(-span // stride) if ceil_mode else span // stride
    return steps + 1
