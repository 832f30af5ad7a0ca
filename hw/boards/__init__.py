"""The boards that Firebrick knows, one TOML file each, and the chips on them.

In comes a board's name, out come its part, clocks, memory and the shape of its engine, all of them
checked.  Imports what is shared in ``hw``.
"""

from firebrick.hw.boards.board import Board, Clock, Memory, board_names, load_board
from firebrick.hw.boards.parts import CHIPS, Chip, Resources, chip_of

__all__ = [
    "CHIPS",
    "Board",
    "Chip",
    "Clock",
    "Memory",
    "Resources",
    "board_names",
    "chip_of",
    "load_board",
]
