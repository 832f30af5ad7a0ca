"""The daily loop leaves out what is slow, and finds out what that is."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests import fast
from tests.conftest import ROOT

CONFTEST = """
from pathlib import Path
from tests import fast
fast.SLOW = Path(__file__).with_name("slow.txt")
fast.SLOW_SECONDS = 0.3
fast.FAST_SECONDS = {bound}
fast.read_slow.__defaults__ = (fast.SLOW,)
from tests.conftest import (
    pytest_addoption, pytest_collection_modifyitems, pytest_configure, pytest_terminal_summary
)
"""
TESTS = """
import time, pytest

@pytest.fixture(scope="module")
def shared():
    time.sleep(0.6)

def test_one(shared): pass
def test_other(shared): pass
def test_quick(): pass

@pytest.mark.parametrize("case", range(4))
def test_cases(case): time.sleep(0.1)
"""


def run(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--rootdir", str(folder), *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_slow_tests_are_found_and_left_out(tmp_path: Path) -> None:
    """Both users of the slow fixture, whichever comes first, and cases that are slow together."""
    (tmp_path / "conftest.py").write_text(CONFTEST.format(bound=0))
    (tmp_path / "test_some.py").write_text(TESTS)
    slow = tmp_path / "slow.txt"
    slow.write_text("test_some.py::test_quick\ntest_elsewhere.py::test_stays\n")
    for seed in (1, 2):
        run(tmp_path, "-n", "2", "--record-slow", f"--randomly-seed={seed}")
        assert slow.read_text().split() == [
            "test_elsewhere.py::test_stays",
            "test_some.py::test_cases",
            "test_some.py::test_one",
            "test_some.py::test_other",
        ]
    told = run(tmp_path, "-n", "2", "--fast")
    assert "1 passed" in told and "test_quick" in told and "test_one" not in told
    assert "left out: 4 tests" in told and "over the 0 of a fast run" in told
    assert "random" in told and "seed" in told


def test_a_fast_run_does_not_complain(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(bound=60))
    (tmp_path / "test_some.py").write_text("def test_quick(): pass\n")
    (tmp_path / "slow.txt").write_text("")
    told = run(tmp_path, "--fast")
    assert "left out: 0 tests" in told and "of a fast run" not in told


def test_the_list_names_tests_that_are_there() -> None:
    slow = fast.read_slow()
    assert len(slow) > 30
    for name in sorted(slow):
        file, _, function = name.partition("::")
        assert (ROOT / file).is_file(), name
        tree = ast.parse((ROOT / file).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function.rpartition("::")[2] in names, name


def test_what_builds_a_simulator_is_listed() -> None:
    """Also where a run with everything built before found it quick: a new checkout builds it."""
    source = "def helper(): run_bench(1)\ndef test_a(): helper()\ndef test_b(): pass"
    assert fast.builds(source) == {"test_a"}
    assert len(fast.building()) > 100 and fast.building() - fast.read_slow() == set()
    bench = "tests/sim/benches/test_clocks.py::test_clocks"
    assert fast.updated({bench, "a::b"}, {bench: 0.1, "a::b": 0.1, "a::c": 2.0}) == {bench, "a::c"}


def test_nightly_cases_are_skipped_or_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(bound=0))
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=pytest.mark.nightly)])\n"
        "def test_case(n): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = nightly: x\n")
    usual, alone = run(tmp_path), run(tmp_path, "--nightly")
    assert "test_case[1] PASSED" in usual and "1 passed, 1 skipped" in usual
    assert "test_case[2] PASSED" in alone and "1 passed, 1 deselected" in alone
