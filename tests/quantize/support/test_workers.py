"""Processes that share work do it in order, and are gone after an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firebrick.quantize.support.workers import share_out
from tests.conftest import ROOT
from tests.quantize.support.test_programs import is_gone

INTERRUPTED = """
import sys
from firebrick.commands.frame import run_cli
from firebrick.quantize.support.workers import share_out
from tests.quantize.support.test_workers import tell_and_sleep
if __name__ == "__main__":
    run_cli(lambda: list(share_out(tell_and_sleep, [sys.argv[1]] * 4, 2)))
"""


def tell_and_sleep(path: str) -> None:
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(60)


def test_results_come_in_order() -> None:
    assert list(share_out(abs, range(-5, 0), 2)) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("number", "whom"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)]
)
def test_an_interrupt_ends_them(number: signal.Signals, whom, tmp_path: Path) -> None:
    told, script = tmp_path / "told", tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    with subprocess.Popen(
        [sys.executable, script, told],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 300
        while not told.is_file() or len(told.read_text().splitlines()) < 2:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        whom(process.pid, number)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert said == {2: "interrupted\n", 15: "ended by a signal\n"}[number]
    assert all(is_gone(int(word)) for word in told.read_text().split())
