"""Contiguous memory that the engine and the host share, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import AllocationError

ALIGNMENT = 128


class Buffers:
    """Buffers of pynq, uint8, by name; ``owner`` names the program in messages."""

    def __init__(self, pynq: Any, owner: str) -> None:
        self._pynq = pynq
        self._owner = owner
        self._buffers: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._buffers)

    def __getitem__(self, name: str) -> Any:
        return self._buffers[name]

    def address(self, name: str) -> int:
        """Physical address of a buffer's first byte."""
        return int(self._buffers[name].physical_address)

    def reserve(self, name: str, size: int) -> Any:
        """The buffer ``name`` with at least ``size`` bytes; its content may be lost.

        Raises :class:`AllocationError` where there is no such memory, or not at a multiple of
        :data:`ALIGNMENT` bytes.
        """
        buffer = self._buffers.get(name)
        if buffer is not None and buffer.size >= size:
            return buffer
        if buffer is not None:
            self._buffers.pop(name).freebuffer()
        try:
            buffer = self._pynq.allocate((size,), np.uint8)
        except (RuntimeError, MemoryError, OSError) as error:
            raise AllocationError(
                f"{self._owner}: no {size} bytes of contiguous memory for the {name}: "
                f"{error}; free other buffers or take a smaller batch"
            ) from None
        self._buffers[name] = buffer
        if int(buffer.physical_address) % ALIGNMENT:
            raise AllocationError(
                f"the {name} buffer lies at {int(buffer.physical_address):#x}, not at a multiple "
                f"of {ALIGNMENT} bytes"
            )
        return buffer

    def free(self) -> None:
        """Give all memory back."""
        while self._buffers:
            self._buffers.popitem()[1].freebuffer()
