"""The report of a quantized network as one HTML page that needs no other file.

What it shows is plain JSON data (:func:`collect`), so that the same figures can be read by a
program.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.histogram import Histogram
from firebrick.quantize.support.templates import environment

TEMPLATES = Path(__file__).with_name("templates")
TEMPLATE = "report.html.j2"
CHART_WIDTH, CHART_HEIGHT = 320, 84
# A layer below this is marked: 20 dB means an error of a tenth of the signal.
WEAK_DB = 20.0


@dataclass(frozen=True)
class Size:
    """The network in one form."""

    form: str
    bytes: int


@dataclass(frozen=True)
class BoardSpeed:
    """What a board is predicted to do; ``problem`` says why it cannot, in words."""

    board: str
    array: str
    clock_mhz: float
    cycles: int | None
    frames_per_second: float | None
    problem: str = ""


def collect(
    qnet: QNetwork,
    *,
    weights: Mapping[str, Histogram],
    activations: Mapping[str, Histogram],
    sizes: Sequence[Size],
    boards: Sequence[BoardSpeed],
    accuracy: Mapping[str, object] | None = None,
) -> dict:
    """Everything that the page shows, as JSON data: ``qnet.report`` and what is given here."""
    limit = qnet.report["accumulator_bits"]
    layers = []
    for entry in qnet.report["layers"]:
        histograms = {"weights": weights[entry["name"]]}
        if entry["name"] in activations:
            histograms["activations"] = activations[entry["name"]]
        layers.append(
            {
                **entry,
                "head_room_bits": limit - entry["accumulator_bits"],
                "histograms": {name: asdict(h) for name, h in histograms.items()},
            }
        )
    data = {
        **{name: value for name, value in qnet.report.items() if name != "layers"},
        "classes": len(qnet.classes) or None,
        "input": list(qnet.tensors[qnet.input].shape),
        "layers": layers,
        "sizes": [asdict(size) for size in sizes],
        "boards": [asdict(board) for board in boards],
        "accuracy": None if accuracy is None else dict(accuracy),
    }
    return json.loads(json.dumps(data))


def render(data: Mapping) -> str:
    """The page for what :func:`collect` gave."""
    templates = environment(TEMPLATES, html=True)
    templates.filters.update(decibel=_decibel, span=_span, size=_size, percent=_percent)
    measured = [la for la in data["layers"] if la.get("sqnr_db") is not None]
    worst = sorted(measured, key=lambda layer: layer["sqnr_db"])
    rest = [layer for layer in data["layers"] if layer not in worst]
    charts = {
        layer["name"]: {what: chart(histogram) for what, histogram in layer["histograms"].items()}
        for layer in data["layers"]
    }
    return templates.get_template(TEMPLATE).render(
        data=data,
        in_order=measured,
        worst_first=worst + rest,
        charts=charts,
        weak_db=WEAK_DB,
        width=CHART_WIDTH,
        height=CHART_HEIGHT,
        largest_size=max((size["bytes"] for size in data["sizes"]), default=1),
    )


def chart(histogram: Mapping) -> dict[str, str]:
    """Outlines of both histograms for an SVG path, heights logarithmic in the counts."""
    counts = [*histogram["before"], *histogram["after"], 1]
    top = math.log1p(max(counts))

    def outline(values: Sequence[int]) -> str:
        step = CHART_WIDTH / len(values)
        points = [f"M0 {CHART_HEIGHT}"]
        for i, value in enumerate(values):
            y = CHART_HEIGHT * (1 - math.log1p(value) / top)
            points.append(f"L{i * step:.1f} {y:.1f}L{(i + 1) * step:.1f} {y:.1f}")
        return "".join(points) + f"L{CHART_WIDTH} {CHART_HEIGHT}Z"

    return {"before": outline(histogram["before"]), "after": outline(histogram["after"])}


def _decibel(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} dB"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f} %"


def _span(values: Sequence[int] | None) -> str:
    if values is None:
        return "–"
    low, high = values
    return str(low) if low == high else f"{low} … {high}"


def _size(value: int) -> str:
    return f"{value / 1e6:.2f} MB" if value >= 100_000 else f"{value / 1e3:.1f} kB"
