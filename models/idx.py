"""Files of the idx format, which MNIST brought: numbers of one type in an array of any shape.

Big endian: two zero bytes, a type (8: uint8), the number of dimensions, a uint32 each, the numbers.
Often packed by gzip.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from firebrick.quantize.errors import FirebrickError

UINT8 = 8
GZIP = b"\x1f\x8b"


def read_idx(path: str | Path, dimensions: int) -> np.ndarray:
    """The uint8 array of a file, packed or not; FirebrickError naming the file where it is none of
    so many ``dimensions``."""
    path = Path(path)
    data = path.read_bytes()
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise FirebrickError(
                f"{path}: gzip cannot unpack it ({error}); fetch it again"
            ) from error
    head = 4 + 4 * dimensions
    if len(data) < head or data[:2] != b"\0\0":
        raise FirebrickError(f"{path}: not an idx file; it does not begin like one")
    kind, count = data[2], data[3]
    if (kind, count) != (UINT8, dimensions):
        raise FirebrickError(
            f"{path}: holds type {kind} in {count} dimensions, not uint8 (type {UINT8}) in "
            f"{dimensions}"
        )
    shape = struct.unpack(f">{dimensions}I", data[4:head])
    wanted = int(np.prod(shape, dtype=object))
    if len(data) - head != wanted:
        raise FirebrickError(
            f"{path}: {len(data) - head} bytes of numbers, its shape {list(shape)} wants {wanted}; "
            "it was cut or has grown"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
