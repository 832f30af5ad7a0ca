"""``run.sh``: root, pynq's environment, then Python; told in a fake board's folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.host.test_portable import HOST

BASH = shutil.which("bash") or "/bin/bash"
PROFILE = "profile=/etc/profile.d\n"
# As the builders of PYNQ images 3.0 and 3.1 write them, with a virtual environment of the test.
SCRIPTS = {
    "pynq_venv": 'source "$BOARD_ROOT/venv/bin/activate"\n',
    "xrt_setup": "export XILINX_XRT=/usr\n",
    "boardname": 'if [ -z "$BOARD" ]; then\n  export BOARD=Pynq-Z2\nfi\n',
}
PYTHON = """#!/bin/sh
echo "python: $0 | arguments: $* | folder: $PWD | path: $PYTHONPATH"
echo "XILINX_XRT=$XILINX_XRT BOARD=$BOARD uid=$(id -u)"
exit ${PYTHON_EXIT:-0}
"""


class Fake:
    """A board's file system as far as ``run.sh`` looks at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.archive = root / "archive of mine"
        self.tools = root / "bin"
        self.profile = root / "profile.d"
        self.venv = root / "venv" / "bin"
        for folder in (self.archive, self.tools, self.profile, self.venv):
            folder.mkdir(parents=True)
        text = (HOST / "run.sh").read_text()
        assert text.count(PROFILE) == 1
        self.script = self.archive / "run.sh"
        self.script.write_text(text.replace(PROFILE, f"profile='{self.profile}'\n"))
        for name, lines in SCRIPTS.items():
            (self.profile / f"{name}.sh").write_text(lines)
        (self.venv / "activate").write_text(f'PATH="{self.venv}:$PATH"\nexport PATH\n')
        for name in ("bash", "dirname", "sh"):
            (self.tools / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        self.tool("id", "echo ${FAKE_UID:-0}")
        self.tool("sudo", 'echo "sudo: $*"; FAKE_UID=0 exec "$@"')
        self.tool("python3", PYTHON)
        self.tool("python3", PYTHON, self.venv)

    def tool(self, name: str, text: str, folder: Path | None = None) -> None:
        path = (folder or self.tools) / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(
        self, *arguments: str, shell: str = BASH, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {"PATH": str(self.tools), "BOARD_ROOT": str(self.root)}
        return subprocess.run(
            [shell, str(self.script), *arguments],
            cwd=self.root,
            env={**kept, **environment},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def said(fake: Fake, python: Path, arguments: str, folder: Path) -> str:
    return f"python: {python} | arguments: {arguments} | folder: {folder} | path: {fake.archive}\n"


def test_the_self_test_in_pynqs_environment(fake: Fake) -> None:
    done = fake.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        said(fake, fake.venv / "python3", "-m firebrick.host.selftest", fake.archive)
        + "XILINX_XRT=/usr BOARD=Pynq-Z2 uid=0\n"
    )


def test_root_by_sudo(fake: Fake) -> None:
    done = fake.run(FAKE_UID="1000")
    assert done.stderr == "pynq needs root: asking sudo\n"
    first, *rest = done.stdout.splitlines(keepends=True)
    assert first == f"sudo: bash {fake.script}\n"
    assert "".join(rest) == fake.run().stdout


def test_a_script_of_ones_own(fake: Fake) -> None:
    done = fake.run("mine.py", "two words", FAKE_UID="1000", BOARD="Pynq-Z1")
    assert done.stdout.splitlines()[0] == f"sudo: bash {fake.script} mine.py two words"
    assert said(fake, fake.venv / "python3", "mine.py two words", fake.root) in done.stdout
    assert "BOARD=Pynq-Z1" in done.stdout


def test_the_exit_code_is_pythons(fake: Fake) -> None:
    assert fake.run(PYTHON_EXIT="1", FAKE_UID="1000").returncode == 1
    assert fake.run(PYTHON_EXIT="2").returncode == 2


def test_no_sudo(fake: Fake) -> None:
    (fake.tools / "sudo").unlink()
    done = fake.run(FAKE_UID="1000")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: pynq needs root, and there is no sudo: log in as root, then bash {fake.script}\n"
    )


def test_no_such_image(fake: Fake) -> None:
    """Python says what is missing."""
    for path in fake.profile.iterdir():
        path.unlink()
    done = fake.run()
    assert said(fake, fake.tools / "python3", "-m firebrick.host.selftest", fake.archive) in (
        done.stdout
    )
    assert "XILINX_XRT= BOARD= uid=0" in done.stdout


def test_by_another_shell(fake: Fake) -> None:
    done = fake.run(shell="/bin/sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == fake.run().stdout


def test_what_it_runs_is_there() -> None:
    assert (HOST / "selftest.py").is_file()
    text = (HOST / "run.sh").read_text()
    assert "-m firebrick.host.selftest" in text
    subprocess.run([BASH, "-n", str(HOST / "run.sh")], check=True, env=dict(os.environ))
