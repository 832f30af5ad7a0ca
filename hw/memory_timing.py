"""What the cycle model and the simulated board must know of a board's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Timing(Protocol):
    """What the model asks of a memory: :class:`MemoryTiming`, or the simulated board's."""

    @property
    def read_latency(self) -> int: ...
    @property
    def write_latency(self) -> int: ...
    @property
    def bytes_per_cycle(self) -> int: ...
    @property
    def refresh_interval(self) -> int: ...
    @property
    def refresh_cycles(self) -> int: ...
    @property
    def max_outstanding(self) -> int: ...


@dataclass(frozen=True)
class MemoryTiming:
    """The modelled memory, as the engine's clock sees it (the fields of the simulated board's).

    Latencies and refresh in cycles; ``bytes_per_cycle`` of all ports and both directions.
    """

    read_latency: int = 40
    write_latency: int = 20
    bytes_per_cycle: int = 14
    refresh_interval: int = 1170
    refresh_cycles: int = 40
    max_outstanding: int = 8
