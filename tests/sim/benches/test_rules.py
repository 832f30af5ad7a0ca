"""The rules of descriptors in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("pixels", "channels"), [(14, 32), (8, 8)])
def test_rules(pixels: int, channels: int) -> None:
    parameters = {
        "Pixels": pixels,
        "Channels": channels,
        "ActWords": 2048,
        "WeightWords": 512,
        "BiasPairs": 64,
        "PoolChannels": 32,
        "PoolLineWords": 256,
        "Sums": 128,
    }
    run_bench("fb_rules", "bench_rules", parameters=parameters)
