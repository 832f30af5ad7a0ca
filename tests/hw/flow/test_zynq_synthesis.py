"""A small engine and all around it through yosys: what goes on the chip is whole."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from firebrick.commands import synth
from firebrick.hw.flow.netlist import Netlist
from firebrick.hw.flow.yosys import BUDGET, CHIP_TOP, findings
from firebrick.sim.gates.chip import chip_netlist
from tests.small_shapes import SMALLEST_CHIP as SHAPE

# Buses of the processing system that the design uses, and their clocks.
BUSES = ("MAXIGP0", "SAXIHP0", "SAXIHP2")
CONSTANTS = {
    "CACHE": "0011",
    "SIZE": "11",
    "BURST": "01",
    "LOCK": "00",
    "PROT": "000",
    "QOS": "0000",
    "ID": "000000",
    "ISSUECAP1EN": "0",
    "BREADY": "1",  # the engine keeps room for every answer before it asks
    "RREADY": "1",
}


def test_the_chip_synthesizes() -> None:
    # The one that the tests of the netlist run: yosys makes it once for both.
    netlist = Netlist.load(chip_netlist(SHAPE), CHIP_TOP)
    counts = netlist.counts()
    paths = netlist.longest_paths()
    worst = max(path.levels for path in paths.values())
    # One PS7 and one BUFG, no latches, no undriven nets, no open input of PS7, DSPs in full use.
    assert findings(netlist, counts, worst, SHAPE) == []
    assert worst <= BUDGET["lut_levels"]
    (ps7,) = (cell for cell in netlist.cells if cell.kind == "PS7")
    (bufg,) = (cell for cell in netlist.cells if cell.kind == "BUFG")
    kinds = Counter(cell.kind for cell in netlist.cells)
    assert kinds["DSP48E1"] == SHAPE.macs // 2 and kinds["IBUF"] == kinds["OBUF"] == 0
    # The processing system gives the clock, and gets it back at the ports in use.
    assert bufg.pins["I"] == [ps7.pins["FCLKCLK"][0]]
    clock = bufg.pins["O"]
    assert {pin for pin, bits in ps7.pins.items() if bits == clock} == {f"{b}ACLK" for b in BUSES}
    assert all(cell.pins["C"] == clock for cell in netlist.cells if cell.kind.startswith("FD"))
    # What the design drives at these ports is driven by logic where it is not a stated constant.
    for pin, bits in ps7.pins.items():
        bus, name = pin[:7], pin[7:]
        unused = bus == "SAXIHP2" and name.startswith(("AW", "W", "B"))
        if bus in BUSES and pin not in ps7.outputs and not unused and set(bits) <= {"0", "1"}:
            value = "".join(str(bit) for bit in reversed(bits))
            expected = [v for suffix, v in CONSTANTS.items() if name.endswith(suffix)]
            assert expected == [value], f"{pin} is the constant {value}"
    assert ps7.pins["SAXIHP2AWVALID"] == ps7.pins["SAXIHP2WVALID"] == ["0"]
    assert isinstance(ps7.pins["IRQF2P"][0], int) and set(ps7.pins["IRQF2P"][1:]) == {"0"}


@pytest.mark.parametrize("wrong", [[], ["9 latches"]])
def test_command(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The tables and the JSON of the small chip; exit code 1 where something does not hold."""
    netlist = Netlist.load(chip_netlist(SHAPE), CHIP_TOP)
    monkeypatch.setattr(synth, "synthesize", lambda shape: netlist)
    monkeypatch.setattr(synth, "findings", lambda *_: wrong)
    out = tmp_path / "synth.json"
    assert synth.main(["--shape", str(SHAPE), "--out", str(out)]) == int(bool(wrong))
    facts = json.loads(out.read_text())
    assert facts["shape"] == str(SHAPE) and facts["dsp48e1"] == SHAPE.macs // 2
    assert facts["findings"] == wrong
    shown = capsys.readouterr().out
    assert "no timing of the Zynq is claimed" in shown
    assert all(f"does not hold: {finding}" in shown for finding in wrong)
