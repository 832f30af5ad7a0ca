"""Progress on stderr, for whatever takes longer than a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from firebrick.quantize.support.terminal import new_console

Item = TypeVar("Item")

QUIET_SECONDS = 1.0
_silent: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """No bars inside: for jobs of a bag, whose own bar is another's."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yield ``items`` while a bar on stderr counts them against ``total``.

    The bar appears after one second, so that short work leaves no trace.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=new_console(stderr=True),
    )
    task = bar.add_task(label, total=total)
    begin = time.monotonic()
    shown = False
    try:
        for item in items:
            if not shown and not _silent.get() and time.monotonic() - begin > QUIET_SECONDS:
                bar.start()
                shown = True
            yield item
            bar.advance(task)
    finally:
        if shown:
            bar.stop()


@contextmanager
def busy(label: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr with the elapsed time, gone at the end; yields a function that says what
    is being done behind ``label``."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield lambda text: bar.update(task, description=f"{label}: {text}")
