"""A small engine's netlist behind the simulated board: right, and a wrong one is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firebrick.commands import gates
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.flow.netlist import Netlist
from firebrick.hw.flow.yosys import CHIP_TOP
from firebrick.hw.shape import EngineShape, pumped
from firebrick.quantize.errors import FirebrickError
from firebrick.sim.gates.cases import kinds_cases
from firebrick.sim.gates.chip import ChipBoard, Flip, chip_library, chip_netlist
from firebrick.sim.gates.networks import Ran, run_case
from tests.chained_networks import tails
from tests.small_shapes import SMALLEST_CHIP as SHAPE


def results(library: Path, folder: Path, shape: EngineShape = SHAPE) -> list[Ran]:
    return [run_case(case, shape, library, folder) for case in kinds_cases(shape)]


def a_table_of_the_requantizer(netlist: Netlist) -> Flip:
    """A LUT in front of a register of the unit that every value of a map passes."""
    drivers = {cell.pins["O"][0]: cell for cell in netlist.cells if cell.kind.startswith("LUT")}
    for cell in netlist.cells:
        if cell.kind == "FDRE" and "u_requant." in netlist.names.get(_net(cell.pins["Q"]), ""):
            lut = drivers.get(cell.pins["D"][0])
            if lut and lut.kind == "LUT3":
                return Flip(lut.name, 0)
    raise AssertionError("no LUT leads to a register of u_requant")


def _net(bits: list[int | str]) -> int:
    (bit,) = bits
    return bit if isinstance(bit, int) else -1


@pytest.mark.parametrize("pump", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_one_layer_of_each_kind(pump: int, tmp_path: Path) -> None:
    shape = pumped(SHAPE, pump)
    ran = results(chip_library(shape), tmp_path, shape)
    assert [str(row.report) for row in ran if not row.report.exact] == []
    assert sum(row.report.values for row in ran) == 1650
    assert tails(compile_network(kinds_cases(shape)[-1].net, shape))
    narrow = [g.fields for g in compile_network(kinds_cases(shape)[-2].net, shape).groups]
    assert {f.get("load_fold", 0) for f in narrow} == {d.FOLD_NONE, d.FOLD_APART, d.FOLD_STORED}
    for name in ("half_first", "half_last", "odd_rows"):
        assert any(f.get(name) for f in narrow), name


def test_a_flipped_table_is_seen(tmp_path: Path) -> None:
    """One bit of one LUT: values differ."""
    netlist = Netlist.load(chip_netlist(SHAPE), CHIP_TOP)
    flip = a_table_of_the_requantizer(netlist)
    ran = results(chip_library(SHAPE, flip=flip), tmp_path)
    assert any(row.report.mismatches for row in ran)


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(FirebrickError, match="the netlist has no LUT of this name"):
        Flip("nothing", 0).apply(Netlist([], {}, set(), {}))


def test_interrupt_goes_through_the_controller() -> None:
    """Nobody has started the engine: no interrupt, and registers answer at their addresses."""
    with ChipBoard(SHAPE, 3, library=chip_library(SHAPE)) as board:
        assert not board.irq
        before = board.read_register(0)
        board.reset()
        assert board.read_register(0) == before


@pytest.mark.parametrize("wrong", [False, True])
def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: bool) -> None:
    """The table and the JSON on the small chip; exit code 1 where a value differs."""
    right = chip_library(SHAPE)
    library = right
    if wrong:
        flip = a_table_of_the_requantizer(Netlist.load(chip_netlist(SHAPE), CHIP_TOP))
        library = chip_library(SHAPE, flip=flip)
    monkeypatch.setattr(gates, "SMALL", SHAPE)
    monkeypatch.setattr(gates, "chip_library", lambda *_: library)
    monkeypatch.setattr(gates, "_digits", lambda _: kinds_cases(SHAPE)[0])
    monkeypatch.setattr(gates, "random_cases", lambda _: kinds_cases(SHAPE))
    out = tmp_path / "gates.json"
    assert gates.main(["--quick", "--out", str(out)]) == int(wrong)
    facts = json.loads(out.read_text())
    assert facts["networks"] == len(facts["runs"]) == 1 + len(kinds_cases(SHAPE))
    assert facts["values"] == sum(run["values"] for run in facts["runs"]) > 500
    assert (facts["mismatches"] > 0) == wrong == any(run["first"] for run in facts["runs"])
