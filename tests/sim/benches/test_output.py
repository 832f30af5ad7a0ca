"""The output unit in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("pixels", "word_bytes", "depth"),
    [(14, 16, 512), (8, 8, 16), pytest.param(28, 32, 64, marks=NIGHTLY)],
)
def test_output(pixels: int, word_bytes: int, depth: int) -> None:
    parameters = {"Pixels": pixels, "WordBytes": word_bytes, "FifoWords": depth}
    run_bench("fb_output", "bench_output", parameters=parameters)
