"""The exported files as their users have them."""

from __future__ import annotations

import lzma
from pathlib import Path

FOLDER = Path(__file__).parent


def unpack(name: str, folder: Path) -> Path:
    """The exported file ``name``, as its user has it."""
    path = folder / f"{name}.onnx"
    path.write_bytes(lzma.decompress((FOLDER / f"{name}.onnx.xz").read_bytes()))
    return path
