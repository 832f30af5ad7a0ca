"""The process in which the emitted engine runs: ``python hw/hls/child.py LIBRARY MEMORY``.

MEMORY is a file of the engine's memory with the registers, ``REGISTER_BYTES``, behind it; it is
changed in place.  Prints the seconds that the run took.  Imports nothing of the project, so that
it starts at once.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import time

REGISTER_BYTES = 0x1000


def run(library: str, path: str) -> float:
    """Run the engine on the mapped memory; seconds."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        whole = (ctypes.c_char * len(memory)).from_buffer(memory)
        registers = (ctypes.c_uint32 * (REGISTER_BYTES // 4)).from_buffer(
            memory, len(memory) - REGISTER_BYTES
        )
        engine = ctypes.CDLL(library)
        begin = time.perf_counter()
        engine.firebrick_run(whole, registers)
        seconds = time.perf_counter() - begin
        # The mapping cannot be closed while these point into it.
        del whole, registers
    return seconds


if __name__ == "__main__":
    print(run(*sys.argv[1:]))
