"""Two read masters on one port in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize("bursts", [16, 4])
def test_read_join(bursts: int) -> None:
    run_bench("fb_read_join", "bench_read_join", parameters={"Bursts": bursts})
