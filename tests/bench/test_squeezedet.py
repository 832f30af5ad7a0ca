"""SqueezeDet of the bench is the published network, and its figures are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firebrick.bench import squeezedet
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv
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
