"""Networks whose input is no square RGB picture: one to four channels, any height and width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.preprocessing import COLORS
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.sim.random_networks import random_images, random_network
from tests.quantize import builders
from tests.quantize.oracle import compare


def prepared(color: str, size: tuple[int, int]) -> Preprocessing:
    channels = len(color)
    mean = tuple(100.0 + 10 * index for index in range(channels))
    std = tuple(50.0 + 7 * index for index in range(channels))
    return Preprocessing(color, 0, size, 1.0, mean, std)


@settings(max_examples=20)
@given(
    st.integers(0, 2**16),
    st.sampled_from(COLORS),
    st.integers(15, 40),
    st.integers(15, 60),
    st.integers(0, 1),
    st.integers(1, 70),
)
def test_quantized_networks_follow_the_float_network(seed, color, height, width, pad, classes):
    """Channels in another order, or an offset of the wrong channel, would be far off."""
    shape = (len(color), height, width)
    net = builders.fire_network(seed, shape, first_pad=pad, classes=classes)
    images = builders.photos(seed, 3, shape)
    value = prepared(color, (height, width))
    qnet = quantize_network(net, value, images)
    model, last = FloatModel(net), net.nodes[0].output
    tensors = golden.run(qnet, images, keep=[last]).tensors[last]
    for image, tensor in zip(images, tensors, strict=True):
        real = model.maps(float_input(image, value))[last]
        fixed = tensor * 2.0 ** -qnet.tensors[last].exponent
        assert np.square(real - fixed).sum() < 0.01 * np.square(real).sum()
    assert compare(qnet, images[:1]) > 0


@pytest.mark.parametrize("bypass", [False, True])
def test_random_networks_agree_with_onnxruntime(bypass):
    seen = set()
    for seed in range(12):
        qnet = random_network(seed, bypass)
        seen.add(qnet.preprocessing.color)
        compare(qnet, random_images(qnet, 1, seed))
    assert seen == {"L", "LA", "RGB", "RGBA"}
