"""The Zynq's programmable logic in simulation, behind stand-ins of its primitives."""

from pathlib import Path

from sim.benches.runner import resolve_sources, run_bench

STANDINS = [Path(__file__).parent / "standin" / name for name in ("PS7.sv", "BUFG.sv")]
SHAPE = {
    "Pixels": 8,
    "Channels": 8,
    "ActWords": 1024,
    "WeightWords": 512,
    "BiasPairs": 32,
    "PoolChannels": 64,
    "PoolLineWords": 128,
    "Sums": 64,
    "FifoWords": 64,
}


def test_zynq() -> None:
    sources = [*STANDINS, *resolve_sources("firebrick_zynq")]
    run_bench("firebrick_zynq", "bench_zynq", sources=sources, parameters=SHAPE)
