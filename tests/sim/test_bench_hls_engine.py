"""The register block and bus gates that are emitted around an HLS kernel."""

from pathlib import Path

import pytest

from hw.hls.emit import REGISTER_BLOCK, emit_project
from hw.shape import EngineShape
from sim.benches.runner import run_bench

STANDIN = Path(__file__).parent / "standin" / "firebrick_kernel.sv"


@pytest.mark.parametrize(("pixels", "channels"), [(8, 8), (14, 32)])
def test_hls_engine(pixels: int, channels: int) -> None:
    root = Path(__file__).resolve().parents[2]
    shape = EngineShape(pixels=pixels, channels=channels)
    # Emitted in one place, so that the model is built once.
    project = emit_project(shape, "xc7z020clg400-1", 10.0, root / f"build/hls/bench-{shape}")
    sources = [project / "rtl" / name for name in (*REGISTER_BLOCK, "firebrick_engine.sv")]
    run_bench(
        "firebrick_engine",
        "bench_hls_engine",
        sources=[*sources[:-1], STANDIN, sources[-1]],
        parameters={"Pixels": pixels, "Channels": channels},
    )
