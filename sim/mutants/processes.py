"""Work in processes of its own, some at once: a crash, or no end, is a result like others."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from firebrick.sim.mutants.schemata import VARIABLE

PATIENCE = 20


@dataclass(frozen=True)
class Job:
    """``work()`` with ``mutant`` selected; its result must fit JSON.

    ``seconds`` are of processor time, for each process that takes part, so that a busy machine
    makes no difference; a process that rests is ended after PATIENCE times as long.  0: no limit.
    """

    mutant: int
    work: Callable[[], Any]
    seconds: int = 0


@dataclass(frozen=True)
class Broken:
    """A process that gave no result, and why."""

    why: str


@dataclass
class _Child:
    job: Job
    process: int
    pipe: int
    end: float
    data: bytes = b""

    @classmethod
    def start(cls, job: Job) -> _Child:
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                os.setsid()
                if job.seconds:
                    resource.setrlimit(resource.RLIMIT_CPU, (job.seconds, job.seconds + 1))
                os.close(reader)
                os.environ[VARIABLE] = str(job.mutant)
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 1)
                os.dup2(null, 2)
                data = json.dumps(job.work()).encode()
                while data:
                    data = data[os.write(writer, data) :]
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        return cls(job, process, reader, time.monotonic() + (PATIENCE * job.seconds or 1e9))

    def read(self) -> bool:
        """Take what the process wrote; False at its end."""
        part = os.read(self.pipe, 65536)
        self.data += part
        return bool(part)

    def finish(self, kill: bool) -> Any:
        """The result; with ``kill``, of a process whose time is over."""
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process, signal.SIGKILL)
        os.close(self.pipe)
        _, status = os.waitpid(self.process, 0)
        code = os.waitstatus_to_exitcode(status)
        if kill or code == -signal.SIGXCPU:
            return Broken(f"no end after {self.job.seconds} s")
        return json.loads(self.data) if code == 0 else Broken(f"process ended with {code}")


def run(jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, Any]]:
    """Every job with its result, in the order of their ends."""
    waiting = deque(jobs)
    running: list[_Child] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_Child.start(waiting.popleft()))
            left = max(0.0, min(child.end for child in running) - time.monotonic())
            ready = select.select([child.pipe for child in running], [], [], min(left, 3600))[0]
            for child in list(running):
                late = time.monotonic() >= child.end
                if late or (child.pipe in ready and not child.read()):
                    running.remove(child)
                    yield child.job, child.finish(late)
    finally:
        for child in running:
            child.finish(kill=True)
