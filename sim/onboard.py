"""The simulated board in the place of a real one, for programs that ``import pynq``."""

from __future__ import annotations

import atexit
from pathlib import Path

from firebrick.hw.flow.hwh import clock_of, shape_of
from firebrick.sim import pynq_standin
from firebrick.sim.board import SimulatedBoard


def simulate(hwh: str | Path = "firebrick.hwh") -> SimulatedBoard:
    """Put a simulated board with the engine of ``hwh`` in the place of pynq until the process ends.

    The first time an engine's shape is used, its simulation is built, which takes a minute.
    Raises FirebrickError where the file does not say what engine it describes.
    """
    board = SimulatedBoard(shape_of(hwh))
    board.clock_hz = clock_of(hwh)
    # An archive may have been packed before its bitstream was built.
    pynq_standin.install(board, bitstream=False)
    atexit.register(pynq_standin.uninstall)
    return board
