"""Commands write in the build folder, where they are told to, and temporary files: nowhere else.

A checkout may be read-only but for ``build``, and a home folder may not be there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Runs commands in one process, and tells every path that Python code opened for writing, made,
# moved or removed.
WATCHED = """
import json, os, sys

seen = set()

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        if isinstance(path, (str, bytes)) and (flags or 0) & writes:
            seen.add(os.path.abspath(os.fsdecode(path)))
    elif event in ("os.remove", "os.rmdir") and arguments[1] != -1:
        pass  # in a folder that is being removed, whose own name is told
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.truncate"):
        seen.add(os.path.abspath(os.fsdecode(arguments[0])))
    elif event == "os.rename":
        seen.update(os.path.abspath(os.fsdecode(path)) for path in arguments[:2])

sys.addaudithook(watch)
from firebrick.cli import main
for line in json.loads(sys.argv[1]):
    try:
        main(line)
    except SystemExit as done:
        assert not done.code, line
print(json.dumps(sorted(seen)))
"""
DIGITS = ["--model", "digits"]
PLAIN = [*DIGITS, "--effort", "plain"]
# Commands, and what they leave in the build folder by default.
QUICK = (
    [["quantize", *PLAIN, "--out", "{out}/network.npz"], ["deploy", *DIGITS, "--count", "1"]],
    {"deploy"},
)
BOARD = (
    [["demo", *PLAIN, "--shape", "7x8", "--count", "1"]],
    {"overlay", "demo.npz", "demo.fbp", "demo.png", "demo.json"},
)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build folder with the simulated boards that are built."""
    folder = tmp_path / "build"
    folder.mkdir()
    (ROOT / "build" / "sim").mkdir(parents=True, exist_ok=True)
    (folder / "sim").symlink_to(ROOT / "build" / "sim")
    return folder


@pytest.mark.parametrize(("commands", "left"), [QUICK, BOARD], ids=["quick", "board"])
def test_nothing_else_is_written(
    commands: list[list[str]], left: set[str], build: Path, tmp_path: Path
) -> None:
    out, home, temporary = (tmp_path / name for name in ("out", "home", "tmp"))
    for folder in (out, home, temporary):
        folder.mkdir()
    lines = [[word.format(out=out) for word in line] for line in commands]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(lines)],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("XDG_")},
            "FIREBRICK_BUILD": str(build),
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout.splitlines()[-1])
    allowed = (*map(str, (out, build, temporary, ROOT / "build" / "sim")), "/dev/")
    assert len(written) >= len(left)
    assert [path for path in written if not path.startswith(allowed)] == []
    assert not list(home.iterdir()) and not list(temporary.iterdir())
    assert {path.name for path in build.iterdir()} - {"sim", "cache"} == left
