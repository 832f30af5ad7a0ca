"""What the plots of a sweep show, and a sentence on each that its own figures make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from firebrick.hw.explore.engines import Engine
from firebrick.hw.explore.fronts import front
from firebrick.hw.explore.sweep import BOUNDS, Point
from firebrick.quantize.architectures import fire_shapes
from firebrick.quantize.report.figures import MIB

RATE = "frames a second, predicted"
TOP5 = "top-5 accuracy on ImageNet, %"
SIZE = "size as float32, MiB"
# Networks whose sizes differ by less are of the same size.
ALIKE = 0.1
# Below so many frames a second tenths are told.
SLOW = 20


@dataclass(frozen=True)
class Series:
    """One line, cloud or row of bars; ``right`` has an axis of its own.  ``bars`` are error bars,
    up and down from ``y``; where ``x`` are names, ``aside`` is how far from their middle it stands,
    in shares of their distance.  Colors go by number, that of the series unless said otherwise."""

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    labels: Sequence[str]
    kind: str = "line"  # line, dots, bars, front
    right: bool = False
    bars: Sequence[float] = ()
    aside: float = 0.0
    marker: str = "circle"
    color: int | None = None


@dataclass(frozen=True)
class Chart:
    """A plot; where ``x`` are names they are in the order of ``categories``."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    sentence: str
    right_label: str = ""
    categories: Sequence[str] = field(default_factory=tuple)
    stacked: bool = False
    logarithmic: bool = False
    legend: str = "top_right"


def charts(points: Sequence[Point], reference: Engine) -> list[Chart]:
    """All plots; those of networks are of the engine ``reference``."""
    own = [p for p in points if p.engine == reference and p.speed.cycles]
    made = [
        _figure_3a(own, reference),
        _figure_3b(own, reference),
        _array_use(own, reference),
        _downsampling(own, reference),
        _bypass(own, reference),
        _expand(own, reference),
        _pictures(points),
        _network_front(own, reference),
        _engine_front(points),
        _spent(points),
    ]
    return [chart for chart in made if chart is not None]


def _some(points: Sequence[Point]) -> str:
    """The sentence where the engine cannot run what the usual one is about."""
    return (
        f"{len(points)} of these networks run on this engine, at {min(map(rate, points)):.1f} to "
        f"{max(map(rate, points)):.1f} frames a second; explore.csv says why the others do not."
    )


def of_study(points: Iterable[Point], study: str) -> list[Point]:
    """The points of one study, in its order."""
    return [p for p in points if p.design.study == study]


def rate(point: Point) -> float:
    """Frames a second of a point that has them."""
    assert point.frames_per_second is not None
    return point.frames_per_second


def fps(point: Point) -> str:
    """Frames a second in words of a sentence: of a slow engine, too, two digits count."""
    return f"{rate(point):.1f}" if rate(point) < SLOW else f"{rate(point):.0f}"


def mebibytes(point: Point) -> float:
    """Size of the network as floats, as the paper counts."""
    return point.measured.float_bytes / MIB


def _label(point: Point) -> str:
    return (
        f"{point.design.config.name}: {point.measured.parameters:,} parameters, "
        f"{point.measured.macs / 1e6:,.0f} million MACs, {rate(point):.1f} frames/s, "
        f"array used {point.use or 0:.0%}"
    )


def _line(name: str, points: Sequence[Point], kind: str = "line", right: bool = False) -> Series:
    """Frames a second over the size."""
    return Series(
        name,
        [mebibytes(p) for p in points],
        [rate(p) for p in points],
        [_label(p) for p in points],
        kind,
        right,
    )


def _told(points: Sequence[Point]) -> Series:
    """What the paper says of accuracy, over the size."""
    known = [p for p in points if p.design.top5 is not None]
    return Series(
        "top-5 as the paper states it",
        [mebibytes(p) for p in known],
        [p.design.top5 for p in known if p.design.top5 is not None],
        [f"{p.design.config.name}: {p.design.top5} %" for p in known],
        "dots",
    )


def _where(engine: Engine) -> str:
    return f"{engine.board.title}, {engine.shape} at {engine.hertz / 1e6:g} MHz"


