"""The second front end: the chip is clean but for what is waived, and what is wrong is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.hw.flow.yosys import CHIP_TOP
from firebrick.quantize.errors import FirebrickError
from firebrick.sim.lint import Waiver, chip_sources, judge, lint, read_waivers

CLEAN = "module top (input wire logic [3:0] a_i, output wire logic [3:0] b_o);\n{}endmodule\n"


def check(folder: Path, body: str, waivers: list[Waiver] | None = None) -> list[str]:
    path = folder / "top.sv"
    path.write_text(CLEAN.format(body))
    return judge(lint([path], "top", {}), waivers or [])


def test_the_chip_is_clean() -> None:
    """14x32 and, with other widths everywhere, 8x8; no waiver is left over at the default."""
    found = lint(chip_sources(), CHIP_TOP, {})
    assert judge(found, read_waivers()) == []
    assert len(found) > 50
    small = lint(chip_sources(), CHIP_TOP, {"Pixels": 8, "Channels": 8})
    assert [str(f) for f in small if not f.warning] == []


def test_a_clean_module(tmp_path: Path) -> None:
    assert check(tmp_path, "  assign b_o = a_i;\n") == []


def test_use_before_declaration_is_an_error(tmp_path: Path) -> None:
    (wrong,) = check(tmp_path, "  assign b_o = late;\n  logic [3:0] late;\n  assign late = a_i;\n")
    assert "top.sv:2: error: " in wrong and "late" in wrong


def test_a_warning_must_be_waived_with_its_number(tmp_path: Path) -> None:
    body = "  logic signed [3:0] c;\n  assign c = a_i;\n  assign b_o = unsigned'(c);\n"
    (wrong,) = check(tmp_path, body)
    assert "sign-conversion" in wrong
    file = str(tmp_path / "top.sv")
    assert check(tmp_path, body, [Waiver(file, "sign-conversion", 1, "a test")]) == []
    stale = check(tmp_path, body, [Waiver(file, "sign-conversion", 2, "a test")])
    assert "2 of sign-conversion are waived, there are 1" in stale[0]


def test_a_waiver_must_give_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text('[[waiver]]\nfile = "a.sv"\nwarning = "x"\ncount = 1\nreason = ""\n')
    with pytest.raises(FirebrickError, match=r"waivers.toml: a\.sv, x: count and reason"):
        read_waivers(path)
    path.write_text('[[waiver]]\nfile = "a.sv"\n')
    with pytest.raises(FirebrickError, match=r"waivers\.toml"):
        read_waivers(path)
