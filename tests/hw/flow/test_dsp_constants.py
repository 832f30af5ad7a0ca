"""Constants of DSPs: read from a netlist, and stated in a FASM file."""

from __future__ import annotations

import pytest

from firebrick.hw.flow.dsp_constants import PINS, constants, repair
from firebrick.hw.flow.netlist import Cell
from firebrick.quantize.errors import FirebrickError

ZEROS = dict.fromkeys(PINS, 0)
ONE_DSP = "DSP_R_X9Y125.DSP48.DSP_1.AREG_2\n"


def dsp(name: str = "u_dsp", parameters: dict[str, str] | None = None, **pins: list) -> Cell:
    """A DSP as yosys writes it; without pins a plain multiplier."""
    plain: dict[str, list[int | str]] = {
        "INMODE": ["0"] * 5,
        "ALUMODE": ["0"] * 4,
        "OPMODE": list("1010000"),
    }
    return Cell(name, "DSP48E1", parameters or {}, {**plain, **pins}, frozenset("P"))


def test_a_multiplier_has_zeros() -> None:
    other = Cell("u_lut", "LUT2", {}, {"INMODE": [5]}, frozenset("O"))
    assert constants([other, dsp()]) == ZEROS
    assert len(PINS) == 8


def test_values_are_those_behind_the_inverters_of_the_netlist() -> None:
    found = constants(
        [
            dsp(
                parameters={"IS_INMODE_INVERTED": "00110", "IS_OPMODE_INVERTED": "1000000"},
                INMODE=["0", "0", "1", "x", "1"],
                ALUMODE=["0", "0", "1", "0"],
            )
        ]
    )
    assert [found["INMODE", bit] for bit in range(5)] == [0, 1, 0, 0, 1]
    assert (found["ALUMODE", 2], found["ALUMODE", 3], found["OPMODE", 6]) == (1, 0, 1)


def test_an_open_pin_is_a_zero() -> None:
    assert constants([dsp(INMODE=[], ALUMODE=["0"])]) == ZEROS


def test_what_is_no_constant_is_refused() -> None:
    with pytest.raises(FirebrickError, match=r"u_b: OPMODE\[6\] is no constant"):
        constants([dsp(), dsp("u_b", OPMODE=[*"101000", 77])])


def test_dsps_must_agree() -> None:
    with pytest.raises(FirebrickError, match=r"u_b: INMODE\[1\] is not what other DSPs have"):
        constants([dsp(), dsp("u_b", INMODE=list("01000"))])


def test_zeros_and_ones_are_stated_as_vivado_does() -> None:
    repaired = repair(ONE_DSP, {("INMODE", 1): 0, ("ALUMODE", 3): 1}, 1)
    assert (repaired.sites, repaired.added) == (1, 4)
    assert repaired.text == ONE_DSP + (
        "DSP_R_X9Y125.DSP_1_INMODE1.DSP_GND_R\n"
        "DSP_R_X9Y125.DSP48.DSP_1.ZIS_INMODE_INVERTED[1]\n"
        "DSP_R_X9Y125.DSP_1_ALUMODE3.DSP_VCC_R\n"
        "DSP_R_X9Y125.DSP48.DSP_1.ZIS_ALUMODE_INVERTED[3]\n"
    )


def test_a_repaired_file_needs_no_repair() -> None:
    once = repair(ONE_DSP.rstrip(), ZEROS, 1)
    twice = repair(once.text, ZEROS, 1)
    assert once.added == 16 and twice.added == 0 and twice.text == once.text


def test_both_dsps_of_a_tile_and_both_sides_are_seen() -> None:
    text = ONE_DSP + "DSP_R_X9Y125.DSP48.DSP_0.ZPREG[0]\nDSP_L_X2Y0.DSP48.DSP_0.AREG_2\n"
    repaired = repair(text, {("OPMODE", 6): 0}, 3)
    assert repaired.added == 6 and "DSP_L_X2Y0.DSP_0_OPMODE6.DSP_GND_L\n" in repaired.text


def test_the_opposite_is_refused() -> None:
    text = ONE_DSP + "DSP_R_X9Y125.DSP_1_OPMODE6.DSP_VCC_R\n"
    with pytest.raises(FirebrickError, match=r"OPMODE6\.DSP_VCC_R, the netlist a 0"):
        repair(text, ZEROS, 1)
    assert repair(text, {("OPMODE", 6): 1}, 1).added == 1


def test_another_number_of_dsps_is_refused() -> None:
    with pytest.raises(FirebrickError, match="configures 1 DSPs, the netlist has 2"):
        repair(ONE_DSP, ZEROS, 2)
