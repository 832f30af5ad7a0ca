"""Counts, shares and path lengths of a netlist that is small enough to see through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firebrick.hw.flow.netlist import Netlist, PathLength
from firebrick.hw.flow.yosys import BUDGET, findings, sources
from firebrick.hw.shape import PYNQ_Z2

OUTPUTS = {"Q", "O", "CO", "P"}


def cell(kind: str, parameters: dict | None = None, **pins: list) -> dict:
    directions = {
        name: "output" if (name in OUTPUTS and kind != "LUT2") or name == "O" else "input"
        for name in pins
    }
    return {
        "type": kind,
        "parameters": parameters or {},
        "port_directions": directions,
        "connections": pins,
    }


@pytest.fixture
def netlist(tmp_path: Path) -> Netlist:
    """q -> LUT2 -> LUT2 -> CARRY4 -> r, and a DSP that lacks its M register."""
    cells = {
        "f0": cell("FDRE", C=[1], D=[2], Q=[10]),
        "l0": cell("LUT2", I0=[10], I1=["0"], O=[11]),
        "l1": cell("LUT2", I0=[11], I1=[10], O=[12]),
        "c0": cell(
            "CARRY4",
            CI=["0"],
            CYINIT=["0"],
            DI=[10, 10, "0", "0"],
            S=[12, 11, "0", "0"],
            O=[13, 14, 15, 16],
            CO=[17, 18, 19, 20],
        ),
        "f1": cell("FDRE", C=[1], D=[14], Q=[21]),
        "d0": cell("DSP48E1", {"AREG": "1", "BREG": "1", "MREG": "0", "PREG": "1"}, P=[22]),
    }
    names = {"u_a.first_q": [10], "u_b.second_q": [21]}
    ports = {"clk_i": {"direction": "input", "bits": [1, 2]}}
    module = {
        "cells": cells,
        "netnames": {name: {"bits": bits} for name, bits in names.items()},
        "ports": ports,
    }
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": module}}))
    return Netlist.load(path, "top")


def test_counts(netlist: Netlist) -> None:
    counts = netlist.counts()
    assert (counts.lut, counts.ff, counts.dsp48e1, counts.carry4) == (2, 2, 1, 1)
    assert netlist.dsp_registers() == {"ABP": 1}
    assert netlist.undriven() == []


def test_longest_path_counts_luts_then_carries(netlist: Netlist) -> None:
    paths = netlist.longest_paths()
    assert paths["u_b"] == PathLength(2, 1, "u_a.first_q", "u_b.second_q")
    # From the port to the first register there is no register-to-register path.
    assert "u_a" not in paths


def test_luts_belong_to_the_registers_that_they_feed(netlist: Netlist) -> None:
    shares = netlist.shares()
    assert shares["u_b"].lut == 2
    assert shares["u_a"].ff == shares["u_b"].ff == 1


def test_what_does_not_hold_is_said(netlist: Netlist) -> None:
    limit = BUDGET["lut_levels"]
    text = " ".join(findings(netlist, netlist.counts(), limit + 1, PYNQ_Z2))
    assert f"LUT levels: {limit + 1} of at most {limit}" in text
    assert "'ABP': 1" in text
    assert "1 DSPs for 224 multipliers of 2 MACs each" in text
    assert "weight memory is not in block RAM" in text


@pytest.fixture
def board(tmp_path: Path) -> Netlist:
    """A PS7 that reads one register of the engine through a LUT, and whose other input is open."""
    cells = {
        "u_engine.f0": cell("FDRE", C=[1], D=[2], Q=[10]),
        "l0": cell("LUT2", I0=[10], I1=["0"], O=[11]),
        "u_ps7": cell("PS7", A=[11], B=["x", "0"]),
    }
    pins = {
        "A": {"direction": "input", "bits": [2]},
        "B": {"direction": "input", "bits": [3, 4]},
        "C": {"direction": "input", "bits": [5]},
        "Y": {"direction": "output", "bits": [6]},
    }
    module = {
        "cells": cells,
        "netnames": {"u_engine.u_drain.state_q": {"bits": [10]}, "u_engine.one_q": {"bits": [12]}},
        "ports": {"clk_i": {"direction": "input", "bits": [1, 2]}},
    }
    path = tmp_path / "board.json"
    path.write_text(json.dumps({"modules": {"top": module, "PS7": {"ports": pins}}}))
    return Netlist.load(path, "top")


def test_open_inputs_are_found(board: Netlist) -> None:
    assert board.unconnected("PS7") == ["u_ps7.B", "u_ps7.C"]
    text = " ".join(findings(board, board.counts(), 1, PYNQ_Z2))
    assert "2 inputs of PS7 are open, u_ps7.B is one" in text
    assert "0 BUFG instead of 1" in text


def test_paths_end_at_the_processor_and_parts_are_the_engines(board: Netlist) -> None:
    path = board.longest_paths()["u_ps7"]
    assert path == PathLength(1, 0, "u_engine.u_drain.state_q", "u_ps7.PS7")
    assert board.shares()["u_drain"].ff == 1


def test_sources_begin_with_the_packages() -> None:
    files = sources()
    assert files[0].endswith("_pkg.sv")
    assert {"hw/rtl/firebrick_engine.sv", "hw/rtl/firebrick_zynq.sv"} <= set(files)
    assert PYNQ_Z2.parameters()["Channels"] == 32
