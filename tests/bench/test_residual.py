"""Residual networks of the bench are the published ones, and their figures are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.bench import residual
from firebrick.hw.shape import pumped as with_pump
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.network import Conv, MaxPool, Network
from firebrick.sim.engine_check import SMALL
from tests.quantize.importers.exported.files import unpack


def layers(net: Network) -> list[tuple]:
    """Its convolutions, in no order."""
    return sorted(
        (n.weights.shape, n.stride, n.padding, n.relu, net.shapes[n.output])
        for n in net.nodes
        if isinstance(n, Conv)
    )


def test_it_is_the_published_network(shared_data: Path) -> None:
    file = shared_data / "mlperf_tiny" / "resnet8.onnx"
    if not file.is_file():
        pytest.skip(f"no {file}")
    published = read_model(file, "pixels").network
    assert layers(residual.resnet8(np.random.default_rng(0))) == layers(published)


def test_it_is_torchvisions(tmp_path: Path) -> None:
    published = read_model(unpack("torchvision_resnet18_dynamo", tmp_path), "torchvision").network
    ours = residual.resnet18(np.random.default_rng(0))
    assert layers(ours) == layers(published)
    pools = [[n.padding for n in net.nodes if isinstance(n, MaxPool)] for net in (ours, published)]
    assert pools == [[1], [1]]


def test_figures(tmp_path: Path) -> None:
    arrays = {"": SMALL, "_pump2": with_pump(SMALL, 2)}
    subject = replace(residual.RESNET8, frames=(1, 2), arrays=arrays)
    macs, found = residual.runs(subject, tmp_path)
    # As the file has it but for the linear layer, which is in front of the mean here.
    assert macs == 12_501_632 - 640 + 64 * 640
    assert [(run.pump, run.frames) for run in found] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for run in found:
        assert run.cycles == pytest.approx(run.model, rel=0.03)
    names = residual.cycles(subject, found)
    assert list(names) == ["resnet8", "resnet8_batch2", "resnet8_pump2", "resnet8_pump2_batch2"]
    assert names["resnet8_pump2"] < names["resnet8"]
