"""Bags of jobs: here and on a cluster the same results, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.jobs import KEPT, Kept, run_jobs
from tests.conftest import ROOT

JOBS = {f"job {n}": n for n in range(6)}
SQUARES = {name: [n, n * n] for name, n in JOBS.items()}


INTERRUPTED = """
import signal
import sys
from pathlib import Path

from firebrick.commands.frame import run_cli
from firebrick.quantize import jobs
from tests.quantize.test_jobs import slow

def main():
    jobs.workers = lambda: 2
    with jobs.Kept(Path(sys.argv[1]), "s") as kept:
        list(jobs.run_jobs(slow, {f"job {n}": n for n in range(40)}, kept=kept))

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_cli(main)
"""


def square(number: int) -> list[int]:
    return [number, number * number]


def dying(item: tuple[str, int]) -> list[int]:
    """The square of a number; the first job of all takes its worker's life."""
    folder, number = item
    try:
        (Path(folder) / "died").touch(exist_ok=False)
    except FileExistsError:
        return square(number)
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def sum_dying(shared: int, item: tuple[str, int]) -> list[int]:
    """The square of a number and of what is shared; the third job takes all workers' lives."""
    folder, number = item
    if number == 2 and not (Path(folder) / "died").exists():
        (Path(folder) / "died").touch()
        for pid in (Path(folder) / "workers").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    return square(shared + number)


def slow(number: int) -> list[int]:
    time.sleep(0.2)
    return square(number)


def group(leader: int) -> list[int]:
    """Processes of the process group ``leader``."""
    found = subprocess.run(["ps", "-o", "pid=", "-g", str(leader)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def failing(number: int) -> int:
    if number == 3:
        raise FirebrickError("three is wrong")
    return number


def version() -> str:
    return str(os.getppid())


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A cluster of two worker processes; its address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as found:
        yield found.scheduler_address


def run(path: Path, function, jobs=JOBS, **options) -> dict:
    with Kept(path, "s") as kept:
        assert sorted(run_jobs(function, jobs, kept=kept, **options)) == sorted(jobs)
        return kept.results


def test_here_and_on_a_cluster(tmp_path: Path, cluster: str, monkeypatch) -> None:
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 1)
    assert run(tmp_path / "here", square) == SQUARES
    assert run(tmp_path / "there", square, scheduler=cluster) == SQUARES


def test_a_worker_that_is_killed_is_replaced_and_its_jobs_done(
    tmp_path: Path, cluster: str
) -> None:
    jobs = {name: (str(tmp_path), number) for name, number in JOBS.items()}
    assert run(tmp_path / "kept", dying, jobs, scheduler=cluster) == SQUARES
    assert (tmp_path / "died").exists()


def test_all_workers_lost_at_once_and_with_them_what_jobs_share(
    tmp_path: Path, cluster: str
) -> None:
    with Client(cluster, set_as_default=False) as client:
        workers = client.run(os.getpid).values()
    (tmp_path / "workers").write_text(" ".join(map(str, workers)))
    jobs = {name: (str(tmp_path), number) for name, number in JOBS.items()}
    found = run(tmp_path / "kept", sum_dying, jobs, scheduler=cluster, shared=(10,))
    assert found == {name: square(10 + number) for name, number in JOBS.items()}
    assert (tmp_path / "died").exists()


def test_a_cluster_that_stays_without_workers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("firebrick.quantize.jobs.LOOK_SECONDS", 0.2)
    monkeypatch.setattr("firebrick.quantize.jobs.ALONE_SECONDS", 1)
    path = tmp_path / "kept"
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as found,
        pytest.raises(FirebrickError, match="has had no workers for 1 seconds"),
        Kept(path, "s") as kept,
    ):
        names = run_jobs(slow, JOBS, kept=kept, scheduler=found.scheduler_address)
        first = next(names)
        found.scale(0)
        list(names)
    assert first in Kept(path, "s").results


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    with Kept(path, "s") as kept:
        names = run_jobs(square, dict(list(JOBS.items())[:3]), kept=kept)
        assert [next(names), next(names)] == ["job 0", "job 1"]
    with path.open("a") as file:
        file.write('["job 2",[2,')  # cut by an interrupt
    done: list[int] = []
    with Kept(path, "s") as kept:
        assert kept.results == {name: SQUARES[name] for name in ("job 0", "job 1")}
        few = dict(list(JOBS.items())[:4])
        assert list(run_jobs(lambda n: done.append(n) or square(n), few, kept=kept)) == list(few)
    assert done == [2, 3]
    assert Kept(path, "s").results == {name: SQUARES[name] for name in few}
    assert Kept(path, "of other sources").results == {}


def test_a_jobs_error_is_the_bags(tmp_path: Path, cluster: str) -> None:
    for options in ({}, {"scheduler": cluster}):
        with pytest.raises(FirebrickError, match="three is wrong"):
            run(tmp_path / "kept", failing, dict(list(JOBS.items())[2:5]), **options)


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("firebrick.quantize.jobs.CONNECT_SECONDS", 0.3)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(FirebrickError, match=f"SCHEDULER {address}"):
            run(tmp_path / "kept", square, scheduler=address)


def test_a_cluster_that_goes_away(tmp_path: Path) -> None:
    """What was done is kept, and the same bag goes on from there."""
    found = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")
    path = tmp_path / "kept"
    with pytest.raises(FirebrickError, match="the Dask cluster went away"), Kept(path, "s") as kept:
        names = run_jobs(slow, JOBS, kept=kept, scheduler=found.scheduler_address)
        first = next(names)
        found.close()
        list(names)
    assert first in Kept(path, "s").results
    assert run(path, square) == SQUARES


def test_an_interrupt_ends_the_workers_and_keeps_what_was_done(tmp_path: Path) -> None:
    script, path = tmp_path / "script.py", tmp_path / "kept"
    script.write_text(INTERRUPTED)
    with subprocess.Popen(
        [sys.executable, script, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 120
        while len(Kept(path, "s").results) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, f"interrupted; {KEPT}\n")
    kept = Kept(path, "s").results
    assert 2 <= len(kept) < 40 and all(result[1] == result[0] ** 2 for result in kept.values())
    for _ in range(100):
        if not group(process.pid):
            break
        time.sleep(0.1)
    assert group(process.pid) == []


def test_workers_with_other_sources_are_refused(tmp_path: Path, cluster: str) -> None:
    with pytest.raises(FirebrickError, match="has another Firebrick"):
        run(tmp_path / "kept", square, scheduler=cluster, agree=version)
    assert list(tmp_path.iterdir()) == []


def test_on_a_local_cluster_jobs_are_done_side_by_side(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 2)
    begin = time.monotonic()
    assert run(tmp_path / "kept", square) == SQUARES
    assert time.monotonic() - begin < 120
