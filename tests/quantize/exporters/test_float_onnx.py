"""Float networks as ONNX: onnxruntime gives the float model's answer, the importer the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.exporters.float_onnx import export_onnx
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Add, Network
from firebrick.quantize.pictures.preprocess import float_input
from tests.quantize import builders


def with_addition() -> Network:
    build = builders.Builder(5, (3, 19, 17))
    one = build.conv("one", 6, 3, stride=2)
    two = build.conv("two", 6, 3, pad=(1, 1, 1, 1))
    build.add("sum", one, two, relu=True)
    build.conv("last", 4, 1, relu=False)
    return build.build()


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("make", [lambda: builders.fire_network(seed=3), with_addition])
def test_onnxruntime_and_the_importer_agree(make, softmax, tmp_path):
    net = replace(make(), softmax=softmax)
    assert make is not with_addition or any(isinstance(node, Add) for node in net.nodes)
    classes = tuple(f"class {i}" for i in range(net.shapes[net.nodes[-1].output][0]))
    path = tmp_path / "net.onnx"
    export_onnx(net, builders.BGR, path, classes)
    images = float_input(builders.photos(1, 3), builders.BGR)
    expected = FloatModel(net).logits(images)
    if softmax:
        expected = np.exp(expected - expected.max(axis=1, keepdims=True))
        expected /= expected.sum(axis=1, keepdims=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {net.input: images})
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-3)
    model = read_model(path)
    assert model.classes == classes
    assert model.preprocessing == replace(builders.BGR, resize=model.preprocessing.resize)
    assert model.network.softmax == softmax
    np.testing.assert_allclose(
        FloatModel(model.network).logits(images), FloatModel(net).logits(images), rtol=1e-6
    )


def test_what_is_stated_takes_the_place_of_what_the_file_says(tmp_path):
    path = tmp_path / "net.onnx"
    export_onnx(builders.fire_network(seed=3), builders.BGR, path)
    assert read_model(path, color="RGB").preprocessing.color == "RGB"
    assert read_model(path, color="RGB").preprocessing.mean == builders.BGR.mean
    assert read_model(path, preset="torchvision").preprocessing.scale == 1 / 255
