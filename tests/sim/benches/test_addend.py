"""The fetcher of maps to add in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("pixels", "word_bytes", "fifo_words"),
    [(14, 16, 64), (8, 8, 128), pytest.param(28, 32, 16, marks=NIGHTLY)],
)
def test_addend(pixels: int, word_bytes: int, fifo_words: int) -> None:
    parameters = {"Pixels": pixels, "WordBytes": word_bytes, "FifoWords": fifo_words}
    run_bench("fb_addend", "bench_addend", parameters=parameters)
