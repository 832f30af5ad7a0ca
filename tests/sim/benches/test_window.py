"""The window fetch in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("pixels", [7, 8, 13, 14, 28])
def test_window(pixels: int) -> None:
    run_bench("fb_window", "bench_window", parameters={"P": pixels})
