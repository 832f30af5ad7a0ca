"""The page of a sweep: interactive plots by Bokeh in one HTML file that needs no other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firebrick.hw.explore.charts import Chart, Series
from firebrick.quantize.support.templates import environment

TEMPLATES = Path(__file__).with_name("templates")
WIDTH, HEIGHT = 1000, 430
COLORS = ("#2f6f9f", "#d9822b", "#3f8f5f", "#8f4a86", "#b3473f", "#6b7785")
RIGHT = "right"
MARGIN = 0.08
# Of the height, below the lowest error bar: for the legend.
STRIP = 0.12
# The least that a left axis beside a right one spans.
LEAST = 5.0
# Of more dots than this each one is small and lets others shine through.
CROWD = 20


def render(made: Sequence[Chart], facts: Mapping[str, Any]) -> str:
    """The page; ``facts``: its ``title``, what it is ``about``, the cards and the tables on it."""
    from bokeh.embed import components
    from bokeh.resources import Resources

    script, divs = components(tuple(_figure(chart) for chart in made))
    scripts = Resources(mode="inline", components=["bokeh"]).render_js()
    template = environment(TEMPLATES, html=True).get_template("explore.html.j2")
    return template.render(
        facts=facts, charts=list(zip(made, divs, strict=True)), scripts=scripts, script=script
    )


def _figure(chart: Chart) -> Any:
    """The plot as Bokeh has it."""
    from bokeh.models import FixedTicker, HoverTool, LinearAxis, NumeralTickFormatter, Range1d
    from bokeh.plotting import figure

    names = bool(chart.categories)
    options: dict[str, Any] = {"x_range": list(chart.categories)} if names else {}
    if not names and chart.logarithmic:
        options["y_axis_type"] = "log"
    plot: Any = figure(
        width=WIDTH,
        height=HEIGHT,
        sizing_mode="scale_width",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        x_axis_label=chart.x_label,
        y_axis_label=chart.y_label,
        output_backend="svg",
        **options,
    )
    plot.toolbar.logo = None
    right = [y for series in chart.series if series.right for y in series.y]
    left = [y for series in chart.series if not series.right for y in _ends(series)]
    if right:
        low, high = _room(left, LEAST)
        plot.y_range = Range1d(start=low, end=high)
        plot.extra_y_ranges = {RIGHT: Range1d(start=0, end=(1 + MARGIN) * max(right))}
        plot.add_layout(LinearAxis(y_range_name=RIGHT, axis_label=chart.right_label), RIGHT)
    elif any(series.bars for series in chart.series):
        low, high = _room(left)
        strip = STRIP * (high - low) if len(chart.series) > 1 else 0.0
        plot.y_range = Range1d(start=low - strip, end=high)
    elif names:
        plot.y_range = Range1d(start=0, end=125 if chart.stacked else (1 + MARGIN) * max(left))
        plot.xaxis.major_label_orientation = 0.5
    if chart.logarithmic:
        # A decade or two: every tick has its figure, written out.
        plot.yaxis.ticker = FixedTicker(ticks=_ticks(left))
        plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    if chart.stacked:
        plot.yaxis.ticker = list(range(0, 101, 20))
        _stack(plot, chart)
    else:
        crowded = sum(len(s.x) for s in chart.series if s.kind == "dots") > CROWD
        for number, series in enumerate(chart.series):
            color = number if series.color is None else series.color
            _draw(plot, series, COLORS[color % len(COLORS)], crowded)
    plot.add_tools(HoverTool(tooltips=[("", "@label")]))
    if len(chart.series) > 1:
        plot.legend.orientation = "horizontal" if chart.stacked else "vertical"
        plot.legend.location = chart.legend
        plot.legend.click_policy = "hide"
        if any(series.bars for series in chart.series):
            # Error bars reach into every corner: it has a strip of its own.
            plot.legend.orientation = "horizontal"
            plot.legend.location = "bottom_center"
    else:
        plot.legend.visible = False
    plot.xgrid.grid_line_color = None
    return plot


def _draw(plot: Any, series: Series, color: str, crowded: bool) -> None:
    from bokeh.models import ColumnDataSource

    # A name and a distance from its middle are a place, too.
    x = [(name, series.aside) for name in series.x] if series.aside else list(series.x)
    columns = {"x": x, "y": list(series.y), "label": list(series.labels)}
    if series.bars:
        columns["low"], columns["high"] = _bars(series)
    source = ColumnDataSource(columns)
    named: dict[str, Any] = {"legend_label": series.name, "source": source}
    if series.right:
        named["y_range_name"] = RIGHT
    if series.kind == "bars":
        plot.vbar("x", top="y", width=0.7, color=color, **named)
        return
    if series.bars:
        plot.segment("x", "low", "x", "high", color=color, line_width=1.5, **named)
    if series.kind == "line":
        plot.line("x", "y", color=color, line_width=2, **named)
    if series.kind == "front":
        # What rises with x is had from there on, what falls up to there.
        mode = "after" if series.y[0] < series.y[-1] else "before"
        plot.step("x", "y", color="#22303a", line_width=1.5, mode=mode, **named)
    plot.scatter(
        "x",
        "y",
        marker=series.marker,
        color="#22303a" if series.kind == "front" else color,
        fill_alpha=0.6 if series.kind == "dots" and crowded else 0.9,
        line_alpha=0.6,
        size=7 if crowded or series.kind == "line" else 9,
        **named,
    )


def _ticks(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10 and so on, as far as they are near ``values``, which are above zero."""
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    every = [mantissa * 10.0**decade for decade in decades for mantissa in (1, 2, 5)]
    return [tick for tick in every if min(values) / 2 <= tick <= 2 * max(values)]


def _bars(series: Series) -> tuple[list[float], list[float]]:
    """The lower and the upper ends of the error bars."""
    pairs = list(zip(series.y, series.bars, strict=True))
    return [y - bar for y, bar in pairs], [y + bar for y, bar in pairs]


def _ends(series: Series) -> list[float]:
    """What a plot has to have room for."""
    if not series.bars:
        return list(series.y)
    low, high = _bars(series)
    return low + high


def _stack(plot: Any, chart: Chart) -> None:
    """Bars on each other, one series after the other."""
    from bokeh.models import ColumnDataSource

    floor = [0.0] * len(chart.categories)
    for number, series in enumerate(chart.series):
        top = [a + b for a, b in zip(floor, series.y, strict=True)]
        source = ColumnDataSource(
            {"x": list(series.x), "low": floor, "top": top, "label": list(series.labels)}
        )
        plot.vbar(
            "x",
            bottom="low",
            top="top",
            width=0.6,
            color=COLORS[number % len(COLORS)],
            legend_label=series.name,
            source=source,
        )
        floor = top


def _room(values: Sequence[float], least: float = 0.0) -> tuple[float, float]:
    """A range of some width, at least so much, with room on both sides."""
    low, high = min(values, default=0), max(values, default=1)
    room = max(MARGIN * (high - low), (least - (high - low)) / 2, 1e-3)
    return low - room, high + room
