"""The anchors of the bundled detector, and what it is to say of each for a picture's boxes."""

from __future__ import annotations

import numpy as np

from firebrick.models.canvases import HEIGHT, WIDTH

# (width, height): centres of three clusters of the training boxes (k-means).
ANCHORS = ((16.0, 24.0), (23.0, 33.0), (29.0, 40.0))
# An anchor that shares more with a digit's box is taken for it, one that shares less for none.
TAKEN, NONE = 0.5, 0.35


def anchor_boxes(rows: int, columns: int) -> np.ndarray:
    """(x, y, width, height) of every anchor, float32 [K, rows, columns, 4]: their centres divide
    the picture's sides evenly, as in the published SqueezeDet."""
    x = np.arange(1, columns + 1) * WIDTH / (columns + 1)
    y = np.arange(1, rows + 1) * HEIGHT / (rows + 1)
    made = np.empty((len(ANCHORS), rows, columns, 4), np.float32)
    made[..., 0], made[..., 1] = x[None, None, :], y[None, :, None]
    made[..., 2:] = np.array(ANCHORS)[:, None, None, :]
    return made


def targets(boxes: np.ndarray, classes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """For every anchor of ``anchors`` [A, 4] the class of its digit (-1: none, -2: either would be
    wrong to say), and how the digit's box differs from it: float32 [A, 5]."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = boxes[:, 2:] - boxes[:, :2]
    low, high = anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2
    shared = np.minimum(high[:, None], boxes[:, 2:]) - np.maximum(low[:, None], boxes[:, :2])
    area = np.prod(np.maximum(shared, 0), axis=2)
    overlap = area / (np.prod(anchors[:, 2:], axis=1)[:, None] + np.prod(sides, axis=1) - area)
    best = overlap.argmax(axis=1)
    share = overlap.max(axis=1)
    kind = np.where(share >= TAKEN, classes[best], np.where(share < NONE, -1, -2))
    # Every digit has the anchor that is nearest to it.
    nearest = overlap.argmax(axis=0)
    best[nearest], kind[nearest] = np.arange(len(boxes)), classes
    found = np.empty((len(anchors), 5), np.float32)
    found[:, 0] = kind
    found[:, 1:3] = (middles[best] - anchors[:, :2]) / anchors[:, 2:]
    found[:, 3:] = np.log(sides[best] / anchors[:, 2:])
    return found
