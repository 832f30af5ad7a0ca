"""The second front end: the chip is clean but for what is waived, and what is wrong is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.hw.interface import kernel_ports
from firebrick.quantize.errors import FirebrickError
from firebrick.sim import lint as module
from firebrick.sim.lint import Waiver, judge, lint, lint_all, lint_wrapper, main, read_waivers
from tests.conftest import ROOT

HEAD = "module top (input wire logic [3:0] a_i, output wire logic [3:0] b_o);\n"
SIGNED = "  logic signed [3:0] c;\n  assign c = a_i;\n  assign b_o = unsigned'(c);\n"


def check(folder: Path, body: str, waivers: list[Waiver] | None = None) -> list[str]:
    path = folder / "top.sv"
    path.write_text(f"{HEAD}{body}endmodule\n")
    return judge(lint([path], "top"), waivers or []).lines()


def test_the_chip_and_the_wrapper_are_clean() -> None:
    """14x32 and 8x8, and no waiver is left over."""
    verdict = judge(lint_all(), read_waivers())
    assert verdict.lines() == []
    assert len(verdict.waived) > 300
    # Both shapes were looked at: this one shows at 8x8 only.
    assert any(f.warning == "shift-count-overflow" for f in verdict.waived)


def test_a_clean_module(tmp_path: Path) -> None:
    assert check(tmp_path, "  assign b_o = a_i;\n") == []


def test_use_before_declaration_is_an_error(tmp_path: Path) -> None:
    (wrong,) = check(tmp_path, "  assign b_o = late;\n  logic [3:0] late;\n  assign late = a_i;\n")
    assert "top.sv:2: error: " in wrong and "late" in wrong


def test_syntax_is_an_error(tmp_path: Path) -> None:
    assert any("top.sv:2: error: " in line for line in check(tmp_path, "  assign b_o = ;\n"))


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (SIGNED, "sign-conversion"),
        ("  assign b_o = {1'b0, a_i};\n", "width-trunc"),
        (
            "  logic signed [3:0] s;\n  assign s = 4'sd1;\n  assign b_o = {3'd0, a_i < s};\n",
            "sign-compare",
        ),
        ("  logic never;\n  assign never = a_i[0];\n  assign b_o = a_i;\n", "unused-but-set"),
        (
            "  logic h;\n  always_comb if (a_i[0]) h = a_i[1];\n  assign b_o = {4{h}};\n",
            "inferred-latch",
        ),
    ],
)
def test_a_warning_is_found(tmp_path: Path, body: str, warning: str) -> None:
    (wrong,) = check(tmp_path, body)
    assert warning in wrong


def test_what_is_unused_on_purpose_says_so_by_its_name(tmp_path: Path) -> None:
    body = "  logic {name};\n  assign {name} = a_i[0];\n  assign b_o = a_i;\n"
    assert check(tmp_path, body.format(name="unused_bit")) == []
    assert len(check(tmp_path, body.format(name="bit_unused"))) == 1


def test_a_waiver_is_good_for_its_line_alone(tmp_path: Path) -> None:
    file = str(tmp_path / "top.sv")
    waiver = Waiver(file, "sign-conversion", "assign c = a_i", "a test")
    assert check(tmp_path, SIGNED, [waiver]) == []
    other = (
        SIGNED + "  logic signed [3:0] d, unused_d;\n  assign d = a_i;\n  assign unused_d = d;\n"
    )
    (wrong,) = check(tmp_path, other, [waiver])
    assert "top.sv:6: sign-conversion" in wrong


@pytest.mark.parametrize("stale", ["file", "warning", "match"])
def test_a_waiver_that_matches_nothing_is_an_error(tmp_path: Path, stale: str) -> None:
    right = {"file": str(tmp_path / "top.sv"), "warning": "sign-conversion", "match": "c = a_i"}
    waivers = [
        Waiver(**right, reason="a test"),
        Waiver(**{**right, stale: "other"}, reason="a test"),
    ]
    (wrong,) = check(tmp_path, SIGNED, waivers)
    assert "nothing to waive" in wrong and "other" in wrong


@pytest.mark.parametrize(
    "text",
    [
        'warning = "x"\nreason = ""\nplaces = {"a.sv" = ["m"]}',
        'warning = "x"\nreason = "r"\nplaces = {"a.sv" = [""]}',
        'warning = "x"\nreason = "r"',
        'warning = "x"\nreason = "r"\nplaces = "a.sv"',
        "warning =",
    ],
)
def test_a_waiver_must_say_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(f"[[waiver]]\n{text}\n")
    with pytest.raises(FirebrickError, match=r"waivers\.toml: "):
        read_waivers(path)


def test_a_use_before_its_declaration_is_an_error(tmp_path: Path) -> None:
    """Simulators take it; not all tools do."""
    path = tmp_path / "early.sv"
    path.write_text(
        "module early(input wire logic a, output logic y);\n  assign y = b;\n  logic b;\n"
        "  assign b = a;\nendmodule\n"
    )
    (found,) = lint([path], "early")
    assert not found.warning and "before its declaration" in found.text and found.line == 2


def test_the_wrapper_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel with one port less, and the wrapper's connection to it is an error."""
    fewer = [p for p in kernel_ports() if p.name != "ap_start"]
    monkeypatch.setattr(module, "kernel_ports", lambda: fewer)
    (wrong,) = lint_wrapper(module.PYNQ_Z2)
    assert wrong.file == module.WRAPPER and "ap_start" in wrong.text and not wrong.warning
    assert (ROOT / module.WRAPPER).is_file()


def test_the_command_fails_for_a_left_over_waiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "waivers.toml"
    left_over = '\n[[waiver]]\nwarning = "x"\nreason = "r"\nplaces = {"a.sv" = ["m"]}\n'
    path.write_text(module.WAIVERS.read_text() + left_over)
    waivers = read_waivers(path)
    monkeypatch.setattr(module, "build_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "read_waivers", lambda: waivers)
    assert main() == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(module, "read_waivers", lambda: waivers[:-1])
    assert main() == 0
