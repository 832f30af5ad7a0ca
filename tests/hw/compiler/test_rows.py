"""Which maps have two rows in one, and what becomes of the convolutions between them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.bench.residual import WIDE, quantized, resnet8, resnet18
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.packing import pack_weights
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.rows import forms, in_rows
from firebrick.hw.compiler.steps import Conv
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.qnetwork import QNetwork


def of(net: QNetwork, shape: EngineShape, *single: str) -> dict[str, set[str]]:
    """Maps by their form."""
    found = forms(net, shape, Patterns(net, apart=False), set(single))
    return {
        name: {tensor for tensor, form in found.items() if form == number}
        for name, number in (("paired", d.ROWS_PAIRED), ("folded", d.ROWS_FOLDED))
    }


@pytest.fixture(scope="module")
def residual() -> QNetwork:
    return quantized(resnet8(np.random.default_rng(1)), 2)[0]


def test_resnet8(residual: QNetwork) -> None:
    """16 channels of 32 are paired; rows of 8 pixels are folded where a tile has 16."""
    first = {"conv.y", "block1.a.y", "block1.b.y", "block1.sum"}
    last = {"block3.a.y", "block3.b.y", "block3.shortcut.y", "block3.sum"}
    assert of(residual, WIDE) == {"paired": first, "folded": last}
    assert of(residual, PYNQ_Z2) == {"paired": first, "folded": set()}
    assert of(residual, EngineShape(14, 16)) == {"paired": set(), "folded": set()}


def test_maps_that_hang_together_have_one_form(residual: QNetwork) -> None:
    """An addition and what it adds, a convolution with a stride of 1 and what it reads."""
    assert of(residual, WIDE, "block1.a.y")["paired"] == set()
    assert of(residual, WIDE, "block3.shortcut.y")["folded"] == set()
    # What the driver reads is stored row by row.
    maps = replace(residual, maps=("block1.sum",))
    assert of(maps, WIDE)["paired"] == set() and of(maps, WIDE)["folded"]


def test_the_last_stage_of_resnet18_is_folded() -> None:
    """7x7 on tiles of 14: the eighth row is computed, and stored as zeros."""
    net = quantized(resnet18(np.random.default_rng(1), filters=8, classes=10), 2)[0]
    assert {name.split(".")[0] for name in of(net, PYNQ_Z2)["folded"]} == {"layer4"}
    groups = {g.name: g.fields for g in compile_network(net, PYNQ_Z2).groups}
    assert groups["layer4.0.a"]["load_fold"] == d.FOLD_APART
    assert groups["layer4.0.a"]["load_reach"] == 2
    assert groups["layer4.1.a"]["load_fold"] == d.FOLD_STORED
    assert groups["layer4.1.a"]["odd_rows"] == 1 and groups["layer4.1.a"]["rows"] == 4


@pytest.mark.parametrize(
    ("takes", "gives", "stride", "top"),
    [
        (False, True, 1, 1),
        (True, True, 1, 1),
        *((True, gives, 2, top) for gives in (False, True) for top in (0, 1)),
    ],
)
def test_paired_kernels(takes: bool, gives: bool, stride: int, top: int) -> None:
    """The convolution of stored rows gives what the layer's does of single ones."""
    rng = np.random.default_rng(3)
    height, width, inputs, outputs = 12, 9, 4, 3
    weights = rng.integers(-9, 10, (outputs, inputs, 3, 3), dtype=np.int8)
    zeros = np.zeros(outputs, np.int32)
    rows = (height + top + 1 - 3) // stride + 1
    conv = Conv("c", weights, zeros, zeros, stride, (top, 1, 1, 1), True, deals=stride == 2)
    source, target = (d.ROWS_PAIRED if pairs else d.ROWS_SINGLE for pairs in (takes, gives))
    two = in_rows(conv, source, target, (rows, 1), WIDE)
    picture = rng.integers(0, 9, (inputs, height, width))
    stored = np.concatenate([picture[:, 0::2], picture[:, 1::2]]) if takes else picture
    expected = _rows(picture, weights, stride, top, rows)
    step = two.two.step if two.two else stride
    found = _rows(stored, two.weights, step, two.padding[0], rows // (1 + gives))
    if gives:
        found = found.reshape(2, outputs, -1).transpose(1, 2, 0).reshape(outputs, -1)
    assert np.array_equal(found, expected)
    if two.two:
        first, last = two.two.halves
        assert not (first and two.weights[:, :inputs, 0].any())
        assert not (last and two.weights[:, inputs:, -1].any())


def _rows(picture: np.ndarray, weights: np.ndarray, step: int, top: int, rows: int) -> np.ndarray:
    """A convolution's first column of ``rows`` rows, int64 [O, rows]."""
    _, _, kh, kw = weights.shape
    below = max(0, step * (rows - 1) + kh - top - picture.shape[1])
    padded = np.pad(picture, ((0, 0), (top, below), (0, 0)))
    return np.stack(
        [
            np.einsum("oikl,ikl->o", weights.astype(np.int64), padded[:, y : y + kh, :kw])
            for y in range(0, step * rows, step)
        ],
        axis=1,
    )


@pytest.mark.parametrize("pump", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("halves", [(True, False), (False, True), (True, True)])
def test_weights_of_half_a_kernel_row(pump: int, stride: int, halves: tuple[bool, bool]) -> None:
    """What is left out of the first and the last row are channels that have zero weights there."""
    rng = np.random.default_rng(pump)
    weights = rng.integers(1, 100, (5, 8, 3, 3), dtype=np.int8)
    whole = pack_weights(weights, stride, 8, pump, stride == 2)
    left = pack_weights(weights, stride, 8, pump, stride == 2, halves)
    missing = sum(halves) * whole.shape[1] // 6
    assert left.shape[1] == whole.shape[1] - missing
    gone = weights.copy()
    if halves[0]:
        gone[:, :4, 0] = 0
    if halves[1]:
        gone[:, 4:, -1] = 0
    zeroed = pack_weights(gone, stride, 8, pump, stride == 2)
    # In their order, without the cycles that have none.
    kept = zeroed[:, zeroed.any(axis=(0, 2, 3))]
    assert np.array_equal(left, kept)


def test_a_memory_without_room_for_pairs_holds_single_rows() -> None:
    """Rows of twice as many words: where they do not fit, nothing is refused."""
    net = quantized(resnet8(np.random.default_rng(1), 64), 2)[0]
    pairs = {
        words: sum(
            g.fields.get("half_last", 0)
            for g in compile_network(net, EngineShape(8, 32, act_words=words)).groups
        )
        for words in (1024, 4096)
    }
    assert pairs == {1024: 0, 4096: 4}


def test_macs_are_the_networks(residual: QNetwork) -> None:
    """Whatever the array computes besides: zero weights, rows that are none."""
    for shape in (WIDE, PYNQ_Z2, pumped(WIDE, 2)):
        program = compile_network(residual, shape)
        macs = sum(layer["macs"] for g in program.host["groups"] for layer in g["layers"])
        assert macs == 12_501_632 - 640 + 64 * 640
