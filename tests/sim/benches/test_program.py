"""The program reader in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "channels", "word_bytes", "weight_words", "bias_pairs", "pump"),
    [(14, 32, 16, 64, 64, 1), (8, 8, 8, 32, 16, 1), (8, 8, 8, 32, 16, 2)],
)
def test_program(
    pixels: int, channels: int, word_bytes: int, weight_words: int, bias_pairs: int, pump: int
) -> None:
    parameters = {
        "Pixels": pixels,
        "Channels": channels,
        "WordBytes": word_bytes,
        "Pump": pump,
        "ActWords": 1024,
        "WeightWords": weight_words,
        "BiasPairs": bias_pairs,
        "PoolChannels": 64,
        "PoolLineWords": 128,
        "Sums": 32,
    }
    run_bench("fb_program", "bench_program", parameters=parameters)
