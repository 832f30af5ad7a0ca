"""Images side by side: one thread a core, each with a single-threaded BLAS.

NumPy releases the interpreter's lock in matrix products and element-wise work, so that threads
share out whole images.  A BLAS with threads of its own is slower here: its threads spin while
they wait, which on a machine with other work costs most of the time (measured with two cores and
three other busy processes: 3 frames a second with BLAS threads, 20 without).

Without the threadpoolctl package, as on a board, nothing could hold BLAS to one thread: items then
come one by one, and BLAS uses the cores.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np

try:
    from threadpoolctl import ThreadpoolController
except ImportError:
    ThreadpoolController = None

Item = TypeVar("Item")
Result = TypeVar("Result")


def workers() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _controller() -> ThreadpoolController:
    # Finds the BLAS libraries that are loaded: NumPy must have been imported before.
    assert np.__version__
    return ThreadpoolController()


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``function`` of every item, in the order of ``items``, some of them at the same time.

    At most two results a worker are held back, so that large ones do not fill the memory.  The
    first exception ends the iteration.
    """
    if ThreadpoolController is None:
        yield from map(function, items)
        return
    count = workers()
    with (
        _controller().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(max_workers=count) as pool,
    ):
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= 2 * count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
