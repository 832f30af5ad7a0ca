"""The layers of SqueezeNet v1.0 and v1.1, the paper's hyper-parameters, random networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.quantize.architectures import (
    SqueezeNetConfig,
    build,
    fire_shapes,
    layer_shapes,
    squeezenet_v1_0,
    squeezenet_v1_1,
    with_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Concat, Conv, GlobalAverage, MaxPool

SMALL = SqueezeNetConfig(
    name="small", base_expand=16, incr_expand=8, modules=2, first_filters=8, pool_after=("conv1",),
    classes=5, input_size=(35, 41),
)  # fmt: skip


@pytest.mark.parametrize("config", [squeezenet_v1_0(), squeezenet_v1_1()], ids=["v1.0", "v1.1"])
def test_fire_modules_are_the_papers(config):
    filters = [(fire.squeeze, fire.expand1x1, fire.expand3x3) for fire in fire_shapes(config)]
    assert filters == [
        (16, 64, 64), (16, 64, 64), (32, 128, 128), (32, 128, 128),
        (48, 192, 192), (48, 192, 192), (64, 256, 256), (64, 256, 256),
    ]  # fmt: skip
    assert [fire.name for fire in fire_shapes(config)] == [f"fire{i}" for i in range(2, 10)]


def test_maps_of_v1_0():
    net = build(squeezenet_v1_0(), np.random.default_rng(0))
    sizes = {name: shape for name, shape in net.shapes.items() if "/" not in name}
    assert sizes == {
        "data": (3, 227, 227), "conv1": (96, 111, 111), "pool1": (96, 55, 55),
        "pool4": (256, 27, 27), "pool8": (512, 13, 13), "conv10": (1000, 13, 13),
        "pool10": (1000, 1, 1),
    }  # fmt: skip
    first = net.nodes[0]
    assert isinstance(first, Conv) and first.weights.shape == (96, 3, 7, 7)
    assert (first.stride, first.padding, first.relu) == (2, (0, 0, 0, 0), True)
    assert [node.name for node in net.nodes if isinstance(node, MaxPool)] == [
        "pool1", "pool4", "pool8",
    ]  # fmt: skip
    assert net.softmax


def test_maps_of_v1_1():
    net = build(squeezenet_v1_1(), np.random.default_rng(0))
    sizes = {name: shape for name, shape in net.shapes.items() if "/" not in name}
    assert sizes == {
        "data": (3, 224, 224), "conv1": (64, 111, 111), "pool1": (64, 55, 55),
        "pool3": (128, 27, 27), "pool5": (256, 13, 13), "conv10": (1000, 13, 13),
        "pool10": (1000, 1, 1),
    }  # fmt: skip
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].weights.shape == (64, 3, 3, 3)


def test_conv10_may_pad():
    net = build(replace(squeezenet_v1_0(), conv10_padding=1), np.random.default_rng(0))
    assert net.shapes["conv10"] == (1000, 15, 15)


def test_hyper_parameters_follow_the_papers_formula():
    config = replace(SMALL, modules=5, freq=2, base_expand=32, incr_expand=16, pct_3x3=0.25)
    expand = [32, 32, 48, 48, 64]
    assert [fire.outputs for fire in fire_shapes(config)] == expand
    assert [fire.expand3x3 for fire in fire_shapes(config)] == [e // 4 for e in expand]
    assert [fire.squeeze for fire in fire_shapes(config)] == [e // 8 for e in expand]
    assert layer_shapes(config)["conv10"] == (5, 64, 1, 1)


def test_every_tensor_has_its_shape_and_a_maker():
    net = build(SMALL, np.random.default_rng(1))
    maps = FloatModel(net).maps(np.zeros(net.shapes[net.input], np.float32))
    assert set(maps) == set(net.shapes)
    for name, value in maps.items():
        assert value.size == np.prod(net.shapes[name]), name
    kinds = [type(node) for node in net.nodes]
    assert kinds == [Conv, MaxPool, *[Conv, Conv, Conv, Concat] * 2, Conv, GlobalAverage]


def test_random_networks_repeat_and_keep_the_scale():
    first, again, other = (build(SMALL, np.random.default_rng(seed)) for seed in (3, 3, 4))
    for a, b, c in zip(first.nodes, again.nodes, other.nodes, strict=True):
        if isinstance(a, Conv) and isinstance(b, Conv) and isinstance(c, Conv):
            assert a.weights.dtype == a.bias.dtype == np.float32
            np.testing.assert_array_equal(a.weights, b.weights)
            assert not np.array_equal(a.weights, c.weights)
    net = build(replace(squeezenet_v1_1(), input_size=(63, 63)), np.random.default_rng(5))
    image = np.random.default_rng(6).standard_normal(net.shapes[net.input], np.float32)
    for name, value in FloatModel(net).maps(image).items():
        assert 0.1 < np.sqrt(np.mean(np.square(value))) < 10, name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"freq": 0}, "freq must be at least 1"),
        ({"squeeze_ratio": 0.01}, "fire2 would have 0 squeeze"),
        ({"squeeze_ratio": float("nan")}, "squeeze_ratio must be greater than 0"),
        ({"pct_3x3": 1.0}, "fire2 would have 2 squeeze, 0 expand1x1"),
        ({"pool_after": ("fire9",)}, "pool_after names 'fire9'"),
        ({"pool_after": ("conv1", "conv1")}, "each once"),
        ({"pool_kernel": 4}, "supported are 2 and 3"),
        ({"conv10_padding": -1}, "must not be negative"),
        ({"input_size": (0, 5)}, "is empty"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(FirebrickError, match=message):
        replace(SMALL, **changes)


def test_too_small_a_picture_is_refused():
    with pytest.raises(FirebrickError, match=r"layer conv1 does not fit .*\(5, 5\) is too small"):
        build(replace(SMALL, input_size=(5, 5)), np.random.default_rng(0))


def test_weights_of_another_shape_are_refused():
    weights = {
        name: (np.zeros(shape, np.float32), np.zeros(shape[0], np.float32))
        for name, shape in layer_shapes(SMALL).items()
    }
    weights["fire3/squeeze1x1"] = (np.zeros((2, 2, 1, 1)), np.zeros(2))
    with pytest.raises(FirebrickError, match="layer fire3/squeeze1x1"):
        with_weights(SMALL, weights)
