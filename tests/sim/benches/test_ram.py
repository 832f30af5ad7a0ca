"""The block RAM in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench


@pytest.mark.parametrize(("width", "depth"), [(112, 64), (9, 1000)])
def test_ram(width: int, depth: int) -> None:
    run_bench("fb_ram", "bench_ram", parameters={"Width": width, "Depth": depth})
