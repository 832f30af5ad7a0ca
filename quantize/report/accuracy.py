"""Top-1, top-5, agreement and SQNR on labelled pictures, float network against golden model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.quantize import golden
from firebrick.quantize.calibration.measure import sqnr_db
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.pictures.preprocess import batches, float_input, list_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.progress import track

BATCH = 16
# Of images that have to measure the network too.
CALIBRATION_LIMIT = 64


@dataclass(frozen=True)
class Accuracy:
    """Figures in percent, rounded as printed; those of the float network are None without it.

    ``agreement`` is the share of images with the float network's first choice, ``logit_sqnr_db``
    the power of the float logits over that of their error.
    """

    float_top1: float | None
    float_top5: float | None
    fixed_top1: float
    fixed_top5: float
    agreement: float | None
    images: int
    logit_sqnr_db: float | None = None


def spread(items: list, limit: int) -> list:
    """At most ``limit`` of ``items``, evenly spaced from the first on: every n-th."""
    step = -(-len(items) // limit)
    return items[::step]


def ranking(logits: np.ndarray, count: int = 5) -> np.ndarray:
    """The ``count`` best classes of each row, best first; of equal ones the lower index."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :count]


def evaluate(
    qnet: QNetwork, net: Network | None, labels: list[Label], batch: int = BATCH
) -> Accuracy:
    """Run golden model, and the float network if given, over every labelled image."""
    pictures = batches([label.path for label in labels], qnet.preprocessing, batch)
    truth = np.array([label.class_index for label in labels])
    return evaluate_batches(qnet, net, pictures, truth, batch)


def evaluate_batches(
    qnet: QNetwork,
    net: Network | None,
    pictures: Iterable[np.ndarray],
    truth: np.ndarray,
    batch: int = BATCH,
) -> Accuracy:
    """As :func:`evaluate`, for pictures uint8 [<= batch, C, H, W] and classes int [N] at hand."""
    model = None if net is None else FloatModel(net)
    fixed, real = [], []
    signal = error = 0.0
    steps = -(-len(truth) // batch)
    for images in track(pictures, f"evaluate: batches of {batch} images", steps):
        answers = golden.run(qnet, images).logits
        fixed.append(ranking(answers))
        if model is not None:
            truths = model.logits(float_input(images, qnet.preprocessing))
            real.append(ranking(truths))
            signal += float(np.vdot(truths, truths))
            error += float(np.sum(np.square(answers - truths)))
    fixed_best = np.concatenate(fixed)
    real_best = np.concatenate(real) if real else None
    return Accuracy(
        float_top1=None if real_best is None else _share(real_best[:, 0] == truth),
        float_top5=None if real_best is None else _share((real_best == truth[:, None]).any(1)),
        fixed_top1=_share(fixed_best[:, 0] == truth),
        fixed_top5=_share((fixed_best == truth[:, None]).any(1)),
        agreement=None if real_best is None else _share(real_best[:, 0] == fixed_best[:, 0]),
        images=len(truth),
        logit_sqnr_db=None if (found := sqnr_db(signal, error)) is None else round(found, 1),
    )


def _share(hits: np.ndarray) -> float:
    return round(100.0 * float(np.mean(hits)), 1)


def calibration_files(
    folder: str | Path | None, labels: list[Label], limit: int = CALIBRATION_LIMIT
) -> tuple[list[Path], str]:
    """Calibration images, and in words which they are.

    From ``folder`` if given, else the labelled images; every n-th in the order of the file names
    (of the labels), so that there are at most ``limit``.
    """
    files = [label.path for label in labels] if folder is None else list_images(folder)
    chosen = spread(files, limit)
    step = -(-len(files) // limit)
    where = "labelled images" if folder is None else f"images in {folder}"
    which = "all" if step == 1 else f"numbers 1, {1 + step}, {1 + 2 * step}, ... of"
    return chosen, f"{len(chosen)} images: {which} the {len(files)} {where}"


def held_out(labels: list[Label], calibration: list[Path]) -> list[Label]:
    """The labelled images that do not calibrate; FirebrickError where none is left."""
    used = {file.resolve() for file in calibration}
    others = [label for label in labels if label.path.resolve() not in used]
    if not others:
        raise FirebrickError(
            f"all {len(labels)} labelled images calibrate the network, none is left to measure "
            "it; give other images with --calibration (CALIBRATION=folder)"
        )
    return others
