"""Signals that end a command, as exceptions: whatever it was doing cleans up on the way out.

The first of SIGINT (the keyboard), SIGTERM and SIGHUP (a closed terminal) raises
:class:`Interrupted` in the main thread.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _State:
    """How many blocks hold signals back, and the signal that came meanwhile."""

    held = 0
    pending: int | None = None


def _raise(number: int, _: FrameType | None) -> None:
    if _State.held:
        _State.pending = number
    else:
        _interrupt(number)


def _interrupt(number: int) -> NoReturn:
    raise Interrupted(number)


@contextmanager
def raised() -> Iterator[None]:
    """In this block the signals raise; those that the caller had ignored (nohup) still are.

    Outside of the main thread, which alone may say what signals do, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    changed = {n: old for n, old in before.items() if old not in (signal.SIG_IGN, None)}
    for number in changed:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, old in changed.items():
            signal.signal(number, old)


@contextmanager
def held() -> Iterator[None]:
    """Signals that come in this block raise at its end: what it makes is known to those who
    clean up.  For moments only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if not _State.held and _State.pending is not None:
            number, _State.pending = _State.pending, None
            _interrupt(number)


def ignore() -> None:
    """From here on no signal disturbs: the command is about to end."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
