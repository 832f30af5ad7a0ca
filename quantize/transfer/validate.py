"""Cross-validation of the whole recipe, float and fixed point.

In each fold everything that looks at labels is done without the pictures that are judged by: cut
and strength are chosen by a cross-validation inside the rest, and the classifier is fitted to it.
For fixed point the classifiers of all folds with the same cut stand side by side as the channels of
one classifier on one trunk, and the quantizer makes integers of them: a channel's integers depend
on the trunk and on its own weights alone.  Its calibration pictures, without labels, are the same
for all folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.network import Network
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import workers
from firebrick.quantize.support.progress import track
from firebrick.quantize.transfer.classifier import (
    FEW_PICTURES,
    Choice,
    Linear,
    Split,
    choose,
    fit_with_copies,
    folds,
    unsettled,
)
from firebrick.quantize.transfer.features import ORIGINAL
from firebrick.quantize.transfer.trunk import with_classifier

BATCH = 32


@dataclass(frozen=True, eq=False)
class Learnt:
    """A classifier, and what it was chosen as."""

    choice: Choice
    classifier: Linear


def learn(features: Mapping[str, np.ndarray], labels: np.ndarray) -> Learnt:
    """The recipe, on features float64 [N, copies, C] of each cut and ``labels`` [N] alone."""
    choice = choose(features, labels)
    fitted = fit_with_copies(features[choice.cut], labels, choice.strength)
    sharp = choice.sharpness
    return Learnt(choice, Linear(fitted.weights * sharp, fitted.bias * sharp))


def learn_all(
    features: Mapping[str, np.ndarray], labels: np.ndarray
) -> tuple[Learnt, list[Split], list[Learnt]]:
    """The recipe on all pictures, the splits of cross-validation, and the recipe in each."""
    splits = folds(labels)
    subsets = [np.arange(len(labels)), *(learning for learning, _ in splits)]
    # Processes: scikit-learn's many small steps make threads wait for the interpreter's lock.
    several = Parallel(n_jobs=workers() if len(labels) > FEW_PICTURES else 1, return_as="generator")
    done = several(delayed(_of_subset)(features, labels, indices) for indices in subsets)
    whole, *parts = track(done, "learn: classifiers", len(subsets))
    return whole, splits, parts


def _of_subset(
    features: Mapping[str, np.ndarray], labels: np.ndarray, indices: np.ndarray
) -> Learnt:
    inside = {cut: values[indices] for cut, values in features.items()}
    # Products this small are twenty times slower with threads of BLAS.
    with threadpool_limits(1), unsettled():
        return learn(inside, labels[indices])


def float_logits(
    features: Mapping[str, np.ndarray], splits: list[Split], parts: list[Learnt]
) -> np.ndarray:
    """Logits float64 [N, K] of every picture by the classifier that has not seen it."""
    found = np.zeros((sum(len(judge) for _, judge in splits), len(parts[0].classifier.bias)))
    for (_, judge), part in zip(splits, parts, strict=True):
        found[judge] = part.classifier.logits(features[part.choice.cut][judge, ORIGINAL])
    return found


def fixed_logits(
    net: Network,
    preprocessing: Preprocessing,
    splits: list[Split],
    parts: list[Learnt],
    pictures: np.ndarray,
    calibration: np.ndarray,
    effort: str,
) -> np.ndarray:
    """As :func:`float_logits`, by the golden model; ``pictures`` and ``calibration`` uint8
    [N, C, H, W]."""
    found = np.zeros((len(pictures), len(parts[0].classifier.bias)))
    for cut in dict.fromkeys(part.choice.cut for part in parts):
        here = [place for place, part in enumerate(parts) if part.choice.cut == cut]
        weights = np.concatenate([parts[place].classifier.weights for place in here])
        bias = np.concatenate([parts[place].classifier.bias for place in here])
        together = with_classifier(net, cut, weights, bias, net.name)
        qnet = quantize_network(together, preprocessing, calibration, effort=effort)
        owner = np.concatenate([np.full(len(splits[p][1]), n) for n, p in enumerate(here)])
        indices = np.concatenate([splits[place][1] for place in here])
        classes = found.shape[1]
        starts = range(0, len(indices), BATCH)
        for start in track(starts, f"validate: fixed point, {cut}", len(starts)):
            batch = slice(start, start + BATCH)
            logits = golden.run(qnet, pictures[indices[batch]]).logits
            own = logits.reshape(len(logits), len(here), classes)
            found[indices[batch]] = own[np.arange(len(own)), owner[batch]]
    return found


def interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson), in percent."""
    z = 1.96
    share = right / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)
