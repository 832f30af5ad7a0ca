"""Canvases with digits: the same for a seed, and their boxes hold the ink."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.models import canvases
from firebrick.models.canvases import HEIGHT, MOST_DIGITS, MOST_IN_TRAINING, SIDES, WIDTH


@pytest.fixture(scope="module")
def some() -> canvases.Canvases:
    return canvases.canvases(40, 3, held_out=False)


@pytest.mark.parametrize("training", [False, True])
def test_shapes_and_kinds(some, training):
    if training:
        fewer, some = some, canvases.training_canvases(40, 3)
        assert sum(map(len, some.boxes)) > 1.2 * sum(map(len, fewer.boxes))
    assert some.pictures.shape == (40, 1, HEIGHT, WIDTH) and some.pictures.dtype == np.uint8
    counts = [len(boxes) for boxes in some.boxes]
    assert min(counts) >= 1
    assert (MOST_IN_TRAINING if training else MOST_DIGITS) >= max(counts) > 2
    assert {int(kind) for kinds in some.classes for kind in kinds} == set(range(10))
    for boxes, kinds in zip(some.boxes, some.classes, strict=True):
        assert boxes.shape == (len(kinds), 4) and boxes.min() >= 0
        assert np.all(boxes[:, 2:] <= (WIDTH, HEIGHT))
        assert np.all(boxes[:, 2:] - boxes[:, :2] <= SIDES[1])
        for index, box in enumerate(boxes):
            others = boxes[index + 1 :]
            apart = (box[2:] <= others[:, :2]) | (others[:, 2:] <= box[:2])
            assert np.all(apart.any(axis=1))


def test_a_seed_repeats_itself(some):
    again = canvases.canvases(40, 3, held_out=False)
    np.testing.assert_array_equal(again.pictures, some.pictures)
    other, unseen = (canvases.canvases(2, *which) for which in ((4, False), (3, True)))
    assert not np.array_equal(other.pictures, some.pictures[:2])
    assert not np.array_equal(unseen.pictures, some.pictures[:2])


def test_held_out_canvases_show_digits_that_no_training_saw():
    (train, names), (held_out, held_names) = (canvases._digits(which) for which in (False, True))
    assert (len(train), len(held_out)) == (1198, 599) == (len(names), len(held_names))
    seen = {picture.tobytes() for picture in train}
    assert not any(picture.tobytes() in seen for picture in held_out)
    halves = [canvases._photographs(which)[0] for which in (False, True)]
    assert halves[0].shape == halves[1].shape and not np.array_equal(*halves)


def test_digits_are_warped_a_little():
    """About their middle, and each time otherwise."""
    digits, _ = canvases._digits(held_out=False)
    rng = np.random.default_rng(1)
    for digit in digits[:20]:
        plain = canvases._enlarged(digit, canvases.WARPED_SIDE)
        first, second = (canvases._warped(rng, digit) for _ in range(2))
        assert first.shape == plain.shape and 0 <= first.min() <= first.max() <= 1
        assert 0.005 < np.abs(first - plain).mean() < 0.2 and not np.array_equal(first, second)
        assert np.corrcoef(first.ravel(), plain.ravel())[0, 1] > 0.7


@pytest.mark.parametrize("training", [False, True])
def test_boxes_hold_the_ink_and_no_more(monkeypatch, training):
    """On a flat canvas all that differs is ink, but for the noise."""
    monkeypatch.setattr(
        canvases, "_texture", lambda rng, photographs: np.full((HEIGHT, WIDTH), 128.0)
    )
    flat = (
        canvases.training_canvases(20, 5) if training else canvases.canvases(20, 5, held_out=True)
    )
    for (picture,), boxes in zip(flat.pictures, flat.boxes, strict=True):
        # A quarter of the least contrast is the least ink in a box; three quarters are sure ink.
        ink = np.abs(picture.astype(int) - 128) > 0.6 * canvases.CONTRAST[0]
        inside = np.zeros_like(ink)
        for left, top, right, bottom in boxes.astype(int):
            inside[top:bottom, left:right] = True
            part = ink[top:bottom, left:right]
            rows, columns = np.nonzero(part)
            assert rows.min() <= 4 and columns.min() <= 5
            assert rows.max() >= len(part) - 5 and columns.max() >= part.shape[1] - 6
        assert not np.any(ink & ~inside)
