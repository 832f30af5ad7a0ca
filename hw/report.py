"""Quantize a network and tell how it went: ``python -m hw.report``.

Reads a network and a folder of calibration images, writes the quantized network, and beside it a
page (.html) and the same figures as data (.json): error of every layer, histograms, agreement with
the float network, sizes, and what each board is predicted to do.
"""

from __future__ import annotations

from dataclasses import replace

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
    hertz = board.clock.fclk0_hz
    speed = BoardSpeed(board.title, str(board.shape), hertz / 1e6, None, None)
    try:
        program = compile_network(qnet, board.shape)
    except FirebrickError as error:
        return replace(speed, problem=str(error))
    cycles = predict(program, board.timing).cycles
    return replace(speed, cycles=cycles, frames_per_second=hertz / cycles)
