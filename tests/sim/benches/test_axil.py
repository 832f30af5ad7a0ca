"""The AXI4-Lite slave in simulation."""

from firebrick.sim.benches.runner import run_bench


def test_axil() -> None:
    run_bench("fb_axil", "bench_axil")
