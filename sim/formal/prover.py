"""One proof: yosys makes an and-inverter graph of RTL and properties, ABC decides it.

PDR (property directed reachability) looks for an inductive invariant that excludes every
violation; it needs none from us, so properties name ports only.  It ends with such an invariant
(the properties hold for ever), with a violation, or at its time limit.  Where no invariant is
found in reasonable time, bounded model checking excludes violations up to some number of cycles.

Larger modules get assertions that say how their counters hang together (h_, for help), which make
plain induction close: that ``steps`` cycles without a violation, from any state at all, are not
followed by one, and that there is none in the first ``steps`` cycles. That takes seconds where PDR
takes hours; for the counters, an edit shows them at the module's ports.

What is assumed of the surroundings might exclude everything, and then all properties hold: so each
proof names in ``cover`` statements what must be reachable, and a trace to each is looked for.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from firebrick.hw.flow.yosys import YOSYS, run_tool
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import ROOT, build_folder

RTL = "hw/rtl"
PROPERTIES = "sim/formal/properties"
INDUCTION, BOUNDED, FAILED = "proven by induction", "bounded", "failed"
# yosys itself takes seconds; ABC ends by its own limit.
GRACE_SECONDS = 120
# Induction's step: what was not violated in the last cycle is taken for granted.
STEP_MAP = """(* techmap_celltype = "$assert" *)
module assertion_as_step(A, EN);
  input A, EN;
  \\$assert _TECHMAP_REPLACE_ (.A(A), .EN(EN));
  \\$assume hypothesis (.A(A), .EN(EN));
endmodule
"""
# ABC and yosys know assertions as what is searched for: a cover is the assertion that it cannot be.
COVER_MAP = """(* techmap_celltype = "$cover" *)
module cover_as_assertion(A, EN);
  input A, EN;
  \\$assert _TECHMAP_REPLACE_ (.A(!A), .EN(EN));
endmodule
"""


@dataclass(frozen=True)
class Edit:
    """A change of an RTL file's text, which must hold ``old`` exactly once."""

    file: str
    old: str
    new: str
    why: str

    def apply(self, text: str) -> str:
        count = text.count(self.old)
        if count != 1 or self.old == self.new:
            raise FirebrickError(
                f"{RTL}/{self.file}: {self.old!r} is there {count} times, not once: bring the "
                f"edit of sim/formal/proofs.py up to date ({self.why})"
            )
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Proof:
    """Properties of ``module``: the top module in ``properties[0]`` with ``parameters``.

    ``steps`` is the number of cycles that induction's step starts from, where helping assertions
    make it close without PDR; ``bound`` the number of cycles that are looked at where no induction
    is expected, 0 where it is; ``reach`` that within which every cover must be met; ``depth`` that
    which the second witness looks at; ``edits`` are changes of the RTL that the proof itself is
    about, with their reason.
    """

    name: str
    module: str
    rtl: tuple[str, ...]
    properties: tuple[str, ...]
    parameters: dict[str, int] = field(default_factory=dict)
    mutants: tuple[Edit, ...] = ()
    edits: tuple[Edit, ...] = ()
    steps: int = 0
    bound: int = 0
    reach: int = 40
    depth: int = 12
    limit: int = 300
    quick: bool = False

    @property
    def top(self) -> str:
        return self.properties[0].removesuffix(".sv")


@dataclass(frozen=True)
class Verdict:
    """``depth``: cycles that were looked at; for a failure the cycle of the violation."""

    method: str
    depth: int
    seconds: float
    violated: str = ""
    # A violation was found, rather than nothing decided.
    refuted: bool = False
    # The cycle in which each cover is met, None where it is not within the proof's reach.
    covers: dict[str, int | None] = field(default_factory=dict)


def sources(proof: Proof, mutant: Edit | None = None) -> dict[str, str]:
    """The RTL's text of a proof by file name, edited, and with ``mutant`` if there is one."""
    texts = {name: (ROOT / RTL / name).read_text() for name in proof.rtl}
    for edit in (*proof.edits, *((mutant,) if mutant else ())):
        if edit.file not in texts:
            raise FirebrickError(f"{proof.name}: {edit.file} is no source of it ({edit.why})")
        texts[edit.file] = edit.apply(texts[edit.file])
    return texts


