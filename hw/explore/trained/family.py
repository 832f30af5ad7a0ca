"""A small SqueezeNet, and others that differ from it by one choice of the paper's.

Each study varies one hyper-parameter three ways: with the filters as they are, at equal parameters
and at equal cycles of a frame on an engine, where the filters of all modules make good for what the
choice costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.explore.engines import Engine
from firebrick.hw.explore.sweep import Speeds
from firebrick.quantize.architectures import SqueezeNetConfig, without_weights
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.report.figures import parameters

# What the filters are chosen for.
FILTERS, PARAMETERS, CYCLES = CONDITIONS = ("equal filters", "equal parameters", "equal cycles")
SQUEEZE, SHARE, POOLING, BYPASS, WIDTH, GROWTH, PICTURE, CLASSES = STUDIES = (
    *("squeeze ratio", "share of 3x3 filters", "downsampling", "bypass"),
    *("expand filters", "frequency", "picture size", "classes"),
)
SQUEEZE_RATIOS = (0.125, 0.25, 0.5, 0.75, 1.0)
EQUAL_SQUEEZE_RATIOS = (0.125, 0.25, 0.5, 1.0)
SHARES_3X3 = (0.0625, 0.25, 0.5, 0.75, 0.9375)
EQUAL_SHARES_3X3 = (0.0625, 0.25, 0.5, 0.9375)
# From the earliest to the latest.
POOLINGS = (
    *(("conv1", "fire2"), ("conv1", "fire3"), ("fire2", "fire4"), ("fire3", "fire5")),
    ("fire4", "fire5"),
)
BYPASSES = ("none", "simple", "complex")
# Expand filters of the first module, and how many more every second one has.
EXPANDS = ((8, 4), (16, 8), (24, 12), (32, 16))
# Modules after which expand filters become more: of four modules all, every second, none.
FREQUENCIES = (1, 2, 4)
# Rows and columns of the pictures, as parts of their own number; and of ten classes so many.
SCALES = (Fraction(3, 4), Fraction(1), Fraction(3, 2), Fraction(2))
CLASS_SHARES = (Fraction(1, 5), Fraction(1, 2), Fraction(1))
# Filters that are tried: of the first module, and how many more the third has than half of that.
WIDTHS = range(4, 65)
MORE = range(-2, 3)
# Parameters, or cycles, that differ by no more than this share are equal.
EQUAL = 0.02


def base(name: str, channels: int, size: tuple[int, int], classes: int) -> SqueezeNetConfig:
    """The network that all others are measured against, for pictures of this kind; pictures of more
    than 16 rows are halved by the first convolution, as the paper's are."""
    return SqueezeNetConfig(
        name=name,
        base_expand=16,
        incr_expand=8,
        freq=2,
        squeeze_ratio=0.25,
        pct_3x3=0.5,
        modules=4,
        first_filters=8,
        first_kernel=3,
        first_stride=1 if max(size) <= 16 else 2,
        first_padding=1,
        pool_after=("fire2", "fire4"),
        classes=classes,
        input_channels=channels,
        input_size=size,
    )


@dataclass(frozen=True)
class Trainee:
    """A network of a study: ``value`` is its choice, ``condition`` one of CONDITIONS."""

    study: str
    condition: str
    value: str
    config: SqueezeNetConfig
    parameters: int
    cycles: int


