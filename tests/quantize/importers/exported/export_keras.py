"""Keras networks (channels last) exported by tf2onnx and by Keras itself.

Needs tensorflow, keras, tf2onnx and onnx:

    python -m tests.quantize.importers.exported.export_keras
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers

from tests.quantize.importers.exported import patterns

PACKAGES = ["tensorflow-cpu", "keras", "tf2onnx", "onnx"]


def fire(x, squeeze: int, expand: int, norm: bool = False):
    """A Fire module, channels last."""
    x = layers.Conv2D(squeeze, 1, activation="relu")(x)
    halves = [
        layers.Conv2D(expand, 1, activation="relu")(x),
        layers.Conv2D(expand, 3, padding="same", activation="relu")(x),
    ]
    x = layers.Concatenate()(halves)
    return layers.BatchNormalization()(x) if norm else x


def squeezenet(size: tuple[int, int], channels: int = 3) -> keras.Model:
    """Rescaling inside, "same" padding with stride 2, convolution, average, softmax."""
    image = keras.Input((*size, channels), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = fire(x, 4, 8)
    x = layers.MaxPooling2D(3, 2)(x)
    x = fire(x, 6, 12)
    x = layers.Dropout(0.5)(x)
    x = layers.Conv2D(6, 1, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Softmax()(x))


def dense() -> keras.Model:
    """ZeroPadding2D, BatchNormalization after ReLU, average, then Dense."""
    image = keras.Input((40, 33, 3), name="image")
    x = layers.ZeroPadding2D(((2, 1), (0, 3)))(image)
    x = layers.Conv2D(8, 5, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(2, 2)(x)
    x = fire(x, 4, 8, norm=True)
    x = fire(x, 6, 12)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(9, activation="softmax")(x))


def relu6() -> keras.Model:
    """ReLU6, which no quantizer before it makes a ReLU."""
    image = keras.Input((24, 24, 3), name="image")
    x = layers.Conv2D(8, 3)(image)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(4, 1)(x)
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


def fill(model: keras.Model) -> keras.Model:
    """Deterministic weights that compress."""
    for seed, layer in enumerate(model.layers):
        values = []
        for index, value in enumerate(layer.get_weights()):
            if value.ndim > 1:
                fan = int(value.size // value.shape[-1])
                values.append(patterns.weights(value.shape, seed, fan))
            else:
                one = isinstance(layer, layers.BatchNormalization) and index in (0, 3)
                values.append(patterns.biases(len(value), seed + 1000 * index) + one)
        layer.set_weights(values)
    return model


def by_tf2onnx(model: keras.Model, opset: int) -> onnx.ModelProto:
    """Converted by tf2onnx, the batch free."""
    spec = tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32, name="image")
    function = tf.function(lambda image: model(image, training=False), input_signature=[spec])
    return tf2onnx.convert.from_function(function, [spec], opset=opset)[0]


def by_keras(model: keras.Model) -> onnx.ModelProto:
    """Keras' own export."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model(tf.zeros((1, *model.inputs[0].shape[1:])))
        model.export(path, format="onnx", verbose=False)
        return onnx.load(path)


def main() -> None:
    """Write every file."""
    networks = {
        "squeezenet": lambda: squeezenet((60, 51)),
        "gray": lambda: squeezenet((32, 32), 1),
        "dense": dense,
        "relu6": relu6,
    }
    for name, make in networks.items():
        what = (make.__doc__ or squeezenet.__doc__ or "").strip()
        for opset in (13, 18) if name == "squeezenet" else (15,):
            suffix = f"_{opset}" if name == "squeezenet" else ""
            model = by_tf2onnx(fill(make()), opset)
            patterns.pack(f"tf2onnx_{name}{suffix}", model, PACKAGES, f"{what} tf2onnx.")
        patterns.pack(f"keras_{name}", by_keras(fill(make())), PACKAGES, f"{what} Model.export.")


if __name__ == "__main__":
    main()
