"""A slow integer reference, written without the code under test: Python integers and loops."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
)


def convolve(x, weights, bias, stride, padding, pad_value=None) -> np.ndarray:
    """Accumulators int64 [O, rows, cols] of one image [I, H, W], pixel by pixel."""
    channels, height, width = x.shape
    top, left, bottom, right = padding
    padded = np.zeros((channels, height + top + bottom, width + left + right), np.int64)
    if pad_value is not None:
        padded += np.asarray(pad_value, np.int64)[:, None, None]
    padded[:, top : top + height, left : left + width] = x
    outputs, _, kh, kw = weights.shape
    rows = len(range(0, padded.shape[1] - kh + 1, stride))
    cols = len(range(0, padded.shape[2] - kw + 1, stride))
    acc = np.zeros((outputs, rows, cols), np.int64)
    wide = weights.astype(np.int64)
    for y in range(rows):
        for z in range(cols):
            window = padded[:, y * stride : y * stride + kh, z * stride : z * stride + kw]
            acc[:, y, z] = (wide * window).sum(axis=(1, 2, 3)) + bias
    return acc


def requantize(acc: int, shift: int, relu: bool) -> int:
    """Python's round() rounds a Fraction half to even."""
    rounded = round(Fraction(int(acc), 1 << int(shift)))
    return min(max(rounded, 0), 255) if relu else min(max(rounded, -128), 127)


def pool(x: np.ndarray, kernel: int, ceil_mode: bool, padding: int = 0) -> np.ndarray:
    """Stride-2 max pooling of [C, H, W]; a window counts if it starts inside the map, or
    ``padding`` ahead of it, and, without ceil_mode, ends inside it; the first window beyond a
    complete cover is not made."""

    def starts(size: int) -> list[int]:
        found = []
        for start in range(-padding, size, 2):
            if start + kernel <= size:
                found.append(start)
            elif ceil_mode:
                if not found or found[-1] + kernel < size:
                    found.append(start)
                break
        return found

    rows, cols = starts(x.shape[1]), starts(x.shape[2])
    return np.array(
        [
            [
                [plane[max(y, 0) : y + kernel, max(z, 0) : z + kernel].max() for z in cols]
                for y in rows
            ]
            for plane in x
        ],
        x.dtype,
    )


def maps(qnet: QNetwork, image: np.ndarray) -> dict[str, np.ndarray]:
    """All 8-bit tensors of one image."""
    return run(qnet, image)[0]


def run(qnet: QNetwork, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[int]]:
    """All 8-bit tensors of one image and the sums, none where the network ends in maps."""
    maps = {qnet.input: image}
    sums: list[int] = []
    for node in qnet.nodes:
        if isinstance(node, QConv):
            acc = convolve(
                maps[node.input],
                node.weights,
                node.bias,
                node.stride,
                node.padding,
                node.pad_value,
            )
            out = [
                [[requantize(v, s, node.relu) for v in row] for row in plane]
                for plane, s in zip(acc, node.shift, strict=True)
            ]
            maps[node.output] = np.array(out)
        elif isinstance(node, QMaxPool):
            maps[node.output] = pool(maps[node.input], node.kernel, node.ceil_mode, node.padding)
        elif isinstance(node, QConcat):
            maps[node.output] = np.concatenate([maps[name] for name in node.inputs])
        elif isinstance(node, QAdd):
            a, b = (maps[name].astype(np.int64) for name in node.inputs)
            total = a * 2 ** node.left[0] + b * 2 ** node.left[1]
            relu = not qnet.tensors[node.output].signed
            maps[node.output] = np.array(
                [requantize(v, node.shift, relu) for v in total.flat]
            ).reshape(total.shape)
        else:
            assert isinstance(node, QGlobalSum)
            acc = convolve(maps[node.input], node.weights, node.bias, node.stride, node.padding)
            sums = [
                sum(max(int(v), 0) if node.relu else int(v) for v in plane.flat) for plane in acc
            ]
    return maps, sums


def agrees_with_the_reference(qnet, images):
    result = golden.run(qnet, images, keep="all")
    for index, image in enumerate(images):
        maps, sums = run(qnet, image)
        assert result.sums[index].tolist() == sums
        for name, tensor in result.tensors.items():
            assert tensor.dtype == qnet.tensors[name].dtype
            np.testing.assert_array_equal(tensor[index], maps[name], err_msg=name)