def _figure_3a(own: Sequence[Point], reference: Engine) -> Chart | None:
    points, late = of_study(own, "squeeze ratio"), of_study(own, "squeeze ratio, v1.1")
    if not points:
        return None
    by_value = {p.design.value: p for p in points}
    small, mid, big = (by_value.get(value) for value in (0.125, 0.75, 1.0))
    sentence = _some(points)
    if small and mid:
        sentence = (
            "From a squeeze ratio of 0.125 to 0.75 the network grows from "
            f"{mebibytes(small):.1f} to {mebibytes(mid):.1f} MiB and the paper's accuracy from "
            f"{small.design.top5} to {mid.design.top5} %; frames a second fall from "
            f"{rate(small):.1f} to {rate(mid):.1f}, {rate(small) / rate(mid):.1f} times. "
        )
        sentence += (
            f"At 1.0 nothing is won any more, and {rate(big):.1f} are left."
            if big
            else "At 1.0 the network does not run on this engine."
        )
    return Chart(
        "figure_3a",
        f"Figure 3a: the squeeze ratio ({_where(reference)})",
        SIZE,
        TOP5,
        [
            _told(points),
            _line("v1.0, frames/s", points, right=True),
            _line("v1.1, frames/s", late, right=True),
        ],
        sentence,
        RATE,
        legend="center_right",
    )


def _figure_3b(own: Sequence[Point], reference: Engine) -> Chart | None:
    points = of_study(own, "share of 3x3 filters")
    if not points:
        return None
    by_value = {p.design.value: p for p in points}
    few, half, most = (by_value.get(value) for value in (0.01, 0.5, 0.99))
    sentence = _some(points)
    if few and half and most:
        sentence = (
            f"At a squeeze ratio of 0.5, going from 1 % to 50 % of 3x3 filters costs "
            f"{1 - rate(half) / rate(few):.0%} of the frames a second ({rate(few):.1f} to "
            f"{rate(half):.1f}); the paper's accuracy ends its rise there, at "
            f"{half.design.top5} %. 99 % would leave {rate(most):.1f} frames a second for "
            f"{mebibytes(most) / mebibytes(half):.1f} times the size."
        )
    return Chart(
        "figure_3b",
        f"Figure 3b: the share of 3x3 filters at a squeeze ratio of 0.5 ({_where(reference)})",
        SIZE,
        TOP5,
        [_told(points), _line("frames/s", points, right=True)],
        sentence,
        RATE,
    )


def _array_use(own: Sequence[Point], reference: Engine) -> Chart | None:
    series: list[Series] = []
    even: list[float] = []
    odd: list[float] = []
    channels = reference.shape.channels
    for study, name in (("squeeze ratio", "v1.0"), ("squeeze ratio, v1.1", "v1.1")):
        points = of_study(own, study)
        x = [float(p.design.value) for p in points]
        y = [100 * (p.use or 0) for p in points]
        series.append(Series(name, x, y, [_label(p) for p in points]))
        for point, use in zip(points, y, strict=True):
            whole = all(f.squeeze % channels == 0 for f in fire_shapes(point.design.config))
            (even if whole else odd).append(use)
    if not even + odd:
        return None
    sentence = f"The array of {channels} channels is used to {min(even + odd):.0f} to "
    sentence += f"{max(even + odd):.0f} %"
    if even and odd:
        sentence += (
            f": {sum(even) / len(even):.1f} % on average where all squeeze layers have a multiple "
            f"of {channels} filters, {sum(odd) / len(odd):.1f} % where not"
        )
    return Chart(
        "array_use",
        f"How much of the array a squeeze ratio uses ({_where(reference)})",
        "squeeze ratio",
        "MACs of the network, % of what the array could do meanwhile",
        series,
        f"{sentence}.",
        legend="bottom_right",
    )


def _downsampling(own: Sequence[Point], reference: Engine) -> Chart | None:
    points = sorted(of_study(own, "downsampling"), key=rate, reverse=True)
    if not points:
        return None
    names = [str(p.design.value) for p in points]
    early, late = points[0], points[-1]
    sentence = (
        f"All of these have {points[0].measured.parameters:,} parameters. Pooling after "
        f"{early.design.value} gives {fps(early)} frames a second, after "
        f"{late.design.value} {fps(late)}: late downsampling, which the paper holds to be "
        f"more accurate, costs up to {rate(early) / rate(late):.1f} times the speed."
    )
    return Chart(
        "downsampling",
        f"Where to downsample ({_where(reference)})",
        "layers that a pooling follows, v1.0",
        RATE,
        [Series("frames/s", names, [rate(p) for p in points], [_label(p) for p in points], "bars")],
        sentence,
        categories=names,
    )


