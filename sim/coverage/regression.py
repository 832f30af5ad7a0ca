"""What is run for coverage: networks through the driver, registers and faults, on an engine that
counts, and the bench of every module."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from firebrick.hw import definition as d
from firebrick.hw.compiler.steps import CompileError
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.benches.runner import COVERAGE_VARIABLE
from firebrick.sim.board import SimulatedBoard
from firebrick.sim.build import Progress, build_design, engine_design
from firebrick.sim.coverage.reader import Point, points, read_counts
from firebrick.sim.faults.machine import Machine
from firebrick.sim.faults.networks import SHAPE, make_cases, twins
from firebrick.sim.faults.trials import KINDS, run_trial
from firebrick.sim.gates.cases import random_cases
from firebrick.sim.gates.networks import Case, run_case
from firebrick.sim.random_networks import random_images

# The benches of the whole engine run much the same as the networks above, and take minutes.
BENCHES = ("tests/sim/benches", "--ignore-glob=*engine.py")
# Seeds of networks whose recipe may be too large for the engine: those that fit are run.
RANDOM = 12


def counting(counts: Counter[str], folder: Path) -> type[SimulatedBoard]:
    """Boards that add to ``counts`` what was counted in them, when they are closed."""
    path = folder / "coverage.dat"

    class CountingBoard(SimulatedBoard):
        def close(self) -> None:
            if self._handle:
                write = self._lib.fb_write_coverage
                write.restype, write.argtypes = None, [ctypes.c_char_p]
                write(str(path).encode())
                counts.update(read_counts(path))
            super().close()

    return CountingBoard


def network_cases() -> list[Case]:
    """Every network of the faults, as groups and apart, under back-pressure and without."""
    cases = []
    for number, (net, _) in enumerate(twins(SHAPE)):
        for apart in (False, True):
            name = f"network {number}{', apart' if apart else ''}"
            seed = None if apart else number + 1
            cases.append(Case(name, net, random_images(net, 1, number), apart, seed))
    return [*cases, *random_cases(RANDOM)]


def run_regression(trials: int, progress: Progress | None = None) -> Counter[Point]:
    """Counts of all of it; FirebrickError where anything in it fails."""
    design = replace(engine_design(SHAPE), name=f"coverage-{SHAPE}", quick=True, coverage=True)
    library = build_design(design, progress)
    report = progress or (lambda *_: None)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind = counting(counts, folder)
        cases = network_cases()
        for number, case in enumerate(cases):
            report(case.name, number, len(cases))
            try:
                ran = run_case(case, SHAPE, library, folder, kind)
            except CompileError:
                continue
            if not ran.report.exact:
                raise FirebrickError(f"{case.name}: {ran.report}")
        with kind(SHAPE, library=library) as board:
            for register in d.REGISTERS:
                board.read_register(register.offset)
        machine = Machine(SHAPE, library, kind)
        pairs = make_cases()
        kinds = list(KINDS)
        for number in range(trials):
            report("faults", number, trials)
            verdict = run_trial(machine, kinds[number % len(kinds)], 1 + number, pairs)
            if verdict.failure:
                raise FirebrickError(
                    f"fault {verdict.kind}, seed {verdict.seed}: {verdict.failure}"
                )
        machine.close()
        report("benches", 0, 1)
        counts.update(bench_counts(folder / "benches"))
    return points(counts)


def bench_counts(folder: Path, tests: Sequence[str] = BENCHES) -> Counter[str]:
    """Counts of the benches of these arguments of pytest; FirebrickError where one fails."""
    folder.mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", *tests]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, COVERAGE_VARIABLE: str(folder)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise FirebrickError(f"benches: {' '.join(command)} fails:\n{done.stdout[-2000:]}")
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("*.dat")):
        counts.update(read_counts(path))
    return counts
