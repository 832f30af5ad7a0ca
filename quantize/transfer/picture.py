"""The confusion matrix and the worst mistakes of cross-validation, as one picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import softmax

COLUMNS, ROWS = 4, 3
INK, SOFT, BAD = "#22303a", "#62707b", "#c23030"
# Up to so many classes their names and the counts are legible.
NAMED, COUNTED = 40, 20
NAME_LENGTH = 18


def confusion(truth: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """int64 [K, K]: how many pictures of the row's class were taken for the column's."""
    return np.bincount(truth * classes + answers, minlength=classes**2).reshape(classes, classes)


def worst(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Indices of the pictures, the one whose class was believed in least, against the best of the
    others, first."""
    share = softmax(logits, axis=1)
    own = np.take_along_axis(share, truth[:, None], axis=1)[:, 0]
    others = share.copy()
    others[np.arange(len(truth)), truth] = 0
    return np.argsort(own - others.max(axis=1), kind="stable")


def draw(
    logits: np.ndarray, truth: np.ndarray, classes: tuple[str, ...], pictures: np.ndarray
) -> bytes:
    """A PNG: ``logits`` [N, K] of pictures uint8 [N, C, H, W] by classifiers that had not seen
    them, ``truth`` [N]."""
    figure = Figure(figsize=(14, 6.4), layout="constrained", facecolor="white")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    left, right = halves
    _matrix(left, confusion(truth, logits.argmax(axis=1), len(classes)), classes)
    _mistakes(right, logits, truth, classes, pictures)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _matrix(figure: Figure, counts: np.ndarray, classes: tuple[str, ...]) -> None:
    axes = figure.subplots()
    axes.imshow(counts / counts.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    axes.set_title("what it is (rows), what it is taken for (columns)", color=INK, fontsize=11)
    count = len(classes)
    step = -(-count // NAMED)
    size = 9 if count <= 12 else 7 if count <= 24 else 5
    places = range(0, count, step)
    names = [_short(classes[place]) for place in places]
    axes.set_xticks(places, names, rotation=90 if count > 4 else 0, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.tick_params(length=0, colors=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if count > COUNTED:
        return
    for row, column in np.argwhere(counts):
        share = counts[row, column] / counts[row].sum()
        color = "white" if share > 0.5 else INK if row == column else BAD
        axes.text(column, row, counts[row, column], ha="center", va="center", color=color)


def _mistakes(
    figure: Figure,
    logits: np.ndarray,
    truth: np.ndarray,
    classes: tuple[str, ...],
    pictures: np.ndarray,
) -> None:
    share = softmax(logits, axis=1)
    answers = logits.argmax(axis=1)
    shown = worst(logits, truth)[: COLUMNS * ROWS]
    wrong = int(np.count_nonzero(answers[shown] != truth[shown]))
    rest = "the worst mistakes" if wrong == len(shown) else "mistakes, then the least certain"
    figure.suptitle(rest if wrong else "no mistakes; the least certain", color=INK, fontsize=11)
    for axes in (grid := figure.subplots(ROWS, COLUMNS)).flat:
        axes.axis("off")
    for axes, index in zip(grid.flat, shown, strict=False):
        picture = pictures[index]
        if len(picture) < 3:
            axes.imshow(picture[0], cmap="gray", vmin=0, vmax=255)
        else:
            axes.imshow(picture[:3].transpose(1, 2, 0))
        said = f"{_short(classes[answers[index]])} {100 * share[index, answers[index]]:.0f} %"
        right = answers[index] == truth[index]
        title = said if right else f"{said}\nis {_short(classes[truth[index]])}"
        axes.set_title(title, fontsize=8, color=SOFT if right else BAD)


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
