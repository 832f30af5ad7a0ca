"""A run as a picture: groups over cycles, how busy the array was, and what it waited for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from firebrick.host.results import Profile
from firebrick.host.trace import ACTIVE, CAUSES, MEANINGS, Row, table
from firebrick.quantize.support.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    ACTIVE: "#2f6f9f",
    "weights": "#d1495b",
    "input": "#edae49",
    "output": "#7d5ba6",
    "drain": "#8fb339",
    "switch": "#9a9a9a",
}
"""Cause to colour; they differ in lightness too, for eyes and printers without colour."""

INK, FAINT = "#222222", "#dddddd"


def _draw_groups(axis: Axes, rows: list[Row], starts: list[int], total: int) -> None:
    """A bar a group, from its begin to its end; idle cycles by cause at the bar's end."""
    for y, (row, start) in enumerate(zip(rows, starts, strict=True)):
        axis.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
        at = start
        for what, cycles in ((ACTIVE, row.active), *row.idle.items()):
            axis.barh(y, cycles, left=at, height=0.72, color=COLOURS[what], zorder=2)
            at += cycles
        text = f"{row.cycles:,}"
        if row.waits:
            several = "mostly " if sum(map(bool, row.idle.values())) > 1 else ""
            text += f"   {row.waits:,} idle, {several}{row.main_cause}"
        # Beside the bar, on the side that has room.
        left = start + row.cycles > 0.68 * total
        axis.text(
            start - 0.006 * total if left else at + 0.006 * total,
            y,
            text,
            ha="right" if left else "left",
            va="center",
            fontsize=8,
            color=INK,
            zorder=3,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=9)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)


def _draw_rate(axis: Axes, rows: list[Row], starts: list[int], peak: int) -> None:
    """MACs a cycle of each group against what the array can do."""
    rates = [row.macs / row.cycles if row.cycles else 0.0 for row in rows]
    widths = [row.cycles for row in rows]
    axis.bar(starts, rates, widths, align="edge", color="#a9c6da", edgecolor="white", linewidth=0.8)
    axis.axhline(peak, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axis.text(0, peak * 1.03, f" {peak} MACs a cycle: the array", fontsize=8, va="bottom")
    axis.set_ylim(0, peak * 1.22)
    axis.set_ylabel("MACs a cycle", fontsize=9)


def _draw_idle(axis: Axes, rows: list[Row], starts: list[int]) -> None:
    """Share of each group's cycles in which the array waited, stacked by cause."""
    widths = [row.cycles for row in rows]
    bottom = [0.0] * len(rows)
    for cause in CAUSES:
        shares = [100 * row.idle[cause] / row.cycles if row.cycles else 0.0 for row in rows]
        axis.bar(
            starts, shares, widths, bottom, align="edge", color=COLOURS[cause], edgecolor="white",
            linewidth=0.4,
        )  # fmt: skip
        bottom = [b + s for b, s in zip(bottom, shares, strict=True)]
    axis.set_ylim(0, max(1.0, 1.15 * max(bottom)))
    axis.set_ylabel("idle, %", fontsize=9)


def draw_timeline(
    profile: Profile, path: str | Path, name: str, macs: int, clock_hz: float | None = None
) -> Path:
    """Draw ``profile`` into the picture ``path`` (its suffix gives the format).

    ``name`` is the network's, ``macs`` the multiplications that the array does in a cycle;
    ``clock_hz`` adds a time scale. Where within a group the array waited is not known: a bar has
    its idle cycles at its end.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    *all_rows, run = table(profile)
    # What follows the last K step is too short for a bar, but its cycles count.
    rows = all_rows[:-1]
    starts = [sum(row.cycles for row in rows[:i]) for i in range(len(rows))]
    height = 2.0 + 0.27 * len(rows) + 3.0
    figure, (groups, rate, idle) = pyplot.subplots(
        3,
        1,
        sharex=True,
        figsize=(11, height),
        height_ratios=[max(1.5, 0.27 * len(rows)), 1.4, 1.4],
        layout="constrained",
    )
    _draw_groups(groups, rows, starts, profile.cycles)
    _draw_rate(rate, rows, starts, macs)
    _draw_idle(idle, rows, starts)
    idle.set_xlim(0, profile.cycles)
    idle.set_xlabel("cycles since start (a bar shows its idle cycles at its end)", fontsize=9)
    idle.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for axis in (groups, rate, idle):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8 if axis is not groups else 9, color=FAINT)
        for start in starts[1:]:
            axis.axvline(start, color=FAINT, linewidth=0.5, zorder=0)
    groups.spines["left"].set_visible(False)
    groups.spines["bottom"].set_color(FAINT)
    if clock_hz:
        milliseconds = 1e3 / clock_hz
        scale = groups.secondary_xaxis(
            "top", functions=(lambda c: c * milliseconds, lambda t: t / milliseconds)
        )
        scale.set_xlabel(f"milliseconds at {clock_hz / 1e6:g} MHz", fontsize=9)
        scale.tick_params(labelsize=8, color=FAINT)
        scale.spines["top"].set_color(FAINT)
    handles = [
        Patch(
            color=COLOURS[what],
            label=f"{what}: {run.active if what == ACTIVE else run.idle[what]:,}"
            f" - {MEANINGS[what]}",
        )
        for what in (ACTIVE, *CAUSES)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
    figure.suptitle(
        f"{name}: {run.cycles:,} cycles, array active in {run.busy:.1%}, "
        f"{run.macs / max(run.cycles, 1):.0f} of {macs} MACs a cycle",
        fontsize=12,
    )
    path = Path(path)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))
    pyplot.close(figure)
    return path
