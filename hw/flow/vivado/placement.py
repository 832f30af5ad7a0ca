"""Placement constraints for Vivado that follow the array: a pblock for each of its columns.

Weights move down a column and activations from one column to the next, so elements that talk to
one another should lie side by side.  The DSPs that a chip has are taken in one line, up one of its
columns of DSPs and down the next; the elements fill that line column by column, as the RTL counts
them (fb_array.sv: an element beyond the last DSP is made of LUTs).  A pblock holds a column's
sites and a share of the slices around them.  It is soft: where slices run out the tool may go
outside, DSPs excepted, as there are none left.

Vivado has not run these constraints: what they do to its clock is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

from firebrick.hw.boards import Board
from firebrick.quantize.errors import FirebrickError

PREFIX = "firebrick_column_"
ELEMENT = "u_engine/u_array/gen_row[{row}].gen_col[{column}].u_pe"
# A tile of two DSPs is as high as five slices.
TILE_DSPS, TILE_SLICES = 2, 5


@dataclass(frozen=True)
class DspColumn:
    """A column of DSPs: ``DSP48_X<x>Y0`` up to ``height`` of them, and the slices at its sides."""

    x: int
    height: int
    slices: tuple[int, int]


# From the left; the processing system cuts off the upper parts of the first two.
GEOMETRY = {
    "xc7z020": (
        DspColumn(0, 20, (0, 15)),
        DspColumn(1, 20, (16, 29)),
        DspColumn(2, 60, (30, 67)),
        DspColumn(3, 60, (80, 97)),
        DspColumn(4, 60, (98, 113)),
    )
}


@dataclass(frozen=True)
class Sites:
    """Neighbouring DSPs of one column: ``DSP48_X<x>Y<low>`` to ``Y<high>``."""

    column: DspColumn
    low: int
    high: int

    def ranges(self) -> str:
        """The DSPs, and the slices beside them, as ``resize_pblock`` takes them."""
        (left, right), x = self.column.slices, self.column.x
        bottom = self.low // TILE_DSPS * TILE_SLICES
        top = self.high // TILE_DSPS * TILE_SLICES + TILE_SLICES - 1
        return (
            f"DSP48_X{x}Y{self.low}:DSP48_X{x}Y{self.high} "
            f"SLICE_X{left}Y{bottom}:SLICE_X{right}Y{top}"
        )


def array_columns(board: Board) -> list[list[Sites]]:
    """The DSPs of each column of the board's array, as few of the chip's columns as hold them all.

    Raises FirebrickError for a chip whose columns of DSPs are not known.
    """
    known = GEOMETRY.get(board.chip.name)
    if known is None:
        raise FirebrickError(
            f"PLACEMENT=1: the columns of DSPs of the {board.chip.name} are not known, only those "
            f"of {', '.join(GEOMETRY)}: build without it"
        )
    rows, columns = board.shape.pixels, board.shape.channels // 2
    wanted = min(rows * columns, sum(column.height for column in known))
    taken: list[DspColumn] = []
    for column in reversed(known):
        if sum(c.height for c in taken) < wanted:
            taken.insert(0, column)
    line = [
        (column, y)
        for k, column in enumerate(taken)
        for y in (range(column.height) if k % 2 == 0 else reversed(range(column.height)))
    ][:wanted]
    return [_runs(line[j * rows : (j + 1) * rows]) for j in range(columns)]


def _runs(line: list[tuple[DspColumn, int]]) -> list[Sites]:
    by_column: dict[DspColumn, list[int]] = {}
    for column, y in line:
        by_column.setdefault(column, []).append(y)
    return [Sites(column, min(ys), max(ys)) for column, ys in by_column.items()]


def placement(board: Board) -> str:
    """The constraints; a column without a DSP of its own is left to the tool."""
    lines = [f"# {board.title}: the array of {board.shape}, column by column along the DSPs"]
    for j, sites in enumerate(array_columns(board)):
        if not sites:
            continue
        name = f"{PREFIX}{j}"
        elements = " ".join(
            "{" + ELEMENT.format(row=row, column=j) + "}" for row in range(board.shape.pixels)
        )
        lines += [
            f"create_pblock {name}",
            f"resize_pblock [get_pblocks {name}] -add {{{' '.join(s.ranges() for s in sites)}}}",
            f"set_property IS_SOFT TRUE [get_pblocks {name}]",
            f"add_cells_to_pblock [get_pblocks {name}] [get_cells [list {elements}]]",
        ]
    return "\n".join(lines) + "\n"
