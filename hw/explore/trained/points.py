"""What training found: accuracies of a network's seeds, their mean, deviation and error bar, and
differences of two networks over the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from firebrick.hw.explore.trained.family import Trainee

# An error bar is this confidence interval of the mean, by Student's t.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sample:
    """Figures of several seeds, in their order."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Of one seed from another: with n - 1; 0 for one seed, of which nothing is known."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def bar(self) -> float:
        """Half of the confidence interval of the mean; infinite for one seed."""
        count = len(self.values)
        return student(count) * self.deviation / count**0.5 if count > 1 else float("inf")

    def told(self, sign: str = "") -> str:
        """The mean with its error bar, if there is one; with a sign where that is "+"."""
        bar = f" ± {self.bar:.1f}" if len(self.values) > 1 else ""
        return f"{self.mean:{sign}.1f}{bar}"

    def minus(self, other: Sample) -> Sample:
        """Differences, seed by seed: both were trained and judged on the same pictures."""
        return Sample(tuple(a - b for a, b in zip(self.values, other.values, strict=True)))

    def facts(self) -> dict:
        """As JSON data."""
        bar = round(self.bar, 4) if np.isfinite(self.bar) else None
        return {
            "mean": round(self.mean, 4),
            "deviation": round(self.deviation, 4),
            "bar": bar,
            "seeds": [round(value, 4) for value in self.values],
        }


@cache
def student(count: int) -> float:
    """What CONFIDENCE takes of Student's distribution, for so many figures."""
    # Imported here: it takes long to load.
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, count - 1))


@dataclass(frozen=True)
class Point:
    """A network of a study and its accuracy on held-out pictures, in percent."""

    trainee: Trainee
    real: Sample
    fixed: Sample


def find(points: Iterable[Point], study: str, condition: str, value: str) -> Point | None:
    """The point of a choice, if it was trained."""
    for point in points:
        one = point.trainee
        if (one.study, one.condition, one.value) == (study, condition, value):
            return point
    return None


def of(points: Iterable[Point], study: str, condition: str) -> list[Point]:
    """The points of a study under a condition, in its order."""
    return [p for p in points if (p.trainee.study, p.trainee.condition) == (study, condition)]


def one_task(points: Iterable[Point]) -> list[Point]:
    """The points whose networks tell the most classes apart: accuracies among fewer are those of
    an easier task."""
    points = list(points)
    most = max((p.trainee.config.classes for p in points), default=0)
    return [p for p in points if p.trainee.config.classes == most]


def distinct(points: Sequence[Point]) -> list[Point]:
    """Each network once: those of several studies are the same samples."""
    return list({(p.real, p.fixed, p.trainee.parameters): p for p in points}.values())
