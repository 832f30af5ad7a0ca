"""Stand-in of yosys, nextpnr-xilinx, fasm2frames and xc7frames2bit, told apart by argument 1.

Each records its command line, requires that its inputs exist, refuses options that it does not
know, and writes its output. ``STANDIN_FAULT`` names the tool that fails, or another fault.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path


def fail(text: str) -> None:
    print(text, file=sys.stderr)
    sys.exit(1)


def options(arguments: list[str], known: set[str]) -> tuple[dict[str, str], list[str]]:
    """Options with their values, and the words that are none."""
    found: dict[str, str] = {}
    others = []
    words = iter(arguments)
    for word in words:
        if word in known:
            found[word] = next(words)
        elif word.startswith("-"):
            fail(f"ERROR: unrecognised option '{word}'")
        else:
            others.append(word)
    return found, others


def need(*paths: str) -> None:
    for path in paths:
        if not Path(path).exists():
            fail(f"ERROR: cannot open {path}")


def yosys(arguments: list[str]) -> None:
    found, _ = options(arguments, {"-p", "-b", "-o"})
    commands = [c.strip() for c in found["-p"].split(";")]
    names = [c.split()[0] for c in commands]
    expected = ["read_verilog", "chparam", "hierarchy", "rename", "synth_xilinx", "delete"]
    assert names == expected, names
    assert found["-b"] == "json"
    files = commands[0].removeprefix("read_verilog -sv ").split()
    need(*files)
    assert files.index("hw/rtl/firebrick_pkg.sv") < files.index("hw/rtl/firebrick_engine.sv")
    assert re.search(r"-set Pixels \d+ .*firebrick_zynq$", commands[1])
    assert commands[4] == "synth_xilinx -family xc7 -flatten -top firebrick_zynq"
    Path(found["-o"]).write_text('{"modules": {}}')


def nextpnr(arguments: list[str], fault: str) -> None:
    known = {"--chipdb", "--xdc", "--json", "--fasm", "--freq"}
    found, _ = options(arguments, known)
    assert set(found) == known, found
    need(found["--chipdb"], found["--xdc"], found["--json"])
    xdc = Path(found["--xdc"]).read_text()
    assert re.fullmatch(r"create_clock -period [\d.]+ \[get_nets clk\]\n", xdc), xdc
    wanted = float(found["--freq"])
    reached = wanted * (0.8 if fault == "slow" else 1.1)
    print("Info: Max frequency for clock 'clk': 12.00 MHz (FAIL at 100.00 MHz)")
    if fault != "unconstrained":
        word = "PASS" if reached >= wanted else "FAIL"
        line = f"Max frequency for clock 'clk': {reached:.2f} MHz ({word} at {wanted:.2f} MHz)"
        print(f"Info: {line}")
    Path(found["--fasm"]).write_text("INT_L_X0Y0.A B\n")


def fasm2frames(arguments: list[str]) -> None:
    found, (fasm,) = options(arguments, {"--part", "--db-root"})
    need(found["--db-root"], str(Path(found["--db-root"]) / found["--part"]), fasm)
    print("0x00000000 0x0,0x1")


def xc7frames2bit(arguments: list[str], fault: str) -> None:
    known = {"--part_file", "--part_name", "--frm_file", "--output_file"}
    found, _ = options(arguments, known)
    assert set(found) == known, found
    need(found["--part_file"], found["--frm_file"])
    assert Path(found["--frm_file"]).read_text().startswith("0x")
    if fault != "nothing":
        shutil.copyfile(os.environ["STANDIN_BIT"], found["--output_file"])


def main(tool: str, arguments: list[str]) -> None:
    with open(os.environ["STANDIN_RECORD"], "a") as file:
        file.write(json.dumps([tool, *arguments]) + "\n")
    fault = os.environ.get("STANDIN_FAULT", "")
    if fault == tool:
        if tool == "fasm2frames":
            fail("Traceback (most recent call last):\n  File ...\nFasmLookupError: no such tile")
        print("Info: at work")
        fail(f"ERROR: {tool} has no such cell\nERROR: another one")
    if tool == "yosys":
        yosys(arguments)
    elif tool == "nextpnr-xilinx":
        nextpnr(arguments, fault)
    elif tool == "fasm2frames":
        fasm2frames(arguments)
    else:
        xc7frames2bit(arguments, fault)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