class Costs:
    """Parameters, and cycles of a frame on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.parameters = cache(lambda config: parameters(without_weights(config)))
        self.cycles = cache(self._cycles)

    def _cycles(self, config: SqueezeNetConfig) -> int:
        """FirebrickError where the engine cannot run it."""
        net = without_numbers(without_weights(config))
        speed = Speeds(net).of(self.engine.shape, self.engine.timing)
        if speed.refusal:
            raise FirebrickError(f"{self.engine.board.name}: {config.name}: {speed.refusal}")
        return speed.cycles


def trainees(first: SqueezeNetConfig, costs: Costs, studies: Sequence[str]) -> list[Trainee]:
    """The networks of ``studies``; ``first`` is in each of them, with every condition."""
    found = []
    for study in studies:
        for condition, choices in _choices(study, first):
            for value, config in choices:
                config = replace(config, name=f"{study} {value}, {condition}")
                if condition != FILTERS and not _same(config, first):
                    config = equal(config, first, condition, costs)
                found.append(
                    Trainee(
                        *(study, condition, value, config),
                        *(costs.parameters(config), costs.cycles(config)),
                    )
                )
    return found


def _same(config: SqueezeNetConfig, other: SqueezeNetConfig) -> bool:
    return replace(config, name="") == replace(other, name="")


Choices = list[tuple[str, SqueezeNetConfig]]


def _choices(study: str, first: SqueezeNetConfig) -> Iterator[tuple[str, Choices]]:
    """The conditions of a study, and with each its values and networks before their filters are
    changed."""
    if study == SQUEEZE:
        for condition in CONDITIONS:
            ratios = SQUEEZE_RATIOS if condition == FILTERS else EQUAL_SQUEEZE_RATIOS
            yield condition, [(f"{r:g}", replace(first, squeeze_ratio=r)) for r in ratios]
    elif study == SHARE:
        for condition in CONDITIONS:
            shares = SHARES_3X3 if condition == FILTERS else EQUAL_SHARES_3X3
            yield condition, [(f"{s:.0%}", replace(first, pct_3x3=s)) for s in shares]
    elif study == POOLING:
        # Where a pooling stands changes no parameter.
        for condition in (PARAMETERS, CYCLES):
            yield condition, [(", ".join(p), replace(first, pool_after=p)) for p in POOLINGS]
    elif study == BYPASS:
        yield FILTERS, [(b, replace(first, bypass=b)) for b in BYPASSES]
    elif study == WIDTH:
        yield (
            FILTERS,
            [(f"{b} + {i}", replace(first, base_expand=b, incr_expand=i)) for b, i in EXPANDS],
        )
    elif study == GROWTH:
        yield PARAMETERS, [(str(f), replace(first, freq=f)) for f in FREQUENCIES]
    elif study == PICTURE:
        sizes = [tuple(int(side * scale) for side in first.input_size) for scale in SCALES]
        yield FILTERS, [(f"{r}x{c}", replace(first, input_size=(r, c))) for r, c in sizes]
    elif study == CLASSES:
        counts = [int(first.classes * share) for share in CLASS_SHARES]
        yield FILTERS, [(str(c), replace(first, classes=c)) for c in counts]
    else:
        raise FirebrickError(f"study {study!r}: not one of {', '.join(STUDIES)}")


def equal(
    config: SqueezeNetConfig, first: SqueezeNetConfig, condition: str, costs: Costs
) -> SqueezeNetConfig:
    """``config`` with as many expand filters as make it cost what ``first`` does.

    The nearest is taken; as cycles rise in steps, of those within EQUAL in cycles the one with the
    most parameters.

    Where the condition is met as it stands, it stays: parameters do not depend on poolings.
    """
    cost: Callable[[SqueezeNetConfig], int]
    cost = costs.parameters if condition == PARAMETERS else costs.cycles
    target = cost(first)
    if condition == PARAMETERS and cost(config) == target:
        return config
    near: list[SqueezeNetConfig] = []
    for width in WIDTHS:
        row = [other for more in MORE if (other := _with_filters(config, width, more))]
        near += row
        if row and min(map(cost, row)) > (1 + EQUAL) * target:
            break
    if not near:
        raise FirebrickError(f"{config.name}: no number of filters makes a network of it")
    within = [other for other in near if abs(cost(other) - target) <= EQUAL * target]
    if within and condition == CYCLES:
        return max(within, key=lambda other: (costs.parameters(other), -other.base_expand))
    return min(near, key=lambda other: abs(cost(other) - target))


def _with_filters(config: SqueezeNetConfig, width: int, more: int) -> SqueezeNetConfig | None:
    """None where a module would be without filters of a kind."""
    if width // 2 + more < 0:
        return None
    try:
        return replace(config, base_expand=width, incr_expand=width // 2 + more)
    except FirebrickError:
        return None
