"""Python environments with real releases of pynq, made by `make pynq`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

RELEASES = ("3.0.1", "3.1.2")
HANGS = 1200
"""Seconds after which a run is taken to hang; none takes a tenth of it even on a busy machine."""


def python_of(release: str) -> Path:
    """The interpreter with this release; skips where it was never made, fails so in CI."""
    folder = ROOT / f".venv-pynq-{release}"
    if not (folder / ".installed").is_file():
        message = f"{folder.name} is not there: `make pynq` installs pynq {release} for this test"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(message)
    return folder / "bin" / "python"


def run(release: str, *arguments: str | Path) -> str:
    """Standard output of a module of the project under this release; a failure shows its errors."""
    result = subprocess.run(
        [python_of(release), "-W", "ignore", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    if result.returncode:
        pytest.fail(f"{arguments} under pynq {release}:\n{result.stdout}\n{result.stderr}")
    return result.stdout
