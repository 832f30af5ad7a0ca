"""Lowering of hls4ml's own graphs, as other front ends make them; refusals name the layer."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.hw.hls4ml_backend.lower import lower
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Concat, Conv, MaxPool
from tests.hw.hls4ml_backend.layers import SIZE, Layers, chain


def test_a_chain(tmp_path):
    layers = Layers()
    layers.average("average", chain(layers))
    model = layers.convert(tmp_path)
    net = lower(model).network
    assert [type(node).__name__ for node in net.nodes] == [
        "Conv",
        "MaxPool",
        "Conv",
        "GlobalAverage",
    ]
    assert net.shapes["relu1"] == (6, 9, 9) and net.shapes["pool1"] == (6, 4, 4)
    model.compile()
    images = np.random.default_rng(6).integers(0, 256, (3, 3, SIZE, SIZE), np.uint8)
    expected = golden.run(model.qnetwork, images).logits
    np.testing.assert_array_equal(model.predict(images), expected)


def test_weights_are_transposed_once(tmp_path):
    layers = Layers()
    layers.average("average", chain(layers))
    data = layers.layers[1]["weight_data"].copy()
    conv = lower(layers.convert(tmp_path)).network.nodes[0]
    assert isinstance(conv, Conv)
    np.testing.assert_array_equal(conv.weights, data.transpose(3, 2, 0, 1).astype(np.float32))


def test_relu_after_pooling_and_concatenation(tmp_path):
    """Maxima and concatenations commute with ReLU: it moves to the convolutions."""
    layers = Layers()
    pooled = layers.pool("pool1", layers.conv("conv1", "pixels", 6, 3))
    x = layers.activation("relu1", pooled)
    both = layers.concat("both", layers.conv("left", x, 4), layers.conv("right", x, 4))
    x = layers.activation("relu2", both)
    layers.average("average", layers.activation("relu3", layers.conv("last", x, 5)))
    net = lower(layers.convert(tmp_path)).network
    assert all(node.relu for node in net.nodes if isinstance(node, Conv))
    pool = next(node for node in net.nodes if isinstance(node, MaxPool))
    concat = next(node for node in net.nodes if isinstance(node, Concat))
    assert (pool.output, concat.output) == ("relu1", "relu2")


def test_a_map_that_is_read_with_and_without_relu(tmp_path):
    layers = Layers()
    x = layers.conv("conv1", "pixels", 6, 3)
    layers.activation("relu1", x)
    both = layers.concat("both", layers.conv("left", "relu1", 4), layers.conv("right", x, 4))
    layers.average("average", layers.conv("last", both, 5))
    with pytest.raises(FirebrickError, match=r"layer relu1 \(Activation\): conv1 is read else"):
        layers.convert(tmp_path)


def test_a_normalized_map_that_is_read_with_and_without_relu(tmp_path):
    layers = Layers()
    x = layers.add(
        "BatchNormalization", "bn", layers.conv("conv1", "pixels", 6, 3), n_in=486, n_filt=6,
        epsilon=1e-3, use_gamma=True, gamma_data=np.ones(6) * 2, beta_data=np.zeros(6),
        mean_data=np.zeros(6), variance_data=np.ones(6),
    )  # fmt: skip
    layers.activation("relu1", x)
    both = layers.concat("both", layers.conv("left", "relu1", 4), layers.conv("right", x, 4))
    layers.average("average", layers.conv("last", both, 5))
    with pytest.raises(FirebrickError, match=r"layer relu1 \(Activation\): \w+ is read else"):
        layers.convert(tmp_path)


def test_average_pooling_of_the_whole_map(tmp_path):
    layers = Layers()
    x = chain(layers)
    layers.pool(
        "average", x, "Average", pool_height=4, pool_width=4, out_height=1, out_width=1,
        stride_height=4, stride_width=4,
    )  # fmt: skip
    assert type(lower(layers.convert(tmp_path)).network.nodes[-1]).__name__ == "GlobalAverage"


def test_batch_normalization_that_hls4ml_leaves(tmp_path):
    """hls4ml folds it only where precisions allow; what is left is folded here."""
    layers = Layers()
    x = layers.conv("conv1", "pixels", 6, 3)
    rng = np.random.default_rng(7)
    gamma, beta, mean = (rng.normal(0, 1, 6) for _ in range(3))
    variance = rng.uniform(0.5, 2, 6)
    x = layers.add(
        "BatchNormalization", "bn", x, n_in=6 * 9 * 9, n_filt=6, epsilon=1e-3, use_gamma=True,
        gamma_data=gamma, beta_data=beta, mean_data=mean, variance_data=variance,
    )  # fmt: skip
    layers.average("average", layers.conv("last", layers.activation("relu1", x), 5))
    model = layers.convert(tmp_path)
    conv = lower(model).network.nodes[0]
    assert isinstance(conv, Conv) and conv.output == "relu1" and conv.relu
    data = layers.layers[1]
    factor = gamma / np.sqrt(variance + 1e-3)
    expected = (data["weight_data"] * factor).transpose(3, 2, 0, 1)
    np.testing.assert_allclose(conv.weights, expected, rtol=1e-5)
    np.testing.assert_allclose(
        conv.bias, (data["bias_data"] - mean) * factor + beta, rtol=1e-5, atol=1e-6
    )


def unsupported(case: str, layers: Layers) -> None:
    """Append layers with one that the engine does not compute."""
    x = chain(layers)
    if case == "threshold":
        x = layers.conv("conv3", x, 5)
        x = layers.add("ThresholdedReLU", "odd", x, activation="thresholdedrelu", activ_param=0.5)
    elif case == "sigmoid":
        x = layers.activation("odd", layers.conv("conv3", x, 5), "sigmoid")
    elif case == "dilation":
        x = layers.conv("odd", x, 5, dilation_height=2, dilation_width=2)
    elif case == "strides":
        x = layers.conv("odd", x, 5, stride_height=2, out_height=2)
    elif case == "pool stride":
        x = layers.pool("odd", x, stride_height=1, stride_width=1)
    elif case == "pool padding":
        x = layers.pool("odd", x, pad_top=1, pad_left=1, out_height=2, out_width=2)
    elif case == "small average":
        x = layers.pool("odd", x, "Average")
    elif case == "axis":
        x = layers.concat("odd", x, layers.conv("conv3", x, 5), axis=1)
        layers.shapes["odd"] = (8, 4, 5)
    elif case == "maximum":
        layers.average("odd", x, "Max")
        return
    elif case == "wrong average":
        layers.average("odd", x, in_height=5)
        return
    elif case == "dense":
        x = layers.average("average", x)
        layers.add(
            "Dense", "odd", x, n_in=5, n_out=4,
            weight_data=np.ones((5, 4)), bias_data=np.zeros(4),
        )  # fmt: skip
        return
    elif case == "softmax":
        x = layers.add("Softmax", "odd", x, activation="softmax")
    elif case == "normalization":
        x = layers.pool("pool2", x)
        x = layers.add(
            "BatchNormalization", "odd", x, n_in=20, n_filt=5, epsilon=1e-3, use_gamma=True,
            gamma_data=np.ones(5) * 2, beta_data=np.zeros(5), mean_data=np.zeros(5),
            variance_data=np.ones(5),
        )  # fmt: skip
    layers.average("average", layers.conv("last", x, 5))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("threshold", r"layer odd \(ParametrizedActivation\): its function thresholdedrelu"),
        ("sigmoid", r"layer odd \(Activation\): its function sigmoid is not supported"),
        ("dilation", r"layer odd \(Conv2D\): has dilations \[2, 2\]; supported is 1"),
        ("strides", r"layer odd \(Conv2D\): has strides \[2, 1\]"),
        ("pool stride", r"layer odd \(Pooling2D\): .*strides \[1, 1\]; supported are 2x2 and 3x3"),
        ("pool padding", r"layer odd \(Pooling2D\): pads .*without padding, with ceil_mode"),
        ("small average", r"layer odd \(Pooling2D\): averages windows of \[2, 2\]"),
        ("axis", r"layer odd \(Concatenate\): concatenates along another axis"),
        ("maximum", r"layer odd \(GlobalPooling2D\): is a global maximum"),
        ("wrong average", r"layer odd \(GlobalPooling2D\): is said to average \[5, 4, 5\]"),
        ("dense", r"layer odd \(Dense\): is not supported; supported are Conv2D"),
        ("softmax", r"layer odd \(Softmax\): must follow the global average"),
        ("normalization", r"layer odd \(BatchNormalization\): does not follow a Conv2D"),
    ],
)
def test_refusals_name_the_layer(case, message, tmp_path):
    layers = Layers()
    unsupported(case, layers)
    with pytest.raises(FirebrickError, match=message):
        layers.convert(tmp_path)


def test_a_network_without_average_is_refused(tmp_path):
    layers = Layers()
    chain(layers)
    with pytest.raises(FirebrickError, match=r"layer relu2 .*must end as Conv2D"):
        layers.convert(tmp_path)
