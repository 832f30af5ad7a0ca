"""The issuer in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("channels", "weight_bits"), [(32, 13), (8, 10)])
def test_issuer(channels: int, weight_bits: int) -> None:
    parameters = {"Channels": channels, "ActAddrBits": 12, "WeightAddrBits": weight_bits}
    run_bench("fb_issuer", "bench_issuer", parameters=parameters)
