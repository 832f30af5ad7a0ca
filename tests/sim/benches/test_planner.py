"""The planner in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "channels", "word_bytes", "fifo_words"), [(14, 16, 16, 64), (8, 8, 8, 16)]
)
def test_planner(pixels: int, channels: int, word_bytes: int, fifo_words: int) -> None:
    parameters = {
        "Pixels": pixels,
        "Channels": channels,
        "WordBytes": word_bytes,
        "FifoWords": fifo_words,
    }
    run_bench("fb_planner", "bench_planner", parameters=parameters)
