"""Ranges of a simulated board's memory, handed out as the contiguous memory of a board.

Fresh memory holds no zeros, and bytes behind every range show when something wrote there.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

PAGE_BYTES = 4096
GUARD_BYTES = 4096
GUARD_FILL = 0x5C
FRESH_DDR_FILL = 0xA5
FRESH_HOST_FILL = 0x3C


class Memory(Protocol):
    """``memory`` is the DDR (uint8), its first byte at physical address ``memory_base``."""

    memory: np.ndarray
    memory_base: int


class GuardError(AssertionError):
    """Something wrote behind the end of an allocated buffer."""


class Allocator:
    """First-fit allocator of page-aligned ranges, each followed by guard bytes."""

    def __init__(self, board: Memory) -> None:
        self.board = board
        self.used: dict[int, int] = {}

    def allocate(self, length: int) -> int:
        """Offset in the board's memory of ``length`` fresh bytes; RuntimeError if none are left."""
        span = -(-max(length, 1) // PAGE_BYTES) * PAGE_BYTES
        start = 0
        for begin, bytes_ in sorted(self.used.items()):
            if begin - start >= span + GUARD_BYTES:
                break
            start = begin + -(-max(bytes_, 1) // PAGE_BYTES) * PAGE_BYTES + GUARD_BYTES
        if start + span + GUARD_BYTES > len(self.board.memory):
            raise RuntimeError("Failed to allocate Memory!")
        self.used[start] = length
        self.board.memory[start : start + length] = FRESH_DDR_FILL
        self._guard(start, length)[:] = GUARD_FILL
        return start

    def free(self, start: int) -> None:
        """Take a range back; :class:`GuardError` where something wrote behind it."""
        length = self.used.pop(start)
        self._check(start, length)

    def check(self) -> None:
        """Raise :class:`GuardError` if anything wrote behind a buffer that is still in use."""
        for start, length in list(self.used.items()):
            self._check(start, length)

    def _check(self, start: int, length: int) -> None:
        if (self._guard(start, length) != GUARD_FILL).any():
            raise GuardError(
                f"memory behind the buffer of {length} bytes at "
                f"{self.board.memory_base + start:#x} was overwritten"
            )

    def _guard(self, start: int, length: int) -> np.ndarray:
        end = start + -(-max(length, 1) // PAGE_BYTES) * PAGE_BYTES + GUARD_BYTES
        return self.board.memory[start + length : end]
