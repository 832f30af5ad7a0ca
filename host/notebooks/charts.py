"""The notebook's pictures, drawn with matplotlib: answers, cycles of every group, speeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from firebrick.host.detection import Detections, detect
from firebrick.host.program import Program
from firebrick.host.results import Profile, Result

BUSY = "#2f6f9f"
BEST = "#8ccf9d"
OTHER = "#cdd6dd"
TEXT = "#33414d"
# Of boxes; without the grey of matplotlib's, which is not seen on grey pictures.
COLOURS = tuple(f"C{number}" for number in range(10) if number != 7)
CAUSES = {
    "weights": "#d9822b",
    "input": "#c23030",
    "output": "#8f5db7",
    "drain": "#e0b94a",
    "switch": "#7f8c99",
}
LONGEST_NAME = 26


def answers(
    pictures: Sequence[np.ndarray],
    names: Sequence[str],
    results: Sequence[Result],
    program: Program,
    best: int = 5,
) -> Figure:
    """Every picture (uint8 [C, H, W] or [H, W, C]) beside its ``best`` most probable classes; of a
    detector with its boxes, beside the ``best`` of them; of another network that ends in feature
    maps beside the first one, the mean of its channels."""
    columns = min(2, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, axes = pyplot.subplots(
        rows,
        2 * columns,
        figsize=(6.2 * columns, 2.5 * rows),
        width_ratios=[1, 1.6] * columns,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat[2 * len(pictures) :]:
        axis.axis("off")
    cells = axes.reshape(-1, 2)
    for (left, right), picture, name, result in zip(cells, pictures, names, results, strict=False):
        left.imshow(_drawable(picture), cmap="gray", interpolation="nearest")
        left.set_title(name, fontsize=11, color=TEXT)
        left.axis("off")
        found = detect(result, program)
        if found is not None:
            boxes(left, found, program.classes)
            scores = zip(found.named(program.classes), found.scores.tolist(), strict=True)
            top = list(scores)[:best]
        elif result.maps:
            name, values = next(iter(result.values.items()))
            right.imshow(values.mean(axis=0))
            right.set_title(name, fontsize=11, color=TEXT)
            right.axis("off")
            continue
        else:
            top = result.top_k(best)
        places = np.arange(len(top))
        colours = ([BEST] + [OTHER] * (best - 1))[: len(top)]
        right.barh(places, [p for _, p in top], color=colours, height=0.72)
        for place, (label, probability) in enumerate(top):
            text = f"{_short(label)}  {probability:.1%}"
            right.text(0.02, place, text, va="center", fontsize=11, color=TEXT)
        right.set_xlim(0, 1)
        right.invert_yaxis()
        _bare(right)
    return figure


def boxes(axis: pyplot.Axes, found: Detections, classes: Sequence[str]) -> None:
    """Outline what was found on a picture, each class in a colour of its own, the surest on top."""
    names, kinds = found.named(classes), found.classes.tolist()
    outlines = list(zip(found.boxes, names, kinds, strict=True))
    for (left, top, right, bottom), name, kind in reversed(outlines):
        colour = COLOURS[kind % len(COLOURS)]
        axis.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=colour)
        axis.text(
            left,
            top,
            _short(name),
            fontsize=9,
            color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
        )


def _drawable(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W] or [H, W, 3] for imshow."""
    if picture.shape[0] in (1, 3):
        picture = picture.transpose(1, 2, 0)
    return picture[..., 0] if picture.shape[-1] == 1 else picture


def _short(label: str) -> str:
    first = label.split(",")[0]
    return first if len(first) <= LONGEST_NAME else first[: LONGEST_NAME - 1] + "…"


def cycles(profile: Profile, macs_per_cycle: int) -> Figure:
    """Cycles of every group: the array busy, or idle by cause; a mark where no stall would end.

    ``macs_per_cycle`` is the array's size; the percentage is how much of it did useful work.
    """
    groups = profile.groups
    figure, axis = pyplot.subplots(figsize=(9, 0.42 * len(groups) + 1.3), layout="constrained")
    places = np.arange(len(groups))
    left = np.zeros(len(groups))
    parts = {"busy": ([g.active for g in groups], BUSY)}
    for cause, colour in CAUSES.items():
        values = [g.stalls.get(cause, 0) for g in groups]
        if any(values):
            parts[f"waits: {cause}"] = (values, colour)
    for label, (values, colour) in parts.items():
        axis.barh(places, values, left=left, color=colour, height=0.7, label=label)
        left += np.array(values)
    ideal = [g.ideal_cycles for g in groups]
    axis.plot(ideal, places, "|", color="black", markersize=13, label="ideal")
    longest = max(left.max(), 1)
    for place, group in enumerate(groups):
        share = group.macs / (group.cycles * macs_per_cycle) if group.cycles else 0.0
        text = f" {group.cycles:,}  ({share:.0%} of the MACs)"
        axis.text(left[place] + longest * 0.01, place, text, va="center", fontsize=9, color=TEXT)
    axis.set_yticks(places, [g.name for g in groups])
    axis.set_xlim(0, longest * 1.32)
    axis.invert_yaxis()
    axis.set_xlabel("cycles")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(parts) + 1,
        frameon=False,
        fontsize=9,
        handlelength=1.2,
        columnspacing=1.4,
    )
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def speeds(milliseconds: Mapping[str, float]) -> Figure:
    """Milliseconds a picture, one bar a way of computing it; the first one is the engine's."""
    figure, axis = pyplot.subplots(figsize=(9, 0.5 * len(milliseconds) + 0.9), layout="constrained")
    places = np.arange(len(milliseconds))
    values = list(milliseconds.values())
    colours = [BUSY] + [OTHER] * (len(values) - 1)
    axis.barh(places, values, color=colours, height=0.66)
    for place, value in enumerate(values):
        text = f" {value:,.2f} ms, {1000 / value:,.1f} frames/s"
        axis.text(value, place, text, va="center", fontsize=10, color=TEXT)
    axis.set_yticks(places, list(milliseconds))
    axis.set_xlim(0, max(values) * 1.45)
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds a picture")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _bare(axis: pyplot.Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
