"""Contiguous memory that the engine and the host share, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import AllocationError

ALIGNMENT = 128
# The engine's address registers have 32 bits.
ADDRESS_END = 1 << 32


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

    def holds(self, name: str, size: int) -> bool:
        """There is a buffer ``name`` of at least ``size`` bytes: :meth:`reserve` will keep it."""
        return name in self._buffers and self._buffers[name].size >= size

    def address(self, name: str) -> int:
        """Physical address of a buffer's first byte."""
        return int(self._buffers[name].physical_address)

    def reserve(self, name: str, size: int) -> Any:
        """The buffer ``name`` with at least ``size`` bytes; its content may be lost.

        Raises :class:`AllocationError` where there is no such memory, or not at a multiple of
        :data:`ALIGNMENT` bytes below :data:`ADDRESS_END`.
        """
        if self.holds(name, size):
            return self._buffers[name]
        if name in self._buffers:
            self._buffers.pop(name).freebuffer()
        try:
            buffer = self._pynq.allocate((size,), np.uint8)
        except (RuntimeError, MemoryError, OSError) as error:
            raise AllocationError(
                f"{self._owner}: no {size} bytes of contiguous memory for the {name}: "
                f"{error}; free other buffers or take a smaller batch"
            ) from None
        address = int(buffer.physical_address)
        if address + size >= ADDRESS_END:
            buffer.freebuffer()
            raise AllocationError(
                f"the {name} buffer lies at {address:#x}, the engine reaches memory up to "
                f"{ADDRESS_END:#x}: free other buffers, or start the board anew"
            )
        if address % ALIGNMENT:
            buffer.freebuffer()
            raise AllocationError(
                f"the {name} buffer lies at {address:#x}, not at a multiple of {ALIGNMENT} bytes: "
                "free other buffers, or start the board anew"
            )
        self._buffers[name] = buffer
        return buffer

    def free(self) -> None:
        """Give all memory back."""
        while self._buffers:
            self._buffers.popitem()[1].freebuffer()
