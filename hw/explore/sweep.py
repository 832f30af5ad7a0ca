"""The sweep: every network of :mod:`hw.explore.designs` on every engine, as independent jobs.

A job is one network.  What repeats is done once: an engine's resources, a network's outline for an
array shape, the cycles of boards whose memory looks the same to the same engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from firebrick import quantize
from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.compiler.outline import Outline, outline
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.explore.designs import Design
from firebrick.hw.explore.engines import Engine
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.model.compiled import field_table, predict_outline
from firebrick.hw.model.prediction import Prediction
from firebrick.hw.shape import EngineShape
from firebrick.quantize.architectures import SqueezeNetConfig, without_weights
from firebrick.quantize.jobs import sources_hash
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.figures import Sizes, layer_figures

HW = Path(__file__).resolve().parents[1]
SOURCES = (".py", ".cpp", ".h", ".toml")
# What a frame's cycles go to: K steps of the array, and its waits by cause.
MACS, WEIGHTS, MAPS, DRAIN, SWITCH = BOUNDS = ("MACs", "weights", "maps", "drain", "switch")


@dataclass(frozen=True)
class Speed:
    """A network on an engine: cycles of a frame and what they go to (``spent``, in the order of
    BOUNDS), or why the engine cannot run it."""

    cycles: int = 0
    spent: tuple[int, ...] = ()
    refusal: str = ""

    @property
    def bound(self) -> str:
        """What most of the cycles go to."""
        return BOUNDS[self.spent.index(max(self.spent))] if self.spent else ""


@dataclass(frozen=True)
class Measured:
    """What a job finds: counts of the network, and its speed on every engine that was asked for."""

    parameters: int
    macs: int
    float_bytes: int
    fixed_bytes: int
    speeds: tuple[Speed, ...]

    def facts(self) -> dict:
        """As JSON data, short: a file keeps thousands."""
        speeds = [[s.cycles, *s.spent] if s.cycles else s.refusal for s in self.speeds]
        counts = [self.parameters, self.macs, self.float_bytes, self.fixed_bytes]
        return {"counts": counts, "speeds": speeds}

    @classmethod
    def of(cls, facts: Mapping) -> Measured:
        """The inverse of :meth:`facts`."""
        speeds = (
            Speed(refusal=s) if isinstance(s, str) else Speed(s[0], tuple(s[1:]))
            for s in facts["speeds"]
        )
        parameters, macs, float_bytes, fixed_bytes = facts["counts"]
        return cls(parameters, macs, float_bytes, fixed_bytes, tuple(speeds))


Pair = tuple[EngineShape, MemoryTiming]


@dataclass(frozen=True)
class Job:
    """A network, and the engines with their memories that it is to run on."""

    config: SqueezeNetConfig
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Point:
    """A network on an engine of a board."""

    design: Design
    engine: Engine
    measured: Measured
    speed: Speed

    @property
    def frames_per_second(self) -> float | None:
        return self.engine.hertz / self.speed.cycles if self.speed.cycles else None

    @property
    def fits(self) -> bool:
        return not self.engine.lacking and not self.speed.refusal

    @property
    def limit(self) -> str:
        """Why it does not fit, or what bounds its speed."""
        return "; ".join(self.engine.lacking) or self.speed.refusal or self.speed.bound

    @property
    def use(self) -> float | None:
        """Share of the array's MACs that the network's are."""
        if not self.speed.cycles:
            return None
        return self.measured.macs / (self.speed.cycles * self.engine.shape.macs)


def pairs_of(engines: Iterable[Engine]) -> tuple[Pair, ...]:
    """The engines that fit their chips, each with each memory once."""
    return tuple(dict.fromkeys((e.shape, e.timing) for e in engines if not e.lacking))


class Speeds:
    """What engines do with one network; each shape's outline is made once."""

    def __init__(self, net: QNetwork) -> None:
        self._net = net
        self._outlines: dict[EngineShape, tuple[Outline, np.ndarray] | str] = {}

    def of(self, shape: EngineShape, timing: MemoryTiming) -> Speed:
        """Predicted cycles of a frame and what they go to, or why the engine cannot run it."""
        found = self._outline(shape)
        if isinstance(found, str):
            return Speed(refusal=found)
        planned, table = found
        predicted = predict_outline(planned, timing, table=table)
        return Speed(predicted.cycles, spent_of(predicted))

    def _outline(self, shape: EngineShape) -> tuple[Outline, np.ndarray] | str:
        if shape not in self._outlines:
            try:
                made = outline(self._net, shape)
                self._outlines[shape] = made, field_table(made)
            except CompileError as error:
                self._outlines[shape] = str(error)
        return self._outlines[shape]

    def macs(self, shape: EngineShape) -> int:
        """Of a frame's layers; 0 where the engine cannot run them."""
        found = self._outline(shape)
        groups = () if isinstance(found, str) else found[0].groups
        return sum(layer["macs"] for group in groups for layer in group.layers)


def measure(job: Job) -> dict:
    """One job: :meth:`Measured.facts` of it."""
    net = without_weights(job.config)
    layers = layer_figures(net)
    sizes = Sizes.of(layers)
    speeds = Speeds(without_numbers(net))
    return Measured(
        sum(layer.parameters for layer in layers),
        sum(layer.macs for layer in layers),
        sizes.float32,
        sizes.fixed,
        tuple(speeds.of(shape, timing) for shape, timing in job.pairs),
    ).facts()


def spent_of(predicted: Prediction) -> tuple[int, ...]:
    """Cycles by what they go to, in the order of BOUNDS."""
    stalls = predicted.stalls
    maps = stalls["input"] + stalls["output"]
    return (predicted.active, stalls["weights"], maps, stalls["drain"], stalls["switch"])


def expand(
    designs: Sequence[Design], engines: Sequence[Engine], found: Sequence[Measured]
) -> list[Point]:
    """A point for every network and engine, from what the jobs of the networks found."""
    index = {pair: n for n, pair in enumerate(pairs_of(engines))}
    points = []
    for design, measured in zip(designs, found, strict=True):
        for engine in engines:
            speed = Speed()
            if not engine.lacking:
                speed = measured.speeds[index[engine.shape, engine.timing]]
            points.append(Point(design, engine, measured, speed))
    return points


@cache
def sources() -> str:
    """A hash of the sources that a job's result depends on."""
    folders = (HW, HW / "compiler", HW / "model", HW / "explore")
    files = [path for folder in folders for path in folder.iterdir()]
    quantizer = Path(quantize.__file__).parent.rglob("*.py")
    return sources_hash(sorted([*(p for p in files if p.suffix in SOURCES), *quantizer]))


def signature(pairs: tuple[Pair, ...]) -> str:
    """A hash of all that kept results depend on: sources, and the engines that they are of."""
    return f"{sources()}-{hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]}"
