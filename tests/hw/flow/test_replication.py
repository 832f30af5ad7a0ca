"""Wide nets get several drivers, and the netlist computes what it did."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firebrick.hw.flow.replication import MAX_LOADS, replicate, replicate_file

CLOCK, FROM, BETWEEN, ENABLE, SYNC, CARRY = 1, 2, 3, 4, 5, 6


def _cell(kind: str, output: str, **pins: int) -> dict[str, Any]:
    return {
        "type": kind,
        "parameters": {"INIT": "0"},
        "port_directions": {p: "output" if p in (output, "Q31") else "input" for p in pins},
        "connections": {name: [bit] for name, bit in pins.items()},
    }


def _module(readers: int) -> dict[str, Any]:
    """u_a.from_q -> LUT -> ``readers`` clock enables of eight rows, whose inputs come from a shift
    register; a synchronizer and a carry chain are read by all as well."""
    cells = {
        "from": _cell("FDRE", "Q", C=CLOCK, D=FROM, Q=FROM, CE=FROM),
        "lut": _cell("LUT2", "O", I0=FROM, I1=FROM, O=BETWEEN),
        "shift": _cell("SRLC32E", "Q", CLK=CLOCK, CE=FROM, D=FROM, Q=ENABLE, Q31=90),
        "synchronizer": _cell("FDRE", "Q", C=CLOCK, D=FROM, Q=SYNC),
        "carry": _cell("CARRY4", "O", CI=FROM, O=CARRY),
        "last": _cell("FDRE", "Q", C=CLOCK, D=90, Q=91),
    }
    names = {"clk": [CLOCK], "u_a.from_q": [FROM], "u_b.reset_sync_q": [SYNC]}
    for index in range(readers):
        bit = 100 + index
        cells[f"r{index}"] = _cell(
            "FDSE", "Q", C=CLOCK, D=ENABLE, CE=BETWEEN, S=SYNC, X=CARRY, Y=FROM, Q=bit
        )
        names[f"row[{index % 8}].u_pe{index}.sum_q"] = [bit]
    return {
        "cells": cells,
        "netnames": {name: {"bits": bits} for name, bits in names.items()},
        "ports": {"clk": {"direction": "input", "bits": [CLOCK]}},
    }


def _loads(module: dict[str, Any]) -> Counter[int]:
    return Counter(
        bit
        for cell in module["cells"].values()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "input"
        for bit in bits
    )


def _original(module: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The cells of ``module`` with every copy taken for its original: the drivers of all pins."""
    same: dict[int, int] = {}
    for name, cell in module["cells"].items():
        if name not in before["cells"]:
            source = before["cells"][name.split("$copy")[0]]
            assert {k: cell[k] for k in ("type", "parameters", "port_directions")} == {
                k: source[k] for k in ("type", "parameters", "port_directions")
            }
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "output":
                    same.update(zip(bits, source["connections"][port], strict=False))
    return {
        name: {p: [same.get(b, b) for b in bits] for p, bits in cell["connections"].items()}
        for name, cell in module["cells"].items()
    }


@pytest.mark.parametrize("readers", [200, 1500])
def test_every_pin_has_the_driver_it_had(readers: int) -> None:
    module = _module(readers)
    before = copy.deepcopy(module)
    copies = replicate(module)
    assert copies == len(module["cells"]) - len(before["cells"]) > 0
    wide = {bit for bit, count in _loads(module).items() if count > MAX_LOADS}
    assert wide == {CLOCK, SYNC, CARRY}
    found = _original(module, before)
    for name, pins in found.items():
        expected = before["cells"][name.split("$copy")[0]]["connections"]
        directions = before["cells"][name.split("$copy")[0]]["port_directions"]
        for port, bits in pins.items():
            if directions[port] == "input" or name in before["cells"]:
                assert bits == expected[port], (name, port)
    drivers = Counter(
        bit
        for cell in module["cells"].values()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
    )
    assert set(drivers.values()) == {1}


def test_a_copy_drives_what_lies_side_by_side() -> None:
    module = _module(8 * MAX_LOADS)
    replicate(module)
    rows_of: dict[int, set[str]] = {}
    rows = {bits["bits"][0]: name.split(".")[0] for name, bits in module["netnames"].items()}
    for cell in module["cells"].values():
        if cell["type"] == "FDSE":
            driver, own = cell["connections"]["CE"][0], cell["connections"]["Q"][0]
            rows_of.setdefault(driver, set()).add(rows[own])
    assert sorted(rows_of.values(), key=min) == [{f"row[{n}]"} for n in range(8)]


def test_what_is_narrow_stays_as_it_is(tmp_path: Path) -> None:
    module = _module(50)
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": module}}))
    text = path.read_text()
    assert replicate_file(path, "top") == 0
    assert path.read_text() == text
    # The flip-flop in front has the readers, itself twice, and five cells more.
    assert replicate_file(path, "top", limit=40) > 0
    again = json.loads(path.read_text())["modules"]["top"]
    assert max(n for bit, n in _loads(again).items() if bit not in (CLOCK, SYNC, CARRY)) <= 40
