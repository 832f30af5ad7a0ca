"""No program outlives the command that started it, nor do those that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from firebrick.quantize.support import interrupts
from firebrick.quantize.support.programs import Programs, run_program

# Starts another program, tells both numbers, and waits for it.
FAMILY = 'sleep 60 & echo "$$ $!" > "$0"; wait'


def numbers(path: Path) -> list[int]:
    """The numbers that FAMILY told."""
    until = time.monotonic() + 30
    while not (path.is_file() and path.read_text().endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.01)
    return [int(word) for word in path.read_text().split()]


def is_gone(number: int) -> bool:
    """Whether a process ends within some seconds; a zombie of another parent has ended."""
    stat = Path(f"/proc/{number}/stat")
    for _ in range(500):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_output_and_exit_code() -> None:
    done = run_program(["sh", "-c", "echo out; echo err >&2; cat; exit 3"], env={"LC_ALL": "C"})
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 3)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_signal_ends_the_whole_family(number: signal.Signals, tmp_path: Path) -> None:
    told = tmp_path / "numbers"

    def interrupt() -> None:
        numbers(told)
        os.kill(os.getpid(), number)

    with interrupts.raised(), pytest.raises(interrupts.Interrupted):
        threading.Thread(target=interrupt).start()
        run_program(["sh", "-c", FAMILY, told])
    assert all(map(is_gone, numbers(told)))


def test_a_program_that_takes_too_long_ends(tmp_path: Path) -> None:
    told = tmp_path / "numbers"
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(["sh", "-c", FAMILY, told], timeout=1)
    assert all(map(is_gone, numbers(told)))


def test_one_that_ignores_sigterm_ends() -> None:
    begin = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], timeout=0.2)
    assert time.monotonic() - begin < 30


def test_stop_ends_those_of_other_threads(tmp_path: Path) -> None:
    told, programs, codes = tmp_path / "numbers", Programs(), []
    thread = threading.Thread(
        target=lambda: codes.append(programs.run(["sh", "-c", FAMILY, told]).returncode)
    )
    thread.start()
    numbers(told)
    programs.stop()
    thread.join(30)
    assert codes == [-signal.SIGTERM] and all(map(is_gone, numbers(told)))
    with pytest.raises(InterruptedError):
        programs.run(["true"])
