"""Products from LUTs in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("late", [0, 1])
def test_lut_products(late: int) -> None:
    run_bench("fb_lut_products", "bench_lut_products", parameters={"Late": late})