def _bypass(own: Sequence[Point], reference: Engine) -> Chart | None:
    points = of_study(own, "bypass")
    if not points:
        return None
    names = [p.design.config.name for p in points]
    by_name = dict(zip(names, points, strict=True))
    plain, simple, complex_ = (
        by_name.get(f"{kind} bypass, SR 0.125") for kind in ("no", "simple", "complex")
    )
    sentence = _some(points)
    if plain and simple and complex_:
        sentence = (
            f"A simple bypass costs {1 - rate(simple) / rate(plain):.1%} of the frames a second "
            f"and no parameter, and the paper has {simple.design.top5} % for it instead of "
            f"{plain.design.top5} %; a complex one costs "
            f"{1 - rate(complex_) / rate(plain):.0%} and brings less ({complex_.design.top5} %)."
        )
    return Chart(
        "bypass",
        f"Bypass ({_where(reference)})",
        "bypass and squeeze ratio of v1.0",
        RATE,
        [Series("frames/s", names, [rate(p) for p in points], [_label(p) for p in points], "bars")],
        sentence,
        categories=names,
    )


def _expand(own: Sequence[Point], reference: Engine) -> Chart | None:
    points = of_study(own, "expand filters")
    if not points:
        return None
    series = []
    for base in dict.fromkeys(p.design.config.base_expand for p in points):
        these = sorted((p for p in points if p.design.config.base_expand == base), key=mebibytes)
        series.append(_line(f"{base} at first", these, "dots"))
    fast, slow = max(points, key=rate), min(points, key=rate)
    quick, lame = max(
        (
            (a, b)
            for a in points
            for b in points
            if abs(mebibytes(a) - mebibytes(b)) < ALIKE * mebibytes(b)
        ),
        key=lambda pair: rate(pair[0]) / rate(pair[1]),
    )
    sentence = (
        f"From {fast.design.config.name} modules ({mebibytes(fast):.1f} MiB, {fps(fast)} "
        f"frames a second) to {slow.design.config.name} ({mebibytes(slow):.1f} MiB, "
        f"{fps(slow)}) the size grows {mebibytes(slow) / mebibytes(fast):.0f} times and the "
        f"speed falls {rate(fast) / rate(slow):.0f} times. Of networks that differ by less than "
        f"{ALIKE:.0%} in size, {quick.design.config.name} ({mebibytes(quick):.1f} MiB) is "
        f"{rate(quick) / rate(lame):.1f} times as fast as {lame.design.config.name} "
        f"({mebibytes(lame):.1f} MiB)."
    )
    return Chart(
        "expand_filters",
        f"Expand filters: first module and increment ({_where(reference)})",
        SIZE,
        RATE,
        series,
        sentence,
        logarithmic=True,
    )


def _pictures(points: Sequence[Point]) -> Chart | None:
    shown: dict[str, dict[int, Point]] = {}
    for engine in _own_engines(points):
        found = {
            p.design.config.input_size[0]: p
            for p in _of_all_sizes(points, engine)
            if p.design.config.classes == 1000
        }
        if found:
            shown[f"{engine.board.chip.name}, {engine.shape}"] = found
    if not shown:
        return None
    sentence = _some([p for found in shown.values() for p in found.values()])
    # Sizes that all of these engines run.
    common = sorted(set.intersection(*(set(found) for found in shown.values())))
    if len(common) > 1:
        small, large = common[0], common[-1]
        said = ", ".join(
            f"{rate(found[small]) / rate(found[large]):.1f} times on {name} ({fps(found[small])} "
            f"to {fps(found[large])})"
            for name, found in shown.items()
        )
        sentence = (
            f"From {small} to {large} pixels a side there are {(large / small) ** 2:.1f} times as "
            f"many; frames a second fall {said}.{_fewer_classes(points)}"
        )
    return Chart(
        "pictures",
        "Pictures: v1.1 with 1000 classes on each chip's own engine",
        "rows and columns of the picture",
        RATE,
        [
            Series(
                name,
                [float(size) for size in found],
                [rate(p) for p in found.values()],
                [_label(p) for p in found.values()],
            )
            for name, found in shown.items()
        ],
        sentence,
        logarithmic=True,
    )


