"""The requantizer in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "acc_bits", "ctx_bits"), [(7, 24, 5), (8, 20, 64), (13, 24, 33), (14, 24, 100)]
)
def test_requant(pixels: int, acc_bits: int, ctx_bits: int) -> None:
    parameters = {"P": pixels, "AccBits": acc_bits, "CtxBits": ctx_bits}
    run_bench("fb_requant", "bench_requant", parameters=parameters)
