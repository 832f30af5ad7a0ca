"""Builds of the simulated board that are interrupted, run into a full disk, or into each other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebrick.sim import build
from tests.conftest import ROOT
from tests.quantize.support.test_programs import is_gone

PROBE = Path(__file__).parent / "probe.sv"
BUILD = f"""
from pathlib import Path
from firebrick.commands.frame import run_cli
from firebrick.sim.board import _load
from firebrick.sim.build import Design, build_design

def main():
    path = build_design(Design("probe", "probe", (Path({str(PROBE)!r}),), assertions=True))
    _load(path)
    print(path)

run_cli(main)
"""
# Tells its number and that of a child; then it is g++, or nothing for a long time.
COMPILER = """#!/bin/sh
case "$*" in *dumpfullversion*) exec g++ "$@";; esac
env --default-signal sleep 60 &
echo "$$ $!" >> {told}
{then}
"""


@pytest.fixture(scope="module")
def runtime() -> tuple[Path, ...]:
    """Verilator's run-time library and its headers, compiled: the same for all builds."""
    tools = build._Tools.find()
    return build._runtime(tools, lambda *_: None)[0].parent, build._headers(tools, ()).parent


def link(folder: Path, runtime: tuple[Path, ...]) -> None:
    """Have them in a folder of builds."""
    folder.mkdir(parents=True)
    for path in runtime:
        (folder / path.name).symlink_to(path)


@pytest.fixture
def folder(tmp_path: Path, runtime: tuple[Path, ...]) -> Path:
    """A build folder in which only these are."""
    link(tmp_path / "build" / "sim", runtime)
    return tmp_path / "build"


def start(folder: Path, compiler: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "FIREBRICK_BUILD": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", BUILD],
        cwd=ROOT,
        env={**environment, "CXX": compiler},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def compiler(folder: Path, then: str) -> tuple[str, Path]:
    """A compiler's path, and where it tells its calls."""
    path, told = folder / "the compiler", folder / "told"
    path.write_text(COMPILER.format(told=f"'{told}'", then=then))
    path.chmod(0o755)
    return f"'{path}' -w", told


def left(folder: Path, runtime: tuple[Path, ...]) -> list[str]:
    """What is in the folder but what was there before."""
    kept = {path.name for path in runtime}
    return [p.name for p in (folder / "sim").iterdir() if p.name not in kept]


@pytest.mark.parametrize(
    ("number", "whom", "said"),
    [
        (signal.SIGINT, os.killpg, "interrupted"),
        (signal.SIGINT, os.kill, "interrupted"),
        (signal.SIGTERM, os.kill, "ended by a signal"),
        (signal.SIGTERM, os.killpg, "ended by a signal"),
    ],
)
def test_an_interrupted_build_leaves_nothing(
    number: signal.Signals, whom, said: str, folder: Path, runtime: tuple[Path, ...], tmp_path: Path
) -> None:
    command, told = compiler(tmp_path, "wait")
    with start(folder, command) as process:
        until = time.monotonic() + 120
        while not told.is_file() or len(told.read_text().splitlines()) < build.COMPILE_JOBS:
            assert process.poll() is None and time.monotonic() < until, process.communicate()
            time.sleep(0.02)
        whom(process.pid, number)
        out, err = process.communicate(timeout=240)
    assert (process.returncode, out, err) == (128 + number, "", f"{said}\n")
    assert all(is_gone(int(word)) for word in told.read_text().split())
    assert left(folder, runtime) == []


def test_two_builds_at_once_are_one(
    folder: Path, runtime: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an earlier one was killed and could not clean up."""
    command, _ = compiler(tmp_path, 'kill $!; exec g++ "$@" -O0')
    monkeypatch.setenv("CXX", command)
    design = build.Design("probe", "probe", (PROBE,), assertions=True)
    name = f"probe-{build._digest(design, build._Tools.find())}"
    (folder / "sim" / f"{name}.part" / "model").mkdir(parents=True)
    with start(folder, command) as first, start(folder, command) as second:
        (one, said_one), (other, said_other) = first.communicate(), second.communicate()
    assert first.returncode == second.returncode == 0, said_one + said_other
    assert one == other and Path(one.strip()).is_file()
    assert "waiting for another command that builds probe-" in said_one + said_other
    assert left(folder, runtime) == [name]
    assert os.listdir(folder / "sim" / name) == [build.LIBRARY]


@pytest.fixture
def full_folder(folder: Path, tmp_path: Path, runtime: tuple[Path, ...]) -> Iterator[Path]:
    """A build folder of 16 KiB."""
    small = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder]
    if subprocess.run(small, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        link(folder / "sim", runtime)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_one_line_and_leaves_nothing(
    full_folder: Path, runtime: tuple[Path, ...]
) -> None:
    with start(full_folder) as process:
        out, err = process.communicate()
    assert process.returncode == 2 and out == "" and err.count("\n") == 1
    assert str(full_folder / "sim" / "probe-") in err and "No space left on device" in err
    assert left(full_folder, runtime) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/nonexistent/g++", "CXX names /nonexistent/g++, which is no program"),
        ("g++ 'open", 'CXX is "g++ \'open": No closing quotation'),
        ("false", "C++ compiler failed"),
    ],
)
def test_a_compiler_that_is_none(given: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", given)
    with pytest.raises(build.FirebrickError, match=re.escape(said)):
        build._Tools.find()


def test_a_compiler_may_have_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "env LC_ALL=C g++")
    assert build._Tools.find().compiler[1:] == ("LC_ALL=C", "g++")


def test_a_compiler_may_lack_gccs_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As clang does."""
    path = tmp_path / "clang++"
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo clang version 99 || exit 1\n')
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    assert build._Tools.find().versions[1] == "clang version 99"
