"""The overlay of a simulated board: that of a PYNQ-Z2, with an array of any shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from firebrick.hw.boards import load_board
from firebrick.hw.flow.hwh import write_hwh
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize.support.files import write_bytes
from firebrick.sim.bitstream import placeholder

BOARD = "pynq-z2"


def write_overlay(folder: Path, shape: EngineShape = PYNQ_Z2, name: str = "firebrick") -> Path:
    """Write ``<name>.hwh`` and ``<name>.bit`` into ``folder``; the path of the `.bit`.

    The `.bit` is a placeholder: no chip would become an engine by it.
    """
    board = replace(load_board(BOARD), shape=shape)
    path = write_hwh(folder / f"{name}.hwh", board).with_suffix(".bit")
    data = placeholder(name, board.part)
    write_bytes(path, data)
    return path
