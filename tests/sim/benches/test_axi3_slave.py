"""The processor's side of the registers in simulation."""

from firebrick.sim.benches.runner import run_bench


def test_axi3_slave() -> None:
    run_bench("fb_axi3_slave", "bench_axi3_slave")
