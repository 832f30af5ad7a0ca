"""The bitstream flows, against stand-ins of the tools: order, arguments, files, and faults.

The Tcl script runs in a real Tcl interpreter. What the stand-ins accept is what the tools'
references say; that the tools themselves accept it only they can show.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.host.bitfile import parse_bit
from firebrick.hw.boards import load_board
from firebrick.hw.flow.bitfile import check_bit
from firebrick.hw.flow.clocks import chip_parameters
from firebrick.hw.flow.hwh import shape_of
from firebrick.hw.flow.vivado.flow import CLOCK_PIN, RESET_PIN, TOP, tcl_word
from firebrick.hw.flow.yosys import RTL, sources
from firebrick.hw.shape import PYNQ_Z2, pumped
from firebrick.quantize.errors import FirebrickError
from tests.hw.flow.overlay import has_tcl, make_bit, program, refused, run

REPORTS = {
    "timing_summary.rpt",
    "utilization.rpt",
    "utilization_hierarchical.rpt",
    "route_status.rpt",
    "drc.rpt",
    "methodology.rpt",
    "power.rpt",
}


def vivado_commands(folder: Path) -> list[list[str]]:
    return [line.split("\x1f") for line in (folder / "record").read_text().splitlines()]


# ------------------------------------------------------------------------------------ without tools


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "vivado is not on the PATH: install Vivado ML Standard"),
        (("--toolchain", "openxc7"), "is not on the PATH: TOOLCHAIN=openxc7 needs"),
        (("--toolchain", "ise"), "TOOLCHAIN=ise is not known; it is one of vivado, openxc7"),
        (("--board", "pynq-z3"), "'pynq-z3' is not known"),
        (("--clock", "0.01"), "a clock of 0.01 MHz"),
        (("--clock", "fast"), "--clock"),
    ],
)
def test_one_line_and_exit_code_2(place: Path, arguments: tuple[str, ...], words: str) -> None:
    out = place / "out"
    out.mkdir()
    (out / "firebrick.bit").write_bytes(b"of an earlier run")
    command = [sys.executable, "-m", "firebrick", "bitstream", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert words in done.stderr
    # Nothing was tried: what is there stays.
    assert (out / "firebrick.bit").read_bytes() == b"of an earlier run"


# ------------------------------------------------------------------------------------------- Vivado


def test_vivado_builds_bitstream_and_hand_off_file(
    vivado: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(vivado)
    board = load_board("pynq-z2")
    assert (out / "firebrick.bit").read_bytes() == make_bit(board)
    assert shape_of(out / "firebrick.hwh") == board.shape
    assert {p.name for p in (out / "reports").iterdir()} == REPORTS
    assert not (out / "firebrick.tmp.bit").exists()
    printed = capsys.readouterr()
    verdict = "timing is met by Vivado 2022.1, on the routed design: worst slack setup +0.318 ns"
    assert f"{verdict}, hold +0.052 ns" in printed.out
    record = json.loads((out / "firebrick.json").read_text())
    assert record["tools"] == {"vivado": "2022.1"} and record["slack_ns"]["hold"] == 0.052
    assert record["clock_mhz"] == 100 and record["shape"] == "14x32"
    assert "Vivado 2022.1: routing" in printed.err


def test_vivado_commands_come_in_order(vivado: Path) -> None:
    run(vivado)
    names = [words[0] for words in vivado_commands(vivado)]
    steps = [
        *("get_parts", "read_verilog", "read_xdc", "synth_design", "create_clock", "get_clocks"),
        *("opt_design", "place_design", "phys_opt_design", "route_design"),
        *("report_timing_summary", "report_utilization", "report_drc", "report_methodology"),
        *("report_power", "write_checkpoint", "get_timing_paths", "write_bitstream"),
    ]
    # Each step's first call, but timing counts by its last one, which decides.
    at = [
        max(i for i, n in enumerate(names) if n == step)
        if step == "get_timing_paths"
        else names.index(step)
        for step in steps
    ]
    assert at == sorted(at), list(zip(at, steps, strict=True))
    assert names[-1] == "write_bitstream" and names.count("write_bitstream") == 1


def test_vivado_reads_the_whole_design(vivado: Path) -> None:
    out = run(vivado)
    commands = {words[0]: words[1:] for words in vivado_commands(vivado)}
    option, files = commands["read_verilog"]
    assert option == "-sv"
    for path in sources():
        assert f"/{path}" in files
    assert files.index("firebrick_pkg.sv") < files.index("firebrick_engine.sv")
    synth = commands["synth_design"]
    pairs = dict(zip(synth[::2], synth[1::2], strict=True))
    assert pairs["-top"] == TOP and pairs["-part"] == "xc7z020clg400-1"
    given = [synth[i + 1] for i, word in enumerate(synth) if word == "-generic"]
    assert given == [f"{k}={v}" for k, v in load_board("pynq-z2").shape.parameters().items()]
    assert commands["write_bitstream"] == ["-force", str(out / "firebrick.tmp.bit")]


def test_vivado_generics_are_parameters_of_the_top() -> None:
    """The top module has every parameter, and the pins that the constraints name."""
    text = (RTL / f"{TOP}.sv").read_text()
    declared = set(re.findall(r"parameter int unsigned (\w+)", text))
    board = load_board("pynq-z2")
    assert declared == set(chip_parameters(replace(board, shape=pumped(board.shape, 2))))
    assert re.search(r"PS7 u_ps7 \(", text)
    for pin in (CLOCK_PIN, RESET_PIN):
        instance, port = re.fullmatch(r"(\w+)/(\w+)\[0\]", pin).groups()  # type: ignore[union-attr]
        assert instance == "u_ps7" and re.search(rf"\.{port}\s*\(", text)


@pytest.mark.parametrize(("clock", "period"), [(None, 10.0), ("125", 8.0), ("150", 7.0)])
def test_vivado_constraints(vivado: Path, clock: str | None, period: float) -> None:
    run(vivado, *(["--clock", clock] if clock else []))
    commands = vivado_commands(vivado)
    made = next(words for words in commands if words[0] == "create_clock")
    assert made[1:] == ["-name", "fclk0", "-period", f"{period:.3f}", CLOCK_PIN]
    assert ["set_false_path", "-through", RESET_PIN] in commands
    text = (vivado / "out" / "firebrick.hwh").read_text()
    board = load_board("pynq-z2")
    board = board.with_clock(float(clock)) if clock else board
    for i, divisor in enumerate(board.clock.fclk0_divisors):
        assert f'"PCW_FCLK0_PERIPHERAL_DIVISOR{i}" VALUE="{divisor}"' in text


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("part", r"does not know the part xc7z020clg400-1: add the Zynq-7000 devices"),
        ("synthesis", r"ERROR: \[Synth 8-439\] module 'fb_lost' not found"),
        ("clock", r"the clock fclk0 is not in the synthesized design"),
        ("placement", r"ERROR: \[Place 30-640\] Place Check"),
        ("killed", r"vivado: Abnormal program termination \(11\)"),
        ("unconstrained", r"no setup path was found: the design is not constrained"),
        ("endless", r"the worst setup path has no slack"),
        (
            "setup",
            r"timing is not met at 100\.000 MHz: setup slack -0\.512 ns from "
            r"u_engine/u_array/setup_q_reg\[3\]/C to u_engine/u_requant/setup_q_reg/D; "
            r"ask for a lower clock",
        ),
        ("hold", r"hold slack -0\.041 ns from u_engine/u_array/hold_q_reg\[3\]/C to "),
        ("drc", r"ERROR: \[DRC NSTD-1\]"),
        ("nothing", r"without an error and without a bitstream"),
    ],
)
def test_vivado_fault(
    vivado: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", fault)
    text = refused(vivado)
    assert re.search(words, text), text
    assert str(vivado / "out" / "vivado.out") in text
    names = [command[0] for command in vivado_commands(vivado)]
    if fault in ("setup", "hold"):
        # The reports are there to look at, the bitstream is not.
        assert (vivado / "out" / "reports" / "timing_summary.rpt").exists()
    assert ("write_bitstream" in names) == (fault in ("drc", "nothing"))


def test_vivado_improves_the_routed_design_before_it_gives_up(
    vivado: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", "repairable")
    run(vivado)
    names = [command[0] for command in vivado_commands(vivado)]
    route = names.index("route_design")
    assert "phys_opt_design" in names[route : names.index("report_timing_summary")]


def test_vivado_misses_a_file(vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "firebrick.hw.flow.vivado.flow.sources", lambda: [*sources(), "hw/rtl/lost.sv"]
    )
    assert "hw/rtl/lost.sv: no such file" in refused(vivado)
    names = [command[0] for command in vivado_commands(vivado)]
    assert "read_verilog" not in names


@pytest.mark.parametrize(
    ("version", "known"),
    [("2020.1", False), ("2020.2", True), ("2024.1", True), ("2025.2", True), ("2026.1", False)],
)
def test_vivado_version(
    vivado: Path, monkeypatch: pytest.MonkeyPatch, version: str, known: bool
) -> None:
    monkeypatch.setenv("STANDIN_VERSION", version)
    if known:
        run(vivado)
        return
    with pytest.raises(FirebrickError, match=rf"Vivado {version} is not among the versions.*2020"):
        run(vivado)


def test_something_else_called_vivado(place: Path) -> None:
    program(place / "bin", "vivado", "-c", "print('hello')")
    with pytest.raises(FirebrickError, match="does not tell its version"):
        run(place)


@pytest.mark.parametrize("text", ["plain", "a b", "[exit]", "$x", '"', "\\", "{", "} {", "a\\ b"])
def test_tcl_words_are_quoted(text: str, tmp_path: Path) -> None:
    if not has_tcl():
        pytest.skip("no Tcl interpreter")
    script = tmp_path / "word.tcl"
    script.write_text(f"set word {tcl_word(text)}\nputs -nonewline $word\nflush stdout\n")
    code = (
        "import tkinter, sys; t = tkinter.Tcl(); t.call('source', sys.argv[1])\n"
        if subprocess.run([sys.executable, "-c", "import tkinter"]).returncode == 0
        else "import subprocess, sys; subprocess.run(['tclsh', sys.argv[1]])"
    )
    done = subprocess.run([sys.executable, "-c", code, script], capture_output=True, text=True)
    assert done.stdout == text


def test_an_engine_that_is_too_large_is_announced(
    vivado: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    large = replace(load_board("pynq-z2"), shape=replace(PYNQ_Z2, pixels=20))
    monkeypatch.setattr("firebrick.commands.bitstream.load_board", lambda name: large)
    run(vivado)
    assert "warning: PYNQ-Z2: " in (text := capsys.readouterr().err) and "LUT of 53,200" in text


# ---------------------------------------------------------------------------------------- bit files


@pytest.mark.parametrize("toolchain", ["vivado", "openxc7"])
def test_bitstream_of_another_chip_is_not_kept(
    toolchain: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(toolchain)
    (folder / "good.bit").write_bytes(make_bit(load_board("zybo")))
    assert "a bitstream for 7z010clg400, not for xc7z020clg400-1" in refused(
        folder, "--toolchain", toolchain
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"a": "design_1_wrapper;UserID=0"}, "a bitstream of 'design_1_wrapper;UserID=0', not of"),
        ({"b": "7z020clg484"}, "a bitstream for 7z020clg484, not for"),
        ({"b": ""}, "a bitstream for no part"),
        ({"size": 1_000_000}, "1,000,000 bytes of configuration; an uncompressed bitstream"),
        ({"idcode": 0x3722093}, "for the chip with IDCODE 0x03722093, the xc7z020 has 0x03727093"),
        ({"idcode": 0x23727093}, None),  # another revision of the chip
        ({"a": TOP}, None),
    ],
)
def test_bit_file_is_checked(tmp_path: Path, changes: dict, words: str | None) -> None:
    board = load_board("pynq-z2")
    path = tmp_path / "x.bit"
    path.write_bytes(make_bit(board, **changes))
    if words is None:
        assert check_bit(path, board, TOP).header.date == "2026/11/23"
        return
    with pytest.raises(FirebrickError, match=re.escape(words)) as caught:
        check_bit(path, board, TOP)
    assert str(caught.value).startswith(str(path))


def test_bit_file_without_a_chip(tmp_path: Path) -> None:
    board = load_board("pynq-z2")
    path = tmp_path / "x.bit"
    path.write_bytes(make_bit(board).replace(bytes.fromhex("30018001"), bytes(4)))
    with pytest.raises(FirebrickError, match="names no chip"):
        check_bit(path, board, TOP)


def test_cut_or_foreign_bit_files_are_refused() -> None:
    whole = make_bit(load_board("pynq-z2"), size=2000)
    assert parse_bit(whole).header.part == "7z020clg400"
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"begin|missing|cut off|announces"):
            parse_bit(whole[:length])
    with pytest.raises(ValueError, match="follow"):
        parse_bit(whole + b"\0")
    with pytest.raises(ValueError, match="does not begin"):
        parse_bit(b"\x7fELF" + whole)


def test_a_pumped_array_is_built_as_asked(vivado: Path) -> None:
    """Its pump and its MMCM reach the tool, its pump the hand-off file."""
    out = run(vivado, "--shape", "14x32p2", "--clock", "150")
    synth = next(words for words in vivado_commands(vivado) if words[0] == "synth_design")
    given = [synth[i + 1] for i, word in enumerate(synth) if word == "-generic"]
    megahertz = 1000 / 7
    assert {"Pump=2", "WeightWords=4096", "ClockMultiply=6"} <= set(given)
    assert f"ClockPeriodPs={round(1e6 / megahertz)}" in given
    assert shape_of(out / "firebrick.hwh") == pumped(PYNQ_Z2, 2)
