"""Mutants that change nothing: proven, or named in ``equivalent.toml`` with a reason.

A proof holds a module with the change against the module without it, at the parameters of its
smallest bench: from registers that are all zero, whatever comes in, all outputs are equal for
ever.  ABC merges the registers that both have in common and decides the rest by PDR.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firebrick.hw.flow.yosys import YOSYS, run_tool
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT, build_folder
from firebrick.sim.benches.runner import resolve_sources
from firebrick.sim.formal.prover import decide
from firebrick.sim.mutants.benches import benches
from firebrick.sim.mutants.places import RTL, Mutant

LISTED = Path(__file__).with_name("equivalent.toml")
LIMIT = 40
"""Seconds for one proof."""


@dataclass(frozen=True)
class Equivalent:
    """Mutants in the lines of ``file`` that hold ``line`` change nothing, because of ``reason``.

    ``original`` and ``mutated``, and what the line ``below`` which it stands holds, narrow it down
    where they are given.
    """

    file: str
    line: str
    reason: str
    original: str | None = None
    mutated: str | None = None
    below: str = ""

    def names(self, mutant: Mutant) -> bool:
        if mutant.file != self.file:
            return False
        above, line = ["", *(RTL / mutant.file).read_text().splitlines()][mutant.line - 1 :][:2]
        wanted = (self.original, self.mutated)
        same = all(w is None or w == m for w, m in zip(wanted, _texts(mutant), strict=True))
        return self.line in line and self.below in above and same


def _texts(mutant: Mutant) -> tuple[str, str]:
    return " ".join(mutant.original.split()), " ".join(mutant.mutated.split())


def read_equivalents(path: Path = LISTED) -> list[Equivalent]:
    """The list; FirebrickError for an entry without a reason, or for lines that are not there."""
    try:
        entries = tomllib.loads(path.read_text())["equivalent"]
        found = [Equivalent(**entry) for entry in entries]
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise FirebrickError(f"{path}: file, line and reason are needed: {error}") from error
    for entry in found:
        if not (entry.line.strip() and entry.reason.strip()):
            raise FirebrickError(f"{path}: {entry.file}: give line and reason")
        rtl = RTL / entry.file
        if not rtl.is_file() or entry.line not in rtl.read_text():
            raise FirebrickError(f"{path}: {entry.file} has no line {entry.line!r}: delete it")
    return found


def listed(mutant: Mutant, equivalents: Iterable[Equivalent]) -> str:
    """The reason why ``mutant`` changes nothing, empty where none is listed."""
    return next((e.reason for e in equivalents if e.names(mutant)), "")


def _parameters(module: str) -> dict[str, int]:
    """Those of the module's smallest bench."""
    found = [dict(bench.options.get("parameters") or {}) for bench in benches(module)]
    return min(found, key=lambda values: sum(values.values()))


def proven(mutant: Mutant, limit: int = LIMIT) -> str:
    """How the mutant was proven equivalent; empty where it was not."""
    started = time.monotonic()
    label = re.sub(r"[^A-Za-z0-9]+", "-", str(mutant))[:80]
    folder = build_folder() / "mutants" / "proofs" / label
    folder.mkdir(parents=True, exist_ok=True)
    seen = os.path.relpath(folder, ROOT)
    parameters = _parameters(mutant.module)
    values = "".join(f" -set {name} {value}" for name, value in sorted(parameters.items()))
    for name, changed in (("gold", None), ("gate", mutant)):
        files = []
        for path in resolve_sources(mutant.module):
            text = path.read_text()
            if changed is not None and path.name == changed.file:
                text = changed.apply(text)
            (folder / f"{name}-{path.name}").write_text(text)
            files.append(f"{seen}/{name}-{path.name}")
        chparam = f"chparam{values} {mutant.module}; " if values else ""
        script = (
            f"read_verilog -sv {' '.join(files)}; {chparam}hierarchy -check -top {mutant.module}; "
            "prep -flatten; memory_map; async2sync; dffunmap; setundef -undriven -zero; opt -full; "
            f"rename -top {name}; write_rtlil {seen}/{name}.il"
        )
        run_tool(YOSYS, ["-p", script], folder / f"{name}.log")
    (folder / "status").unlink(missing_ok=True)
    script = (
        f"read_rtlil {seen}/gold.il; read_rtlil {seen}/gate.il; "
        "miter -equiv -flatten -make_assert gold gate miter; hierarchy -top miter; "
        "setundef -zero -init; chformal -lower; delete -output; opt_clean; techmap; simplemap; "
        f"dffunmap; aigmap; clean; write_aiger -I -B -zinit {seen}/model.aig"
    )
    run_tool(YOSYS, ["-p", script], folder / "miter.log")
    reduced = folder / "reduced.aig"
    reduced.unlink(missing_ok=True)
    merged = f"&get -n; &scl; &lcorr; &scorr; &write {seen}/reduced.aig; &put"
    status = decide(folder, f"{merged}; pdr", limit).split()
    if status[0] != "snl_UNSAT" and not _is_false(reduced):
        return ""
    shape = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    seconds = time.monotonic() - started
    return f"proven equivalent{f' at {shape}' if shape else ''} ({seconds:.0f} s)"


def _is_false(model: Path) -> bool:
    """Whether nothing is left of the model but an output that is never true: PDR asks for more."""
    header, output = model.read_bytes().split(b"\n")[:2]
    latches, outputs, gates = header.split()[3:6]
    return (latches, outputs, gates, output) == (b"0", b"1", b"0", b"0")
