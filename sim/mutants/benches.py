"""The modules' own benches, run on RTL that holds mutants.

Which benches there are, and with which parameters, is what the tests in ``tests/sim/benches`` run:
they are called here with a recorder in place of ``run_bench``.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.benches import runner
from firebrick.sim.mutants.places import RTL
from firebrick.sim.mutants.schemata import PACKAGE

# Warnings of an expression that holds two are no news.
LENIENT = ("-Wno-fatal", "-Wno-lint", "-Wno-style")
PREFIXES = ("fb_", "firebrick_")


@dataclass(frozen=True)
class Bench:
    """One call of ``run_bench`` by a test."""

    top: str
    bench: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        values = self.options.get("parameters") or {}
        return f"{self.bench} ({', '.join(f'{k}={v}' for k, v in values.items())})"

    def run(self, folder: Path) -> str:
        """What the bench says of the RTL in ``folder``: empty where it passes."""
        given = self.options.get("sources")
        files = runner.resolve_sources(self.top, folder)
        if given is not None:
            ours = {path.name for path in files}
            files = [*(Path(f) for f in given if Path(f).name not in ours), *files]
            files.sort(key=lambda path: path.name != f"{PACKAGE}.sv")
        options = {name: value for name, value in self.options.items() if name != "sources"}
        options["verilator_args"] = (*options.get("verilator_args", ()), *LENIENT)
        try:
            runner.run_bench(self.top, self.bench, sources=files, **options)
        except runner.BenchError as error:
            return str(error).partition("\n")[0]
        return ""


def _cases(function: Any) -> Iterator[dict[str, Any]]:
    """The arguments that pytest would call a test with."""
    axes: list[list[dict[str, Any]]] = []
    for mark in getattr(function, "pytestmark", []):
        if mark.name != "parametrize":
            continue
        names, values = mark.args[:2]
        names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
        axes.append([dict(zip(names, _values(case, len(names)), strict=True)) for case in values])
    for choice in itertools.product(*axes):
        yield {name: value for part in choice for name, value in part.items()}


def _values(case: Any, count: int) -> Sequence[Any]:
    """What one of the cases of ``parametrize`` gives to ``count`` arguments."""
    if hasattr(case, "marks"):  # it is a pytest.param
        return case.values
    return case if count > 1 else [case]


@cache
def benches(module: str) -> tuple[Bench, ...]:
    """The benches of a module, in the order of its tests; FirebrickError where it has none."""
    name = next(module.removeprefix(p) for p in PREFIXES if module.startswith(p))
    tests = importlib.import_module(f"tests.sim.benches.test_{name}")
    found: list[Bench] = []

    def record(top: str, bench: str, **options: Any) -> None:
        found.append(Bench(top, bench, options))

    with patch.object(tests, "run_bench", record):
        for function_name, function in inspect.getmembers(tests, inspect.isfunction):
            runs = "run_bench" in function.__code__.co_names
            if function_name.startswith("test_") and runs:
                for arguments in _cases(function):
                    function(**arguments)
    if not any(bench.top == module for bench in found):
        raise FirebrickError(f"{RTL.name}/{module}.sv: no bench runs it; write one")
    return tuple(bench for bench in found if bench.top == module)
