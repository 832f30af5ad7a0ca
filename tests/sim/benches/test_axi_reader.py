"""The AXI read master in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("burst_beats", "max_outstanding", "fifo_depth"),
    [(16, 8, 512), (4, 4, 64), pytest.param(16, 2, 32, marks=NIGHTLY)],
)
def test_axi_reader(burst_beats: int, max_outstanding: int, fifo_depth: int) -> None:
    parameters = {
        "BurstBeats": burst_beats,
        "MaxOutstanding": max_outstanding,
        "FifoDepth": fifo_depth,
    }
    run_bench("fb_axi_reader", "bench_axi_reader", parameters=parameters)
