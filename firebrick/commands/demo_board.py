"""The demo's runs: programs on simulated boards, every value compared with the golden model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.host.compare import Report, compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Profile, Result
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QConcat, QNetwork
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.workers import share_out
from firebrick.sim.board import SimulatedBoard, simulated

# Starting a second process takes about as long as simulating so many cycles.
WORTH_A_PROCESS = 2_000_000


@dataclass(frozen=True)
class Run:
    """One program on one picture; ``index`` is the picture's."""

    qnet: QNetwork
    blob: bytes
    shape: EngineShape
    image: np.ndarray
    index: int
    apart: bool
    library: Path
    overlay: Path


@dataclass(frozen=True)
class Ran:
    """What came out: everything compared, the answer, where the cycles went, wall time in s."""

    index: int
    apart: bool
    report: Report
    result: Result
    profile: Profile
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What the program did with all pictures, and with each stage apart for some of them."""

    report: Report
    results: list[Result]
    profile: Profile
    cycles_per_second: float
    boards: int


def ideal_cycles(program: Program) -> int:
    """Cycles of a frame on an array that never waits."""
    return sum(la["ideal_cycles"] for g in program.host["groups"] for la in g["layers"])


def run_all(
    qnet: QNetwork,
    images: np.ndarray,
    fused: Program,
    apart: Program,
    apart_images: int,
    library: Path,
    overlay: Path,
) -> Outcome:
    """Every picture through ``fused``, and the first ``apart_images`` through ``apart`` too, two
    boards at once where there are two cores and enough to do.

    Raises AssertionError where the two leave a feature map unseen.
    """
    _check_coverage(qnet, apart)
    jobs = [
        Run(qnet, program.blob, fused.shape, image, index, program is apart, library, overlay)
        for index, image in enumerate(images)
        for program in ((fused, apart) if index < apart_images else (fused,))
    ]
    cycles = len(images) * ideal_cycles(fused) + apart_images * ideal_cycles(apart)
    boards = min(2, len(os.sched_getaffinity(0))) if cycles > WORTH_A_PROCESS else 1
    ran = list(track(_each(jobs, boards), "simulate: frames", len(jobs)))
    report = sum((r.report for r in ran), Report(0, 0, 0, ()))
    normal = sorted((r for r in ran if not r.apart), key=lambda r: r.index)
    for other in (r for r in ran if r.apart):
        same = compare(
            _answers(normal[other.index].result, other.index), _answers(other.result, other.index)
        )
        if not same.exact:
            report += same
    spent = sum(r.seconds for r in normal)
    total = sum(r.result.cycles for r in normal)
    last = normal[-1].profile
    return Outcome(report, [r.result for r in normal], last, total / spent, boards)


def _answers(result: Result, image: int) -> dict[str, np.ndarray]:
    what = f"answers of both programs, image {image}"
    if not result.maps:
        return {what: result.sums}
    return {f"{what}, {name}": values for name, values in result.maps.items()}


def _each(jobs: list[Run], boards: int) -> Iterator[Ran]:
    if boards == 1:
        yield from map(run_one, jobs)
        return
    yield from share_out(run_one, jobs, boards)


def run_one(job: Run) -> Ran:
    """One picture by itself, so that its maps can be read back and compared."""
    what = "stages apart" if job.apart else "program"
    parsed = parse_program(job.blob, f"{job.qnet.name} ({what})")
    keep = [m.name for m in parsed.maps]
    expected = golden.run(job.qnet, job.image[None], keep=keep)
    board = SimulatedBoard(job.shape, library=job.library)
    with simulated(board), Firebrick(str(job.overlay), parsed, clock=board) as engine:
        begin = time.perf_counter()
        result = engine.run(job.image)
        seconds = time.perf_counter() - begin
        golden_maps = {name: values[0] for name, values in expected.tensors.items()}
        report = compare(engine.maps(), golden_maps)
        if job.qnet.maps:
            report += compare(result.maps, golden_maps)
        else:
            name = job.qnet.nodes[-1].output
            report += compare({name: result.totals}, {name: expected.sums[0]})
        return Ran(job.index, job.apart, report, result, engine.profile(), seconds)


def _check_coverage(qnet: QNetwork, apart: Program) -> None:
    """The maps of the program with stages apart are all of the network's: nothing unseen.

    A branch of a concatenation lies inside it and is not stored once more.
    """
    stored = {m["name"] for m in (*apart.host["maps"], *apart.host["output"]["maps"])}
    branches = {name for n in qnet.nodes if isinstance(n, QConcat) for name in n.inputs}
    missing = set(qnet.tensors) - stored - branches - {qnet.input}
    if missing:
        raise AssertionError(f"feature maps that no program writes: {', '.join(sorted(missing))}")
