"""The row loader in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("pixels", "word_bytes", "address_bits"),
    [(8, 8, 7), (14, 16, 6), pytest.param(28, 32, 8, marks=NIGHTLY)],
)
def test_loader(pixels: int, word_bytes: int, address_bits: int) -> None:
    parameters = {"Pixels": pixels, "WordBytes": word_bytes, "ActAddrBits": address_bits}
    run_bench("fb_loader", "bench_loader", parameters=parameters)
