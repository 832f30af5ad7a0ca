"""What the paper claims of its choices, each as a difference of two networks that is known before
anything is trained, and whether it held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firebrick.hw.explore.trained.family import (
    BYPASS,
    CYCLES,
    FILTERS,
    PARAMETERS,
    POOLING,
    POOLINGS,
    SHARE,
    SQUEEZE,
    SQUEEZE_RATIOS,
)
from firebrick.hw.explore.trained.points import Point, Sample, find, of

HELD, REFUTED, OPEN = VERDICTS = ("held", "did not hold", "open")


@dataclass(frozen=True)
class Claim:
    """That of two networks of a study ``better`` is the more accurate one."""

    strategy: str
    says: str
    study: str
    condition: str
    better: str
    worse: str


_EARLY, _LATE = ", ".join(POOLINGS[0]), ", ".join(POOLINGS[-1])
_MOSTLY_3X3 = "94%"
CLAIMS = (
    *(
        Claim("1", "1x1 filters in place of 3x3", SHARE, condition, "50%", _MOSTLY_3X3)
        for condition in (PARAMETERS, CYCLES)
    ),
    *(
        Claim("2", "fewer inputs to 3x3 filters", SQUEEZE, condition, "0.25", "1")
        for condition in (PARAMETERS, CYCLES)
    ),
    *(
        Claim("3", "late downsampling", POOLING, condition, _LATE, _EARLY)
        for condition in (PARAMETERS, CYCLES)
    ),
    Claim("figure 3a", "more squeeze filters", SQUEEZE, FILTERS, "0.75", "0.125"),
    Claim("figure 3b", "half of the filters 3x3", SHARE, FILTERS, "50%", "6%"),
    Claim("table 3", "simple bypass", BYPASS, FILTERS, "simple", "none"),
    Claim("table 3", "simple rather than complex bypass", BYPASS, FILTERS, "simple", "complex"),
)


@dataclass(frozen=True)
class Finding:
    """A claim, and by how many percent points the network that it favours was the better one."""

    claim: Claim
    better: Point
    worse: Point

    @property
    def real(self) -> Sample:
        return self.better.real.minus(self.worse.real)

    @property
    def fixed(self) -> Sample:
        return self.better.fixed.minus(self.worse.fixed)

    @property
    def verdict(self) -> str:
        """By the float networks, which the paper's are."""
        return verdict(self.real)

    def facts(self) -> dict:
        """As JSON data."""
        claim = self.claim
        return {
            "strategy": claim.strategy,
            "says": claim.says,
            "study": claim.study,
            "condition": claim.condition,
            "better": claim.better,
            "worse": claim.worse,
            "difference": self.real.facts(),
            "difference_fixed": self.fixed.facts(),
            "verdict": self.verdict,
            "verdict_fixed": verdict(self.fixed),
        }


def verdict(difference: Sample) -> str:
    """Held, or did not, where zero is outside of the error bar of the differences; else open."""
    if difference.mean > difference.bar:
        return HELD
    return REFUTED if difference.mean < -difference.bar else OPEN


def findings(points: Sequence[Point]) -> list[Finding]:
    """What is known of each claim whose networks were trained."""
    return list(_findings(points))


def _findings(points: Sequence[Point]) -> Iterator[Finding]:
    for claim in CLAIMS:
        better, worse = (
            find(points, claim.study, claim.condition, value)
            for value in (claim.better, claim.worse)
        )
        if better and worse:
            yield Finding(claim, better, worse)


def enough(points: Sequence[Point]) -> Point | None:
    """The smallest squeeze ratio that no larger one was more accurate than, beyond the error bar of
    the differences; None where there is no such bar."""
    rising = of(points, SQUEEZE, FILTERS)
    if len(rising) < len(SQUEEZE_RATIOS) or len(rising[0].real.values) < 2:
        return None
    for number, point in enumerate(rising):
        if not any(verdict(p.real.minus(point.real)) == HELD for p in rising[number + 1 :]):
            return point
    return None
