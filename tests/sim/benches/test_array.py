"""The systolic array in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "channels", "dsps"),
    [(7, 8, 220), (8, 16, 220), (13, 8, 30), (14, 16, 0), (28, 8, 100)],
)
def test_array(pixels: int, channels: int, dsps: int) -> None:
    run_bench("fb_array", "bench_array", parameters={"P": pixels, "C": channels, "Dsps": dsps})
