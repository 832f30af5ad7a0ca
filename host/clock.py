"""Time as the driver measures it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time in seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


async def pause(clock: Clock, seconds: float) -> None:
    """Sleep as others on the event loop run; a simulated clock is moved on."""
    if isinstance(clock, SystemClock):
        await asyncio.sleep(seconds)
    else:
        await asyncio.sleep(0)
        clock.sleep(seconds)
