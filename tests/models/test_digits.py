"""The shipped digits network, run by onnxruntime on the held-out pictures."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from firebrick.models.digits import FACTS_PATH, MODEL_PATH, enlarge, load_digits_split
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.pictures.preprocess import PRESETS

FACTS = json.loads(FACTS_PATH.read_text())


@pytest.fixture(scope="module")
def split():
    return load_digits_split()


def probabilities(images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(MODEL_PATH, providers=["CPUExecutionProvider"])
    return session.run(None, {"data": images.astype(np.float32) / 255})[0]


def test_a_third_is_held_out_with_every_digit_alike(split):
    train, train_labels, held_out, held_out_labels = split
    assert (len(train), len(held_out)) == (1198, 599)
    assert train.dtype == held_out.dtype == np.uint8
    assert train.shape[1:] == held_out.shape[1:] == (1, 32, 32)
    ratio = np.bincount(held_out_labels) / np.bincount(train_labels)
    np.testing.assert_allclose(ratio, 0.5, atol=0.02)


def test_the_split_is_the_same_every_time(split):
    for first, second in zip(split, load_digits_split(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_enlarging_scales_values_to_bytes():
    flat = np.full((3, 8, 8), [[[0.0]], [[8.0]], [[16.0]]])
    assert [int(image.min()) for image in enlarge(flat)] == [0, 128, 255]
    assert [int(image.max()) for image in enlarge(flat)] == [0, 128, 255]


def test_held_out_accuracy_is_what_is_stated(split):
    _, _, images, labels = split
    accuracy = 100 * np.mean(probabilities(images).argmax(1) == labels)
    assert accuracy >= 98
    assert accuracy == pytest.approx(FACTS["held_out_accuracy"], abs=0.01)


def test_batch_is_free_and_probabilities_add_up(split):
    for count in (1, 5):
        result = probabilities(split[2][:count])
        assert result.shape == (count, 10)
        np.testing.assert_allclose(result.sum(1), 1, rtol=1e-5)


def test_the_file_is_small_and_has_the_layers_of_v1_0():
    assert MODEL_PATH.stat().st_size < 500_000
    nodes = onnx.load(MODEL_PATH).graph.node
    assert {node.op_type for node in nodes} == {
        "Conv", "Relu", "MaxPool", "Concat", "GlobalAveragePool", "Flatten", "Softmax",
    }  # fmt: skip
    first = {item.name: onnx.helper.get_attribute_value(item) for item in nodes[0].attribute}
    assert first["kernel_shape"] == [7, 7] and first["strides"] == [2, 2]


def test_stated_preprocessing_is_the_preset():
    stated = FACTS["preprocessing"]
    preset = PRESETS["digits"]
    for name in ("color", "resize", "scale"):
        assert stated[name] == getattr(preset, name), name
    for name in ("crop", "mean", "std"):
        assert tuple(stated[name]) == getattr(preset, name), name


def test_eight_bits_lose_nothing(split):
    train, _, images, labels = split
    qnet = quantize_network(import_onnx(MODEL_PATH), PRESETS["digits"], train[:64])
    fixed = 100 * np.mean(golden.run(qnet, images).logits.argmax(1) == labels)
    assert fixed >= 98
    assert fixed >= FACTS["held_out_accuracy"] - 0.5
