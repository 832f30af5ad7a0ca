"""The flow by free tools, against stand-ins that write logs and files of the real tools' form."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.host.bitfile import parse_bit
from firebrick.hw.boards import load_board
from firebrick.hw.flow.hwh import shape_of
from firebrick.hw.flow.openxc7 import frequencies
from firebrick.hw.flow.placeable import is_placeable
from firebrick.hw.flow.vivado.flow import TOP
from firebrick.quantize.errors import FirebrickError
from tests.hw.flow.overlay import OPENXC7, STANDINS, make_bit, program, refused, run


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
    out = run(openxc7, "--toolchain", "openxc7", "--seed", "7")
    assert (out / "firebrick.bit").read_bytes() == bit
    assert (out / "firebrick.hwh").is_file() and not (out / "firebrick.tmp.bit").exists()
    commands = openxc7_commands(openxc7)
    assert [words[0] for words in commands] == list(OPENXC7)
    assert commands[1][1:3] == ["--chipdb", str(openxc7 / "chipdb" / "xc7z020clg400.bin")]
    assert commands[1][-5:] == ["--freq", "100.000", "--seed", "7", "--timing-allow-fail"]
    family = openxc7 / "prjxray-db" / "zynq7"
    assert commands[2][1:5] == ["--part", "xc7z020clg400-1", "--db-root", str(family)]
    assert commands[3][2] == str(family / "xc7z020clg400-1" / "part.yaml")


def test_verdict_names_the_tool_and_what_it_leaves_out(
    openxc7: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(openxc7, "--toolchain", "openxc7")
    printed = capsys.readouterr()
    assert (
        "tools: yosys 0.70, nextpnr-xilinx 0.8.2-25-ge22bcf69, fasm2frames states no" in printed.out
    )
    verdict = (
        "timing is met by the delay model of nextpnr-xilinx 0.8.2-25-ge22bcf69, which leaves out"
    )
    assert verdict in printed.out and "block RAM, DSPs, LUT RAM" in printed.out
    assert "nextpnr-xilinx 0.8.2-25-ge22bcf69: placement and routing" in printed.err
    record = json.loads((out / "firebrick.json").read_text())
    assert record["facts"] == {"reached_mhz": 110.0, "seed": 1, "dsp_features_added": 48}
    assert record["tools"]["yosys"] == "0.70" and verdict in record["verdict"]
    assert record["slack_ns"]["setup"] == pytest.approx(10 - 1000 / 110)


def test_a_missed_clock_is_a_message_of_ours(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nextpnr is not let to fail on it: its own words do not say what to do."""
    monkeypatch.setenv("STANDIN_FAULT", "slow")
    text = refused(openxc7, "--toolchain", "openxc7")
    assert text.startswith("timing is not met at 100.000 MHz: nextpnr-xilinx reaches 80.00 MHz on")
    assert "by its own model" in text and "ask for a lower clock (CLOCK=80)" in text
    assert not (openxc7 / "out" / "firebrick.json").exists()