def write_sources(proof: Proof, mutant: Edit | None, folder: Path) -> None:
    """Write a proof's RTL, or it with a mutant, into ``folder``."""
    for name, text in sources(proof, mutant).items():
        (folder / name).write_text(text)


@contextmanager
def working_folder(proof: Proof, mutant: Edit | None, part: str = "") -> Iterator[Path]:
    """Where the files of a proof, or of it on a mutant, are kept; nobody else's in this block."""
    label = f"{proof.name}-mutant-{proof.mutants.index(mutant)}" if mutant else proof.name
    folder = build_folder() / "formal" / re.sub(r"[^A-Za-z0-9]+", "-", label) / part
    with sole_writer(folder):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def read_commands(proof: Proof, seen: str) -> str:
    """yosys commands that read a proof's RTL, from the folder ``seen``, and its properties."""
    files = [f"{seen}/{name}" for name in proof.rtl]
    files += [f"{PROPERTIES}/{name}" for name in proof.properties]
    values = " ".join(f"-set {name} {value}" for name, value in proof.parameters.items())
    chparam = f"chparam {values} {proof.top}; " if values else ""
    return f"read_verilog -formal -sv {' '.join(files)}; {chparam}hierarchy -check -top {proof.top}"


def prove(proof: Proof, mutant: Edit | None = None, limit: int | None = None) -> Verdict:
    """Decide ``proof`` on the RTL, or on the RTL with a mutant."""
    with working_folder(proof, mutant) as folder:
        return _prove(proof, mutant, limit or proof.limit, folder)


def _prove(proof: Proof, mutant: Edit | None, seconds: int, folder: Path) -> Verdict:
    started = time.monotonic()
    write_sources(proof, mutant, folder)
    asserts = _model(proof, folder, whole=mutant is None)
    if mutant and proof.steps:
        search = f"scorr; bmc3 -F {proof.reach}"
    elif proof.steps:
        # Few cycles: what scorr has proven by itself bmc3 would call undecided.
        search = f"bmc3 -F {proof.steps}"
    elif proof.bound:
        search = f"scorr; bmc3 -F {proof.bound}"
    else:
        search = "scorr; &get -n; &scl; &put; pdr"
    status = _abc(proof, folder, "model", search, seconds)
    if mutant:
        return _verdict(proof, status, asserts, {}, time.monotonic() - started)
    covers = _covers(proof, folder)
    verdict = _verdict(proof, status, asserts, covers, time.monotonic() - started)
    if not proof.steps or verdict.method == FAILED:
        return verdict
    step = _abc(proof, folder, "step", f"bmc3 -F {proof.steps + 1}", seconds).split()
    took = time.monotonic() - started
    if step[0] == "snl_UNK" and int(step[1]) >= proof.steps:
        return replace(verdict, method=INDUCTION, seconds=took)
    what = "induction's step does not close"
    if step[0] == "snl_SAT":
        what += f": {_names(folder / 'step.json')[int(step[3])]}"
    return replace(verdict, method=FAILED, seconds=took, violated=what)


def _model(proof: Proof, folder: Path, whole: bool) -> list[str]:
    """Write the graph of a proof's assertions, if ``whole`` also those of its covers and of
    induction's step; the assertions' names."""
    for stale in ("model.aig", "covers.aig", "step.aig"):
        (folder / stale).unlink(missing_ok=True)
    (folder / "step_map.v").write_text(STEP_MAP)
    (folder / "cover_map.v").write_text(COVER_MAP)
    # yosys as WebAssembly sees what relative paths lead to.
    seen = os.path.relpath(folder, ROOT)
    graph = (
        "opt_clean; techmap; simplemap; setundef -undriven -anyseq; delete -output; opt_clean; "
        "dffunmap; aigmap; clean; "
        f"write_aiger -I -B -zinit -ywmap {seen}/%s.json {seen}/%s.aig; "
    )
    script = (
        f"{read_commands(proof, seen)}; "
        f"prep -top {proof.top} -flatten; async2sync; dffunmap; memory_map -formal; "
        "formalff -clk2ff -ff2anyinit; setundef -undriven -anyseq; opt -full; chformal -lower; "
        "design -save whole; chformal -cover -remove; " + graph.replace("%s", "model")
    )
    if whole and proof.steps:
        script += (
            "design -load whole; chformal -cover -remove; setattr -unset init */w:*; "
            f"formalff -ff2anyinit; techmap -max_iter 1 -map {seen}/step_map.v; "
            "chformal -assume -delay 1 */c:*hypothesis; "
            f"chformal -assert -skip {proof.steps}; " + graph.replace("%s", "step")
        )
    if whole:
        script += (
            "design -load whole; chformal -assert -remove; "
            f"techmap -map {seen}/cover_map.v; " + graph.replace("%s", "covers")
        )
    run_tool(YOSYS, ["-p", script], folder / "model.log")
    if not (folder / "model.aig").is_file():
        raise FirebrickError(f"{proof.name}: yosys made no model (see {folder / 'model.log'})")
    # With two drivers a signal is what neither says.
    if "conflicting drivers" in (folder / "model.log").read_text():
        raise FirebrickError(f"{proof.name}: a signal has two drivers ({folder / 'model.log'})")
    return _names(folder / "model.json")


