"""Waiting for the end of a run: by the interrupt where it can be had here, else by polling.

pynq hangs its interrupts on the event loop that was the thread's own when the overlay was loaded:
whoever waits on another loop polls.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

from .clock import Clock, pause
from .errors import StateError

POLL_SECONDS = 0.0005
# While waiting for the interrupt the status is looked at this often; where it says so many times
# that the run has ended, the interrupt is lost.
LOOK_SECONDS = 0.005
LOST_AFTER = 2
BY_INTERRUPT = "interrupt"


class Waiting:
    """Waits until ``running`` says that the run is over.

    ``running`` is False once a run has ended well and raises its error where it has not;
    ``ended`` tells only whether it has ended; ``give_up`` raises what a run without an answer
    comes to.  ``by`` says how the end of the last run (before the first: of the next) was noticed:
    "interrupt", or "polling" with the reason.
    """

    def __init__(
        self,
        clock: Clock,
        interrupt: Any,
        loop: asyncio.AbstractEventLoop | None,
        why_polling: str,
        *,
        running: Callable[[], bool],
        ended: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.interrupt = interrupt
        self.loop = loop
        self.running = running
        self.ended = ended
        self.give_up = give_up
        self.by = BY_INTERRUPT
        self._why_polling = why_polling
        self._note(interrupt is not None, why_polling)

    async def blocking(self, timeout: float) -> None:
        """Return when the run is done, at most ``timeout`` seconds from now; never suspends, so
        that :func:`at_once` can drive what awaits it."""
        deadline = self.clock.now() + timeout
        loop = self._loop_to_run()
        while self.running():
            if self.clock.now() > deadline:
                self.give_up()
            if loop is not None and self.interrupt is not None:
                loop.run_until_complete(self._interrupted(self.interrupt, deadline))
            else:
                self.clock.sleep(POLL_SECONDS)

    async def cooperative(self, timeout: float) -> None:
        """As :meth:`blocking`, and lets others on the event loop run meanwhile."""
        deadline = self.clock.now() + timeout
        own = self.interrupt is not None and asyncio.get_running_loop() is self.loop
        if self.interrupt is not None:
            self._note(own, "interrupts arrive on another event loop")
        while self.running():
            if self.clock.now() > deadline:
                self.give_up()
            if own and self.interrupt is not None:
                await self._interrupted(self.interrupt, deadline)
            else:
                await pause(self.clock, POLL_SECONDS)

    def _loop_to_run(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that interrupts arrive on, where this thread can run it now."""
        if self.interrupt is None:
            return None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loop = self.loop
            usable = loop is not None and not loop.is_closed() and not loop.is_running()
            self._note(usable, "interrupts arrive on an event loop that cannot be run here")
            return loop if usable else None
        self._note(False, "an event loop is running: await run_async for interrupts")
        return None

    def _note(self, by_interrupt: bool, why_not: str) -> None:
        if not by_interrupt:
            self._why_polling = why_not
        self.by = BY_INTERRUPT if by_interrupt else f"polling ({self._why_polling})"

    async def _interrupted(self, interrupt: Any, deadline: float) -> None:
        """Wait for the interrupt or the deadline, or until the run has ended without one."""
        task = asyncio.ensure_future(interrupt.wait())
        looks = 0
        try:
            while not task.done() and self.clock.now() <= deadline and looks < LOST_AFTER:
                await asyncio.wait({task}, timeout=LOOK_SECONDS)
                looks += self.ended()
        finally:
            if task.done():
                _came(task)
            else:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if looks >= LOST_AFTER and task.cancelled():
            self._note(False, "the interrupt did not come")


def _came(task: asyncio.Future[None]) -> None:
    error = task.exception()
    if error is not None:
        raise StateError(
            f"pynq cannot wait for the interrupt: {type(error).__name__}: {error}; if another "
            "overlay was loaded meanwhile, make the driver anew"
        ) from error


def event_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop on which pynq hangs the interrupts of an overlay that is loaded now: the
    running one (of a notebook), or else the thread's own; None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None
