"""Bench of `fb_pool`: whole maps against the golden max pooling."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np

from firebrick.quantize.golden.integer_model import max_pool
from firebrick.sim.benches.pipeline import pack, run, unpack
from firebrick.sim.benches.runner import bench_parameters

LATENCY = 6
PORTS = (
    "signed",
    "kernel3",
    "padded",
    "chan",
    "line_addr",
    "tile_odd",
    "tile_first",
    "tile_last",
    "in_pixels",
    "out_pixels",
    "v_use",
    "v_store_row",
    "v_emit",
)
Step = tuple[dict[str, int], np.ndarray, np.ndarray | None]  # inputs, input word, output word


def padded(row: np.ndarray, tile: int, pixels: int) -> np.ndarray:
    """The tile's pixels of a row [W] as unsigned bytes, zeros beyond its end."""
    part = row[tile * pixels : (tile + 1) * pixels].view(np.uint8)
    return np.pad(part, (0, pixels - len(part)))


def steps(image: np.ndarray, kernel: int, ceil_mode: bool, pad: int, pixels: int) -> Iterator[Step]:
    """The words of a map [N, H, W] in the engine's order, and what each of them must emit."""
    channels, height, width = image.shape
    pooled = max_pool(image, kernel, ceil_mode, pad)
    _, out_height, out_width = pooled.shape
    tiles = -(-width // pixels)
    for y in range(height):
        # The window that ends in this row: with three rows, an even row ends one and begins one.
        ends = [r for r in range(out_height) if min(2 * r - pad + kernel, height) - 1 == y]
        assert len(ends) <= 1
        for tile in reversed(range(tiles)):
            # The leftmost tile that the pooled one needs ends it.
            out_tile = (tile + pad) // 2
            out_pixels = min(max(out_width - out_tile * pixels, 0), pixels)
            last = max(2 * out_tile - pad, 0) == tile
            emit = bool(ends) and last and out_pixels > 0
            for channel in range(channels):
                controls = {
                    "signed": int(image.dtype == np.int8),
                    "kernel3": int(kernel == 3),
                    "padded": pad,
                    "chan": channel,
                    "line_addr": out_tile * channels + channel,
                    "tile_odd": tile % 2,
                    "tile_first": int(tile == tiles - 1),
                    "tile_last": int(tile == 0),
                    "in_pixels": min(width - tile * pixels, pixels),
                    "out_pixels": out_pixels,
                    "v_use": int(y > 0 and ((y + pad) % 2 == 1 or kernel == 3)),
                    "v_store_row": int((y + pad) % 2 == 0),
                    "v_emit": int(emit),
                }
                word = None
                if emit:
                    word = padded(pooled[channel, ends[0]], out_tile, pixels)
                yield controls, padded(image[channel, y], tile, pixels), word


@cocotb.test()
async def pools_maps(dut: Any) -> None:
    """Maps of many sizes one after another, with gaps; padding pixels are garbage."""
    parameters = bench_parameters()
    pixels = int(parameters["P"])
    depths = int(parameters["ChanDepth"]), int(parameters["LineDepth"])
    rng = np.random.default_rng(random.getrandbits(32))
    widths = [
        pixels - 1,
        pixels,
        pixels + 1,
        2 * pixels,
        2 * pixels + 1,
        3 * pixels + 2,
        4 * pixels + 3,
    ]
    controls: list[dict[str, int]] = []
    words: list[np.ndarray] = []
    valid: list[int] = []
    expected: dict[int, np.ndarray] = {}

    def idle() -> None:
        valid.append(0)
        controls.append({name: int(value) for name, value in zip(PORTS, noise(), strict=True)})
        words.append(rng.integers(0, 256, pixels))

    def noise() -> np.ndarray:
        limits = [2, 2, 2, depths[0], depths[1], 2, 2, 2, pixels + 1, pixels + 1, 2, 2, 2]
        return rng.integers(0, limits)

    cases = list(itertools.product(widths, (2, 3), (False, True), (0, 1)))
    for number, case in enumerate(rng.permutation(len(cases))):
        width, kernel, ceil_mode, pad = cases[case]
        channels, height = int(rng.integers(8, 10)), int(rng.integers(3, 6))
        dtype = np.int8 if rng.integers(2) else np.uint8
        limits = np.iinfo(dtype)
        image = rng.integers(limits.min, limits.max + 1, (channels, height, width)).astype(dtype)
        if number % 5 == 0:  # zeros must not win over what is there
            image = np.minimum(image, limits.min + 40).astype(dtype)
        for step, word, result in steps(image, kernel, ceil_mode, pad, pixels):
            while rng.random() < 0.1:
                idle()
            if result is not None:
                expected[len(valid) + LATENCY] = result
            outside = np.arange(pixels) >= step["in_pixels"]
            controls.append(step)
            words.append(np.where(outside, rng.integers(0, 256, pixels), word))
            valid.append(1)
    for _ in range(LATENCY + 1):
        idle()
    got = await run(
        dut,
        {
            **{f"{name}_i": [step[name] for step in controls] for name in PORTS},
            "word_i": pack(np.array(words), 8),
            "valid_i": valid,
        },
        ["valid_o", "word_o"],
    )
    assert len(expected) > 100
    assert set(np.flatnonzero(got["valid_o"])) == set(expected)
    out = unpack(got["word_o"], pixels, 8, signed=False)
    for cycle, word in expected.items():
        np.testing.assert_array_equal(out[cycle], word)
