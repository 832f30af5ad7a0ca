"""Running the tools of a bitstream flow: found on PATH, logged, their first error in one line."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.programs import end, kill, run_program

Report = Callable[[str], None]


class TimeLimitError(FirebrickError):
    """A tool ran for as long as it may and had not come to an end."""


def find_tool(name: str, why: str) -> Path:
    """Path of a tool that must be on PATH; FirebrickError with ``why`` where it is not."""
    found = shutil.which(name)
    if not found:
        raise FirebrickError(f"{name} is not on the PATH: {why}")
    return Path(found)


def first_error(log: Path) -> str:
    """The line that a failed tool's log is about: the first error, or what came last."""
    lines = [x.strip() for x in log.read_text(errors="replace").splitlines() if x.strip()]
    errors = [x for x in lines if x.upper().startswith(("ERROR", "TRACEBACK")) or "ERROR:" in x]
    if errors and errors[0].upper().startswith("TRACEBACK"):
        return lines[-1]
    return (errors or lines[-1:] or ["it printed nothing"])[0]


def run_tool(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path,
    stdout: Path | None = None,
    on_line: Report | None = None,
    seconds: float | None = None,
) -> None:
    """Run a tool, its output in ``log`` (what it prints on stdout in ``stdout``, if given).

    ``on_line`` is told every line.  Raises FirebrickError with the first error of its log and the
    log's path where the tool fails, or cannot be started; TimeLimitError where it runs for more
    than ``seconds``.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    name = Path(command[0]).name
    words = [str(word) for word in command]
    try:
        with open(log, "w", encoding="utf-8") as file:
            if stdout is not None:
                with open(stdout, "wb") as result:
                    code = run_program(words, cwd=cwd, stdout=result, stderr=file).returncode
            else:
                code = _follow(words, file, cwd, on_line, seconds)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise FirebrickError(f"{log}: {error.strerror}") from error
        raise FirebrickError(f"{name} cannot be started: {error.strerror}") from error
    if code:
        raise FirebrickError(f"{name}: {first_error(log)} (see {log})")


def tool_version(tool: Path, pattern: str) -> str:
    """What group 1 of ``pattern`` finds in the output of ``tool --version``, or "unknown"."""
    try:
        done = run_program([tool, "--version"], stderr=subprocess.STDOUT, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    match = re.search(pattern, done.stdout)
    return match[1] if match else "unknown"


def _follow(
    words: list[str], file: TextIO, cwd: Path, on_line: Report | None, seconds: float | None
) -> int:
    late = threading.Event()
    with subprocess.Popen(
        words,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None

        def stop() -> None:
            late.set()
            kill(process)

        timer = threading.Timer(seconds or 0, stop)
        if seconds is not None:
            timer.start()
        try:
            for line in process.stdout:
                file.write(line)
                if on_line:
                    on_line(line.rstrip())
        except BaseException:
            end(process)
            raise
        finally:
            timer.cancel()
    if late.is_set():
        raise TimeLimitError(f"{Path(words[0]).name} ran for more than {(seconds or 0) / 60:g} min")
    return process.returncode
