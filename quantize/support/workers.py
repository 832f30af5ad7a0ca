"""Processes that share work, and end when the one that shares it out is interrupted.

For the few frames of a demo, whose user waits, and whose results are no JSON data to be kept:
two of these processes take 0.3 seconds of CPU time to start and end, a Dask cluster of two, as
:mod:`quantize.jobs` has for bags of jobs, 3.8 (four jobs that do nothing, 2026-11-26).
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def share_out(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """``function`` of every item, in the order of ``items``, by so many processes.

    The first exception ends the iteration, an interrupt or one who asks for no more results the
    processes, too.
    """
    # Not forked: threads of numeric libraries would not survive it.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
    try:
        # The keyboard's signal is for all processes; those that work leave it to this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            results = deque(pool.submit(function, item) for item in items)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # Not map(), whose iterator cancels what the pool's thread then finds broken, and says so.
        while results:
            yield results.popleft().result()
    except (KeyboardInterrupt, GeneratorExit):
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
