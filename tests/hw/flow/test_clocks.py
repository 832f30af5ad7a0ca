"""The clocks of the chip with and without a pumped engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.hw.boards import load_board
from firebrick.hw.flow import openxc7
from firebrick.hw.flow.clocks import OSCILLATOR_HZ, chip_parameters, clock_nets, mmcm_multiply
from firebrick.hw.flow.vivado.flow import settings
from firebrick.hw.shape import pumped
from firebrick.quantize.errors import FirebrickError

BOARD = load_board("pynq-z2")
PUMPED = replace(BOARD, shape=pumped(BOARD.shape, 2))


@pytest.mark.parametrize(
    ("megahertz", "multiply"), [(100, 10), (150, 6), (50, 18), (200, 4), (75, 12), (300, 4)]
)
def test_the_oscillator_stays_within_its_range(megahertz: float, multiply: int) -> None:
    assert mmcm_multiply(megahertz * 1e6) == multiply
    assert OSCILLATOR_HZ[0] <= multiply * megahertz * 1e6 <= OSCILLATOR_HZ[1]


@pytest.mark.parametrize("megahertz", [9, 601])
def test_a_clock_that_none_doubles_is_refused(megahertz: float) -> None:
    with pytest.raises(FirebrickError, match="an MMCM doubles 9"):
        mmcm_multiply(megahertz * 1e6)


def test_parameters_of_the_top_module() -> None:
    assert chip_parameters(BOARD) == BOARD.shape.parameters()
    added = chip_parameters(PUMPED).items() - PUMPED.shape.parameters().items()
    assert added == {("ClockMultiply", 10), ("ClockPeriodPs", 10_000)}


def test_the_flows_set_and_constrain_both_clocks(tmp_path) -> None:
    assert clock_nets(BOARD) == {"clk": 100e6}
    assert openxc7.constraints(PUMPED).splitlines() == [
        "create_clock -period 10.000 [get_nets clk]",
        "create_clock -period 5.000 [get_nets clk_fast]",
    ]
    assert "-set ClockMultiply 10" in openxc7.synthesis(PUMPED)
    assert '"ClockMultiply" "10"' in settings(PUMPED, tmp_path, tmp_path / "x.bit", False)


def test_the_slower_of_two_clocks_counts(tmp_path) -> None:
    log = tmp_path / "log"
    line = "Info: Max frequency for clock '{}': {} MHz (PASS at {} MHz)\n"
    log.write_text(line.format("clk", "130.00", "100.00") + line.format("fast", "240.00", "200.00"))
    assert openxc7._reached(log, 100.0) == 120.0
