"""The archive's command on a computer that is no board, in real pynq's environment: one line."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.host.test_portable import HOST
from tests.host.test_run import PROFILE, SCRIPTS
from tests.host.unpacked import unpacked
from tests.pynq.environments import RELEASES, python_of

DEVICE_TREE = Path("/proc/device-tree/compatible")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An unpacked archive whose ``run.sh`` finds the image's scripts beside it."""
    folder = tmp_path / "archive"
    folder.mkdir()
    unpacked(folder)
    shutil.copytree(HOST, folder / "firebrick" / "host")
    shutil.copy(HOST.parent / "firebrick" / "__init__.py", folder / "firebrick")
    profile = tmp_path / "profile.d"
    profile.mkdir()
    text = (HOST / "run.sh").read_text()
    assert PROFILE in text
    (folder / "run.sh").write_text(text.replace(PROFILE, f"profile='{profile}'\n"))
    return folder


def run(archive: Path, release: str, *scripts: str) -> subprocess.CompletedProcess[str]:
    """``bash run.sh`` as root of an image with these of its scripts."""
    root = archive.parent
    for name in scripts:
        (root / "profile.d" / f"{name}.sh").write_text(SCRIPTS[name])
    (root / "venv").unlink(missing_ok=True)
    (root / "venv").symlink_to(python_of(release).parents[1])
    identity = root / "bin" / "id"
    identity.parent.mkdir(exist_ok=True)
    identity.write_text("#!/bin/sh\necho 0\n")
    identity.chmod(0o755)
    return subprocess.run(
        ["bash", "run.sh"],
        cwd=archive,
        env={"PATH": f"{identity.parent}:/usr/bin:/bin", "BOARD_ROOT": str(root)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.skipif(DEVICE_TREE.exists(), reason="this computer has a device tree")
def test_no_board(archive: Path, release: str) -> None:
    done = run(archive, release, "pynq_venv")
    assert done.returncode == 2
    assert done.stdout == "5 files are as they were packed\n"
    assert done.stderr == (
        f"error: pynq finds no board here, but a {platform.machine()}: it takes a Zynq-7000 with "
        "PYNQ image 3.0 or 3.1; make notebook runs it on a simulated board\n"
    )


# pynq 3.0 loads XRT's library as it is imported, 3.1 later.
@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("3.0.1", "pynq does not import: OSError: /usr/lib/libxrt_core.so: "),
        ("3.1.2", "pynq finds no board here, "),
    ],
)
@pytest.mark.skipif(Path("/usr/lib/libxrt_core.so").exists(), reason="XRT is installed here")
def test_no_xrt(archive: Path, release: str, words: str) -> None:
    done = run(archive, release, "pynq_venv", "xrt_setup")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {words}")
    assert done.stderr.count("\n") == 1
