"""The processing element in simulation, with a DSP block and from LUTs, at one clock and at two."""

import pytest

from firebrick.sim.benches.runner import run_bench
from tests.sim.cells import LAX, with_cells


@pytest.mark.parametrize("use_dsp", [1, 0])
@pytest.mark.parametrize(("acc_bits", "pump"), [(24, 1), (21, 1), (24, 2)])
def test_pe(use_dsp: int, acc_bits: int, pump: int) -> None:
    parameters = {"AccBits": acc_bits, "UseDsp": use_dsp, "Pump": pump}
    run_bench("fb_pe", "bench_pe", parameters=parameters)


@pytest.mark.parametrize("use_dsp", [1, 0])
def test_pe_at_two_clocks(use_dsp: int) -> None:
    parameters = {"AccBits": 24, "UseDsp": use_dsp, "Pump": 2, "FastClock": 1}
    sources = with_cells("fb_pe")
    run_bench("fb_pe", "bench_pe", sources=sources, parameters=parameters, verilator_args=LAX)
