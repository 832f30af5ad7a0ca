"""The overlay of a simulated board: that of a PYNQ-Z2, with an array of any shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hw.boards import load_board
from hw.hwh import write_hwh
from hw.shape import PYNQ_Z2, EngineShape

BOARD = "pynq-z2"


def write_overlay(folder: Path, shape: EngineShape = PYNQ_Z2, name: str = "firebrick") -> Path:
    """Write ``<name>.hwh`` into ``folder``; the path of the `.bit` that would lie beside it.

    There is no `.bit`: the stand-in of pynq has nothing to load it into.
    """
    path = write_hwh(folder / f"{name}.hwh", replace(load_board(BOARD), shape=shape))
    return path.with_suffix(".bit")
