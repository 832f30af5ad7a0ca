"""Pythons that the driver does not run on are told so, and not by a SyntaxError."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.test_portable import HOST

ROOT = HOST.parent
OLD = ("3.6", "3.8", "3.9")
# What Python runs on the way to the check.
ON_THE_WAY = (ROOT / "firebrick" / "__init__.py", HOST / "__init__.py")
WORDS = "Firebrick's driver needs Python 3.10 or newer, "


def python_of(version: str) -> str | None:
    """A Python of this version, where one is installed: on the path, or where pyenv keeps them."""
    named = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    for candidate in (shutil.which(f"python{version}"), *map(str, named)):
        script = "import sys; print('%d.%d' % sys.version_info[:2])"
        if candidate is not None:
            done = subprocess.run([candidate, "-c", script], capture_output=True, text=True)
            if done.stdout.strip() == version:
                return candidate
    return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As an archive has it."""
    package = tmp_path / "firebrick"
    shutil.copytree(HOST, package / "host", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ON_THE_WAY[0], package)
    return tmp_path


@pytest.mark.parametrize("path", ON_THE_WAY, ids=lambda p: p.parent.name)
def test_syntax_of_python_3_6(path: Path) -> None:
    text = path.read_text()
    ast.parse(text, str(path), feature_version=(3, 6))
    assert "from __future__" not in text


@pytest.mark.parametrize("version", OLD)
def test_an_old_python(folder: Path, version: str) -> None:
    python = python_of(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    done = subprocess.run(
        [python, "-m", "firebrick.host.selftest"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {WORDS}{python} is {version}: on the board take PYNQ image 3.0 or 3.1\n"
    )
    script = "import firebrick.host.driver"
    done = subprocess.run([python, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {WORDS}")


@pytest.mark.parametrize("arguments", [["-m"], ["script.py"]])
def test_any_python_that_says_it_is_old(folder: Path, arguments: list[str]) -> None:
    """Wherever the tests run: this Python, with another's number."""
    script = (
        f"import sys; sys.version_info = (3, 8, 10, 'final', 0); sys.argv = {arguments!r}; "
        "sys.path.insert(0, ''); import firebrick.host.errors"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=folder, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert f"{WORDS}{sys.executable} is 3.8: " in last
    if arguments == ["-m"]:
        assert done.returncode == 2 and done.stderr == last + "\n" and last.startswith("error: ")
    else:
        assert done.returncode == 1 and last.startswith("ImportError: ")
