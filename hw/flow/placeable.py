"""Arrays whose DSPs nextpnr-xilinx can place: half as many as the chip has.

It pins each DSP48E1 that begins a cascade to the lower one of its tile's two, and the array's DSPs
are not cascaded: the upper ones stay empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from firebrick.hw.boards import Board, Chip
from firebrick.hw.shape import RTL_PIXELS_MIN, EngineShape
from firebrick.quantize.errors import FirebrickError

PIXELS = range(RTL_PIXELS_MIN, 33)
CHANNELS = (8, 16, 32, 64)


def placeable_dsps(chip: Chip) -> int:
    """DSPs that nextpnr-xilinx can use of a chip: one in each tile of two."""
    return chip.resources.dsp48e1 // 2


def is_placeable(shape: EngineShape, chip: Chip) -> bool:
    """Whether there is a DSP for each two MACs of the array."""
    return shape.macs // 2 <= placeable_dsps(chip)


def largest_placeable(board: Board, fits: Callable[[EngineShape], bool]) -> EngineShape:
    """The array of the most MACs that the tool can place and that ``fits``, memories as they are.

    Each pixel takes LUTs for its lane: an array has at least half of the channels that the board's
    own has, unless none of these fits; of two equal ones that with more channels is taken.  Raises
    FirebrickError where none is small enough.
    """
    shapes = [replace(board.shape, pixels=p, channels=c) for p in PIXELS for c in CHANNELS]
    small = [s for s in shapes if is_placeable(s, board.chip) and fits(s)]
    found = [s for s in small if 2 * s.channels >= board.shape.channels] or small
    if not found:
        raise FirebrickError(
            f"{board.title}: not even an array of {PIXELS[0]}x{CHANNELS[0]} fits the "
            f"{board.chip.name} with TOOLCHAIN=openxc7"
        )
    return max(found, key=lambda shape: (shape.macs, shape.channels))


def require_placeable(board: Board, fits: Callable[[EngineShape], bool]) -> None:
    """Raises FirebrickError naming the largest array for the board where its own is too large."""
    if is_placeable(board.shape, board.chip):
        return
    raise FirebrickError(
        f"{board.title}: an array of {board.shape} has {board.shape.macs // 2} multipliers, and "
        f"nextpnr-xilinx places {placeable_dsps(board.chip)} of the {board.chip.name}'s "
        f"{board.chip.resources.dsp48e1} DSPs, those in the lower half of a tile: the largest that "
        f"fits is SHAPE={largest_placeable(board, fits)}"
    )
