"""Boxes of a ConvDet head, against a straightforward implementation in Python's own numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.host.detection import ConvDet, decode, nms
from firebrick.host.errors import SettingError

SMALL = ConvDet(((20.0, 30.0), (44.0, 12.0)), 3, (96, 120))
# The published network's: KITTI at 1248x384, 24x78 places of 9 anchors.
KITTI = ConvDet(
    ((36, 37), (366, 174), (115, 59), (162, 87), (38, 90), (258, 173), (224, 108), (78, 170),
     (72, 43)), 3, (384, 1248),
)  # fmt: skip


def share(a, b) -> float:
    """Intersection over union; 0 where neither has an area."""
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / whole if whole > 0 else 0.0


def suppress(candidates, overlap):
    """Greedy, of (score, number, class, box), the best first."""
    left = sorted(candidates, key=lambda c: (-c[0], c[1]))
    kept = []
    while left:
        first, *rest = left
        kept.append(first)
        left = [c for c in rest if c[2] != first[2] or share(first[3], c[3]) <= overlap]
    return kept


def straightforward(values, head, least, limit, overlap):
    """(score, class, box) of every detection, place by place and anchor by anchor."""
    count, classes = len(head.anchors), head.classes
    _, rows, columns = values.shape
    height, width = head.picture
    found = []
    for k in range(count):
        for y in range(rows):
            for x in range(columns):
                at = [float(v) for v in values[:, y, x]]
                logits = at[k * classes : (k + 1) * classes]
                powers = [math.exp(v) for v in logits]
                sure = 1 / (1 + math.exp(-at[count * classes + k]))
                best = logits.index(max(logits))
                score = sure * powers[best] / sum(powers)
                if score < least:
                    continue
                start = count * (classes + 1) + 4 * k
                dx, dy, dw, dh = at[start : start + 4]
                sides = []
                for anchor, change in zip(head.anchors[k], (dw, dh), strict=True):
                    grown = math.exp(change) if change <= 1 else math.e * change
                    sides.append(anchor * grown)
                middle = (
                    (x + 1) * width / (columns + 1) + dx * head.anchors[k][0],
                    (y + 1) * height / (rows + 1) + dy * head.anchors[k][1],
                )
                box = [
                    min(max(middle[axis] + sign * sides[axis] / 2, 0), (width, height)[axis] - 1)
                    for sign in (-1, 1)
                    for axis in (0, 1)
                ]
                found.append((score, (k * rows + y) * columns + x, best, box))
    found = sorted(found, key=lambda c: (-c[0], c[1]))[:limit]
    return [(score, best, box) for score, _, best, box in suppress(found, overlap)]


@settings(max_examples=25)
@given(
    st.integers(0, 2**16),
    st.sampled_from([0.05, 0.3, 0.6]),
    st.sampled_from([3, 64]),
    st.sampled_from([0.2, 0.4, 0.7]),
)
def test_boxes_are_those_of_the_straightforward_implementation(seed, least, limit, overlap):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1.5, (SMALL.channels, 5, 6)).astype(np.float32)
    expected = straightforward(values, SMALL, least, limit, overlap)
    found = decode(values, SMALL, least, limit, overlap)
    assert found.classes.tolist() == [best for _, best, _ in expected]
    assert found.boxes.shape == (len(expected), 4) and found.boxes.dtype == np.float32
    if expected:
        np.testing.assert_allclose(found.scores, [s for s, _, _ in expected], rtol=1e-5)
        np.testing.assert_allclose(found.boxes, [box for _, _, box in expected], atol=1e-3)


def test_the_published_head_has_16848_anchors():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (KITTI.channels, 24, 78)).astype(np.float32)
    assert KITTI.channels == 72 and values[:9].size == 16_848
    found = decode(values, KITTI, least=0.6)
    expected = straightforward(values, KITTI, 0.6, 64, 0.4)
    assert 20 < len(found) == len(expected)
    np.testing.assert_allclose(found.scores, [s for s, _, _ in expected], rtol=1e-5)
    np.testing.assert_allclose(found.boxes, [box for _, _, box in expected], atol=2e-3)


def test_nothing_is_found_where_nothing_is_sure():
    found = decode(np.full((SMALL.channels, 5, 6), -100, np.float32), SMALL)
    assert len(found) == 0 and found.boxes.shape == (0, 4)


def test_values_at_the_ends_overflow_nowhere():
    values = np.full((SMALL.channels, 5, 6), 3e4, np.float32)
    with np.errstate(over="raise", invalid="raise"):
        found = decode(values, SMALL)
        decode(-values, SMALL)
    # Every class alike: a third of a certain box, cut to the picture.
    np.testing.assert_allclose(found.scores, 1 / 3, rtol=1e-6)
    assert found.boxes.min() >= 0 and found.boxes[:, 2].max() <= 119


def test_an_anchor_itself():
    """No move and no stretch: the anchor, in the middle of its place."""
    values = np.full((SMALL.channels, 5, 6), -9, np.float32)
    values[8:] = 0
    values[6 + 1, 2, 3] = 9
    values[3:6, 2, 3] = 0, 7, 0
    found = decode(values, SMALL)
    assert found.classes.tolist() == [1] and found.scores[0] > 0.99
    x, y = 4 * 120 / 7, 3 * 96 / 6
    np.testing.assert_allclose(found.boxes, [[x - 22, y - 6, x + 22, y + 6]], rtol=1e-6)


def test_a_map_of_other_channels_is_refused():
    with pytest.raises(SettingError, match="2 anchors and 3 classes has 16 channels"):
        decode(np.zeros((15, 5, 6), np.float32), SMALL)


# --- non-maximum suppression --------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 2**16), st.integers(0, 30), st.booleans(), st.sampled_from([0.0, 0.3, 0.9]))
def test_suppression_is_greedy(seed, count, by_class, overlap):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 12, (count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(0, 9, (count, 2))], 1).astype(float)
    # Few values: equal scores, and shares that are exactly the threshold.
    scores = rng.integers(0, 6, count) / 8
    classes = rng.integers(0, 2, count) if by_class else np.zeros(count, np.int64)
    kept = suppress([(scores[i], i, classes[i], boxes[i]) for i in range(count)], overlap)
    found = nms(boxes, scores, overlap, classes if by_class else None)
    assert found.tolist() == [number for _, number, _, _ in kept]


def test_a_share_that_is_the_threshold_stays():
    """torchvision removes what is greater, not what is equal."""
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 2]], np.float32)
    scores = np.array([0.9, 0.8])
    assert nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert nms(boxes, scores, 0.49).tolist() == [0]


def test_boxes_without_an_area_remove_nothing():
    boxes = np.array([[3, 3, 3, 3], [3, 3, 3, 3], [0, 0, 8, 8]], np.float32)
    assert nms(boxes, np.array([0.2, 0.3, 0.9]), 0.0).tolist() == [2, 1, 0]
