"""Clocks and reset of the chip in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench
from tests.sim.cells import LAX, with_cells


@pytest.mark.parametrize("pump", [1, 2])
def test_clocks(pump: int) -> None:
    run_bench(
        "fb_clocks",
        "bench_clocks",
        sources=with_cells("fb_clocks", "BUFG", "MMCME2_BASE"),
        parameters={"Pump": pump, "LockCycles": 256},
        verilator_args=("--timing", *LAX),
        zeros=True,  # as the chip's flip-flops begin
    )
