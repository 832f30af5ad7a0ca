"""The QDQ export, run by onnxruntime, against the golden model: every bit of every tensor."""

import dataclasses

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters import qdq as qdq_export
from firebrick.quantize.pictures.preprocess import list_images, load_images
from tests.quantize import builders
from tests.quantize.oracle import compare, session


@settings(max_examples=12)
@given(builders.fire_options(), st.sampled_from([builders.BGR, builders.RGB]))
def test_small_networks(options, preprocessing):
    net = builders.fire_network(**options)
    images = builders.photos(options["seed"], 3)
    assert compare(quantize_network(net, preprocessing, images), images) > 3 * 600


@settings(max_examples=8)
@given(st.integers(0, 2**16), st.booleans(), st.sampled_from([1.0, 0.01, 300.0]))
def test_networks_with_bypass(seed, relu, gain):
    net = builders.bypass_network(seed, relu=relu, gain=gain)
    images = builders.photos(seed, 3)
    assert compare(quantize_network(net, builders.BGR, images), images) == 16_140


def test_squeezenet_on_photos(quantized_squeezenet, shared_data):
    files = list_images(shared_data / "imagenet" / "images")[3::25]
    images = load_images(files, quantized_squeezenet.preprocessing)
    assert len(images) == 8
    assert compare(quantized_squeezenet, images) == 8 * 7_600_896


def test_random_pixels_saturate_and_still_agree(small_qnet):
    images = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (4, 3, 19, 17))
    compare(small_qnet, images)


def test_a_batch_runs_at_once(small_qnet):
    runner = session(qdq_export.to_model(small_qnet).SerializeToString())
    images = builders.photos(2, 5)
    (logits,) = runner.run(None, {"data": images})
    np.testing.assert_allclose(logits, golden.run(small_qnet, images).logits, rtol=1e-5, atol=1e-5)


def test_the_file_is_standard(small_qnet, tmp_path):
    path = tmp_path / "net.onnx"
    qdq_export.export_qdq(small_qnet, path, outputs=["pool1.out"])
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    assert [output.name for output in model.graph.output] == ["logits", "pool1.out"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.onnx"]


def test_unknown_outputs_are_refused_and_nothing_is_written(small_qnet, tmp_path):
    with pytest.raises(FirebrickError, match="no 8-bit tensor 'nowhere'"):
        qdq_export.export_qdq(small_qnet, tmp_path / "net.onnx", outputs=["nowhere"])
    assert list(tmp_path.iterdir()) == []


def test_accumulators_that_float32_cannot_hold_are_refused(small_qnet):
    first = small_qnet.nodes[0]
    bias = first.bias.copy()
    bias[1] = 2**24
    wide = dataclasses.replace(
        small_qnet, nodes=(dataclasses.replace(first, bias=bias), *small_qnet.nodes[1:])
    )
    with pytest.raises(FirebrickError, match=r"layer first: .* not exact in float32"):
        qdq_export.to_model(wide)
