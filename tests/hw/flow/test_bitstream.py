"""The bitstream flows, against stand-ins of the tools: order, arguments, files, and faults.

The Tcl script runs in a real Tcl interpreter. What the stand-ins accept is what the tools'
references say; that the tools themselves accept it only they can show.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.commands.bitstream import main
from firebrick.host.bitfile import PREAMBLE, parse_bit
from firebrick.hw.boards import Board, load_board
from firebrick.hw.flow.bitfile import check_bit
from firebrick.hw.flow.hwh import shape_of
from firebrick.hw.flow.openxc7 import frequencies
from firebrick.hw.flow.vivado.flow import CLOCK_PIN, RESET_PIN, TOP, tcl_word
from firebrick.hw.flow.yosys import RTL, sources
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize.errors import FirebrickError

STANDINS = Path(__file__).with_name("standins")
OPENXC7 = ("yosys", "nextpnr-xilinx", "fasm2frames", "xc7frames2bit")
REPORTS = {
    "timing_summary.rpt",
    "utilization.rpt",
    "utilization_hierarchical.rpt",
    "route_status.rpt",
    "drc.rpt",
    "methodology.rpt",
    "power.rpt",
}


def make_bit(board: Board, **changes) -> bytes:
    """A bit file as Vivado writes it for ``board``, with some of its parts changed."""
    values: dict = {
        "a": f"{TOP};UserID=0XFFFFFFFF;Version=2022.1",
        "b": board.part.removeprefix("xc").partition("-")[0],
        "c": "2026/11/23",
        "d": "05:00:00",
        "size": board.chip.configuration_bits // 8,
        "idcode": board.chip.idcode,
        **changes,
    }
    raw = PREAMBLE
    for letter in "abcd":
        text = values[letter].encode() + b"\0"
        raw += letter.encode() + struct.pack(">H", len(text)) + text
    start = b"\xff" * 48 + bytes.fromhex("aa995566 20000000 30018001")
    data = (start + struct.pack(">I", values["idcode"])).ljust(values["size"], b"\0")
    return raw + b"e" + struct.pack(">I", len(data)) + data


def program(folder: Path, name: str, *words: str | Path) -> None:
    """An executable ``name`` that runs a Python script with these words before its own."""
    path = folder / name
    quoted = " ".join(f"'{word}'" for word in (sys.executable, *words))
    path.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose ``bin`` is the whole PATH; its name is a trial for quoting."""
    folder = tmp_path / "a [b] $c d}"
    (folder / "bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("STANDIN_RECORD", str(folder / "record"))
    monkeypatch.setenv("STANDIN_BIT", str(folder / "good.bit"))
    monkeypatch.setenv("STANDIN_PINS", f"{CLOCK_PIN} {RESET_PIN}")
    for name in ("STANDIN_FAULT", "CHIPDB", "PRJXRAY_DB_DIR"):
        monkeypatch.delenv(name, raising=False)
    (folder / "good.bit").write_bytes(make_bit(load_board("pynq-z2")))
    return folder


def has_tcl() -> bool:
    probe = [sys.executable, "-c", "import tkinter; tkinter.Tcl().eval('expr 1')"]
    return subprocess.run(probe, capture_output=True).returncode == 0 or bool(shutil.which("tclsh"))


@pytest.fixture
def vivado(place: Path) -> Path:
    """The folder with a stand-in of Vivado on the PATH."""
    if not has_tcl():
        text = "no Tcl interpreter: the Vivado flow is not tested (apt-get install tcl)"
        # Where the whole suite is meant to run, nothing is left out unseen.
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    program(place / "bin", "vivado", STANDINS / "vivado.py")
    return place


@pytest.fixture
def openxc7(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with stand-ins of openXC7's tools on the PATH, and databases."""
    for name in OPENXC7:
        program(place / "bin", name, STANDINS / "openxc7.py", name)
    part = place / "prjxray-db" / "zynq7" / "xc7z020clg400-1"
    part.mkdir(parents=True)
    (part / "part.yaml").write_text("!<xilinx/xc7series/part>\n")
    (place / "chipdb").mkdir()
    (place / "chipdb" / "xc7z020clg400.bin").write_bytes(b"chip")
    monkeypatch.setenv("PRJXRAY_DB_DIR", str(place / "prjxray-db"))
    monkeypatch.setenv("CHIPDB", str(place / "chipdb"))
    return place


def run(folder: Path, *arguments: str) -> Path:
    """The command with output in ``folder / out``; that folder."""
    out = folder / "out"
    assert main(["--board", "pynq-z2", "--out", str(out), *arguments]) == 0
    return out


def refused(folder: Path, *arguments: str) -> str:
    """The message of a run that fails; it must leave no bitstream, not even an older one."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (out / "firebrick.bit").write_bytes(b"of an earlier run")
    with pytest.raises(FirebrickError) as caught:
        run(folder, *arguments)
    assert not list(out.glob("*.bit")) and not (out / "firebrick.hwh").exists()
    return str(caught.value)


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
    assert "timing is met: worst slack setup +0.318 ns, hold +0.052 ns" in printed.out
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
    assert declared == set(load_board("pynq-z2").shape.parameters())
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


# ------------------------------------------------------------------------------------------ openXC7


def openxc7_commands(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "record").read_text().splitlines()]


def test_openxc7_builds_bitstream_and_hand_off_file(openxc7: Path) -> None:
    # xc7frames2bit names the part as it is told, and the frames' file as the design.
    bit = make_bit(
        load_board("pynq-z2"),
        a=f"/somewhere/{TOP}.frames;Generator=/usr/bin/xc7frames2bit",
        b="xc7z020clg400-1",
    )
    (openxc7 / "good.bit").write_bytes(bit)
    out = run(openxc7, "--toolchain", "openxc7")
    assert (out / "firebrick.bit").read_bytes() == bit
    assert (out / "firebrick.hwh").is_file() and not (out / "firebrick.tmp.bit").exists()
    commands = openxc7_commands(openxc7)
    assert [words[0] for words in commands] == list(OPENXC7)
    assert commands[1][1:3] == ["--chipdb", str(openxc7 / "chipdb" / "xc7z020clg400.bin")]
    assert commands[1][-2:] == ["--freq", "100.000"]
    family = openxc7 / "prjxray-db" / "zynq7"
    assert commands[2][1:5] == ["--part", "xc7z020clg400-1", "--db-root", str(family)]
    assert commands[3][2] == str(family / "xc7z020clg400-1" / "part.yaml")


def test_openxc7_databases_by_option(openxc7: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHIPDB")
    monkeypatch.delenv("PRJXRAY_DB_DIR")
    chip = openxc7 / "chipdb" / "xc7z020clg400.bin"
    folders = ("--chipdb", str(chip), "--prjxray-db", str(openxc7 / "prjxray-db"))
    assert (run(openxc7, "--toolchain", "openxc7", *folders) / "firebrick.bit").is_file()


@pytest.mark.parametrize("tool", OPENXC7)
def test_openxc7_missing_tool(openxc7: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    (openxc7 / "bin" / tool).unlink()
    if tool == "yosys":
        # One that `make synth` installed would do.
        monkeypatch.setattr("sys.executable", str(openxc7 / "bin" / "python"))
    with pytest.raises(FirebrickError, match=rf"^{tool} is not on the PATH: TOOLCHAIN=openxc7"):
        run(openxc7, "--toolchain", "openxc7")
    assert not (openxc7 / "record").exists()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CHIPDB", None, "set CHIPDB to its folder"),
        ("PRJXRAY_DB_DIR", None, "set PRJXRAY_DB_DIR to its folder"),
        ("CHIPDB", "nowhere", "nowhere: no such folder; CHIPDB names"),
        ("CHIPDB", "prjxray-db", "no chip database xc7z020clg400.bin in it"),
        ("PRJXRAY_DB_DIR", "chipdb", "part.yaml: no such file; PRJXRAY_DB_DIR names the folder"),
    ],
)
def test_openxc7_missing_database(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, words: str
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, str(openxc7 / value))
    with pytest.raises(FirebrickError, match=re.escape(words)):
        run(openxc7, "--toolchain", "openxc7")
    assert not (openxc7 / "record").exists()


@pytest.mark.parametrize(
    ("fault", "words", "log"),
    [
        ("yosys", "yosys: ERROR: yosys has no such cell", "yosys.log"),
        ("nextpnr-xilinx", "ERROR: nextpnr-xilinx has no such cell", "nextpnr.log"),
        ("slow", "not met at 100.000 MHz: nextpnr-xilinx reaches 80.00 MHz", "nextpnr.log"),
        ("fasm2frames", "fasm2frames: FasmLookupError: no such tile", "fasm2frames.log"),
        ("xc7frames2bit", "ERROR: xc7frames2bit has no such cell", "xc7frames2bit.log"),
        ("nothing", "without an error and without a bitstream", "xc7frames2bit.log"),
    ],
)
def test_openxc7_fault(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str, log: str
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", fault)
    text = refused(openxc7, "--toolchain", "openxc7")
    assert words in text and str(openxc7 / "out" / log) in text


def test_last_report_on_a_clock_counts() -> None:
    log = """
Info: Max frequency for clock 'clk': 61.20 MHz (FAIL at 100.00 MHz)
Info: Max frequency for clock               'other': 300.00 MHz (PASS at 12.00 MHz)
Info: Max frequency for clock 'clk': 104.57 MHz (PASS at 100.00 MHz)
"""
    assert frequencies(log) == [("clk", 104.57, 100.0), ("other", 300.0, 12.0)]
    assert frequencies("nothing of the kind") == []


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
