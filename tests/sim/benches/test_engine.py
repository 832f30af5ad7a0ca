"""The whole engine on random networks, in simulation; HW=hls: see sim/benches/hardware.py."""

import pytest

from firebrick.hw.shape import parse_shape
from firebrick.sim.benches.hardware import Hardware, chosen_hardware, is_hls
from firebrick.sim.benches.runner import run_bench
from tests.small_shapes import SMALL_MEMORIES

# HW=hls: the Verilog that Vitis HLS made has the shape of its project.
CASES = (
    ["hls"]
    if is_hls()
    else [
        "7x8",
        pytest.param("14x16", marks=pytest.mark.nightly),
        "8x8p2",
    ]
)


@pytest.mark.parametrize("case", CASES)
def test_engine(case: str) -> None:
    if case == "hls":
        hardware = chosen_hardware()
    else:
        shape = parse_shape(case)
        array = {"Pixels": shape.pixels, "Channels": shape.channels, "Pump": shape.pump}
        hardware = Hardware(parameters={**array, **SMALL_MEMORIES})
    run_bench(
        "firebrick_engine",
        "bench_engine",
        sources=hardware.sources,
        parameters=hardware.parameters,
        verilator_args=hardware.verilator_args,
    )
