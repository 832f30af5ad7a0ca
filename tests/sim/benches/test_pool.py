"""Max pooling in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    "pixels", [13, 14, pytest.param(7, marks=NIGHTLY), pytest.param(8, marks=NIGHTLY)]
)
def test_pool(pixels: int) -> None:
    parameters = {"P": pixels, "ChanDepth": 16, "LineDepth": 64}
    run_bench("fb_pool", "bench_pool", parameters=parameters)