def _names(path: Path) -> list[str]:
    """The names of a graph's outputs, without those of modules."""
    return [name[-1].removeprefix("\\") for name in json.loads(path.read_text())["asserts"]]


def _abc(proof: Proof, folder: Path, model: str, search: str, seconds: int) -> str:
    """ABC's status of a search for a violation in ``model``."""
    try:
        return decide(folder, f"fold; {search}", seconds, model)
    except FirebrickError as error:
        raise FirebrickError(f"{proof.name}: {error}") from error


def decide(folder: Path, search: str, seconds: int, model: str = "model") -> str:
    """What ABC says of the graph ``model`` in ``folder`` as its ``write_status`` writes it, after
    ``search``: commands of ABC, the last of which takes at most ``seconds``."""
    seen = os.path.relpath(folder, ROOT)
    status = folder / f"{model}.status"
    status.unlink(missing_ok=True)
    (folder / "abc.script").write_text(
        f"read_aiger {seen}/{model}.aig; {search} -T {seconds}; "
        f"write_status {seen}/{model}.status\n"
    )
    # ABC is a part of yosys, called from its pass for logic optimization: a module of one gate is
    # its pretext. ABC ends with another network than it was given, which the pass takes for an
    # error: the status file is what counts.
    (folder / "pretext.v").write_text("module t(input a, b, output c); assign c = a & b; endmodule")
    run_tool(
        YOSYS,
        ["-p", f"read_verilog {seen}/pretext.v; techmap; abc -script {seen}/abc.script"],
        folder / "abc.log",
        seconds + GRACE_SECONDS,
        may_fail=True,
    )
    if not status.is_file():
        raise FirebrickError(f"ABC gave no verdict (see {folder / 'abc.log'})")
    return status.read_text()


def _covers(proof: Proof, folder: Path) -> dict[str, int | None]:
    """The cycle in which each cover of a proof is met."""
    reached: dict[str, int | None] = {}
    for index, name in enumerate(_names(folder / "covers.json")):
        search = f"cone -O {index}; bmc3 -F {proof.reach}"
        words = _abc(proof, folder, "covers", search, proof.limit).split()
        reached[name] = int(words[4]) if words[0] == "snl_SAT" else None
    return reached


def _verdict(
    proof: Proof, status: str, asserts: list[str], covers: dict[str, int | None], seconds: float
) -> Verdict:
    words = status.split()
    depth = int(words[1])
    if words[0] == "snl_SAT":
        return Verdict(FAILED, int(words[4]), seconds, asserts[int(words[3])], True, covers)
    if words[0] not in ("snl_UNSAT", "snl_UNK"):
        raise FirebrickError(f"{proof.name}: ABC's status {words[0]!r} is none that is known")
    missed = [name for name, cycle in covers.items() if cycle is None]
    if missed:
        return Verdict(FAILED, depth, seconds, f"not reached: {missed[0]}", covers=covers)
    if words[0] == "snl_UNSAT":
        return Verdict(INDUCTION, depth, seconds, covers=covers)
    # The last of F cycles has the number F - 1.
    cycles = proof.steps or proof.bound
    if cycles and depth >= cycles - 1:
        return Verdict(BOUNDED, cycles, seconds, covers=covers)
    return Verdict(FAILED, depth, seconds, "undecided at the time limit", covers=covers)
