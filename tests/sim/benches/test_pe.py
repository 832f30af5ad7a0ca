"""The processing element in simulation, with a DSP block and from LUTs."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("use_dsp", [1, 0])
@pytest.mark.parametrize("acc_bits", [24, 21])
def test_pe(use_dsp: int, acc_bits: int) -> None:
    run_bench("fb_pe", "bench_pe", parameters={"AccBits": acc_bits, "UseDsp": use_dsp})
