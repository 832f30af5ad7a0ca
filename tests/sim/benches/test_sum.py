"""The sums of the global average pooling in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("depth", "in_bits", "sum_bits"), [(1024, 40, 40), (8, 24, 32)])
def test_sum(depth: int, in_bits: int, sum_bits: int) -> None:
    parameters = {"Depth": depth, "InBits": in_bits, "SumBits": sum_bits}
    run_bench("fb_sum", "bench_sum", parameters=parameters)
