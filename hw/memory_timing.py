"""What the cycle model and the simulated board must know of a board's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Timing(Protocol):
    """What the model asks of a memory: :class:`MemoryTiming`, or a board's."""

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
    """Cycles and bytes of the modelled memory, as the engine's clock of 150 MHz sees it.

    Latencies and refresh in cycles; ``bytes_per_cycle`` of all ports and both directions.  A 16-bit
    DDR3-1050 moves 2.1 GB/s: 14 bytes a cycle. It is refreshed every 7.8 us (1170 cycles) for about
    260 ns (40 cycles). ``max_outstanding`` counts bursts a port and direction.
    """

    read_latency: int = 40
    write_latency: int = 20
    bytes_per_cycle: int = 14
    refresh_interval: int = 1170
    refresh_cycles: int = 40
    max_outstanding: int = 8
