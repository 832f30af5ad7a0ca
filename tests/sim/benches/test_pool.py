"""Max pooling in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("pixels", [7, 8, 13, 14])
def test_pool(pixels: int) -> None:
    parameters = {"P": pixels, "ChanDepth": 16, "LineDepth": 64}
    run_bench("fb_pool", "bench_pool", parameters=parameters)
