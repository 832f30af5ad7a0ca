"""Residual networks on the simulated board: every map, with both pumps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firebrick.bench.residual import resnet18
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import (
    for_network,
    list_images,
    load_images,
    preprocessing,
)
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.engine_check import check_network
from tests.quantize import builders
from tests.quantize.importers.exported.files import unpack

PUMPED = pumped(PYNQ_Z2, 2)


@pytest.mark.parametrize("shape", [PYNQ_Z2, PUMPED], ids=str)
def test_resnet8(shape: EngineShape, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mlperf_tiny"
    if not folder.is_dir():
        pytest.skip(f"no ResNet-8 in {folder}")
    model = read_model(folder / "resnet8.onnx", "pixels")
    images = load_images(list_images(folder / "calibration"), model.preprocessing)
    report, *_ = check_network(model.quantize(images), shape, images[:2], tmp_path)
    # Two frames' logits, and all maps that the engine keeps of the last one.
    assert report.exact and report.values > 80_000, str(report)


def quantized(net: Network) -> tuple[QNetwork, np.ndarray]:
    """``net`` for pictures as torchvision prepares them, and two of them."""
    images = builders.photos(3, 2, net.shapes[net.input])
    return quantize_network(net, for_network(preprocessing("torchvision"), net), images), images


@pytest.mark.parametrize(
    ("shape", "apart"),
    [
        (PYNQ_Z2, False),
        pytest.param(PYNQ_Z2, True, marks=pytest.mark.nightly),
        pytest.param(PUMPED, False, marks=pytest.mark.nightly),
        pytest.param(PUMPED, True, marks=pytest.mark.nightly),
    ],
    ids=str,
)
def test_a_small_resnet18(shape: EngineShape, apart: bool, tmp_path: Path) -> None:
    """Its layers on 64x64 pixels with an eighth of the filters, two frames, back-pressure."""
    qnet, images = quantized(resnet18(np.random.default_rng(1), 64, 8, 10))
    report, _, _, program = check_network(qnet, shape, images, tmp_path, stages_apart=apart, seed=1)
    assert report.exact, str(report)
    assert sum(g.fields.get("pool_padded", 0) for g in program.groups) == 1


@pytest.mark.nightly
@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize("shape", [PYNQ_Z2, PUMPED], ids=str)
def test_resnet18(shape: EngineShape, apart: bool, tmp_path: Path) -> None:
    """torchvision's, as torch exports it at 224x224: every map and logit, cycles as predicted."""
    model = read_model(unpack("torchvision_resnet18_dynamo", tmp_path), "torchvision")
    qnet, images = quantized(model.network)
    report, counters, _, program = check_network(
        qnet, shape, images[:1], tmp_path, stages_apart=apart
    )
    # Of the fused program the pooled map, and one for each later convolution but the last.
    assert report.exact and report.values >= 1_881_600, str(report)
    assert predict(program).cycles == pytest.approx(counters.cycles, rel=0.01)
