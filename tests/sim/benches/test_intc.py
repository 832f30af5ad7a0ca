"""The interrupt controller in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("inputs", [1, 5])
def test_intc(inputs: int) -> None:
    run_bench("fb_intc", "bench_intc", parameters={"Inputs": inputs})