def test_of_several_seeds_the_one_placed_best_is_routed(
    openxc7: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(openxc7, "--toolchain", "openxc7", "--seed", "6", "--seeds", "4")
    placed = [words for words in openxc7_commands(openxc7) if words[0] == "nextpnr-xilinx"]
    assert [words[words.index("--seed") + 1] for words in placed] == ["6", "7", "8", "9", "8"]
    assert ["--no-route" in words for words in placed] == [True] * 4 + [False]
    assert ["--fasm" in words for words in placed] == [False] * 4 + [True]
    assert "seed 8 reaches 88.50 MHz before it is routed" in capsys.readouterr().err
    facts = json.loads((out / "firebrick.json").read_text())["facts"]
    # What is reached is the routed clock.
    assert (facts["seed"], facts["reached_mhz"]) == (8, 110.0)


@pytest.mark.parametrize("part", ["placement", "routing"])
def test_a_tool_without_end_is_ended(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", f"endless {part}")
    text = refused(openxc7, "--toolchain", "openxc7", "--seed", "3", "--minutes", "0.1")
    assert f"ran for more than 0.1 min without coming through {part} of an array of 13x16" in text
    for advice in ("a smaller array (SHAPE=)", "another seed (SEED=4)", "more time (MINUTES=0.2)"):
        assert advice in text
    assert str(openxc7 / "out" / "nextpnr.log") in text


# --------------------------------------------------------------------------------------- assemblers


@pytest.fixture
def fpga_as(openxc7: Path) -> Path:
    """The folder with fpga-as in the place of the older pair."""
    for name in OPENXC7[2:]:
        (openxc7 / "bin" / name).unlink()
    program(openxc7 / "bin", "fpga-as", STANDINS / "openxc7.py", "fpga-as")
    design = "fpga-source;Generator=prjxray"
    bit = make_bit(load_board("pynq-z2"), a=design, b="fasm")
    (openxc7 / "good.bit").write_bytes(bit)
    return openxc7


def test_fpga_as_is_taken_where_the_pair_is_not(fpga_as: Path) -> None:
    out = run(fpga_as, "--toolchain", "openxc7")
    family = fpga_as / "prjxray-db" / "zynq7"
    command = openxc7_commands(fpga_as)[-1]
    assert command[:3] == ["fpga-as", f"--prjxray_db_path={family}", "--part=xc7z020clg400-1"]
    # It names neither design nor part; the file that is kept does.
    bit = parse_bit((out / "firebrick.bit").read_bytes())
    assert bit.header.design == f"{TOP};fpga-source;Generator=prjxray"
    assert bit.header.part == "xc7z020clg400-1"
    assert bit.data == parse_bit((fpga_as / "good.bit").read_bytes()).data
    assert "fpga-as" in json.loads((out / "firebrick.json").read_text())["tools"]


def test_the_pair_is_taken_where_both_are(openxc7: Path) -> None:
    program(openxc7 / "bin", "fpga-as", STANDINS / "openxc7.py", "fpga-as")
    run(openxc7, "--toolchain", "openxc7")
    assert [words[0] for words in openxc7_commands(openxc7)] == list(OPENXC7)


@pytest.mark.parametrize(
    ("fault", "bit", "words"),
    [
        ("fpga-as", None, "fpga-as: could not assemble frames: INTERNAL"),
        ("", b"", "it does not begin as a .bit file does"),
        ("", make_bit(load_board("zybo"), b="fasm"), "bytes of configuration; an uncompressed"),
        ("", make_bit(load_board("zybo"), b="7z010clg400"), "a bitstream for 7z010clg400, not"),
    ],
)
def test_fpga_as_fault(
    fpga_as: Path, monkeypatch: pytest.MonkeyPatch, fault: str, bit: bytes | None, words: str
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", fault)
    if bit is not None:
        (fpga_as / "good.bit").write_bytes(bit)
    assert words in refused(fpga_as, "--toolchain", "openxc7")


# ------------------------------------------------------------------------------------- DSPs in FASM


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("tied otherwise", "the FASM has DSP_L_X22Y25.DSP_0_INMODE1.DSP_VCC_L, the netlist a 0"),
        ("lost DSP", "the FASM configures 2 DSPs, the netlist has 3"),
    ],
)
def test_constants_that_cannot_be_stated(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", fault)
    text = refused(openxc7, "--toolchain", "openxc7")
    assert words in text and "DSPs would compute wrong products" in text
    assert str(openxc7 / "out" / f"{TOP}.fasm") in text


def test_what_a_release_states_itself_is_not_added(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tie-offs are there, with the inverters on: those alone are turned off."""
    monkeypatch.setenv("STANDIN_FAULT", "with tie-offs")
    out = run(openxc7, "--toolchain", "openxc7")
    facts = json.loads((out / "firebrick.json").read_text())["facts"]
    assert facts["dsp_features_added"] == 3 * 8


# ------------------------------------------------------------------------------------ large arrays


def test_a_board_whose_array_is_too_large_gets_a_smaller_one(
    openxc7: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(openxc7, "--toolchain", "openxc7")
    printed = capsys.readouterr()
    assert "yosys 0.70: synthesis of an array of 13x16" in printed.err
    assert "the board's own array of 14x32 needs more DSPs" in printed.out
    assert "(110 of 220)" in printed.out
    assert str(shape_of(out / "firebrick.hwh")) == "13x16"
    script = openxc7_commands(openxc7)[0][2]
    assert "-set Pixels 13 -set Channels 16" in script
    assert json.loads((out / "firebrick.json").read_text())["shape"] == "13x16"


def test_an_array_asked_for_that_is_too_large_is_refused(openxc7: Path) -> None:
    with pytest.raises(FirebrickError) as caught:
        run(openxc7, "--toolchain", "openxc7", "--shape", "7x32")
    text = str(caught.value)
    assert "an array of 7x32 has 112 multipliers" in text and "places 110 of the xc7z020" in text
    assert "SHAPE=13x16" in text and not (openxc7 / "record").exists()


@pytest.mark.parametrize("name", ["arty-z7-10", "zybo-z7-10", "zybo", "cora-z7-07s"])
def test_a_small_board_gets_a_bitstream_of_the_array_that_is_offered(
    openxc7: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The array of a refusal, built as it is asked for, is the one built when none is."""
    board = load_board(name)
    (openxc7 / "good.bit").write_bytes(make_bit(board))
    part = openxc7 / "prjxray-db" / "zynq7" / board.part
    part.mkdir()
    (part / "part.yaml").write_text("!<xilinx/xc7series/part>\n")
    (openxc7 / "chipdb" / f"{board.part.rpartition('-')[0]}.bin").write_bytes(b"chip")
    options = ("--board", name, "--toolchain", "openxc7")
    with pytest.raises(FirebrickError) as caught:
        run(openxc7, *options, "--shape", "16x32")
    (offered,) = re.findall(r"SHAPE=(\d+x\d+)", str(caught.value))
    fits = is_placeable(board.shape, board.chip)
    for asked, expected in (
        ((), str(board.shape) if fits else offered),
        (("--shape", offered), offered),
    ):
        (openxc7 / "record").unlink(missing_ok=True)
        out = run(openxc7, *options, *asked)
        assert (out / "firebrick.bit").read_bytes() == make_bit(board)
        built = shape_of(out / "firebrick.hwh")
        assert str(built) == expected and is_placeable(built, board.chip)
        # Memories stay the board's.
        assert built == replace(board.shape, pixels=built.pixels, channels=built.channels)
        commands = openxc7_commands(openxc7)
        assert f"-set Pixels {built.pixels} -set Channels {built.channels}" in commands[0][2]
        assert [words[0] for words in commands] == list(OPENXC7)
        assert json.loads((out / "firebrick.json").read_text())["part"] == board.part


def test_an_array_asked_for_is_built(openxc7: Path) -> None:
    out = run(openxc7, "--toolchain", "openxc7", "--shape", "7x16")
    assert str(shape_of(out / "firebrick.hwh")) == "7x16"


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
        ("unconstrained", "nextpnr-xilinx analysed no clock", "nextpnr.log"),
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
