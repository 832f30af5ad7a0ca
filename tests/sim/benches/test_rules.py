"""The rules of descriptors in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("pixels", "channels", "pump"), [(14, 32, 1), (8, 8, 1), (8, 8, 2), (5, 8, 1)]
)
def test_rules(pixels: int, channels: int, pump: int) -> None:
    parameters = {
        "Pixels": pixels,
        "Channels": channels,
        "Pump": pump,
        "ActWords": 2048,
        "WeightWords": 512,
        "BiasPairs": 64,
        "PoolChannels": 32,
        "PoolLineWords": 256,
        "Sums": 128,
    }
    run_bench("fb_rules", "bench_rules", parameters=parameters)
