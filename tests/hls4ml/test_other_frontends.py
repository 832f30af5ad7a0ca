"""Networks from Keras and PyTorch, through hls4ml's own front ends, where those are installed."""

from __future__ import annotations

import hls4ml
import numpy as np
import pytest

from hw.hls4ml_backend.lower import lower
from quantize import golden
from quantize.errors import FirebrickError
from quantize.float_model import FloatModel
from tests.hls4ml.conftest import ENGINE, PLAIN

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


@pytest.fixture
def keras():
    return pytest.importorskip(
        "keras", reason="Keras (and one of its backends) is not installed", exc_type=ImportError
    )


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def keras_network(keras, pool_padding: str = "valid"):
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
def test_keras(keras, images, tmp_path):
    network = keras_network(keras)
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
def test_keras_pooling_that_pads_both_sides_is_refused(keras, images, tmp_path):
    network = keras_network(keras, pool_padding="same")
    with pytest.raises(FirebrickError, match=r"layer pool \(Pooling2D\): pads a map of \[10, 9\]"):
        hls4ml.converters.convert_from_keras_model(
            network,
            backend="Firebrick",
            output_dir=str(tmp_path / "project"),
            preprocessing=PLAIN,
            calibration=images,
            **ENGINE,
        )
