"""A linear classifier on features, its regularization and its cut chosen by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from firebrick.quantize.transfer.features import ORIGINAL

# Strengths that compete, the more regularized first: the inverse of the penalty, times the number
# of examples.  The weakest hardly differs from none, the strongest from comparing with the mean of
# each class.
STRENGTHS = (0.003, 0.03, 0.3, 3.0)
# More folds learn from more of the pictures, which counts where they are few.
FEW_PICTURES, FOLDS_OF_FEW, FOLDS = 200, 10, 5
INNER_FOLDS = 5
ITERATIONS = 200
TOLERANCE = 1e-4
# A classifier that makes no mistake at all is not stated to be surer than this factor makes it.
LARGEST_SHARPNESS = 1e3


@dataclass(frozen=True, eq=False)
class Linear:
    """logits = weights @ features + bias, float64 [K, C] and [K]."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Of features [N, C]: [N, K]."""
        return rows @ self.weights.T + self.bias


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose: a cut, a strength, and the factor that makes the logits'
    softmax a probability; ``accuracy`` in percent is that of the choice on the pictures that it
    was chosen by, and so a little too good."""

    cut: str
    strength: float
    sharpness: float
    accuracy: float


Split = tuple[np.ndarray, np.ndarray]


def folds(labels: np.ndarray, count: int | None = None, seed: int = 0) -> list[Split]:
    """(indices to learn from, indices to judge by): every picture is judged by once.

    A picture is one index, its mirror image goes where it goes.  The shares of the classes are
    kept; there are at most as many folds as the smallest class has pictures.
    """
    if count is None:
        count = FOLDS_OF_FEW if len(labels) <= FEW_PICTURES else FOLDS
    count = min(count, int(np.bincount(labels).min()))
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels))


def fit(rows: np.ndarray, labels: np.ndarray, strength: float) -> Linear:
    """Logistic regression on features [N, C] of ``labels`` [N], every class weighing the same."""
    return next(iter(_path(rows, labels, (strength,))))


def fit_with_copies(features: np.ndarray, labels: np.ndarray, strength: float) -> Linear:
    """As :func:`fit`, of features [N, copies, C]."""
    count, copies, width = features.shape
    return fit(features.reshape(count * copies, width), np.repeat(labels, copies), strength)


def _path(rows: np.ndarray, labels: np.ndarray, strengths: tuple[float, ...]) -> Iterator[Linear]:
    """A classifier for each of ``strengths``, which must grow: each starts from the one before.

    The features are centred and scaled by one factor, so that a strength means the same for all
    networks.  Where there are fewer pictures than features they are turned into as many: the
    penalty does not change under a rotation, and what no picture spans gets no weight.
    """
    centre = rows.mean(axis=0)
    scale = float(np.sqrt(rows.var(axis=0).mean())) or 1.0
    scaled = (rows - centre) / scale
    basis = None
    if len(rows) < rows.shape[1]:
        left, sizes, basis = np.linalg.svd(scaled, full_matrices=False)
        scaled = left * sizes
    model = LogisticRegression(
        class_weight="balanced", max_iter=ITERATIONS, tol=TOLERANCE, warm_start=True
    )
    for strength in strengths:
        model.set_params(C=strength / len(rows))
        model.fit(scaled, labels)
        weights, bias = model.coef_, model.intercept_
        if len(weights) == 1:
            # Two classes are one number in scikit-learn; as two, their softmax is its sigmoid.
            weights, bias = np.concatenate((-weights, weights)) / 2, np.append(-bias, bias) / 2
        weights = (weights if basis is None else weights @ basis) / scale
        yield Linear(weights, bias - weights @ centre)


def choose(features: Mapping[str, np.ndarray], labels: np.ndarray, seed: int = 0) -> Choice:
    """The cut of ``features`` (float64 [N, copies, C] each) and the strength with the most right
    answers in cross-validation on these pictures alone; of equals the later cut, then the stronger
    regularization."""
    best: Choice | None = None
    splits = folds(labels, INNER_FOLDS, seed)
    classes = int(labels.max()) + 1
    for cut, values in reversed(list(features.items())):
        rows = values[:, ORIGINAL]
        logits = np.zeros((len(STRENGTHS), len(labels), classes))
        for learn, judge in splits:
            path = _path(rows[learn], labels[learn], STRENGTHS)
            for place, classifier in enumerate(path):
                logits[place, judge] = classifier.logits(rows[judge])
        right = np.mean(logits.argmax(axis=2) == labels, axis=1) * 100.0
        place = int(right.argmax())
        if best is None or right[place] > best.accuracy:
            sharp = sharpness(logits[place], labels)
            best = Choice(cut, STRENGTHS[place], sharp, float(right[place]))
    assert best is not None
    return best


@contextmanager
def unsettled() -> Iterator[None]:
    """The weakest regularizations may not settle; cross-validation judges what they give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def sharpness(logits: np.ndarray, labels: np.ndarray) -> float:
    """The factor on ``logits`` [N, K] with which their softmax fits ``labels`` best.

    Regularized logits are too flat to be probabilities; a factor changes no answer.
    """

    def loss(power: float) -> float:
        scaled = logits * np.exp(power)
        taken = np.take_along_axis(scaled, labels[:, None], axis=1)[:, 0]
        return float(np.mean(logsumexp(scaled, axis=1) - taken))

    limit = np.log(LARGEST_SHARPNESS)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))
