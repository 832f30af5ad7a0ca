"""One at a time, also between processes, and whatever becomes of them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from firebrick.quantize.support.locks import locked
from tests.conftest import ROOT

HOLD = """
import sys, time
from pathlib import Path
from firebrick.quantize.support.locks import locked
with locked(Path(sys.argv[1]), "nobody"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_exclusive_and_leaves_nothing(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "sub" / "lock", 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locked(path, "another"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and not list(path.parent.iterdir())


def test_the_one_who_waits_says_so_and_a_killed_one_holds_nothing(tmp_path: Path, capfd) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        threading.Timer(0.3, process.kill).start()
        with locked(path, "the other test"):
            assert process.wait() != 0
    assert capfd.readouterr().err == "waiting for the other test\n"
    assert not path.exists()
