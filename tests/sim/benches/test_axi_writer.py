"""The AXI write master in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("burst_beats", "max_outstanding", "fifo_depth"),
    [(16, 8, 64), (4, 4, 16), pytest.param(16, 2, 128, marks=NIGHTLY)],
)
def test_axi_writer(burst_beats: int, max_outstanding: int, fifo_depth: int) -> None:
    parameters = {
        "BurstBeats": burst_beats,
        "MaxOutstanding": max_outstanding,
        "FifoDepth": fifo_depth,
    }
    run_bench("fb_axi_writer", "bench_axi_writer", parameters=parameters)
