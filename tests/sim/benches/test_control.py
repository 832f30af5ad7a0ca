"""Registers, run control, counters and profile in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "channels", "word_bytes", "pump"), [(14, 32, 16, 1), (8, 8, 8, 2)]
)
def test_control(pixels: int, channels: int, word_bytes: int, pump: int) -> None:
    parameters = {
        "Pixels": pixels,
        "Channels": channels,
        "AccBits": 24,
        "WordBytes": word_bytes,
        "Pump": pump,
        "ActWords": 2048,
        "WeightWords": 512,
        "BiasPairs": 64,
        "PoolChannels": 32,
        "PoolLineWords": 1024,
        "Sums": 128,
    }
    run_bench("fb_control", "bench_control", parameters=parameters)
