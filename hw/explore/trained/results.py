"""What training found as JSON data, and the tables of its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firebrick.hw.explore.charts import Chart
from firebrick.hw.explore.engines import Engine
from firebrick.hw.explore.results import HYPER_PARAMETERS
from firebrick.hw.explore.trained.claims import Finding
from firebrick.hw.explore.trained.plots import front_of
from firebrick.hw.explore.trained.points import CONFIDENCE, Point, Sample


def collect(
    points: Sequence[Point],
    found: Sequence[Finding],
    made: Sequence[Chart],
    engine: Engine,
    run: dict[str, Any],
) -> dict[str, Any]:
    """Everything; ``run`` is what was trained on and how."""
    return {
        **run,
        "board": engine.board.name,
        "array": str(engine.shape),
        "confidence": CONFIDENCE,
        "points": [_point(p) for p in points],
        "claims": [f.facts() for f in found],
        "front": [p.trainee.config.name for p in front_of(points)],
        "plots": [{"name": c.name, "title": c.title, "sentence": c.sentence} for c in made],
    }


def _point(point: Point) -> dict[str, Any]:
    one = point.trainee
    config = one.config
    return {
        "study": one.study,
        "condition": one.condition,
        "value": one.value,
        **{name: getattr(config, name) for name in HYPER_PARAMETERS},
        "pool_after": " ".join(config.pool_after),
        "parameters": one.parameters,
        "cycles": one.cycles,
        "float": point.real.facts(),
        "fixed": point.fixed.facts(),
        "fixed_less_float": point.fixed.minus(point.real).facts(),
    }


def tables(points: Sequence[Point], found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The claims, and all points."""
    return [
        {
            "title": "The paper's claims",
            "heads": ("claim", "at", "networks", "float, points", "fixed point, points", "verdict"),
            "rows": [
                (
                    f"{f.claim.strategy}: {f.claim.says}",
                    f.claim.condition,
                    f"{f.claim.better} against {f.claim.worse}",
                    f.real.told("+"),
                    f.fixed.told("+"),
                    f.verdict,
                )
                for f in found
            ],
        },
        {
            "title": "All networks: mean and deviation over the seeds",
            "heads": ("network", "parameters", "cycles", "float, %", "fixed point, %"),
            "rows": [
                (
                    p.trainee.config.name,
                    f"{p.trainee.parameters:,}",
                    f"{p.trainee.cycles:,}",
                    _spread(p.real),
                    _spread(p.fixed),
                )
                for p in points
            ],
        },
    ]


def _spread(sample: Sample) -> str:
    return f"{sample.mean:.1f} (s = {sample.deviation:.1f})"
