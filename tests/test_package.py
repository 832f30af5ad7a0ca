"""The wheel, installed into an empty environment, works from a folder that is no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firebrick import __version__
from tests.conftest import ROOT
from tests.hw.hls4ml_backend.examples import examples

LEFT_OUT = shutil.ignore_patterns(
    ".venv*", ".git", "build", "__pycache__", "*.egg-info", ".*_cache"
)
# Of the environment that a user's shell has, nothing may lead back to the checkout.
HIDDEN = ("PYTHONPATH", "VIRTUAL_ENV", "FIREBRICK_BUILD", "FIREBRICK_DATA")
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


class Installed:
    """An environment of its own with the wheel in it, and an empty folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "environment" / "bin" / "python"
        self.work = folder / "work"
        self.work.mkdir()
        self.environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
        source, wheels = folder / "source", folder / "wheels"
        # Built from a copy: setuptools works inside the tree that it packs.
        shutil.copytree(ROOT, source, symlinks=True, ignore=LEFT_OUT)
        build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels))
        self.run(sys.executable, *PIP, *build, str(source))
        (self.wheel,) = wheels.iterdir()
        self.run(sys.executable, "-m", "venv", str(folder / "environment"))
        pins = ("--constraint", str(ROOT / "requirements.txt"))
        self.run(self.python, *PIP, "install", *pins, f"{self.wheel}[hls4ml]")

    def run(self, *command: str | Path) -> str:
        """Output of a command in the work folder; a failure shows its errors."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("package"))


def test_one_name_in_site_packages(installed: Installed) -> None:
    code = (
        "import importlib.metadata as m;"
        "print(*sorted({f.parts[0] for f in m.files('firebrick') if f.parts[0] != '..'}))"
    )
    names = installed.run(installed.python, "-c", code).split()
    assert names == ["firebrick", f"firebrick-{__version__}.dist-info"]
    found = installed.run(installed.python, "-c", "import firebrick; print(firebrick.__file__)")
    assert Path(found.strip()).is_relative_to(installed.python.parents[1])


def test_the_digits_demo_runs_from_any_folder(installed: Installed) -> None:
    command = installed.python.with_name("firebrick")
    assert installed.run(command, "--version").strip() == f"firebrick {__version__}"
    installed.run(command, "demo", "--model", "digits", "--shape", "7x8", "--count", "4")
    facts = json.loads((installed.work / "build" / "demo.json").read_text())
    assert facts["images"] == 4 and facts["mismatches"] == 0 and facts["values_compared"] > 10_000
    assert (installed.work / "build" / "demo.png").stat().st_size > 10_000


def test_hls4ml_finds_the_backend(installed: Installed) -> None:
    """The example for hls4ml users, which imports nothing of the package's backend."""
    for code in examples():
        assert "hls4ml_backend" not in code
        answer = installed.run(installed.python, "-c", code).strip().splitlines()[-1]
        assert 0.97 <= float(answer) <= 1
