"""Bags of independent jobs: :func:`run_jobs`, on this machine's cores or on a Dask cluster.

A job is a function of one argument whose result is JSON data.  The function is a module's, what it
is given can be pickled.  Results are kept in a file as they come, so that a bag that was
interrupted is taken up where it was left; a worker that dies is replaced by Dask, and what it had
been given is done again.  A job's result does not depend on where it is done.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.parallel import workers
from firebrick.quantize.support.paths import ROOT

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
CONNECT_SECONDS = 10
# Workers of this machine are waited for longer: it may have much else to do.
START_SECONDS = 60
SILENT_SECONDS = 600
# To start workers takes some seconds: fewer jobs than this are done sooner without.
FEW = 4
# Where nothing finishes, one looks this often whether there are workers, and gives up where there
# have been none for so long: by then those that died would have been replaced.
LOOK_SECONDS = 10
ALONE_SECONDS = 120
KEPT = "what was done is kept, the same command goes on from there"
# Lives of a job: so many workers may die of it before it is the job that is wrong.
DEATHS = 3


def sources_hash(files: Iterable[Path]) -> str:
    """A hash of source files and their places: results of other sources are not ours."""
    digest = hashlib.sha256()
    for path in files:
        place = path.resolve().relative_to(ROOT).as_posix()
        digest.update(place.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def versions(*packages: str) -> str:
    """Packages with their versions, or that there is none."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


class Kept:
    """Results in a file of lines, one a job, of the jobs that have this ``signature``.

    A line that an interrupt cut is none; a file with another signature is begun anew.  Without
    any results there is no file.
    """

    def __init__(self, path: Path, signature: str) -> None:
        self.path = path
        self.head = {"signature": signature}
        self.results: dict[str, Any] = {}
        lines = path.read_text(encoding="utf-8").splitlines(True) if path.is_file() else []
        whole = [line for line in lines if line.endswith("\n")]
        if whole and whole[0] == self._line(self.head):
            self.results = dict(json.loads(line) for line in whole[1:])
        self._file: IO[str] | None = None

    def __enter__(self) -> Kept:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", encoding="utf-8")
        self._write(self.head)
        for name, result in self.results.items():
            self._write([name, result])
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        assert self._file is not None
        self._file.close()
        if not self.results:
            self.path.unlink()
        elif isinstance(error, KeyboardInterrupt):
            error.add_note(KEPT)

    def add(self, name: str, result: Any) -> None:
        """One result more, on the disk when this returns."""
        self.results[name] = result
        self._write([name, result])

    def _write(self, line: Any) -> None:
        assert self._file is not None
        self._file.write(self._line(line))
        self._file.flush()

    @staticmethod
    def _line(line: Any) -> str:
        return json.dumps(line, separators=(",", ":")) + "\n"


def run_jobs(
    function: Callable[..., Any],
    jobs: Mapping[str, Item],
    *,
    kept: Kept,
    shared: tuple[Any, ...] = (),
    scheduler: str | None = None,
    agree: Callable[[], str] | None = None,
    here: bool = False,
) -> Iterator[str]:
    """Do ``jobs``; yields their names as their results come to be in ``kept``, which has to be
    open, those that were there already first.

    ``shared`` are arguments of all jobs before their own, which a cluster is sent once.  Without
    ``scheduler``, the address of a Dask cluster ("tcp://host:8786"), workers are processes
    of this machine, one a core, or where jobs use all cores themselves (``here``) this process is
    the only one.  ``agree`` is called on every worker and must say there what it
    says here: FirebrickError where it does not, where nobody answers at the address, and for a job
    that every worker dies of.  A job's own exception is raised here.
    """
    left = {name: item for name, item in jobs.items() if name not in kept.results}
    yield from (name for name in jobs if name not in left)
    if scheduler is None and (here or len(left) < FEW or workers() == 1):
        for name, item in left.items():
            kept.add(name, function(*shared, item))
            yield name
        return
    with _cluster(scheduler, len(left)) as client:
        if agree is not None and scheduler is not None:
            _check(client, agree, scheduler)
        for name, result in _results(client, function, shared, left):
            kept.add(name, result)
            yield name


