"""The demo's picture: what was shown, what the engine sees in it, and where its cycles go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.host.detection import Detections
from firebrick.host.results import Profile, Result
from firebrick.quantize.support.files import write_atomically

RIGHT, WRONG, NEUTRAL = "#1a7f37", "#c62828", "#3465a4"
SHOWN, BARS = 8, 5
NAME_LETTERS = 22
LABEL_PIXELS = 12
# Of matplotlib's, without its grey, which is not seen on grey pictures.
COLOURS = tuple(f"C{number}" for number in range(10) if number != 7)


def draw(
    path: Path,
    title: str,
    images: np.ndarray,
    names: tuple[str, ...],
    results: list[Result],
    truth: np.ndarray | None,
    profile: Profile,
    found: Sequence[Detections | None] = (),
    classes: Sequence[str] = (),
) -> None:
    """Write the picture: up to eight of ``images`` (uint8 [N, C, H, W]) with the five likeliest
    classes, green and red where the class is known (``truth``, -1: not), and beneath them the
    cycles of every group, idle ones by cause.

    A detector's pictures show the boxes in ``found``, with the surest of them beneath; of another
    network that ends in maps the first map is beneath, the mean of its channels.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    count = min(len(images), SHOWN)
    columns = min(3 if count in (5, 6) else 4, count)
    rows = -(-count // columns)
    figure = pyplot.figure(figsize=(3.1 * columns + 1, 3.9 * rows + 3.6), layout="constrained")
    ratios = [x for _ in range(rows) for x in (2.5, 1.2)] + [2.6]
    grid = figure.add_gridspec(2 * rows + 1, columns, height_ratios=ratios)
    for i in range(count):
        row, column = divmod(i, columns)
        known = truth is not None and truth[i] >= 0
        right = known and truth is not None and int(results[i].logits.argmax()) == int(truth[i])
        colour = (RIGHT if right else WRONG) if known else NEUTRAL
        photo, below = (figure.add_subplot(grid[2 * row + n, column]) for n in (0, 1))
        _photo(photo, images[i], names[i])
        boxes = found[i] if found else None
        if boxes is not None:
            _boxes(photo, boxes, classes)
            _bars(
                below, list(zip(boxes.named(classes), boxes.scores.tolist(), strict=True)), NEUTRAL
            )
        elif results[i].maps:
            _map(below, results[i])
        else:
            _bars(below, results[i].top_k(BARS), colour)
    _cycles(figure.add_subplot(grid[2 * rows, :]), profile)
    figure.suptitle(title, fontsize=13)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=90))
    pyplot.close(figure)


def _photo(axis: Any, image: np.ndarray, name: str) -> None:
    # Of a gray picture with alpha, or any two maps, the first is shown.
    axis.imshow(image[0] if len(image) < 3 else image[:3].transpose(1, 2, 0), cmap="gray")
    axis.set_title(name, fontsize=10)
    axis.axis("off")


def _boxes(axis: Any, found: Detections, classes: Sequence[str]) -> None:
    # The surest last, so that it is on top.
    boxes = list(
        zip(found.boxes.tolist(), found.named(classes), found.classes.tolist(), strict=True)
    )
    for (left, top, right, bottom), name, kind in reversed(boxes):
        colour = COLOURS[kind % len(COLOURS)]
        axis.plot(
            [left, right, right, left, left], [top, top, bottom, bottom, top], color=colour, lw=1.6
        )
        # Above the box where there is room, else within it.
        axis.text(
            left,
            top - 1 if top > LABEL_PIXELS else top + 1,
            name,
            va="bottom" if top > LABEL_PIXELS else "top",
            fontsize=8,
            color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
        )


def _map(axis: Any, result: Result) -> None:
    name, values = next(iter(result.values.items()))
    axis.imshow(values.mean(axis=0), cmap="viridis")
    axis.set_title(name, fontsize=8)
    axis.axis("off")


def _bars(axis: Any, answers: list[tuple[str, float]], colour: str) -> None:
    best = answers[:BARS]
    places = range(len(best))
    values = [100 * p for _, p in best]
    axis.barh(places, values, color=[colour, *["#b0b7c3"] * (len(best) - 1)], height=0.72)
    for place, (name, p) in zip(places, best, strict=True):
        short = name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"
        # Inside a long bar there is no room beside it.
        inside = p > 0.45
        axis.text(
            100 * p - 1 if inside else 100 * p + 1,
            place,
            f"{short} {p:.1%}",
            ha="right" if inside else "left",
            va="center",
            fontsize=8.5,
            color="white" if inside and place == 0 else "black",
        )
    axis.set_xlim(0, 100)
    axis.set_ylim(len(best) - 0.4, -0.6)
    axis.set_yticks([])
    axis.set_xticks([])
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)


def _cycles(axis: Any, profile: Profile) -> None:
    groups = profile.groups
    places = np.arange(len(groups))
    base = np.array([g.active for g in groups], float)
    axis.bar(places, base, color=NEUTRAL, label="array busy", width=0.75)
    causes = [c for c in groups[0].stalls if sum(g.stalls[c] for g in groups)]
    for number, cause in enumerate(causes):
        stalls = np.array([g.stalls[cause] for g in groups], float)
        axis.bar(
            places, stalls, bottom=base, color=f"C{number + 1}", label=f"idle: {cause}", width=0.75
        )
        base += stalls
    axis.set_xticks(places, [g.name for g in groups], rotation=35, ha="right", fontsize=8)
    axis.set_ylabel("cycles")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_title(f"{profile.cycles:,} cycles a frame, group by group", fontsize=10)
    axis.legend(fontsize=8, ncols=3, frameon=False)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
