"""Folders with stand-ins of the bitstream tools on the PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firebrick.hw.boards import load_board
from firebrick.hw.flow.vivado.flow import CLOCK_PIN, RESET_PIN
from tests.hw.flow.overlay import OPENXC7, STANDINS, has_tcl, make_bit, program


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