def _results(
    client: Client,
    function: Callable[..., Any],
    shared: tuple[Any, ...],
    jobs: Mapping[str, Item],
) -> Iterator[tuple[str, Any]]:
    """Names and results, as they come; FirebrickError where the cluster goes away, or stays without
    workers."""
    from distributed.comm import CommClosedError

    # Tasks, which the scheduler has done again, and not scattered data, which is gone with the
    # last worker that has it: the jobs that need it would wait for ever.  Not pure: another run's
    # results under the same name are not asked for.  Those that are given first come first.
    sent = [client.submit(_itself, part, pure=False) for part in shared]
    futures = {
        client.submit(function, *sent, item, pure=False, retries=0, priority=-number): name
        for number, (name, item) in enumerate(jobs.items())
    }
    seen = time.monotonic()
    try:
        while futures:
            for future, result in _finished(client, futures):
                future.release()
                yield futures.pop(future), result
            if client.scheduler_info()["workers"]:
                seen = time.monotonic()
            elif time.monotonic() - seen > ALONE_SECONDS:
                raise FirebrickError(
                    f"the Dask cluster has had no workers for {ALONE_SECONDS} seconds; {KEPT}"
                )
    finally:
        with suppress(CommClosedError):  # there may be nobody any more
            client.cancel([*futures, *sent], force=True)


def _itself(part: Item) -> Item:
    return part


def _finished(client: Client, futures: Mapping[Future, str]) -> Iterator[tuple[Future, Any]]:
    """Those that finish within LOOK_SECONDS, with their results."""
    from distributed import as_completed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    finished = as_completed(list(futures), loop=client.loop, timeout=LOOK_SECONDS)
    for future in _until_timeout(finished):
        try:
            result = future.result(timeout=LOOK_SECONDS)
        except KilledWorker as error:
            raise FirebrickError(
                f"job {futures[future]}: {DEATHS + 1} workers died of it; they may have too "
                "little memory"
            ) from error
        except (CancelledError, FutureCancelledError) as error:
            raise FirebrickError(f"the Dask cluster went away; {KEPT}") from error
        except TimeoutError:
            if future.status == "error":  # the job's own
                raise
            # The worker that has the result does not answer, or is lost: it will finish again.
        else:
            yield future, result


def _until_timeout(items: Iterable[Item]) -> Iterator[Item]:
    with suppress(TimeoutError):
        yield from items


@contextmanager
def _cluster(scheduler: str | None, jobs: int) -> Iterator[Client]:
    """A client of the cluster at ``scheduler``, or of one of this machine that ends with it."""
    import dask
    from distributed import Client, LocalCluster

    settings: dict[str, Any] = {
        "distributed.scheduler.allowed-failures": DEATHS,
        # What jobs share may be as large as it is: it is sent once.
        "distributed.admin.large-graph-warning-threshold": "1 TiB",
        "distributed.comm.timeouts.connect": CONNECT_SECONDS if scheduler else START_SECONDS,
        # Nobody looks at it, and a worker that looks at its threads while objects of theirs end may
        # wait for itself (CPython issue 106883).
        "distributed.worker.profile.enabled": False,
    }
    if scheduler is None:
        # One that says nothing is busy; of one that died its parent knows.
        settings["distributed.scheduler.worker-ttl"] = None
        settings["distributed.comm.timeouts.tcp"] = SILENT_SECONDS
    # What Dask tells of workers that come and go is not for the user of a command.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(settings):
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, ValueError) as error:
                raise FirebrickError(
                    f"SCHEDULER {scheduler}: no Dask scheduler answers there (start one with dask "
                    "scheduler, or leave SCHEDULER out): "
                    f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
                ) from error
            with client:
                yield client
            return
        # The keyboard's signal is for all processes; those that work leave it to this one.  The
        # tracker would let it through again if it were started with the first of them.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            cluster = LocalCluster(
                n_workers=min(workers(), jobs),
                threads_per_worker=1,
                processes=True,
                silence_logs=logging.CRITICAL,
                dashboard_address=":0",
                host="127.0.0.1",
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _check(client: Client, agree: Callable[[], str], scheduler: str) -> None:
    """The cluster has workers, and all of them have our sources."""
    ours = agree()
    theirs = client.run(agree, on_error="return")
    if not theirs:
        raise FirebrickError(
            f"SCHEDULER {scheduler}: it has no workers (start some with dask worker {scheduler})"
        )
    for address, said in sorted(theirs.items()):
        if said != ours:
            raise FirebrickError(
                f"SCHEDULER {scheduler}: the worker at {address} has another Firebrick "
                f"({said!r}, not {ours!r}): install the same version there"
            )
