"""Every mutant against the fastest tests first, until one of them fails."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.benches.runner import resolve_sources
from firebrick.sim.build import TOP
from firebrick.sim.mutants import engine as whole
from firebrick.sim.mutants.benches import Bench, benches
from firebrick.sim.mutants.engine import Engine
from firebrick.sim.mutants.equivalence import LISTED, listed, proven, read_equivalents
from firebrick.sim.mutants.places import Mutant
from firebrick.sim.mutants.processes import Broken, Job, run
from firebrick.sim.mutants.schemata import write_schemata

WORKERS = 2
BENCH_SECONDS, BENCH_TIMES = 5, 4
"""Processor time that a mutant has in a bench: four times what the RTL without one takes, and 5 s.
Few end so: most benches count their cycles."""
PROOF_SECONDS = 300
UNCHANGED = 0
SLOW = ("firebrick_engine", "fb_planner", "firebrick_zynq")
"""Modules whose benches take longer than the campaign of faults; they come behind it."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """``caught``: the test that failed and how; ``equivalent``: why none can."""

    mutant: Mutant
    caught: str = ""
    equivalent: str = ""

    @property
    def survives(self) -> bool:
        return not self.caught and not self.equivalent

    @property
    def contradicts(self) -> bool:
        """A test saw what no test can see."""
        return bool(self.caught and self.equivalent)


def inside_engine() -> set[str]:
    """Modules that the engine is made of."""
    return {path.stem for path in resolve_sources(TOP)}


def judge(mutants: Sequence[Mutant], folder: Path, report: Report = print) -> list[Verdict]:
    """A verdict on each of ``mutants``; ``folder`` takes the RTL that holds them all."""
    write_schemata(mutants, folder)
    numbers = range(1, len(mutants) + 1)
    inside = inside_engine()
    equivalents = read_equivalents()
    equivalent: dict[int, str] = {}
    caught: dict[int, str] = {}

    def left(among: Iterable[int] = numbers) -> list[int]:
        return [k for k in among if k not in caught and k not in equivalent]

    def told(step: str, since: float) -> None:
        seconds = time.monotonic() - since
        report(
            f"{step}: {seconds:.0f} s, {len(caught)} of {len(mutants)} caught, {len(left())} left"
        )

    of_engine = [k for k in numbers if mutants[k - 1].module in inside]
    if of_engine:
        start = time.monotonic()
        engine = Engine.make(folder)
        told("engine built", start)
        start = time.monotonic()
        caught |= _on_engine(engine, whole.networks, left(of_engine))
        told("networks", start)
    start = time.monotonic()
    small = [k for k in numbers if mutants[k - 1].module not in SLOW]
    caught |= _on_benches(mutants, left(small), folder, report)
    told("benches", start)
    for name, checks in (("faults", whole.faults), ("resets", whole.resets)):
        if left(of_engine):
            start = time.monotonic()
            caught |= _on_engine(engine, checks, left(of_engine))
            told(name, start)
    for k in left():
        report(f"  left: {mutants[k - 1]}")
    start = time.monotonic()
    slow = [k for k in numbers if mutants[k - 1].module in SLOW]
    caught |= _on_benches(mutants, left(slow), folder, report)
    told("slow benches", start)
    for k in numbers:
        if reason := listed(mutants[k - 1], equivalents):
            equivalent[k] = reason
            if k in caught:
                report(f"{mutants[k - 1]}: not equivalent as {LISTED.name} says: {caught[k]}")
    start = time.monotonic()
    jobs = [Job(k, partial(proven, mutants[k - 1]), PROOF_SECONDS) for k in left()]
    for job, result in run(jobs, WORKERS):
        if isinstance(result, Broken):
            report(f"no proof of {mutants[job.mutant - 1]}: {result.why}")
        elif result:
            equivalent[job.mutant] = result
    told("proofs", start)
    return [Verdict(mutants[k - 1], caught.get(k, ""), equivalent.get(k, "")) for k in numbers]


def _on_engine(engine: Engine, checks: whole.Checks, numbers: Sequence[int]) -> dict[int, str]:
    """What the whole engine shows, by the mutant's number."""

    def work() -> str:
        return engine.first_failure(checks)

    if not numbers:
        return {}
    jobs = [Job(k, work, whole.SECONDS) for k in (UNCHANGED, *numbers)]
    found = {job.mutant: _text(result) for job, result in run(jobs, WORKERS)}
    if found[UNCHANGED]:
        raise FirebrickError(f"the engine without a mutant fails: {found[UNCHANGED]}")
    return {k: text for k, text in found.items() if text}


def _on_benches(
    mutants: Sequence[Mutant], numbers: Sequence[int], folder: Path, report: Report
) -> dict[int, str]:
    """What the modules' benches show; one module's mutants share its models, one after another."""
    modules: dict[str, list[int]] = {}
    for k in numbers:
        modules.setdefault(mutants[k - 1].module, []).append(k)
    lanes = sorted(modules, key=lambda module: -len(modules[module]))
    jobs = [
        Job(index, partial(_on_module, benches(module), modules[module], folder))
        for index, module in enumerate(lanes)
    ]
    caught: dict[int, str] = {}
    for job, result in run(jobs, WORKERS):
        if isinstance(result, Broken):
            raise FirebrickError(f"the benches of {lanes[job.mutant]}: {result.why}")
        if "" in result:
            raise FirebrickError(f"without a mutant {result['']}")
        caught |= {int(k): text for k, text in result.items()}
        module = lanes[job.mutant]
        report(f"  {module}: {len(result)} of {len(modules[module])} caught by its benches")
    return caught


def _on_module(found: Sequence[Bench], numbers: Sequence[int], folder: Path) -> dict[str, str]:
    """The mutants that one of a module's benches catches; under "" a bench that fails anyway."""
    caught: dict[str, str] = {}
    for bench in found:
        left = [k for k in numbers if str(k) not in caught]
        if not left:
            break
        for step in ("builds", "runs"):
            before = _children_seconds()
            failure = _one(Job(UNCHANGED, partial(bench.run, folder)))
            if failure:
                return {"": f"{bench} {step} not: {failure}"}
        seconds = BENCH_SECONDS + round(BENCH_TIMES * (_children_seconds() - before))
        for k in left:
            failure = _one(Job(k, partial(bench.run, folder), seconds))
            if failure:
                caught[str(k)] = f"{bench}: {failure}"
    return caught


def _children_seconds() -> float:
    """Processor time of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _one(job: Job) -> str:
    return _text(next(run([job], 1))[1])


def _text(result: object) -> str:
    return result.why if isinstance(result, Broken) else str(result)
