"""What the plots of trained networks show, and a text on each that its own figures make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firebrick.hw.explore.charts import Chart, Series
from firebrick.hw.explore.fronts import front
from firebrick.hw.explore.trained.claims import HELD, OPEN, Finding, enough, findings
from firebrick.hw.explore.trained.family import (
    BYPASS,
    CLASSES,
    CYCLES,
    FILTERS,
    GROWTH,
    PARAMETERS,
    PICTURE,
    POOLING,
    SHARE,
    SQUEEZE,
    WIDTH,
)
from firebrick.hw.explore.trained.points import Point, Sample, distinct, of, one_task

ACCURACY = "held-out pictures named rightly, %"
# Series stand beside each other, so that their error bars can be told apart.
APART = 0.12
SAID = {
    HELD: "the paper's claim held here",
    OPEN: "that is within the error bar, the claim is neither confirmed nor refuted here",
}
ONE = "one seed"
NOTHING = "one seed has no error bar, the claim is neither confirmed nor refuted"
REFUSED = "the paper's claim did not hold here"


def plots(points: Sequence[Point]) -> list[Chart]:
    """Those of which there are networks."""
    found = findings(points)
    made = [
        _larger(points, found),
        _study(
            points,
            found,
            "strategy_1",
            "Strategy 1: 1x1 filters in place of 3x3, other filters making good for it",
            "share of 3x3 filters among the expand filters",
            SHARE,
            (PARAMETERS, CYCLES),
        ),
        _study(
            points,
            found,
            "strategy_2",
            "Strategy 2: fewer inputs to 3x3 filters, expand filters making good for it",
            "squeeze ratio",
            SQUEEZE,
            (PARAMETERS, CYCLES),
        ),
        _study(
            points,
            found,
            "strategy_3",
            "Strategy 3: downsampling early (left) and late (right)",
            "layers that a pooling follows",
            POOLING,
            (PARAMETERS, CYCLES),
        ),
        _study(
            points,
            found,
            "figure_3b",
            "Figure 3b: the share of 3x3 filters, their number the same",
            "share of 3x3 filters among the expand filters",
            SHARE,
            (FILTERS,),
        ),
        _study(points, found, "bypass", "Table 3: bypass", "bypass", BYPASS, (FILTERS,)),
        _study(
            points,
            found,
            "expand_filters",
            "Section 5.1: expand filters",
            "of the first module, and how many more after every second",
            WIDTH,
            (FILTERS,),
        ),
        _study(
            points,
            found,
            "frequency",
            "Section 5.1: the frequency at which expand filters become more",
            "modules from one increment to the next",
            GROWTH,
            (PARAMETERS,),
        ),
        _study(
            points,
            found,
            "pictures",
            "Picture size: the same pictures, made smaller or larger",
            "rows and columns",
            PICTURE,
            (FILTERS,),
        ),
        _study(
            points,
            found,
            "classes",
            "Classes: the first so many of them, as many pictures of each",
            "classes",
            CLASSES,
            (FILTERS,),
        ),
        _fixed(points),
        _front(points),
    ]
    return [chart for chart in made if chart is not None]


def _study(
    points: Sequence[Point],
    found: Sequence[Finding],
    name: str,
    title: str,
    x_label: str,
    study: str,
    conditions: Sequence[str],
) -> Chart | None:
    shown = [
        (condition, these) for condition in conditions if (these := of(points, study, condition))
    ]
    if not shown:
        return None
    series = [
        _line(f"{condition}, {kind}", these, kind)
        for condition, these in shown
        for kind in ("float", "fixed point")
    ]
    told = [_told(f) for f in found if f.claim.study == study and f.claim.condition in conditions]
    return Chart(
        name,
        title,
        x_label,
        ACCURACY,
        _apart(series),
        " ".join(told) or _range(shown[0][1]),
        categories=[p.trainee.value for p in max((these for _, these in shown), key=len)],
        legend="bottom_right",
    )


def _larger(points: Sequence[Point], found: Sequence[Finding]) -> Chart | None:
    chart = _study(
        points,
        found,
        "figure_3a",
        "Figure 3a: the squeeze ratio, expand filters the same",
        "squeeze ratio",
        SQUEEZE,
        (FILTERS,),
    )
    plateau, rising = enough(points), of(points, SQUEEZE, FILTERS)
    if chart is None or plateau is None:
        return chart
    small, large = rising[0], rising[-1]
    text = (
        f"From a squeeze ratio of {small.trainee.value} to {large.trainee.value} parameters grow "
        f"{large.trainee.parameters / small.trainee.parameters:.1f} times and accuracy goes from "
        f"{_figure(small.real)} to {_figure(large.real)} %. "
    )
    if plateau is large:
        text += "It rises over the whole range: each ratio was beaten by a larger one."
    else:
        text += (
            f"No larger ratio was more accurate than {plateau.trainee.value} beyond the error bars "
            f"({_figure(plateau.real)} %, {plateau.trainee.parameters:,} parameters); the paper "
            "sees its accuracy rise up to 0.75."
        )
    return Chart(
        *(chart.name, chart.title, chart.x_label, chart.y_label, chart.series),
        f"{text} {chart.sentence}",
        categories=chart.categories,
        legend=chart.legend,
    )


def _figure(sample: Sample) -> str:
    """A mean with its error bar."""
    return sample.told()


def _told(finding: Finding) -> str:
    """A claim, the figures of its two networks, and whether it held."""
    claim, better, worse = finding.claim, finding.better, finding.worse
    cost = {
        PARAMETERS: f"{_both(better.trainee.parameters, worse.trainee.parameters)} parameters",
        CYCLES: f"{_both(better.trainee.cycles, worse.trainee.cycles)} cycles a frame",
        FILTERS: "equal filters",
    }[claim.condition]
    fixed = finding.fixed
    seeds = len(fixed.values)
    said = SAID.get(finding.verdict, REFUSED)
    return (
        f"At {cost}, {claim.says} ({claim.better} against {claim.worse}): "
        f"{_figure(better.real)} against {_figure(worse.real)} %, "
        f"{finding.real.told('+')} points over {f'the same {seeds} seeds' if seeds > 1 else ONE} "
        f"(fixed point {fixed.told('+')}): {said if seeds > 1 else NOTHING}."
    )


def _both(one: int, other: int) -> str:
    return f"{one:,}" if one == other else f"{one:,} and {other:,}"


def _range(points: Sequence[Point]) -> str:
    """Where there is no claim, or the networks that it is about were not trained."""
    best = max(points, key=lambda p: p.real.mean)
    first, last = points[0], points[-1]
    told = f"The best of these is {best.trainee.value} with {_figure(best.real)} %"
    if first is last or len(first.real.values) < 2:
        return f"{told}."
    return (
        f"{told}. From {first.trainee.value} ({first.trainee.parameters:,} parameters, "
        f"{first.trainee.cycles:,} cycles a frame) to {last.trainee.value} "
        f"({last.trainee.parameters:,}, {last.trainee.cycles:,}) accuracy changes by "
        f"{last.real.minus(first.real).told('+')} points over the same seeds (fixed point "
        f"{last.fixed.minus(first.fixed).told('+')})."
    )


def _line(name: str, points: Sequence[Point], kind: str) -> Series:
    samples = [p.real if kind == "float" else p.fixed for p in points]
    return Series(
        name,
        [p.trainee.value for p in points],
        [sample.mean for sample in samples],
        [_label(p) for p in points],
        "line" if kind == "float" else "dots",
        bars=_bars(samples),
    )


def _apart(series: Sequence[Series]) -> list[Series]:
    """The same, each moved a little to its own side."""
    middle = (len(series) - 1) / 2
    return [
        Series(s.name, s.x, s.y, s.labels, s.kind, bars=s.bars, aside=APART * (n - middle))
        for n, s in enumerate(series)
    ]


def _bars(samples: Iterable[Sample]) -> list[float]:
    """One seed has no error bar, and none is drawn."""
    return [sample.bar if len(sample.values) > 1 else 0.0 for sample in samples]


def _label(point: Point) -> str:
    one = point.trainee
    return (
        f"{one.config.name}: {one.parameters:,} parameters, {one.cycles:,} cycles, float "
        f"{_figure(point.real)} %, fixed point {_figure(point.fixed)} %"
    )


def _fixed(points: Sequence[Point]) -> Chart | None:
    own = distinct(points)
    if not own:
        return None
    lost = [p.fixed.minus(p.real) for p in own]
    worst = min(range(len(own)), key=lambda n: lost[n].mean)
    clear = sum(sample.mean < -sample.bar for sample in lost)
    every = Sample(tuple(value for sample in lost for value in sample.values))
    return Chart(
        "fixed",
        "What 8-bit fixed point costs, without retraining",
        "held-out pictures named rightly in float, %",
        "fixed point less float, % points",
        [
            Series(
                "fixed point less float",
                # Accuracies lie apart, where half of the networks have equal parameters.
                [p.real.mean for p in own],
                [sample.mean for sample in lost],
                [_label(p) for p in own],
                "dots",
                bars=_bars(lost),
            )
        ],
        f"Over {len(own)} networks fixed point is {every.mean:+.2f} points from float; {clear} of "
        f"them lose more than their error bar; the largest loss is "
        f"{lost[worst].told('+')}, of {own[worst].trainee.config.name}.",
    )


def front_of(points: Sequence[Point]) -> list[Point]:
    """Networks that no other beats in both accuracy, of the fixed point, and cycles, of those that
    tell all classes apart."""
    return front(distinct(one_task(points)), lambda p: (p.fixed.mean, -p.trainee.cycles))


def _front(points: Sequence[Point]) -> Chart | None:
    best = front_of(points)
    if len(best) < 2:
        return None
    fast, accurate = best[-1], best[0]
    own = distinct(one_task(points))
    return Chart(
        "front",
        "Accuracy for cycles: all networks",
        "cycles of a frame",
        ACCURACY + ", fixed point",
        [
            Series(
                "all networks",
                [float(p.trainee.cycles) for p in own],
                [p.fixed.mean for p in own],
                [_label(p) for p in own],
                "dots",
                bars=_bars([p.fixed for p in own]),
            ),
            Series(
                "not beaten in both",
                [float(p.trainee.cycles) for p in reversed(best)],
                [p.fixed.mean for p in reversed(best)],
                [_label(p) for p in reversed(best)],
                "front",
            ),
        ],
        f"{len(best)} of {len(own)} networks are not beaten in both by their means, from "
        f"{fast.trainee.config.name} ({fast.trainee.cycles:,} cycles, {_figure(fast.fixed)} %) to "
        f"{accurate.trainee.config.name} ({accurate.trainee.cycles:,} cycles, "
        f"{_figure(accurate.fixed)} %).",
        legend="bottom_right",
    )
