"""SqueezeDet of the bench is the published network, and its figures are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firebrick.bench import squeezedet
from firebrick.hw.model.cycles import predict
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.sim.engine_check import check_network
from tests.quantize.test_maps import squeezedet as published


def test_it_is_the_published_network(tmp_path: Path) -> None:
    graph, output = published(384, 1248)
    file = import_onnx(graph.save(tmp_path, output, 4))
    ours = squeezedet.network(np.random.default_rng(0))

    def layers(net):
        return [
            (n.weights.shape, n.stride, n.padding, n.relu, net.shapes[n.output])
            for n in net.nodes
            if isinstance(n, Conv)
        ]

    *body, classes, boxes = layers(ours)
    *expected, head = layers(file)
    assert body == expected
    assert (classes[0][0], boxes[0][0]) == (36, 36) and head[0][0] == 72
    assert classes[1:] == boxes[1:] == (*head[1:4], (36, 24, 78)) and head[4] == (72, 24, 78)


@pytest.mark.nightly
@pytest.mark.parametrize("height", [64, 384])
def test_full_width_is_simulated(height: int, tmp_path: Path) -> None:
    """A frame of the published width; the whole one takes minutes."""
    rng = np.random.default_rng(1)
    net = squeezedet.network(rng, height)
    pictures = rng.integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
    prepared = for_network(preprocessing("torchvision", resize=0), net)
    qnet = quantize_network(net, prepared, pictures, effort="plain")
    report, counters, _, program = check_network(qnet, squeezedet.SHAPE, pictures, tmp_path)
    assert report.exact, str(report)
    assert predict(program).cycles == pytest.approx(counters.cycles, rel=0.01)


def test_figures() -> None:
    found = squeezedet.outlines()
    names = squeezedet.cycles(found)
    assert list(names) == ["squeezedet", "squeezedet_pump2"]
    assert names["squeezedet_pump2"] < names["squeezedet"]
    for one, cycles in zip(found, names.values(), strict=True):
        assert one.ideal_cycles < cycles < 1.4 * one.ideal_cycles
        assert sum(la["macs"] for g in one.groups for la in g.layers) == 5_283_053_568
    first, second = squeezedet.lines(found, names)
    assert f"{names['squeezedet']:,} cycles" in first and "28x16p2" in second
