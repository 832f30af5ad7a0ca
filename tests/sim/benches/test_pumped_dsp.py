"""The DSP block at twice the clock in simulation, by yosys' model of it."""

from firebrick.sim.benches.runner import run_bench
from tests.sim.cells import LAX, with_cells


def test_pumped_dsp() -> None:
    sources = with_cells("fb_pumped_dsp")
    run_bench("fb_pumped_dsp", "bench_pumped_dsp", sources=sources, verilator_args=LAX)
