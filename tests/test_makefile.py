"""`make` sets the environment up once, whoever else does so, whatever other Pythons are told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

# As Python that makes environments, and as the one in them: tells what it is called with.
PYTHON = """#!/bin/sh
echo "$* PYTHONPATH=$PYTHONPATH PYTHONHOME=$PYTHONHOME PIP_USER=$PIP_USER" \
  "$PYTHONDONTWRITEBYTECODE" >> '{told}'
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && sleep {seconds} ;;
esac
"""


class Checkout:
    """The Makefile with a Python that only tells."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.told = folder, folder / "told"
        for name in ("Makefile", "requirements.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        (folder / "python").write_text(PYTHON.format(told=self.told, seconds=seconds))
        (folder / "python").chmod(0o755)

    def make(self) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
        return subprocess.Popen(
            ["make", "setup", f"PYTHON={self.folder}/python"],
            cwd=self.folder,
            env={
                **environment,
                "PYTHONPATH": "/theirs",
                "PYTHONHOME": "/theirs",
                "PYTHONDONTWRITEBYTECODE": "/theirs",
                "PIP_USER": "1",
                "MAKEFLAGS": "-j8 -k",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def calls(self, word: str) -> list[str]:
        lines = self.told.read_text().splitlines() if self.told.is_file() else []
        return [line for line in lines if word in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "chéckout"
    folder.mkdir()
    return Checkout(folder, 0.5)


def test_two_at_once_set_up_once(checkout: Checkout) -> None:
    both = [checkout.make(), checkout.make()]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(checkout.calls("-m venv .venv")) == 1 and len(checkout.calls("-e .")) == 1
    assert sorted(text.count("Installing") for text in said) == [0, 1]
    assert not checkout.calls("/theirs") and len(checkout.calls("PIP_USER=0")) > 3
    assert len(checkout.calls("-m compileall")) == 1
    with checkout.make() as third:
        assert "Installing" not in third.communicate()[0] and third.returncode == 0
    os.utime(checkout.folder / "requirements.txt")
    with checkout.make() as changed:
        assert "Installing" in changed.communicate()[0] and changed.returncode == 0


def test_what_was_interrupted_is_done_again(checkout: Checkout) -> None:
    with checkout.make() as process:
        while not checkout.calls("-m venv .venv"):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
    assert process.returncode != 0 and not checkout.calls("-e .")
    with checkout.make() as again:
        assert "Installing" in again.communicate()[0] and again.returncode == 0
    assert len(checkout.calls("-m venv .venv")) == 2 and len(checkout.calls("-e .")) == 1
