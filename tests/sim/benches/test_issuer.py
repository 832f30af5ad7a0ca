"""The issuer in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(
    ("channels", "weight_bits", "pump"), [(32, 13, 1), (8, 10, 1), (16, 11, 2)]
)
def test_issuer(channels: int, weight_bits: int, pump: int) -> None:
    parameters = {
        "Channels": channels,
        "ActAddrBits": 12,
        "WeightAddrBits": weight_bits,
        "Pump": pump,
    }
    run_bench("fb_issuer", "bench_issuer", parameters=parameters)
