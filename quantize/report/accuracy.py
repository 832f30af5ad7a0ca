"""Top-1, top-5, agreement and SQNR on labelled pictures, float network against golden model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.calibration.measure import sqnr_db
from firebrick.quantize.calibration.reference import Reference
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.pictures.preprocess import batches
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.progress import track

BATCH = 16
# Of images that have to measure the network too.
CALIBRATION_LIMIT = 64


@dataclass(frozen=True)
class Accuracy:
    """Figures in percent, rounded as printed; those of the reference are None without it.

    ``agreement`` is the share of images with the reference's first choice, ``logit_sqnr_db`` the
    power of its logits over that of their error, None where it shows no logits, and ``oracle`` its
    name.
    """

    float_top1: float | None
    float_top5: float | None
    fixed_top1: float
    fixed_top5: float
    agreement: float | None
    images: int
    logit_sqnr_db: float | None = None
    oracle: str | None = None


def spread(items: list, limit: int) -> list:
    """At most ``limit`` of ``items``, evenly spaced from the first on: every n-th."""
    step = max(1, -(-len(items) // limit))
    return items[::step]


def ranking(logits: np.ndarray, count: int = 5) -> np.ndarray:
    """The ``count`` best classes of each row, best first; of equal ones the lower index."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :count]


def evaluate(
    qnet: QNetwork, reference: Reference | None, labels: list[Label], batch: int = BATCH
) -> Accuracy:
    """Run golden model, and the reference if given, over every labelled image."""
    pictures = batches([label.path for label in labels], qnet.preprocessing, batch)
    truth = np.array([label.class_index for label in labels])
    return evaluate_batches(qnet, reference, pictures, truth, batch)


def evaluate_batches(
    qnet: QNetwork,
    reference: Reference | None,
    pictures: Iterable[np.ndarray],
    truth: np.ndarray,
    batch: int = BATCH,
) -> Accuracy:
    """As :func:`evaluate`, for pictures uint8 [<= batch, C, H, W] and classes int [N] at hand."""
    steps = -(-len(truth) // batch)
    shown = track(pictures, f"evaluate: batches of {batch} images", steps)
    return total([count(qnet, reference, images) for images in shown], truth, reference)


def count(qnet: QNetwork, reference: Reference | None, images: np.ndarray) -> dict[str, Any]:
    """What :func:`total` must know of a batch of pictures uint8 [n, C, H, W], as JSON data: the
    best classes of golden model and reference, the power of the latter's logits and of their error.
    """
    answers = golden.run(qnet, images).logits
    found: dict[str, Any] = {"fixed": ranking(answers).tolist()}
    if reference is not None:
        truths = reference.run(images)
        found["real"] = ranking(truths).tolist()
        found["signal"] = float(np.vdot(truths, truths))
        found["error"] = float(np.sum(np.square(answers - truths)))
    return found


def total(
    batches: Sequence[Mapping[str, Any]], truth: np.ndarray, reference: Reference | None
) -> Accuracy:
    """The figures of all batches, in their order; ``truth`` int [N]."""
    fixed_best = np.concatenate([np.array(batch["fixed"]) for batch in batches])
    real_best = None
    sqnr = None
    if reference is not None:
        real_best = np.concatenate([np.array(batch["real"]) for batch in batches])
        signal = error = 0.0
        for batch in batches:
            signal += batch["signal"]
            error += batch["error"]
        sqnr = sqnr_db(signal, error) if reference.logits else None
    return Accuracy(
        float_top1=None if real_best is None else _share(real_best[:, 0] == truth),
        float_top5=None if real_best is None else _share((real_best == truth[:, None]).any(1)),
        fixed_top1=_share(fixed_best[:, 0] == truth),
        fixed_top5=_share((fixed_best == truth[:, None]).any(1)),
        agreement=None if real_best is None else _share(real_best[:, 0] == fixed_best[:, 0]),
        images=len(truth),
        logit_sqnr_db=None if sqnr is None else round(sqnr, 1),
        oracle=None if reference is None else reference.name,
    )


def _share(hits: np.ndarray) -> float:
    return round(100.0 * float(np.mean(hits)), 1)


def calibration_files(
    files: list[Path], where: str, limit: int = CALIBRATION_LIMIT
) -> tuple[list[Path], str]:
    """Every n-th of ``files``, so that there are at most ``limit``, and in words which they are;
    ``where`` names them all."""
    chosen = spread(files, limit)
    step = -(-len(files) // limit)
    which = "all" if step == 1 else f"numbers 1, {1 + step}, {1 + 2 * step}, ... of"
    return chosen, f"{len(chosen)} images: {which} the {len(files)} {where}"
