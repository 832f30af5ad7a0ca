"""The addition of a stored map in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("pixels", [7, 14])
def test_add(pixels: int) -> None:
    run_bench("fb_add", "bench_add", parameters={"P": pixels, "CtxBits": 40})
