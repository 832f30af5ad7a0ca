"""The window fetch in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    "pixels", [7, 13, 14, pytest.param(8, marks=NIGHTLY), pytest.param(28, marks=NIGHTLY)]
)
def test_window(pixels: int) -> None:
    run_bench("fb_window", "bench_window", parameters={"P": pixels})
