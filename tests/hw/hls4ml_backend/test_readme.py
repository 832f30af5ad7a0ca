"""The example for hls4ml users, run as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

DOCUMENTS = (ROOT / "hw/hls4ml_backend/README.md", ROOT / "README.md")


def examples() -> list[str]:
    """Every Python block of the documents that converts with hls4ml, each once."""
    found: dict[str, None] = {}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            if "hls4ml.converters" in block:
                found[block] = None
    return list(found)


@pytest.mark.parametrize("code", examples())
def test_the_example_runs(code):
    assert len(code.strip().splitlines()) <= 11
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 0.97 <= float(done.stdout.strip().splitlines()[-1]) <= 1


def test_there_is_an_example():
    assert examples()