def _of_all_sizes(points: Sequence[Point], engine: Engine) -> list[Point]:
    """v1.1 for pictures and classes of every size that ``engine`` runs."""
    return [
        p
        for p in of_study(points, "picture and classes")
        if p.engine == engine and p.speed.cycles and p.design.config.first_kernel == 3
    ]


def _fewer_classes(points: Sequence[Point], size: int = 224) -> str:
    """What v1.1 with 10 classes is against 1000, on each chip's own engine."""
    gains = []
    for engine in _own_engines(points):
        rates = {
            p.design.config.classes: rate(p)
            for p in _of_all_sizes(points, engine)
            if p.design.config.input_size[0] == size
        }
        if 10 in rates and 1000 in rates:
            gains.append(rates[10] / rates[1000])
    if not gains:
        return ""
    few, many = f"{min(gains):.2f}", f"{max(gains):.2f}"
    times = few if few == many else f"{few} to {many}"
    return f" With 10 classes instead of 1000 they are {times} times as many at {size} pixels."


def _network_front(own: Sequence[Point], reference: Engine) -> Chart | None:
    points = [p for p in own if usual(p)]
    if not points:
        return None
    best = network_front(points)
    accurate = accuracy_front(points)
    told = ", ".join(
        f"{p.design.config.name} ({p.design.top5} %, {fps(p)} frames/s, {mebibytes(p):.1f} MiB)"
        for p in accurate
    )
    return Chart(
        "networks",
        f"Networks of 1000 classes: parameters and speed ({_where(reference)})",
        SIZE,
        RATE,
        [
            _line("all networks", points, "dots"),
            _line("most for their speed", sorted(best, key=mebibytes), "front"),
        ],
        f"For {len(best)} of {len(points)} networks no other has more parameters and is as fast: "
        f"from {best[-1].design.config.name} ({mebibytes(best[-1]):.1f} MiB, {fps(best[-1])} "
        f"frames a second) to {best[0].design.config.name} ({mebibytes(best[0]):.1f} MiB, "
        f"{fps(best[0])}). Of those whose accuracy the paper states, no other is as good in "
        f"accuracy, speed and size: {told}.",
        logarithmic=True,
    )


def network_front(points: Iterable[Point]) -> list[Point]:
    """Networks that no other beats in both parameters, which is what it can learn, and speed."""
    return front(points, lambda p: (rate(p), mebibytes(p)))


def accuracy_front(points: Iterable[Point]) -> list[Point]:
    """Of the networks whose accuracy is known those that no other beats in that, speed and size."""
    known = (p for p in points if p.design.top5 is not None)
    return front(known, lambda p: (p.design.top5 or 0, rate(p), -mebibytes(p)))


def usual(point: Point) -> bool:
    """Whether it is an ImageNet network on pictures of the size that the paper's have."""
    config = point.design.config
    return config.classes == 1000 and 224 <= config.input_size[0] <= 227


def engine_front(points: Iterable[Point], ratio: float = 0.125) -> list[Point]:
    """Engines that no other beats in both LUTs and speed, for v1.1."""
    return front(
        (p for p in _v1_1(points, ratio) if p.fits), lambda p: (rate(p), -p.engine.used.lut)
    )


def _v1_1(points: Iterable[Point], ratio: float = 0.125) -> list[Point]:
    study = of_study(points, "squeeze ratio, v1.1")
    return [p for p in study if p.design.value == ratio and p.speed.cycles]


