"""The register slice in simulation."""

from firebrick.sim.benches.runner import run_bench


def test_slice() -> None:
    run_bench("fb_slice", "bench_slice", parameters={"Width": 73})
