"""Boxes out of the map that a ConvDet head leaves (SqueezeDet, arXiv 1612.01051).

The head is a 3x3 convolution to K * (classes + 5) channels: for each of K anchors, at every place
of the map, how likely each class is, how sure the network is that a box is there, and how the box
differs from the anchor.  Channels lie as in the published network: K * classes (anchor by anchor),
then K confidences, then K * 4 (anchor by anchor: x, y, width, height).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import SettingError
from .program import BESIDE_CLASSES, Program
from .results import Result

# What the published network's evaluation takes.
LIMIT = 64
OVERLAP = 0.4
# Beyond this a side grows linearly, as in training, not by its exponential.
STEEPEST = 1.0


@dataclass(frozen=True)
class ConvDet:
    """A head: ``anchors`` (width, height) in pixels, the number of classes, and (height, width) of
    the picture."""

    anchors: tuple[tuple[float, float], ...]
    classes: int
    picture: tuple[int, int]

    @property
    def channels(self) -> int:
        return len(self.anchors) * (self.classes + BESIDE_CLASSES)


def head_of(program: Program) -> ConvDet | None:
    """The head that a detector's program ends in; None for other networks."""
    if not program.anchors:
        return None
    channels = sum(m.channels for m in program.output.maps)
    classes = channels // len(program.anchors) - BESIDE_CLASSES
    return ConvDet(program.anchors, classes, (program.input.height, program.input.width))


def detect(result: Result, program: Program, **how: Any) -> Detections | None:
    """The boxes in a result of ``program``, if that is a detector's; ``how`` as in
    :func:`decode`."""
    head = head_of(program)
    if head is None:
        return None
    values = result.values
    joined = np.concatenate([values[m.name] for m in program.output.maps])
    return decode(joined, head, **how)


@dataclass(frozen=True)
class Detections:
    """Boxes float32 [N, 4] (left, top, right, bottom, in pixels), the best first, with their scores
    float32 [N] and classes int64 [N]."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def named(self, classes: Sequence[str] = ()) -> list[str]:
        """The name of each box's class, its number where there are no names."""
        return [classes[kind] if classes else str(kind) for kind in self.classes.tolist()]


def decode(
    values: np.ndarray,
    head: ConvDet,
    least: float = 0.3,
    limit: int = LIMIT,
    overlap: float = OVERLAP,
) -> Detections:
    """The boxes of one picture: ``values`` float [channels, rows, columns] in real units.

    A score is the confidence (its sigmoid) times the best class's share (softmax).  Boxes of at
    least ``least``, the ``limit`` best of them, are freed of doubles of their class as
    :func:`nms` does.  Raises SettingError for a map of other channels.
    """
    if values.ndim != 3 or len(values) != head.channels:
        raise SettingError(
            f"a map of {list(values.shape)}: a head of {len(head.anchors)} anchors and "
            f"{head.classes} classes has {head.channels} channels"
        )
    count, classes = len(head.anchors), head.classes
    rows, columns = values.shape[1:]
    values = values.astype(np.float32, copy=False)
    kinds = values[: count * classes].reshape(count, classes, rows, columns)
    sure = _sigmoid(values[count * classes : count * (classes + 1)])
    # Shares are looked at only where the confidence alone would do: a share is at most 1.
    anchor, row, column = np.nonzero(sure >= least)
    chosen = kinds[anchor, :, row, column]
    best = chosen.argmax(axis=1) if len(chosen) else np.zeros(0, np.int64)
    powers = np.exp(chosen - chosen.max(axis=1, keepdims=True, initial=-np.inf))
    # The best class has the power 1.
    scores = sure[anchor, row, column] / np.maximum(powers.sum(axis=1), 1)
    kept = np.flatnonzero(scores >= least)
    kept = kept[np.argsort(-scores[kept], kind="stable")][:limit]
    anchor, row, column, best, scores = (a[kept] for a in (anchor, row, column, best, scores))
    moves = values[count * (classes + 1) :].reshape(count, 4, rows, columns)
    boxes = _boxes(moves[anchor, :, row, column], anchor, row, column, head, (rows, columns))
    alone = nms(boxes, scores, overlap, best)
    return Detections(boxes[alone], scores[alone], best[alone])


def centres(length: int, places: int) -> np.ndarray:
    """Where anchors stand along a side of ``length`` pixels with ``places`` on it, float32."""
    return (np.arange(1, places + 1) * (length / (places + 1))).astype(np.float32)


def nms(
    boxes: np.ndarray, scores: np.ndarray, overlap: float, classes: np.ndarray | None = None
) -> np.ndarray:
    """Non-maximum suppression: the indices of the boxes that stay, the best first.

    As torchvision's ``nms``: the best box stays and removes all whose intersection over union with
    it is *greater than* ``overlap``, and so on with the best of what is left; with ``classes`` as
    its ``batched_nms``, boxes of one class only remove each other.  Of equal scores the lower index
    is the better one.
    """
    order = np.argsort(-scores, kind="stable")
    boxes = boxes[order].astype(np.float32, copy=False)
    left, top, right, bottom = boxes.T
    areas = (right - left) * (bottom - top)
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    # Without a division: boxes without an area share none.
    doubles = shared > np.float32(overlap) * (areas[:, None] + areas - shared)
    if classes is not None:
        kinds = classes[order]
        doubles &= kinds[:, None] == kinds
    stays = np.ones(len(boxes), bool)
    for index in range(len(boxes)):
        if stays[index]:
            stays[index + 1 :] &= ~doubles[index, index + 1 :]
    return order[stays]


def _sigmoid(values: np.ndarray) -> np.ndarray:
    # No overflow: the exponential is of what is not positive.
    power = np.exp(-np.abs(values))
    return np.where(values >= 0, np.float32(1), power) / (1 + power)


def _boxes(
    moves: np.ndarray,
    anchor: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    head: ConvDet,
    grid: tuple[int, int],
) -> np.ndarray:
    """[N, 4] of the anchors that ``moves`` [N, 4] move and stretch, cut at the picture's edges."""
    height, width = head.picture
    sides = np.array(head.anchors, np.float32)[anchor]
    places = np.stack((centres(width, grid[1])[column], centres(height, grid[0])[row]), axis=1)
    middle = places + moves[:, :2] * sides
    half = sides * _stretch(moves[:, 2:]) / 2
    edges = np.array([width - 1, height - 1], np.float32)
    return np.concatenate(
        [np.clip(middle - half, 0, edges), np.clip(middle + half, 0, edges)], axis=1
    )


def _stretch(values: np.ndarray) -> np.ndarray:
    """exp, and beyond :data:`STEEPEST` its tangent there."""
    steepest = np.float32(np.exp(STEEPEST))
    powers = np.exp(np.minimum(values, np.float32(STEEPEST)))
    return np.where(values > STEEPEST, steepest * (values - STEEPEST + 1), powers)