def _engine_front(points: Sequence[Point]) -> Chart | None:
    series = []
    found = _v1_1(points)
    chips = list(dict.fromkeys(p.engine.board.chip.name for p in found))
    # What a smaller chip has room for fits the larger ones as well: it is drawn on top of them.
    for number, chip in reversed(list(enumerate(chips))):
        for pump, marker in ((1, "circle"), (2, "square")):
            these = [p for p in _on_chip(found, chip) if p.engine.pump == pump]
            name = f"fits the {chip}{', two K steps a cycle' if pump > 1 else ''}"
            if these:
                dots = _by_lut(name, these, "dots")
                series.append(replace(dots, marker=marker, color=number))
    best = engine_front(points)
    if not best:
        return None
    series.append(_by_lut("not beaten in both", best[::-1], "front"))
    if len(best) == 1:
        sentence = f"No other engine is as small and as fast as {_engine(best[0])}."
    else:
        small, large = best[-1], best[0]
        sentence = (
            f"{len(best)} engines are not beaten in both LUTs and speed, from {_engine(small)} to "
            f"{_engine(large)}: {large.engine.used.lut / small.engine.used.lut:.1f} times the LUTs "
            f"are {rate(large) / rate(small):.1f} times the speed."
        )
        sentence += _pumped(_on_chip(found, large.engine.board.chip.name))
    return Chart(
        "engines",
        "Engines: LUTs and speed of v1.1, every board's clock and memory",
        "LUTs of the engine with its connection to the processor",
        RATE,
        series,
        sentence,
        legend="top_left",
    )


def _on_chip(points: Sequence[Point], chip: str) -> list[Point]:
    """Those of engines that fit a chip."""
    return [p for p in points if p.engine.board.chip.name == chip and p.fits]


def _pumped(points: Sequence[Point]) -> str:
    """The fastest engine of two K steps a cycle against the fastest of one, if there are both."""
    best = {}
    for pump in (1, 2):
        if these := [p for p in points if p.engine.pump == pump]:
            best[pump] = max(these, key=rate)
    if len(best) < 2:
        return ""
    return (
        f" With two K steps a cycle the fastest that fits the {best[2].engine.board.chip.name} is "
        f"{_engine(best[2])}, with one {_engine(best[1])}."
    )


def _engine(point: Point) -> str:
    return (
        f"{point.engine.shape} ({point.engine.used.lut:,} LUTs, {rate(point):.1f} frames a second)"
    )


def _by_lut(name: str, points: Sequence[Point], kind: str) -> Series:
    return Series(
        name,
        [float(p.engine.used.lut) for p in points],
        [rate(p) for p in points],
        [
            f"{p.engine.shape} on {p.engine.board.title}: {rate(p):.1f} frames/s, "
            f"{p.engine.used.lut:,} LUTs, {p.engine.used.dsp48e1} DSPs, "
            f"{p.engine.used.ramb36:g} block RAMs"
            for p in points
        ],
        kind,
    )


def _spent(points: Sequence[Point]) -> Chart | None:
    found = [p for engine in _own_engines(points) for p in _v1_1(points) if p.engine == engine]
    if not found:
        return None
    names = [f"{p.engine.board.chip.name}, {p.engine.shape}" for p in found]
    series = [
        Series(
            cause,
            names,
            [100 * p.speed.spent[n] / p.speed.cycles for p in found],
            [f"{p.speed.spent[n]:,} of {p.speed.cycles:,} cycles: {cause}" for p in found],
            "bars",
        )
        for n, cause in enumerate(BOUNDS)
    ]
    busy = [100 * p.speed.spent[0] / p.speed.cycles for p in found]
    waits = {
        cause: max(p.speed.spent[n] / p.speed.cycles for p in found)
        for n, cause in enumerate(BOUNDS)
        if n
    }
    most = max(waits, key=lambda cause: waits[cause])
    return Chart(
        "spent",
        "What a frame's cycles go to: v1.1 on each chip's own engine",
        "chip and array",
        "% of the cycles",
        series,
        f"The array works in {min(busy):.1f} to {max(busy):.1f} % of the "
        f"cycles; of what it waits for, {most} takes the most, up to {waits[most]:.1%}.",
        categories=names,
        stacked=True,
    )


def _own_engines(points: Sequence[Point]) -> list[Engine]:
    """The engine that each chip's boards name, one board a chip and memory."""
    found: dict[tuple, Engine] = {}
    for point in points:
        engine = point.engine
        if engine.is_the_boards:
            found.setdefault((engine.board.chip.name, engine.shape), engine)
    return list(found.values())
