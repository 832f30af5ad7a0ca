"""The process in which a model library runs: ``python model_child.py LIBRARY``.

A library keeps its static variables from one run to the next, and nobody else writes to them.  Each
line of its input is a JSON list: a file, stream reads, depth, seed (see cpp/model.cpp).  The file
holds the registers, ``REGISTER_BYTES``, and the engine's memory behind them, which are changed in
place; printed are what the run returned, and the entries that it left in its streams.  Imports
nothing of the project, so that it starts at once.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import sys

REGISTER_BYTES = 0x1000


def run(engine: ctypes.CDLL, path: str, reads: int, depth: int, seed: int) -> int:
    # The memory is last: behind it, but for the rest of a page, is nothing.
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        registers = (ctypes.c_uint32 * (REGISTER_BYTES // 4)).from_buffer(mapped)
        memory = (ctypes.c_char * (len(mapped) - REGISTER_BYTES)).from_buffer(
            mapped, REGISTER_BYTES
        )
        code = engine.firebrick_model_run(
            memory, registers, *map(ctypes.c_long, (reads, depth, seed))
        )
        # The mapping cannot be closed while these point into it.
        del memory, registers
    return code


def main(library: str) -> None:
    engine = ctypes.CDLL(library)
    engine.firebrick_model_run.restype = ctypes.c_long
    engine.firebrick_model_left_over.restype = ctypes.c_long
    for line in sys.stdin:
        code = run(engine, *json.loads(line))
        print(code, engine.firebrick_model_left_over(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
