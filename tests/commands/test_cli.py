"""The command line itself: its list, its version, and that it starts without what is slow."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from firebrick import __version__
from firebrick.cli import COMMANDS
from firebrick.commands.frame import DEFECT, EFFORTS, run_cli
from firebrick.quantize.calibration import quantizer
from tests.commands.run import command
from tests.conftest import ROOT

# What takes a tenth of a second and more to import, each of it needed by few commands.
SLOW = {
    "sklearn", "scipy", "pandas", "onnx", "onnxruntime", "matplotlib", "skimage", "jinja2",
    "hls4ml", "nbformat", "nbclient", "nbconvert", "cocotb", "pyslang",
}  # fmt: skip


def test_help_lists_every_command() -> None:
    done = command("--help")
    assert done.returncode == 0
    for name, (_, text) in COMMANDS.items():
        assert f"  {name}" in done.stdout and text in done.stdout


def test_version_and_unknown_commands() -> None:
    assert command("--version").stdout == f"firebrick {__version__}\n"
    done = command("demmo")
    assert done.returncode == 2
    assert done.stderr == "error: there is no command 'demmo' (firebrick --help lists them)\n"


def imported(*arguments: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """The command, and the packages that it had imported when it ended."""
    code = f"""
import sys
from firebrick.cli import main
try:
    main({list(arguments)!r})
finally:
    print(*sorted({{m.partition(".")[0] for m in sys.modules}}), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done, set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_starts_without_what_is_slow(name: str) -> None:
    done, packages = imported(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"firebrick {name}" in done.stdout
    assert SLOW & packages == set()


def test_a_folder_that_is_not_there_is_refused_without_what_is_slow(tmp_path: Path) -> None:
    done, packages = imported("learn", "--images", str(tmp_path / "nothing"))
    assert done.returncode == 2 and "not a folder with a folder of photos" in done.stderr
    assert "numpy" in packages and SLOW & packages == set()


def test_efforts_are_the_quantizers() -> None:
    assert list(quantizer.EFFORTS) == list(EFFORTS)


def test_every_command_of_the_makefile_exists() -> None:
    """And every target is a command, but for what only a checkout has: its environments, its tests,
    its generated files, and the networks that it brings."""
    text = (ROOT / "Makefile").read_text()
    start = r"\$\((?:TRAIN_VENV|BIN)\)/(?:bin/)?(?:python -m )?firebrick (\w+)"
    called = set(re.findall(start, text))
    assert called <= set(COMMANDS) and len(called) > 20
    targets = set(re.findall(r"^([a-z-]+):.*## ", text, re.M))
    several = {"route", "nightly"}  # of others
    checkouts = {
        *("help", "setup", "pynq", "frontends", "clang", "clean"),
        *("test", "test-fast", "lint", "generate", "train"),
    }
    assert targets - checkouts - several == called
    # What lies outside: for archives and folders that were made here.
    assert set(COMMANDS) - called == {"vitis", "onboard"}


@pytest.mark.parametrize("name", COMMANDS)
def test_results_are_written_to_the_build_folder(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ``--out`` is when it is not given lies in $FIREBRICK_BUILD."""
    monkeypatch.setenv("FIREBRICK_BUILD", "/elsewhere")
    module = importlib.import_module(f"firebrick.{COMMANDS[name][0]}")
    takes_its_name = name in ("deploy", "notebook")
    if name == "notebook":
        module = importlib.import_module("firebrick.commands.deploy")
    parser = module._parser(name) if takes_its_name else module._parser()
    written = [action.default for action in parser._actions if action.dest == "out"]
    assert all(default is None or str(default).startswith("/elsewhere") for default in written)


def test_a_defect_is_one_line_and_its_traceback_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> None:
        raise KeyError("nobody thought\nof this")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(SystemExit) as caught:
        run_cli(broken)
    said = capsys.readouterr().err
    assert caught.value.code == DEFECT and said.count("\n") == 1
    assert "defect of Firebrick" in said and "KeyError" in said
    (report,) = tmp_path.glob("firebrick-*.txt")
    assert str(report) in said and "Traceback" in report.read_text()


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(SystemExit) as caught:
        run_cli(full)
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: No space left on device\n"


def start(shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which $F is the command line."""
    return subprocess.run(
        ["bash", "-c", shell],
        cwd=ROOT,
        env={**os.environ, "F": f"{sys.executable} -m firebrick", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("name", ["figures", "--help"])
def test_a_reader_who_has_gone_is_no_error(name: str, buffered: str) -> None:
    """rich writes for one, print for the other."""
    done = start(f"$F {name} | true; echo ${{PIPESTATUS[0]}}", PYTHONUNBUFFERED=buffered)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_a_full_disk_behind_stdout() -> None:
    done = start("$F figures > /dev/full", PYTHONUNBUFFERED="")
    assert done.returncode == 2
    assert done.stderr == "error: standard output: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2> /dev/full"])
def test_streams_may_be_closed(closed: str) -> None:
    assert start(f"$F demmo {closed}").returncode == 2


def test_no_file_is_taken_for_a_closed_stream(tmp_path: Path) -> None:
    out = tmp_path / "network.npz"
    done = start(f"$F quantize --model digits --effort plain --out {out} <&- >&- 2>&-")
    assert done.returncode == 0
    assert zipfile.ZipFile(out).testzip() is None
    assert json.loads(out.with_suffix(".json").read_text())


@pytest.mark.parametrize(("number", "said"), [(2, "interrupted"), (15, "ended by a signal")])
def test_a_signal_is_one_line(
    number: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr("firebrick.quantize.support.interrupts.ignore", lambda: None)
    with pytest.raises(SystemExit) as caught:
        run_cli(lambda: os.kill(os.getpid(), number))
    assert caught.value.code == 128 + number
    assert capsys.readouterr().err == f"{said}\n"
    assert signal.getsignal(number) is before


def test_modules_on_pythonpath_do_not_come_first(tmp_path: Path) -> None:
    """numpy, and names of our folders, of another project's; what only it has is found."""
    for name in ("numpy", "rich", "onnx", "hw", "host", "quantize", "sim", "colorsys"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a foreign module')\n")
    (tmp_path / "theirs.py").touch()
    code = "from firebrick.cli import main; import sys; sys.argv[1:] = ['figures']\ntry: main()\n"
    code += "finally: import theirs, colorsys"
    for line in ("$F figures", f'{sys.executable} -c "{code}"'):
        done = start(line, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
