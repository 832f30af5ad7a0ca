"""Stand-ins of the bitstream tools as programs, and bit files as the tools write them."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from firebrick.commands.bitstream import main
from firebrick.host.bitfile import PREAMBLE
from firebrick.hw.boards import Board
from firebrick.hw.flow.vivado.flow import TOP
from firebrick.quantize.errors import FirebrickError

STANDINS = Path(__file__).with_name("standins")
OPENXC7 = ("yosys", "nextpnr-xilinx", "fasm2frames", "xc7frames2bit")


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


def has_tcl() -> bool:
    probe = [sys.executable, "-c", "import tkinter; tkinter.Tcl().eval('expr 1')"]
    return subprocess.run(probe, capture_output=True).returncode == 0 or bool(shutil.which("tclsh"))


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
