"""The whole engine on small networks: most mutants are seen here, within seconds.

Every network runs with and without back-pressure, with its stages fused and apart, and every map
and sum is compared with the golden model; then come aborts, bad programs, error responses and what
else ``sim/faults`` does to an engine.  A mutant runs in a process of its own, so that it may crash,
and every run ends at a number of cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from firebrick.sim.benches.runner import resolve_sources
from firebrick.sim.board import BusError, MemoryTiming, ProtocolError, SimulationError
from firebrick.sim.build import TOP, Design, build_design
from firebrick.sim.faults.machine import Case, Machine, make_case
from firebrick.sim.faults.networks import SHAPE, check_cases, make_cases
from firebrick.sim.faults.trials import KINDS, LARGEST_RUN, Trial, run_trial
from firebrick.sim.random_networks import build as build_network
from firebrick.sim.random_networks import random_images, tiny_recipe

Cases = list[tuple[Case, Case | None]]
Check = tuple[str, Callable[[], str]]
Checks = Callable[[Machine, Cases], Iterator[Check]]
TRIALS = 110
RESETS = 100
TINY = range(500, 506)
FIRST_TRIAL = 5000
SECONDS = 120
"""Of processor time: a mutant that takes longer hangs in a way that no count of cycles ends."""


def build(folder: Path) -> Path:
    """The engine's library out of the RTL in ``folder``."""
    sources = resolve_sources(TOP, folder)
    design = Design("mutants", TOP, tuple(sources), SHAPE.parameters(), assertions=True)
    return build_design(design)


def _network(machine: Machine, case: Case, images: int, seed: int | None) -> str:
    """What is wrong with the answers to ``images`` pictures; empty where nothing is."""
    rng = np.random.default_rng(seed)
    timing = MemoryTiming(read_latency=int(rng.choice([10, 40, 200]))) if seed else MemoryTiming()
    machine.fresh(seed, timing)
    machine.place(case, images, rng)
    machine.fence()
    for _ in range(2):
        # Again without a reset: nothing may be left over.
        machine.start(images)
        outcome = machine.wait()
        if outcome.what != "done":
            return outcome.what
        if not machine.right(images):
            return "wrong answer"
        machine.view("output")[:] = 0xAA
    return "write outside" if machine.strayed() else ""


@cache
def tiny_cases() -> tuple[Case, ...]:
    """Networks of few rows and channels: what waits for a squeeze row starts next to its end."""
    nets = [build_network(tiny_recipe(np.random.default_rng(seed)), seed) for seed in TINY]
    found = tuple(make_case(net, SHAPE, random_images(net, 2, 1), apart=False) for net in nets)
    for case in found:
        _ = case.expected
    return found


def networks(machine: Machine, cases: Cases) -> Iterator[Check]:
    """Every network, one picture as fast as the memory goes, and two with back-pressure."""
    tiny = [(case, None) for case in tiny_cases()]
    for number, (case, _) in enumerate([*cases, *tiny]):
        for images, seed in ((1, None), (2, 7 + number)):
            yield (
                f"network {number}, {'back-pressure' if seed else 'no back-pressure'}",
                partial(_network, machine, case, images, seed),
            )


def faults(machine: Machine, cases: Cases) -> Iterator[Check]:
    """A fixed part of ``make faults``."""
    kinds = list(KINDS)
    for number in range(TRIALS):
        kind, seed = kinds[number % len(kinds)], FIRST_TRIAL + number
        yield f"{kind}, seed {seed}", partial(_trial, machine, kind, seed, cases)


def resets(machine: Machine, cases: Cases) -> Iterator[Check]:
    """A reset in the middle of reads of maps to add, from a slow memory: nothing comes after it."""
    adding = [
        case for case, _ in cases if any(g.fields.get("add_enable") for g in case.program.groups)
    ]
    for number in range(RESETS):
        case = adding[number % len(adding)]
        yield f"reset {number}", partial(_reset, machine, case, np.random.default_rng(number))


def _reset(machine: Machine, case: Case, rng: np.random.Generator) -> str:
    machine.fresh(None, MemoryTiming(read_latency=400))
    machine.place(case, 1, rng)
    machine.start()
    machine.bench.run(int(rng.integers(1, LARGEST_RUN)))
    if not machine.soft_reset():
        return "does not end"
    Trial(machine, rng, case, None, 1).quiet()
    return ""


def _trial(machine: Machine, kind: str, seed: int, cases: Cases) -> str:
    return run_trial(machine, kind, seed, cases).failure


@dataclass(frozen=True)
class Engine:
    """The built engine and its networks, made once and shared by all mutants."""

    library: Path
    cases: Cases

    @classmethod
    def make(cls, folder: Path) -> Engine:
        """The engine of the RTL in ``folder``."""
        cases = make_cases()
        check_cases(cases)
        for case, twin in cases:
            # Computed once, and not in every process.
            _ = case.expected, twin and twin.parsed
        tiny_cases()
        return cls(build(folder), cases)

    def first_failure(self, checks: Checks) -> str:
        """The first of the checks that fails, with what it says; empty where none does."""
        machine = Machine(SHAPE, self.library)
        try:
            for name, check in checks(machine, self.cases):
                try:
                    failure = check()
                except (BusError, ProtocolError, SimulationError) as error:
                    failure = f"{type(error).__name__}: {error}"
                except KeyError as error:
                    failure = f"there is no error code {error}"
                if failure:
                    return f"{name}: {failure}"
        finally:
            machine.close()
        return ""
