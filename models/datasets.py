"""Labelled pictures to train small networks on, which packages ship: handwritten digits of
scikit-learn, Fashion-MNIST of Debian's dataset-fashion-mnist.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.models.digits import CLASSES as DIGITS
from firebrick.models.digits import SOURCE_MAX
from firebrick.models.idx import read_idx
from firebrick.quantize.errors import FirebrickError

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_PACKAGE = "dataset-fashion-mnist"
FASHION = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag"),
    "ankle boot",
)
FASHION_FILES = ("{}-images-idx3-ubyte", "{}-labels-idx1-ubyte")
FASHION_PARTS = ("train", "t10k")
NAMES = ("digits", "fashion")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures uint8 [N, 1, H, W] and their classes int64 [N].

    Where the first ``training`` of them are for training by their makers' will, only those are
    trained on and the others are held out; where it is 0 a split may cut anywhere.
    """

    name: str
    title: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    training: int = 0


@dataclass(frozen=True, eq=False)
class Split:
    """What is trained on and what is held out."""

    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray


def dataset(name: str, folder: str | Path | None = None) -> Dataset:
    """The data called ``name``, one of :data:`NAMES`; Fashion-MNIST lies in ``folder``, else where
    Debian puts it."""
    if name == "digits":
        return _digits()
    if name == "fashion":
        return _fashion(FASHION_FOLDER if folder is None else Path(folder))
    raise FirebrickError(f"data {name!r}: not one of {', '.join(NAMES)}")


def split(data: Dataset, training: int, held_out: int, seed: int) -> Split:
    """So many pictures to train on and to hold out, drawn by ``seed``; of the former as many of
    each class as of any other, give or take one.

    Other networks get the same ones for the same seed, so that they can be compared in pairs.
    FirebrickError where there are too few.
    """
    rng = np.random.default_rng([seed, len(data.labels)])
    end = data.training or len(data.labels)
    order = rng.permutation(end)
    # The n-th of its class, for every picture: sorted by that, classes take turns.
    turn = np.empty(end, np.int64)
    for label in range(len(data.classes)):
        own = np.flatnonzero(data.labels[order] == label)
        turn[own] = np.arange(len(own))
    order = order[np.argsort(turn, kind="stable")]
    chosen = order[:training]
    rest = order[training:] if not data.training else np.arange(end, len(data.labels))
    held = np.sort(rng.permutation(rest)[:held_out])
    if len(chosen) < training or len(held) < held_out:
        raise FirebrickError(
            f"{data.title}: {len(data.labels)} pictures are too few for {training} to train on and "
            f"{held_out} held out"
        )
    return Split(data.images[chosen], data.labels[chosen], data.images[held], data.labels[held])


def _digits() -> Dataset:
    # Imported here: scikit-learn takes long to load.
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = np.rint(digits.images * (255 / SOURCE_MAX)).astype(np.uint8)
    return Dataset(
        "digits",
        "Handwritten digits of scikit-learn (8x8)",
        grey[:, None],
        digits.target.astype(np.int64),
        DIGITS,
    )


def _fashion(folder: Path) -> Dataset:
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for part in FASHION_PARTS:
        for which, dimensions, into in zip(FASHION_FILES, (3, 1), (images, labels), strict=True):
            into.append(read_idx(_found(folder, which.format(part)), dimensions))
        if len(images[-1]) != len(labels[-1]):
            raise FirebrickError(
                f"{folder}: {len(images[-1])} pictures but {len(labels[-1])} classes in {part}"
            )
    classes = np.concatenate(labels).astype(np.int64)
    if len(classes) and classes.max() >= len(FASHION):
        raise FirebrickError(
            f"{folder}: a picture has class {classes.max()}; Fashion-MNIST has 0 to 9"
        )
    return Dataset(
        "fashion",
        "Fashion-MNIST (28x28)",
        np.concatenate(images)[:, None],
        classes,
        FASHION,
        len(images[0]),
    )


def _found(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise FirebrickError(
        f"{folder / name}.gz: not there; Fashion-MNIST comes with apt-get install "
        f"{FASHION_PACKAGE}, or name the folder of its four idx files with --folder"
    )
