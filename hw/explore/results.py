"""A sweep's results as data: JSON of points, fronts and sentences, and a table of all points."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from firebrick.hw.explore.charts import (
    Chart,
    accuracy_front,
    engine_front,
    mebibytes,
    network_front,
    rate,
    usual,
)
from firebrick.hw.explore.designs import Design
from firebrick.hw.explore.engines import Engine
from firebrick.hw.explore.sweep import BOUNDS, Point

HYPER_PARAMETERS = (
    *("base_expand", "incr_expand", "freq", "squeeze_ratio", "pct_3x3", "bypass", "classes"),
    *("first_filters", "first_kernel"),
)


def collect(
    points: Sequence[Point], made: Sequence[Chart], reference: Engine, seconds: float
) -> dict[str, Any]:
    """Everything as JSON data: networks and engines once, points by their numbers in those."""
    networks = list(dict.fromkeys(p.design for p in points))
    engines = list(dict.fromkeys(p.engine for p in points))
    network_of = {design: n for n, design in enumerate(networks)}
    engine_of = {engine: n for n, engine in enumerate(engines)}
    first = {p.design: p for p in reversed(points)}
    own = [p for p in points if p.engine == reference and p.fits and usual(p)]
    return {
        "seconds": round(seconds, 1),
        "count": len(points),
        "reference": reference.board.name,
        "networks": [_network(first[design]) for design in networks],
        "engines": [_engine(engine) for engine in engines],
        "points": [
            {
                "network": network_of[p.design],
                "engine": engine_of[p.engine],
                "cycles": p.speed.cycles or None,
                "frames_per_second": _rounded(p.frames_per_second),
                "fits": p.fits,
                "limit": p.limit,
                "spent": dict(zip(BOUNDS, p.speed.spent, strict=True)) if p.speed.spent else None,
            }
            for p in points
        ],
        "pareto": {
            "networks": [_on_front(p) for p in network_front(own)],
            "accuracy": [_on_front(p) for p in accuracy_front(own)],
            "engines": [
                {
                    "board": p.engine.board.name,
                    "array": str(p.engine.shape),
                    "lut": p.engine.used.lut,
                    "frames_per_second": _rounded(rate(p)),
                }
                for p in engine_front(points)
            ],
        },
        "plots": [{"name": c.name, "title": c.title, "sentence": c.sentence} for c in made],
    }


def _on_front(point: Point) -> dict[str, Any]:
    return {
        "network": point.design.config.name,
        "study": point.design.study,
        "mebibytes": round(mebibytes(point), 3),
        "frames_per_second": _rounded(rate(point)),
        "top5": point.design.top5,
    }


def _network(point: Point) -> dict[str, Any]:
    design, measured = point.design, point.measured
    return {
        "study": design.study,
        "name": design.config.name,
        **hyper_parameters(design),
        "parameters": measured.parameters,
        "macs": measured.macs,
        "float_bytes": measured.float_bytes,
        "fixed_bytes": measured.fixed_bytes,
        "top5": design.top5,
    }


def hyper_parameters(design: Design) -> dict[str, Any]:
    """Those of a network that the sweep varies."""
    config = design.config
    return {
        **{name: getattr(config, name) for name in HYPER_PARAMETERS},
        "pool_after": " ".join(config.pool_after),
        "input_size": config.input_size[0],
    }


def _engine(engine: Engine) -> dict[str, Any]:
    shape = engine.shape
    return {
        "board": engine.board.name,
        "chip": engine.board.chip.name,
        "clock_mhz": engine.hertz / 1e6,
        "pump": engine.pump,
        "array": str(shape),
        "act_words": shape.act_words,
        "weight_words": shape.weight_words,
        "bias_pairs": shape.bias_pairs,
        **asdict(engine.used),
        "fits": not engine.lacking,
        "lacking": list(engine.lacking),
    }


def table(points: Sequence[Point]) -> str:
    """All points as comma-separated values, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    networks: dict[Design, dict] = {}
    engines: dict[Engine, dict] = {}
    for number, point in enumerate(points):
        network = networks.setdefault(point.design, _network(point))
        engine = engines.setdefault(point.engine, _engine(point.engine))
        row = {
            **network,
            **{name: value for name, value in engine.items() if name not in ("fits", "lacking")},
            "cycles": point.speed.cycles or "",
            "frames_per_second": _rounded(point.frames_per_second) or "",
            "array_use": _rounded(point.use) or "",
            **{f"cycles_{cause}": 0 for cause in BOUNDS},
            **{
                f"cycles_{cause}": cycles
                for cause, cycles in zip(BOUNDS, point.speed.spent, strict=False)
            },
            "fits": int(point.fits),
            "limit": point.limit,
        }
        if not number:
            writer.writerow(row)
        writer.writerow(row.values())
    return text.getvalue()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
