"""The FIFO in simulation, in both kinds of memory."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("width", "depth"), [(5, 2), (65, 16), (64, 128), (65, 512)])
def test_fifo(width: int, depth: int) -> None:
    run_bench("fb_fifo", "bench_fifo", parameters={"Width": width, "Depth": depth})
