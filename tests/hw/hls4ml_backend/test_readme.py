"""The example for hls4ml users, run as it is printed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.hw.hls4ml_backend.examples import examples


@pytest.mark.parametrize("code", examples())
def test_the_example_runs(code):
    assert len(code.strip().splitlines()) <= 13
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
