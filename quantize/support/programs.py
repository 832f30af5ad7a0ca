"""Other programs, run so that none of them outlives the command that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from firebrick.quantize.support.interrupts import held

Output = IO | int
GRACE_SECONDS = 2.0


class Programs:
    """Runs programs, from several threads if need be.

    :meth:`stop` ends those that still run together with what they started (g++ starts a compiler
    and an assembler), and whatever is asked for later.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: Output = subprocess.PIPE,
        stderr: Output = subprocess.PIPE,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """As :func:`subprocess.run`, without input; ``env`` is what differs from ours."""
        process: subprocess.Popen[str] | None = None
        try:
            with held(), self._lock:
                if self._stopped:
                    raise InterruptedError("programs were stopped")
                process = subprocess.Popen(
                    list(map(str, command)),
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    text=True,
                    errors="replace",
                )
                self._running.add(process)
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            if process is not None:
                end(process)
            raise
        finally:
            if process is not None:
                with self._lock:
                    self._running.discard(process)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def stop(self) -> None:
        """End all programs; :meth:`run` in other threads returns or raises at once."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _signal(_family(process), signal.SIGTERM)


def run_program(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: Output = subprocess.PIPE,
    stderr: Output = subprocess.PIPE,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """One program; see :meth:`Programs.run`."""
    return Programs().run(command, cwd=cwd, env=env, stdout=stdout, stderr=stderr, timeout=timeout)


def kill(process: subprocess.Popen) -> None:
    """Kill a program with all that it started; what it has printed can still be read."""
    _signal([number for number in _family(process) if number != process.pid], signal.SIGKILL)
    process.kill()


def end(process: subprocess.Popen) -> None:
    """End a program with all that it started, and forget its output."""
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    family = _family(process)
    # Some take their temporary files away before they go.
    _signal(family, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    _signal([number for number in family if number != process.pid], signal.SIGKILL)
    process.kill()
    process.wait()


def _family(process: subprocess.Popen) -> list[int]:
    """Numbers of a program and of all that it started, as far as it still runs.

    They share our process group, so that the keyboard's signals reach them, too.
    """
    if process.poll() is not None:
        return []
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "number (name) state parent ...", and the name may hold anything
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found = [process.pid]
    for number in found:
        found += children.get(number, [])
    return found


def _signal(numbers: Sequence[int], number: int) -> None:
    for process in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
