"""The whole engine on random networks, in simulation."""

import pytest

from sim.benches.runner import run_bench

# Small memories, so that every ring goes round and every queue fills.
SMALL = {
    "ActWords": 1024,
    "WeightWords": 512,
    "BiasPairs": 32,
    "PoolChannels": 64,
    "PoolLineWords": 128,
    "Sums": 64,
    "FifoWords": 64,
}


@pytest.mark.parametrize(("pixels", "channels"), [(8, 8), (14, 16)])
def test_engine(pixels: int, channels: int) -> None:
    parameters = {"Pixels": pixels, "Channels": channels, **SMALL}
    run_bench("firebrick_engine", "bench_engine", parameters=parameters)
