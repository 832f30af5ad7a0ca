"""Static timing: delays as yosys ships them, paths added up by hand, and the command."""

from __future__ import annotations

import json
import math

import pytest

from firebrick.commands import timing as command
from firebrick.hw.flow import timing
from firebrick.hw.flow.delays import CellDelays, delays_of, variant
from firebrick.hw.flow.netlist import Cell, Netlist
from firebrick.hw.flow.timing import STEP_PS, WIRE_MODELS, TimingGraph

Bits = list[int | str]


def cell(kind: str, name: str, outputs: str, parameters: dict | None = None, **pins: Bits) -> Cell:
    return Cell(name, kind, parameters or {}, dict(pins), frozenset(outputs.split()))


def flip_flop(name: str, d: int | str, q: int) -> Cell:
    return cell("FDRE", name, "Q", C=[1], CE=["1"], R=["0"], D=[d], Q=[q])


REGISTERED = {f"{letter}REG": f"{1:032b}" for letter in "ABCMP"} | {"USE_MULT": "MULTIPLY"}
LUT = cell("LUT2", "lut", "O", I0=[10], I1=[11], O=[12])
CARRY = cell("CARRY4", "carry", "O CO", CI=[20], CYINIT=["0"], DI=[21] * 4, S=[22] * 4)


@pytest.fixture(scope="module")
def delays() -> dict[str, CellDelays]:
    """Of some cells, by name."""
    cells = [
        flip_flop("ff", 10, 11),
        LUT,
        CARRY,
        cell("DSP48E1", "dsp", "P PCOUT", REGISTERED),
        cell("DSP48E1", "no_m", "P PCOUT", REGISTERED | {"MREG": f"{0:032b}", "AREG": f"{0:032b}"}),
        cell("RAMB36E1", "plain", "DOADO", {"DOA_REG": f"{0:032b}", "DOB_REG": f"{0:032b}"}),
        cell("RAMB36E1", "registered", "DOADO", {"DOA_REG": f"{1:032b}", "DOB_REG": f"{1:032b}"}),
        cell("RAM32M", "ram", "DOA DOB DOC DOD"),
    ]
    found = delays_of(cells)
    return {each.name: found[variant(each)] for each in cells}


def test_delays_are_those_of_the_simulation_models(delays: dict[str, CellDelays]) -> None:
    ff = delays["ff"]
    assert ff.arrival == {("Q", 0): 303}
    assert (ff.required["CE", 0], ff.required["R", 0], ff.required["D", 0]) == (109, 404, 0)
    assert dict(delays["lut"].arcs["O", 0]) == {("I0", 0): 238, ("I1", 0): 127}
    assert dict(delays["carry"].arcs["CO", 3])["CI", 0] == 114


def test_delays_depend_on_parameters(delays: dict[str, CellDelays]) -> None:
    """The registers of a DSP and of a block RAM make other cells of them."""
    assert (delays["dsp"].required["A", 0], delays["no_m"].required["A", 0]) == (254, 2739)
    assert delays["dsp"].arrival["P", 47] == 329
    assert delays["plain"].arrival["DOADO", 31] == 2454
    assert delays["registered"].arrival["DOADO", 31] == 882
    assert delays["plain"].required["ADDRARDADDR", 5] == 566
    # A distributed RAM is read within the cycle, and written at its end.
    assert delays["ram"].arcs["DOA", 0] and delays["ram"].required["DIA", 0] > 0


@pytest.fixture
def graph(delays: dict[str, CellDelays], monkeypatch: pytest.MonkeyPatch) -> TimingGraph:
    """Two registers, a LUT that feeds three readers, another that only feeds its register, and a
    carry chain of two."""
    names = {1: "clk", 2: "u_a.first_q", 3: "u_a.other_q", 6: "u_b.sum_q", 30: "u_a.plain_q"}
    cells = [
        flip_flop("r0", "0", 2),
        flip_flop("r1", "0", 3),
        cell("LUT2", "l0", "O", I0=[2], I1=[3], O=[4]),
        cell("LUT2", "l1", "O", I0=[4], I1=[3], O=[5]),
        flip_flop("r2", 5, 30),
        cell("CARRY4", "c0", "O CO", CI=["0"], CYINIT=["0"], DI=[4, "0", "0", "0"],
             S=[4, "0", "0", "0"], O=[7, 8, 9, 10], CO=[11, 12, 13, 14]),
        cell("CARRY4", "c1", "O CO", CI=[14], CYINIT=["0"], DI=["0"] * 4, S=["0"] * 4,
             O=[15, 16, 17, 18], CO=[19, 20, 21, 22]),
        flip_flop("r3", 18, 6),
    ]  # fmt: skip
    by_kind = {"FDRE": delays["ff"], "LUT2": delays["lut"], "CARRY4": delays["carry"]}
    monkeypatch.setattr(
        timing, "delays_of", lambda cells: {variant(c): by_kind[c.kind] for c in cells}
    )
    return TimingGraph(Netlist(cells, names, {1}, {}))


