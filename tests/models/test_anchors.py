"""What the detector is trained to say, and that the host reads it so."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.host.detection import ConvDet, decode
from firebrick.models.anchors import ANCHORS, NONE, TAKEN, anchor_boxes, targets
from firebrick.models.canvases import HEIGHT, WIDTH, canvases

GRID = (12, 16)


@pytest.mark.parametrize("seed", range(3))
def test_the_host_finds_the_boxes_that_training_asks_for(seed):
    """A map that says exactly what is asked for gives back every box."""
    shown = canvases(6, seed, held_out=False)
    head = ConvDet(ANCHORS, 10, (HEIGHT, WIDTH))
    anchors = anchor_boxes(*GRID)
    for boxes, classes in zip(shown.boxes, shown.classes, strict=True):
        wanted = targets(boxes, classes, anchors.reshape(-1, 4)).reshape(len(ANCHORS), *GRID, 5)
        values = np.full((head.channels, *GRID), -9, np.float32)
        taken = wanted[..., 0] >= 0
        values[30:33][taken] = 9
        for k, y, x in np.argwhere(taken):
            values[10 * k + int(wanted[k, y, x, 0]), y, x] = 9
            values[33 + 4 * k : 37 + 4 * k, y, x] = wanted[k, y, x, 1:]
        found = decode(values, head)
        order = np.lexsort(found.boxes.T)
        expected = np.minimum(boxes, [WIDTH - 1, HEIGHT - 1, WIDTH - 1, HEIGHT - 1])
        real = np.lexsort(expected.T.astype(np.float32))
        assert found.classes[order].tolist() == classes[real].tolist()
        np.testing.assert_allclose(found.boxes[order], expected[real], atol=1e-3)


def test_every_box_has_an_anchor_and_near_misses_are_left_open():
    anchors = anchor_boxes(*GRID).reshape(-1, 4)
    # An anchor itself, and a box that is far from all of them.
    x, y, wide, high = anchors[200]
    exact = np.array([[x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]], np.float32)
    found = targets(exact, np.array([7]), anchors)
    assert found[200, 0] == 7
    np.testing.assert_allclose(found[200, 1:], 0, atol=1e-5)
    kinds = found[:, 0]
    assert (kinds == 7).sum() > 1 and (kinds == -2).any() and (kinds == -1).sum() > 400
    tiny = targets(np.array([[60, 40, 62, 42]], np.float32), np.array([3]), anchors)
    assert (tiny[:, 0] == 3).sum() == 1 and 0 < NONE < TAKEN < 1
