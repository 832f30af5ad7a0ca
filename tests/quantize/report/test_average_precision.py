"""Average precision: cases that can be counted by hand, and a straightforward implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.quantize.report.average_precision import Boxes, average_precision


def boxes(*corners: tuple[float, float], side: float = 10) -> np.ndarray:
    made = [(x, y, x + side, y + side) for x, y in corners]
    return np.array(made, np.float32).reshape(-1, 4)


def one(said: np.ndarray, scores: list[float], truth: np.ndarray) -> float:
    kinds = np.zeros(len(said), np.int64)
    ours = Boxes(said, kinds, np.array(scores))
    real = Boxes(truth, np.zeros(len(truth), np.int64))
    return average_precision([ours], [real])[0]


def test_all_found_and_nothing_else():
    assert one(boxes((0, 0), (50, 0)), [0.9, 0.2], boxes((1, 0), (50, 1))) == 1.0


def test_what_is_wrong_counts_only_ahead_of_what_is_right():
    truth = boxes((0, 0), (50, 0))
    said = boxes((0, 0), (50, 0), (90, 90))
    assert one(said, [0.9, 0.8, 0.1], truth) == 1.0
    assert one(said, [0.9, 0.8, 0.85], truth) == pytest.approx((1 + 2 / 3) / 2)
    assert one(said, [0.9, 0.8, 0.95], truth) == pytest.approx(2 / 3)


def test_a_box_is_found_once():
    truth = boxes((0, 0), (50, 0))
    # The double is wrong, and the second box is missing.
    assert one(boxes((0, 0), (1, 0)), [0.9, 0.8], truth) == 0.5


def test_boxes_that_share_too_little_are_wrong():
    # 10x10, moved by 3: 70 of 130 in common; moved by 4: 60 of 140.
    assert one(boxes((3, 0)), [0.9], boxes((0, 0))) == 1.0
    assert one(boxes((4, 0)), [0.9], boxes((0, 0))) == 0.0


def test_nothing_said():
    assert one(boxes(), [], boxes((0, 0))) == 0.0


def test_classes_are_counted_apart():
    said = Boxes(boxes((0, 0), (50, 0)), np.array([1, 2]), np.array([0.9, 0.9]))
    truth = Boxes(boxes((0, 0), (50, 0)), np.array([1, 1]))
    assert average_precision([said], [truth]) == {1: 0.5}


@given(st.integers(0, 2**16))
def test_it_is_the_area_under_precision_over_recall(seed):
    """Of scores all unlike: at each recall the best precision from there on."""
    rng = np.random.default_rng(seed)
    truth = boxes(*[(20 * i, 0) for i in range(6)])
    count = int(rng.integers(1, 12))
    places = rng.integers(0, 9, count)
    scores = rng.permutation(count) / count
    found = one(boxes(*[(20 * int(p), 0) for p in places]), scores.tolist(), truth)
    seen: set[int] = set()
    curve = []
    for rank, index in enumerate(np.argsort(-scores), 1):
        seen |= {int(places[index])} & set(range(6))
        curve.append((len(seen) / 6, len(seen) / rank))
    area = sum(max((p for r, p in curve if r >= step / 6), default=0) / 6 for step in range(1, 7))
    assert found == pytest.approx(area)
