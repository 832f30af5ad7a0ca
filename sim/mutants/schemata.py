"""RTL that holds many mutants at once: one build serves them all.

Each mutated expression becomes ``(selected == K) ? mutated : original``, which has the width and
the sign of the original, as the operands of a conditional are sized by their context as it is; an
assignment that is dropped becomes ``if (selected != K) assignment``.  ``selected`` is a variable
of a package that reads the environment when a simulation starts: 0, or no variable, is the RTL as
it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.mutants.places import RTL, Mutant, places

VARIABLE = "FIREBRICK_MUTANT"
PACKAGE = "mutant_pkg"
_PACKAGE_TEXT = f"""\
package {PACKAGE};
  // $c32: C++ that Verilator takes as it is.
  int unsigned selected = $c32(
    "(std::getenv(\\"{VARIABLE}\\") ? std::atoi(std::getenv(\\"{VARIABLE}\\")) : 0)");
endpackage
"""
_OUTSIDE = ("RangeOOB", "IndexOOB", "RangeWidthOOB", "RangeSelectReversed")


@dataclass
class _Edit:
    """A stretch of text, the mutants of exactly this stretch, and those inside of it."""

    start: int
    end: int
    mutants: list[tuple[int, Mutant]]
    inner: list[_Edit]


def _nested(mutants: Iterable[tuple[int, Mutant]]) -> list[_Edit]:
    """The mutants of a file as a forest of stretches."""
    roots: list[_Edit] = []
    path: list[_Edit] = []
    for number, mutant in sorted(mutants, key=lambda m: (m[1].start, -m[1].end)):
        while path and path[-1].end <= mutant.start:
            path.pop()
        if path and (path[-1].start, path[-1].end) == (mutant.start, mutant.end):
            path[-1].mutants.append((number, mutant))
            continue
        edit = _Edit(mutant.start, mutant.end, [(number, mutant)], [])
        (path[-1].inner if path else roots).append(edit)
        path.append(edit)
    return roots


def _rendered(text: str, start: int, end: int, edits: Iterable[_Edit]) -> str:
    parts = []
    for edit in edits:
        parts.append(text[start : edit.start])
        body = _rendered(text, edit.start, edit.end, edit.inner)
        for number, mutant in edit.mutants:
            chosen = f"{PACKAGE}::selected"
            if mutant.statement:
                body = f"begin if ({chosen} != {number}) {body} end"
            else:
                body = f"(({chosen} == {number}) ? ({mutant.mutated}) : ({body}))"
        parts.append(body)
        start = edit.end
    return "".join([*parts, text[start:end]])


def write_schemata(mutants: Sequence[Mutant], folder: Path) -> None:
    """All RTL files into ``folder``; mutant K of the result is ``mutants[K - 1]``."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(RTL.glob("*.sv")):
        text = path.read_text()
        here = [(k, m) for k, m in enumerate(mutants, 1) if m.file == path.name]
        for _, mutant in here:
            mutant.apply(text)
        (folder / path.name).write_text(_rendered(text, 0, len(text), _nested(here)))
    (folder / f"{PACKAGE}.sv").write_text(_PACKAGE_TEXT)


# ------------------------------------------------------------------------------------- the choice


@cache
def _trees() -> dict[str, Any]:
    from pyslang.syntax import SyntaxTree

    return {p.name: SyntaxTree.fromText(p.read_text(), p.name) for p in sorted(RTL.glob("*.sv"))}


def _complaints(module: str, mutant: Mutant | None) -> set[str]:
    """Codes of what slang has against the module, as far as it makes a mutant none."""
    from pyslang import Bag
    from pyslang.ast import Compilation, CompilationOptions
    from pyslang.syntax import SyntaxTree

    options = CompilationOptions()
    options.topModules = {module}
    compilation = Compilation(Bag([options]))
    for name, tree in sorted(_trees().items(), key=lambda item: not item[0].endswith("_pkg.sv")):
        if mutant is not None and name == mutant.file:
            tree = SyntaxTree.fromText(mutant.apply((RTL / name).read_text()), name)
        compilation.addSyntaxTree(tree)
    found = set()
    for diagnostic in compilation.getAllDiagnostics():
        code = str(diagnostic.code)
        if diagnostic.isError() or any(name in code for name in _OUTSIDE):
            found.add(code)
    return found


@cache
def _known(module: str) -> frozenset[str]:
    return frozenset(_complaints(module, None))


def compiles(mutant: Mutant) -> bool:
    """Whether slang takes the mutant, with no index or range that leaves its vector."""
    return _complaints(mutant.module, mutant) <= _known(mutant.module)


def draw(count: int, seed: int) -> list[Mutant]:
    """``count`` mutants, one of every module first, the rest where there is most to change.

    FirebrickError where that many are not to be had.
    """
    every = places()
    modules = sorted({m.module for m in every})
    if not len(modules) <= count <= len(every) // 2:
        raise FirebrickError(
            f"{count} mutants: there can be {len(modules)} (one a module) to {len(every) // 2}"
        )
    rng = np.random.default_rng(seed)
    chosen: list[Mutant] = []
    taken: set[tuple[str, int, int]] = set()

    def take(candidates: Sequence[Mutant], wanted: int) -> None:
        for index in rng.permutation(len(candidates)):
            if wanted == 0:
                return
            mutant = candidates[int(index)]
            place = (mutant.file, mutant.start, mutant.end)
            if place not in taken and compiles(mutant):
                taken.add(place)
                chosen.append(mutant)
                wanted -= 1

    for module in modules:
        take([m for m in every if m.module == module], 1)
    take(every, count - len(chosen))
    return sorted(chosen)
