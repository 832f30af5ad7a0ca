"""Average precision: how well a detector finds boxes, in the one number that all papers state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A box is found where one of its class shares that much with it: intersection over union.
FOUND = 0.5


@dataclass(frozen=True, eq=False)
class Boxes:
    """Of one picture: ``boxes`` float [n, 4] (left, top, right, bottom), ``classes`` int [n], and
    of what a detector says its ``scores`` float [n]."""

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray | None = None


def average_precision(
    said: Sequence[Boxes], truth: Sequence[Boxes], found: float = FOUND
) -> dict[int, float]:
    """For every class that ``truth`` shows its average precision, as PASCAL VOC has it since 2010.

    All that is said of a class in all pictures is taken in the order of its scores; each finds the
    box that it shares most with, at most once, or is wrong.  The area under the curve of precision
    over recall, precision made to fall, is the average precision.
    """
    classes = sorted({int(kind) for picture in truth for kind in picture.classes})
    return {kind: _of_class(said, truth, kind, found) for kind in classes}


def _of_class(said: Sequence[Boxes], truth: Sequence[Boxes], kind: int, found: float) -> float:
    hits: list[bool] = []
    scores: list[float] = []
    total = 0
    for ours, real in zip(said, truth, strict=True):
        wanted = real.boxes[real.classes == kind]
        total += len(wanted)
        assert ours.scores is not None
        chosen = ours.classes == kind
        order = np.argsort(-ours.scores[chosen], kind="stable")
        free = np.ones(len(wanted), bool)
        for box, score in zip(ours.boxes[chosen][order], ours.scores[chosen][order], strict=True):
            share = _shares(box, wanted)
            best = int(share.argmax()) if len(share) else -1
            hit = best >= 0 and bool(share[best] >= found) and bool(free[best])
            if hit:
                free[best] = False
            hits.append(hit)
            scores.append(float(score))
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.cumsum(np.array(hits, bool)[order])
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    # Each box that is found adds a step of recall, at the precision there.
    return float(precision[np.array(hits, bool)[order]].sum() / total)


def _shares(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of ``box`` [4] with each of ``others`` [n, 4]."""
    wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    high = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    own = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / np.maximum(own + areas - shared, 1e-12)
