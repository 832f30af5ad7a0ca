"""Clocks of the chip: the parameters of its top module, and of the MMCM of a pumped engine."""

from __future__ import annotations

from firebrick.hw.boards import Board
from firebrick.quantize.errors import FirebrickError

# What the MMCM's oscillator may have (DS187, speed grade -1), and its multiplier.
OSCILLATOR_HZ = (600e6, 1200e6)
MULTIPLY_MAX = 64


def mmcm_multiply(hertz: float) -> int:
    """Multiplier of the MMCM that makes ``hertz`` and twice that of ``hertz``: even, its oscillator
    as near to the middle of its range as it goes, so that other clocks lock too.

    Raises FirebrickError for a clock that none fits.
    """
    low, high = OSCILLATOR_HZ
    fitting = [m for m in range(2, MULTIPLY_MAX + 1, 2) if low <= m * hertz <= high]
    if not fitting:
        raise FirebrickError(
            f"a clock of {hertz / 1e6:g} MHz: an MMCM doubles "
            f"{low / MULTIPLY_MAX / 1e6:g} to {high / 2 / 1e6:g} MHz; ask for another clock, or an "
            "array that is not pumped"
        )
    return min(fitting, key=lambda m: (abs(m * hertz - (low + high) / 2), -m))


def chip_parameters(board: Board) -> dict[str, int]:
    """Parameters of ``firebrick_zynq``: the engine's, and where it is pumped its MMCM's."""
    values = board.shape.parameters()
    if board.shape.pump > 1:
        hertz = board.clock.fclk0_hz
        values |= {"ClockMultiply": mmcm_multiply(hertz), "ClockPeriodPs": round(1e12 / hertz)}
    return values


def clock_nets(board: Board) -> dict[str, float]:
    """Hertz of each clock by the name of its net in the top module."""
    hertz = board.clock.fclk0_hz
    return {"clk": hertz, **({"clk_fast": 2 * hertz} if board.shape.pump > 1 else {})}
