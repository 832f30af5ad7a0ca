"""`make test-fast` and `make nightly`: fewer tests, and the cases that the others leave out.

A fast run takes the tests that take under a second, by the list of those that take longer.

``--record-slow`` brings ``slow.txt`` up to date for the tests of its run, ``--fast`` leaves out
what it lists.  What fixtures of a module or a session take counts for each test that uses them: in
random order any of them may be the one that sets them up.  Tests that build a simulator are listed
however quick they are with everything built before; those that need an environment of their own
until a run has measured them.

Cases marked ``nightly`` - further shapes and seeds of what is tested anyhow - are skipped, and are
all that ``--nightly`` runs.
"""

from __future__ import annotations

import ast
import time
from collections import Counter
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

SLOW = Path(__file__).with_name("slow.txt")
SLOW_SECONDS = 1.0
# What the daily loop is for: a run that takes longer says so.
FAST_SECONDS = 90.0
USES = "shared fixtures"
TOOK = "shared fixture took"

_started = time.monotonic()
_unreported: list[tuple[str, str, float]] = []


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("firebrick")
    group.addoption("--fast", action="store_true", help=f"leave out what {SLOW.name} lists")
    group.addoption("--nightly", action="store_true", help="the cases that are skipped otherwise")
    group.addoption("--record-slow", action="store_true", help=f"bring {SLOW.name} up to date")


def function_of(nodeid: str) -> str:
    """A test without its parameters: they are slow or quick together."""
    return nodeid.partition("[")[0]


def read_slow(path: Path = SLOW) -> set[str]:
    return set(path.read_text().split())


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the slow tests out of ``items``."""
    slow = read_slow()
    left_out = [item for item in items if function_of(item.nodeid) in slow]
    items[:] = [item for item in items if function_of(item.nodeid) not in slow]
    config.hook.pytest_deselected(items=left_out)


def keep_nightly(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the cases marked ``nightly``, or everything else."""
    if not config.getoption("--nightly"):
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(pytest.mark.skip(reason="`make nightly` runs this case"))
        return
    config.hook.pytest_deselected(items=[i for i in items if not i.get_closest_marker("nightly")])
    items[:] = [item for item in items if item.get_closest_marker("nightly")]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef) -> Generator[None, object, object]:
    started = time.monotonic()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            took = time.monotonic() - started
            _unreported.append((fixturedef.baseid, fixturedef.argname, took))


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Properties of a report travel from the processes that run the tests to the one that tells."""
    if item.config.getoption("--record-slow"):
        item.user_properties.append((USES, list(getattr(item, "fixturenames", ()))))
        item.user_properties += [(TOOK, entry) for entry in _unreported]
        _unreported.clear()


def spent(reports: Iterable[pytest.TestReport]) -> dict[str, float]:
    """Seconds of each test function, its cases and the shared fixtures that it uses together."""
    own: Counter[str] = Counter()
    uses: dict[str, set[str]] = {}
    took: dict[tuple[str, str], float] = {}
    for report in reports:
        name = function_of(report.nodeid)
        own[name] += report.duration
        if report.when != "teardown":
            continue
        for key, value in report.user_properties:
            if key == USES:
                uses.setdefault(name, set()).update(value)
            elif key == TOOK:
                base, fixture, seconds = value
                took[base, fixture] = max(seconds, took.get((base, fixture), 0.0))
                own[name] -= seconds
    return {
        name: seconds
        + sum(
            cost
            for (base, fixture), cost in took.items()
            if fixture in uses.get(name, ()) and name.startswith(base)
        )
        for name, seconds in own.items()
    }


# What compiles a simulator or synthesizes a netlist, where none is kept: seconds to minutes.
BUILDING = {
    *("run_bench", "check_network", "build_library", "simulated", "SimulatedBoard"),
    *("chip_library", "chip_netlist"),
}


def called(function: ast.FunctionDef) -> set[str]:
    """Names that a function calls, and the fixtures that it asks for."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = {f.id if isinstance(f, ast.Name) else getattr(f, "attr", "") for f in calls}
    return names | {argument.arg for argument in function.args.args}


def builds(source: str) -> set[str]:
    """The tests of a file that build something, by themselves or by its helpers and fixtures."""
    functions = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    found: set[str] = set()
    while more := {
        name
        for name, function in functions.items()
        if name not in found and called(function) & (BUILDING | found)
    }:
        found |= more
    return {name for name in found if name.startswith("test_")}


def building() -> set[str]:
    """All tests that build something, by the names that ``slow.txt`` has for them."""
    folder = Path(__file__).parent
    return {
        f"{path.relative_to(folder.parent).as_posix()}::{test}"
        for path in folder.rglob("test_*.py")
        for test in builds(path.read_text())
    }


def updated(slow: set[str], seconds: dict[str, float]) -> set[str]:
    """``slow`` after a run: tests that did not run stay as they were, and those that build."""
    built = building()
    return {name for name in slow if name not in seconds} | {
        name for name, took in seconds.items() if took > SLOW_SECONDS or name in built
    }


def tell(reporter: pytest.TerminalReporter) -> None:
    """Record what was slow, and say what a fast run left out and whether it was fast."""
    if hasattr(reporter.config, "workerinput"):
        return  # a process of pytest-xdist, which knows its own tests only
    reports = [
        report
        for outcome in ("", "passed", "failed", "skipped", "error")
        for report in reporter.stats.get(outcome, ())
        if isinstance(report, pytest.TestReport)
    ]
    if reporter.config.getoption("--record-slow"):
        seconds = spent(reports)
        slow = updated(read_slow(), seconds)
        SLOW.write_text("".join(f"{name}\n" for name in sorted(slow)))
        reporter.write_line(
            f"{SLOW.name}: {len(slow & set(seconds))} of the {len(seconds)} tests of this run take "
            f"over {SLOW_SECONDS:g} s, {len(slow)} are listed"
        )
    if reporter.config.getoption("--fast"):
        folders = Counter(str(Path(name.partition("::")[0]).parent) for name in read_slow())
        listed = ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
        reporter.write_line(
            f"left out: {folders.total()} tests that {SLOW.name} lists ({listed}); "
            "`make test` runs them too"
        )
        took = time.monotonic() - _started
        if took > FAST_SECONDS:
            reporter.write_line(
                f"this took {took:.0f} s, over the {FAST_SECONDS:g} of a fast run: on an idle "
                "machine `make test OPTIONS=--record-slow` finds what became slow",
                yellow=True,
            )
