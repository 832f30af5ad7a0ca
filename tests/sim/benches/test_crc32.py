"""The CRC unit against zlib, in simulation."""

from firebrick.sim.benches.runner import run_bench


def test_crc32() -> None:
    run_bench("fb_crc32", "bench_crc32")
