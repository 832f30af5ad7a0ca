"""One trial: a random network, engine, pictures and back-pressure, all of them out of one seed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.jobs import sources_hash
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.random_networks import (
    build,
    random_images,
    random_narrow,
    random_network,
    random_strides,
    random_sums,
    sized_recipe,
    tiny_recipe,
)

# Each is compiled once, which takes a minute: an array of words of an odd number of bytes, one of
# whole beats, the board's, and those of two K steps a cycle.
SHAPES = (SMALL, replace(SMALL, pixels=8), pumped(SMALL, 2), PYNQ_Z2, pumped(PYNQ_Z2, 2))
# Of a seed, and of the engine where the kind is one that this engine has.
KINDS: dict[str, Callable[[int, EngineShape], QNetwork]] = {
    "Fire modules": lambda seed, _: random_network(seed),
    "bypass": lambda seed, _: random_network(seed, bypass=True),
    "sums": lambda seed, _: random_sums(seed),
    "strides": lambda seed, _: random_strides(seed),
    "any size": lambda seed, _: build(sized_recipe(np.random.default_rng(seed)), seed),
    "tiny": lambda seed, _: build(tiny_recipe(np.random.default_rng(seed)), seed),
    "two rows in one": lambda seed, shape: random_narrow(seed, shape.pixels, shape.channels),
}
IMAGES_MAX = 3
EXACT, REFUSED, WRONG, BROKEN = OUTCOMES = ("exact", "refused", "wrong", "broken")


@dataclass(frozen=True)
class Trial:
    """What a seed chooses: kind of network, engine, stages apart or not, pictures of a start, and
    the seed of the memory's pauses, if it has any."""

    seed: int
    kind: str
    shape: EngineShape
    apart: bool
    images: int
    stalls: int | None

    @classmethod
    def of(cls, seed: int) -> Trial:
        """The trial of a seed, the same wherever it is done."""
        rng = np.random.default_rng(seed)
        return cls(
            seed,
            str(rng.choice(list(KINDS))),
            SHAPES[int(rng.integers(len(SHAPES)))],
            bool(rng.integers(2)),
            int(rng.integers(1, IMAGES_MAX + 1)),
            seed + 1 if rng.integers(2) else None,
        )

    def __str__(self) -> str:
        parts = [self.kind, str(self.shape), f"{self.images} images"]
        parts += ["stages apart"] * self.apart + ["back-pressure"] * (self.stalls is not None)
        return ", ".join(parts)


def run_trial(seed: int) -> dict:
    """One job: whether the engine computes what the golden model does, every answer and every map
    of the last picture, as JSON data.

    A network that the compiler refuses is not run; whatever else goes wrong is ``broken``.
    """
    trial = Trial.of(seed)
    found = {"kind": trial.kind, "shape": str(trial.shape), "trial": str(trial)}
    try:
        net = KINDS[trial.kind](seed, trial.shape)
        images = random_images(net, trial.images, seed)
        with tempfile.TemporaryDirectory(prefix="firebrick-") as folder:
            report, counters, _, _ = check_network(
                net,
                trial.shape,
                images,
                Path(folder),
                stages_apart=trial.apart,
                seed=trial.stalls,
            )
    except CompileError as error:
        return {**found, "outcome": REFUSED, "text": str(error)}
    except Exception as error:  # whatever it is, it is what the trial looks for
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return {**found, "outcome": BROKEN, "text": text}
    outcome = EXACT if report.exact else WRONG
    return {
        **found,
        "outcome": outcome,
        "text": "" if report.exact else str(report),
        "values": report.values,
        "cycles": counters.cycles,
    }


@cache
def sources() -> str:
    """A hash of what a trial's result depends on."""
    files = [
        path
        for folder in ("hw", "sim", "host", "quantize")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".sv", ".svh", ".cpp", ".h", ".toml")
    ]
    return sources_hash(sorted(files))
