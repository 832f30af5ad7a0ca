"""Quantize a network and tell how it went: ``python -m hw.report``.

Reads a network and a folder of calibration images, writes the quantized network, and beside it a
page (.html) and the same figures as data (.json): error of every layer, histograms, agreement with
the float network, sizes, and what each board is predicted to do.
"""

from __future__ import annotations

from pathlib import Path

from hw.boards import board_names, load_board
from hw.compiler import compile_network
from hw.cycle_model import predict
from quantize.errors import FirebrickError
from quantize.qnetwork import QNetwork
from quantize.report_page import BoardSpeed


def board_speeds(qnet: QNetwork) -> list[BoardSpeed]:
    """What every board is predicted to do with ``qnet``."""
    return [_speed(qnet, name) for name in board_names()]


def _speed(qnet: QNetwork, name: str) -> BoardSpeed:
    board = load_board(name)
    known = {"board": board.title, "array": str(board.shape), "clock_mhz": board.clock_mhz}
    try:
        program = compile_network(qnet, board.shape)
    except FirebrickError as error:
        return BoardSpeed(**known, cycles=None, frames_per_second=None, problem=str(error))
    cycles = predict(program, board.memory).cycles
    return BoardSpeed(**known, cycles=cycles, frames_per_second=1e6 * board.clock_mhz / cycles)