def test_paths_are_added_up(graph: TimingGraph) -> None:
    logic = graph.analyse(WIRE_MODELS["none"], 2000.0)
    path = logic.parts["u_b"]
    assert (path.source, path.target) == ("u_a.first_q", "u_b.sum_q")
    # Clock to output, LUT, from DI[0] through the first chain, along the second, setup.
    assert path.delay_ps == path.logic_ps == 303 + 238 + 526 + 313 + 0
    assert [step.kind for step in path.steps] == ["FDRE", "LUT2", "CARRY4", "CARRY4", "FDRE"]
    assert path.levels == 1 and logic.parts["u_a"].levels == 2
    assert logic.clocks["clk"] == logic.worst == path
    assert path.mhz == pytest.approx(1e6 / 1380)


def test_wires_cost_by_their_loads_but_not_within_a_slice(graph: TimingGraph) -> None:
    found = graph.analyse(WIRE_MODELS["by fan-out"], 2000.0)
    two, three = (STEP_PS * (1 + math.log2(loads) / 2) for loads in (2, 3))
    # other_q's two loads, though its pin of the LUT is quicker; the LUT's three loads; carry to
    # carry and to the register: none.
    logic = 303 + 127 + 526 + 313
    assert found.parts["u_b"].delay_ps == pytest.approx(logic + two + three)
    assert found.parts["u_b"].source == "u_a.other_q"
    # Into the second LUT, which alone feeds its register.
    assert found.parts["u_a"].delay_ps == pytest.approx(303 + 127 + 238 + two + three)
    assert [step.loads for step in found.parts["u_b"].steps][:2] == [2, 3]
    worse = graph.analyse(WIRE_MODELS["pessimistic"], 2000.0)
    assert worse.worst.delay_ps == pytest.approx(logic + 1.5 * (two + three))


def test_slack_counts_every_end(graph: TimingGraph) -> None:
    slack = graph.analyse(WIRE_MODELS["none"], 1000.0).slack
    assert sum(count for _, count in slack) == 2
    assert [value for value, _ in slack] == [-400.0, 200.0]


def test_clocks_and_resets_are_no_wide_nets(graph: TimingGraph) -> None:
    assert graph.fan_outs()[0] == (3, "4")


def test_a_loop_is_refused(graph: TimingGraph) -> None:
    cells = [cell("LUT2", "a", "O", I0=[2], I1=["0"], O=[3]),
             cell("LUT2", "b", "O", I0=[3], I1=["0"], O=[2])]  # fmt: skip
    with pytest.raises(ValueError, match="2 nets lie on combinational loops"):
        TimingGraph(Netlist(cells, {}, set(), {}))


def test_the_command(
    graph: TimingGraph,
    tmp_path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On the small netlist: yosys takes minutes for an engine."""
    monkeypatch.setattr(command, "synthesize", lambda shape: graph.netlist)
    out = tmp_path / "timing.json"
    command.main(["--shape", "7x8", "--out", str(out), "--clock", "700"])
    facts = json.loads(out.read_text())
    assert facts["shape"] == "7x8" and facts["worst_logic_ns"] == 1.38
    assert facts["levels"] == 2 and facts["max_fanout"] == 3
    assert list(facts["clock_mhz"]) == list(facts["domains"]["clk"]) == list(WIRE_MODELS)
    assert facts["clock_mhz"]["none"] == round(1e6 / 1380, 1)
    said = capsys.readouterr().out
    assert "u_b" in said and "slack at 700 MHz, wires none: 0 of 2 ends are late" in said
    assert "boards ask for" in said and "Not counted: clock skew" in said
