"""Equalization: the function stays, channels use their range, weights land on the largest value."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.quantize.calibration import equalize
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Add, Conv
from firebrick.quantize.pictures.preprocess import float_input
from tests.quantize import builders
from tests.quantize.builders import networks

CALIBRATION = builders.photos(1, 6)


@settings(max_examples=25)
@given(networks(), st.integers(0, 2**16))
def test_any_factors_leave_the_function_unchanged(net, seed):
    slots = equalize.channel_slots(net)
    rng = np.random.default_rng(seed)
    factor = np.exp(rng.uniform(-5, 5, 1 + max(int(ids.max()) for ids in slots.values())))
    last = net.nodes[-1]
    for name in (net.input, last.input):
        factor[slots[name]] = 1.0
    gains = {name: factor[ids] for name, ids in slots.items()}
    image = float_input(builders.photos(seed, 1), builders.BGR)[0]
    before = FloatModel(net).maps(image)
    after = FloatModel(equalize.rescale(net, gains)).maps(image)
    for name, gain in gains.items():
        expected = before[name] * gain[:, None, None]
        scale = np.abs(expected).max(axis=(1, 2), keepdims=True) + 1e-12
        assert np.abs(after[name] - expected).max() < 1e-3 * scale.max()
    logits = before[last.output]
    np.testing.assert_allclose(after[last.output], logits, atol=2e-4 * np.abs(logits).max())


@settings(max_examples=15)
@given(networks())
def test_the_chosen_factors_keep_what_they_promise(net):
    result = equalize.equalize(net, builders.BGR, CALIBRATION)
    images = float_input(builders.photos(2, 3), builders.BGR)
    expected = FloatModel(net).logits(images)
    found = FloatModel(result.net).logits(images)
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())
    for gain in result.gains.values():
        assert np.all(gain > 0) and np.all(np.isfinite(gain))
    assert np.all(result.gains[net.input] == 1)
    assert np.all(result.gains[net.nodes[-1].input] == 1)
    tied = {name for node in net.nodes if isinstance(node, Add) for name in node.inputs}
    free = 0
    for node in result.net.nodes:
        if isinstance(node, Conv) and np.all(result.gains[node.output] != 1) and not tied:
            # The largest weight of every channel is 127 times a power of two.
            top = np.abs(node.weights).max(axis=(1, 2, 3)).astype(float)
            power = np.log2(top / 127)
            np.testing.assert_allclose(power, np.rint(power), atol=1e-6)
            free += 1
    assert free >= 6 or tied


def test_a_pool_a_concatenation_and_an_addition_tie_channels():
    net = builders.bypass_network()
    slots = equalize.channel_slots(net)
    by_name = {node.name: node for node in net.nodes}
    around, joined = by_name["fire2.add"].inputs
    np.testing.assert_array_equal(slots[around], slots[joined])
    np.testing.assert_array_equal(slots["fire2.add.out"], slots["pool2.out"])
    # The second module's sum ties its own halves to the pooled map, and so to the first module.
    halves = [slots[name] for name in by_name["fire3.concat"].inputs]
    np.testing.assert_array_equal(np.concatenate(halves), slots["pool2.out"])
    assert len(set(slots["first.out"]) & set(slots["pool2.out"])) == 0


def test_quiet_channels_are_lifted():
    """One channel a hundred times weaker than its neighbours ends near their range."""
    net = builders.fire_network(3)
    nodes = []
    for node in net.nodes:
        if node.name == "fire2.squeeze":
            scale = np.array([1, 0.01, 1, 1], np.float32)
            node = dataclasses.replace(
                node, weights=node.weights * scale[:, None, None, None], bias=node.bias * scale
            )
        nodes.append(node)
    net = dataclasses.replace(net, nodes=tuple(nodes))
    result = equalize.equalize(net, builders.BGR, CALIBRATION)
    gain = result.gains["fire2.squeeze.out"]
    assert gain[1] > 20 * np.median(np.delete(gain, 1))


def test_channels_that_never_wake_stay_within_reason():
    net = builders.fire_network(3)
    nodes = []
    for node in net.nodes:
        if node.name == "fire2.squeeze":
            bias = node.bias.copy()
            bias[2] = -1e6
            weights = node.weights.copy()
            weights[1] *= 1e-12
            bias[1] = 0
            node = dataclasses.replace(node, weights=weights, bias=bias)
        nodes.append(node)
    net = dataclasses.replace(net, nodes=tuple(nodes))
    gain = equalize.equalize(net, builders.BGR, CALIBRATION).gains["fire2.squeeze.out"]
    ratio = gain / np.delete(gain, [1, 2]).mean()
    assert np.all(ratio < 2e5) and np.all(ratio > 1e-3)


def test_a_layer_that_is_always_zero_is_refused():
    net = builders.fire_network(3)
    nodes = tuple(
        dataclasses.replace(node, bias=node.bias - np.float32(1e6))
        if node.name == "fire2.squeeze"
        else node
        for node in net.nodes
    )
    with pytest.raises(FirebrickError, match=r"layer fire2\.squeeze: .* zero on all 6 calibration"):
        equalize.equalize(dataclasses.replace(net, nodes=nodes), builders.BGR, CALIBRATION)


def test_sensitivity_is_the_noise_power_that_reaches_the_logits():
    """A chain of two convolutions without ReLU: squared weights multiply."""
    builder = builders.Builder(1, (3, 9, 9))
    builder.conv("first", 4, 1, relu=False)
    builder.conv("second", 3, 1, relu=False)
    builder.conv("classes", 2, 1, relu=False)
    net = builder.build()
    statistics = equalize.channel_statistics(
        net, dataclasses.replace(builders.BGR, crop=(9, 9)), builders.photos(1, 2, (3, 9, 9))
    )
    power = equalize.sensitivities(net, statistics)
    squares = [np.square(node.weights[:, :, 0, 0].astype(float)) for node in net.nodes[:3]]
    np.testing.assert_allclose(power["second.out"], squares[2].sum(axis=0))
    np.testing.assert_allclose(power["first.out"], squares[2].sum(axis=0) @ squares[1])
