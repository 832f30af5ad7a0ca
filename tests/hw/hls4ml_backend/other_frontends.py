"""Networks from Keras and PyTorch, through hls4ml's own front ends.

Run by ``test_other_frontends.py`` in an environment that has both; by its name it is none of the
tests that are collected.
"""

from __future__ import annotations

import hls4ml
import keras
import numpy as np
import pytest
import torch

from firebrick.hw.hls4ml_backend.lower import lower
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from tests.hw.hls4ml_backend.conftest import ENGINE, PLAIN

SHAPE = (3, 21, 19)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (6, *SHAPE), np.uint8)


def check(model, images: np.ndarray, expected: np.ndarray) -> None:
    """The lowered float network gives ``expected`` probabilities; the compiled engine gives the
    golden model's, which are close to them."""
    logits = FloatModel(lower(model).network).logits(images.astype(np.float32) * PLAIN.scale)
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-4, atol=1e-5)
    model.compile()
    exact = softmax(golden.run(model.qnetwork, images).logits)
    np.testing.assert_array_equal(model.predict(images), exact)
    assert np.corrcoef(exact.ravel(), expected.ravel())[0, 1] > 0.99


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def keras_network(pool_padding: str = "valid"):
    layers = keras.layers
    source = layers.Input((*SHAPE[1:], SHAPE[0]), name="picture")
    x = layers.Conv2D(6, 3, strides=2, activation="relu", name="stem")(source)
    x = layers.MaxPooling2D(3, 2, padding=pool_padding, name="pool")(x)
    squeeze = layers.Conv2D(4, 1, activation="relu", name="squeeze")(x)
    one = layers.Conv2D(5, 1, name="one")(squeeze)
    three = layers.Conv2D(5, 3, padding="same", name="three")(squeeze)
    x = layers.ReLU(name="both_relu")(layers.Concatenate(name="both")([one, three]))
    x = layers.Conv2D(7, 1, name="classes")(layers.Dropout(0.5)(x))
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.Activation("relu", name="classes_relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    model = keras.Model(source, layers.Softmax(name="softmax")(x))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.normal(0, 0.4, tuple(weight.shape))
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_keras(images, tmp_path):
    network = keras_network()
    model = hls4ml.converters.convert_from_keras_model(
        network,
        backend="Firebrick",
        output_dir=str(tmp_path / "project"),
        preprocessing=PLAIN,
        calibration=images,
        **ENGINE,
    )
    pixels = images.transpose(0, 2, 3, 1).astype(np.float32) * PLAIN.scale
    check(model, images, np.asarray(network.predict(pixels, verbose=0)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_keras_pooling_that_pads_both_sides_is_refused(images, tmp_path):
    network = keras_network(pool_padding="same")
    with pytest.raises(FirebrickError, match=r"layer pool \(Pooling2D\): pads a map of \[10, 9\]"):
        hls4ml.converters.convert_from_keras_model(
            network,
            backend="Firebrick",
            output_dir=str(tmp_path / "project"),
            preprocessing=PLAIN,
            calibration=images,
            **ENGINE,
        )


def torch_network(ceil_mode: bool):
    nn = torch.nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 3, stride=2)
            self.stem_relu = nn.ReLU()
            self.pool = nn.MaxPool2d(3, 2, ceil_mode=ceil_mode)
            self.squeeze = nn.Conv2d(6, 4, 1)
            self.squeeze_relu = nn.ReLU()
            self.one = nn.Conv2d(4, 5, 1)
            self.one_relu = nn.ReLU()
            self.three = nn.Conv2d(4, 5, 3, padding=1)
            self.three_relu = nn.ReLU()
            self.drop = nn.Dropout(0.5)
            self.classes = nn.Conv2d(10, 7, 1)
            self.classes_relu = nn.ReLU()
            self.average = nn.AvgPool2d((5, 4) if ceil_mode else (4, 4))
            self.flat = nn.Flatten()
            self.softmax = nn.Softmax(dim=-1)

        def forward(self, x):
            x = self.squeeze_relu(self.squeeze(self.pool(self.stem_relu(self.stem(x)))))
            halves = [self.one_relu(self.one(x)), self.three_relu(self.three(x))]
            x = self.classes_relu(self.classes(self.drop(torch.cat(halves, dim=1))))
            return self.softmax(self.flat(self.average(x)))

    torch.manual_seed(4)
    return Small().eval()


@pytest.mark.parametrize("conversion", ["full", "internal"])
def test_pytorch(conversion, images, tmp_path):
    network = torch_network(ceil_mode=False)
    model = from_pytorch(network, images, tmp_path, conversion)
    with torch.no_grad():
        expected = network(torch.tensor(images.astype(np.float32) * PLAIN.scale)).numpy()
    check(model, images, expected)
    # Flat pictures are in the order of the graph's input.
    order = (0, 1, 2, 3) if conversion == "full" else (0, 2, 3, 1)
    flat = np.ascontiguousarray(images.transpose(order), np.float32).reshape(len(images), -1)
    np.testing.assert_array_equal(model.predict(flat), model.predict(images))


def test_pytorch_ceil_mode_is_refused(images, tmp_path):
    with pytest.raises(FirebrickError, match=r"module pool \(MaxPool2d\): .*export .* to ONNX"):
        from_pytorch(torch_network(ceil_mode=True), images, tmp_path, "full")


def from_pytorch(network, images, folder, conversion):
    config = hls4ml.utils.config_from_pytorch_model(
        network,
        SHAPE,
        granularity="name",
        backend="Firebrick",
        channels_last_conversion=conversion,
    )
    return hls4ml.converters.convert_from_pytorch_model(
        network,
        backend="Firebrick",
        hls_config=config,
        output_dir=str(folder / "project"),
        preprocessing=PLAIN,
        calibration=images,
        **ENGINE,
    )
