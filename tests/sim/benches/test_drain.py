"""The drain sequencer in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("acc_bits", "bias_pairs", "latency"), [(24, 1024, 6), (20, 16, 9)])
def test_drain(acc_bits: int, bias_pairs: int, latency: int) -> None:
    parameters = {"AccBits": acc_bits, "BiasPairs": bias_pairs, "DrainLatency": latency}
    run_bench("fb_drain", "bench_drain", parameters=parameters)
