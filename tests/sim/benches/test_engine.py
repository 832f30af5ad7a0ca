"""The whole engine on random networks, in simulation; HW=hls: see sim/benches/hardware.py."""

import pytest

from firebrick.hw.shape import parse_shape
from firebrick.sim.benches.hardware import Hardware, chosen_hardware, is_hls
from firebrick.sim.benches.runner import run_bench

# Small memories, so that every ring goes round and every queue fills.
SMALL = {
    "ActWords": 1024,
    "WeightWords": 512,
    "BiasPairs": 32,
    "PoolChannels": 64,
    "PoolLineWords": 128,
    "Sums": 64,
    "FifoWords": 64,
}


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
        hardware = Hardware(parameters={**array, **SMALL})
    run_bench(
        "firebrick_engine",
        "bench_engine",
        sources=hardware.sources,
        parameters=hardware.parameters,
        verilator_args=hardware.verilator_args,
    )
