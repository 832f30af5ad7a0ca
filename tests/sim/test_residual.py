"""ResNet-8 of MLPerf Tiny, as trained, on the simulated board: every map, with both pumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.pictures.preprocess import list_images, load_images
from tests.sim.engine_check import check_network


@pytest.mark.parametrize("shape", [PYNQ_Z2, pumped(PYNQ_Z2, 2)], ids=str)
def test_resnet8(shape: EngineShape, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mlperf_tiny"
    if not folder.is_dir():
        pytest.skip(f"no ResNet-8 in {folder}")
    model = read_model(folder / "resnet8.onnx", "pixels")
    images = load_images(list_images(folder / "calibration"), model.preprocessing)
    report, *_ = check_network(model.quantize(images), shape, images[:2], tmp_path)
    # Two frames' logits, and all maps that the engine keeps of the last one.
    assert report.exact and report.values > 80_000, str(report)
