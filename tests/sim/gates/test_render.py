"""Every small primitive, as it is rendered, is the model of it that yosys ships."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.hw.flow.netlist import Cell, Netlist
from firebrick.hw.flow.yosys import YOSYS, run_tool
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT, build_folder
from firebrick.sim.gates.chip import yosys_models
from firebrick.sim.gates.render import render

CLOCK = 1
CYCLES = {"FDRE": 3, "FDSE": 3, "FDCE": 3, "SRL16E": 3, "SRLC32E": 3}
"""Of primitives with registers: initial content, and what two clocks make of it."""


def cells() -> list[Cell]:
    """Primitives as netlists have them; bits of their pins are numbered from 2 on, the clock 1."""
    rng = random.Random(5)
    found = []
    for inputs in range(1, 7):
        size = 1 << inputs
        tables = {format(rng.getrandbits(size), f"0{size}b") for _ in range(3)}
        tables |= {"0" * (size - 1) + "1", "1" * (size - 1) + "0", "10" * (size // 2)}
        parity = "".join(str(bin(k).count("1") % 2) for k in reversed(range(size)))
        pins = {f"I{i}": 1 for i in range(inputs)}
        found += [_cell(f"LUT{inputs}", pins, {"O": 1}, INIT=t) for t in sorted({*tables, parity})]
    found.append(_cell("INV", {"I": 1}, {"O": 1}))
    found.append(_cell("BUFG", {"I": 1}, {"O": 1}))
    found += [_cell(k, {"I0": 1, "I1": 1, "S": 1}, {"O": 1}) for k in ("MUXF7", "MUXF8")]
    carry = {"CI": 1, "CYINIT": 1, "DI": 4, "S": 4}
    found.append(_cell("CARRY4", carry, {"O": 4, "CO": 4}))
    found.append(_cell("CARRY4", carry, {"O": 2}))
    for kind, pin, value in (("FDRE", "R", "0"), ("FDSE", "S", "1"), ("FDCE", "CLR", "0")):
        found.append(_cell(kind, {"C": 0, "CE": 1, "D": 1, pin: 1}, {"Q": 1}, INIT=value))
    for depth, pins in ((16, {f"A{i}": 1 for i in range(4)}), (32, {"A": 5})):
        kind, last = ("SRL16E", "") if depth == 16 else ("SRLC32E", "Q31")
        outputs = {"Q": 1, **({last: 1} if last else {})}
        initial = format(rng.getrandbits(depth), f"0{depth}b")
        found.append(_cell(kind, {"CLK": 0, "CE": 1, "D": 1, **pins}, outputs, INIT=initial))
    return found


def _cell(kind: str, inputs: dict[str, int], outputs: dict[str, int], **parameters: str) -> Cell:
    """A cell with so many bits on its pins; 0 of them is the clock."""
    pins: dict[str, list[int | str]] = {}
    following = 2
    for name, width in {**inputs, **outputs}.items():
        pins[name] = list(range(following, following + width)) if width else [CLOCK]
        following += width
    return Cell("cell", kind, parameters, pins, frozenset(outputs))


def _ports(cell: Cell) -> tuple[list[int], list[int]]:
    inputs, outputs = {CLOCK}, set()
    for name, bits in cell.pins.items():
        (outputs if name in cell.outputs else inputs).update(int(bit) for bit in bits)
    return sorted(inputs), sorted(outputs)


def ours(cell: Cell, name: str) -> str:
    """The cell rendered, with ports around it."""
    text = render(Netlist([cell], {}, set(), {}), name)
    inputs, outputs = _ports(cell)
    clocked = any(CLOCK in bits for bits in cell.pins.values())
    used = inputs if clocked else inputs[1:]
    ports = [*(f"input p{n}" for n in inputs), *(f"output p{n}" for n in outputs)]
    wires = [*(f"assign n{n} = p{n};" for n in used), *(f"assign p{n} = n{n};" for n in outputs)]
    body = text.replace(f"module {name};", "").replace("endmodule", "")
    return f"module {name}({', '.join(ports)});{body}{' '.join(wires)}\nendmodule\n"


def theirs(cell: Cell, name: str) -> str:
    """An instance of yosys' model with the same ports."""
    inputs, outputs = _ports(cell)
    ports = [*(f"input p{n}" for n in inputs), *(f"output p{n}" for n in outputs)]
    depth = {"SRL16E": 16, "SRLC32E": 32}.get(cell.kind)
    values = [
        f".{k}({depth or len(v)}'b{v.rjust(depth or 0, '0')})" for k, v in cell.parameters.items()
    ]
    pins = [
        f".{pin}({{{', '.join(f'p{b}' for b in reversed(bits))}}})"
        for pin, bits in cell.pins.items()
    ]
    header = f"#({', '.join(values)}) " if values else ""
    return (
        f"module {name}({', '.join(ports)}); {cell.kind} {header}u({', '.join(pins)}); endmodule\n"
    )


def prove(pairs: list[tuple[Cell, Cell]], folder: Path) -> str:
    """yosys' log of the proof that the first of a pair, rendered, is its model of the second; ends
    with an error at the first pair that is not so."""
    text = yosys_models(tuple(sorted({model.kind for _, model in pairs})))
    script = []
    for i, (cell, model) in enumerate(pairs):
        text += ours(cell, f"ours_{i}") + theirs(model, f"theirs_{i}")
        script.append(f"miter -equiv -flatten ours_{i} theirs_{i} miter_{i}")
        script.append(
            f"sat -verify -seq {CYCLES.get(cell.kind, 1)} -prove trigger 0 -show-all miter_{i}"
        )
    (folder / "cells.sv").write_text(text)
    (folder / "proof.ys").write_text(
        "\n".join(
            [
                f"read_verilog -sv {os.path.relpath(folder / 'cells.sv', ROOT)}",
                "hierarchy",
                "proc",
                "async2sync",
                *script,
            ]
        )
    )
    log = folder / "proof.log"
    run_tool(YOSYS, ["-s", os.path.relpath(folder / "proof.ys", ROOT)], log, may_fail=True)
    return log.read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """yosys as WebAssembly sees what is below the project's folder, not /tmp."""
    path = build_folder() / "render" / tmp_path.name
    path.mkdir(parents=True, exist_ok=True)
    yield path
    shutil.rmtree(path)


def test_every_small_primitive_is_what_yosys_says(folder: Path) -> None:
    every = cells()
    assert {cell.kind for cell in every} >= {"LUT1", "LUT6", "CARRY4", "FDRE", "SRL16E", "SRLC32E"}
    log = prove([(cell, cell) for cell in every], folder)
    assert "ERROR" not in log, log[-2000:]
    assert log.count("SAT proof finished - no model found: SUCCESS!") == len(every)


def test_another_table_is_refuted(folder: Path) -> None:
    cell = next(cell for cell in cells() if cell.kind == "LUT6")
    table = cell.parameters["INIT"]
    other = replace(cell, parameters={"INIT": table[:-1] + "10"[int(table[-1])]})
    assert "proof finished - model found: FAIL" in prove([(other, cell)], folder)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("FDPE", {}, "sim/gates knows no FDPE"),
        ("FDRE", {"IS_C_INVERTED": "1"}, "no FDRE with IS_C_INVERTED"),
    ],
)
def test_what_is_not_known_is_refused(kind: str, parameters: dict[str, str], message: str) -> None:
    pins = {"C": 0, "CE": 1, "D": 1, "R": 1}
    cell = replace(_cell(kind, pins, {"Q": 1}), parameters=parameters)
    with pytest.raises(FirebrickError, match=message):
        render(Netlist([cell], {}, set(), {}), "top")
