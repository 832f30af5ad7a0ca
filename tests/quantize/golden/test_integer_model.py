"""The golden model against a slow reference in Python integers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import requantize
from firebrick.quantize.geometry import pool_size
from firebrick.quantize.qnetwork import QTensor
from tests.quantize import builders, reference
from tests.quantize.reference import agrees_with_the_reference


@st.composite
def convolutions(draw):
    """Arguments of conv_accumulate, with values at the ends of their ranges in every example."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kh, kw = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = draw(st.tuples(*[st.integers(0, 2)] * 4))
    height = draw(st.integers(max(1, kh - padding[0] - padding[2]), 9))
    width = draw(st.integers(max(1, kw - padding[1] - padding[3]), 9))
    inputs, outputs = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    signed = draw(st.booleans())
    low, high = (-128, 127) if signed else (0, 255)
    x = rng.integers(low, high, (2, inputs, height, width), endpoint=True)
    x[0, 0, 0, 0] = draw(st.sampled_from([low, high]))
    weights = rng.integers(-127, 127, (outputs, inputs, kh, kw), endpoint=True)
    # Biases far beyond 2**24 need the float64 path.
    scale = draw(st.sampled_from([2**8, 2**20, 2**31 - 1]))
    bias = rng.integers(-scale, scale, outputs)
    pad_value = None
    if not signed and draw(st.booleans()):
        pad_value = rng.integers(0, 255, inputs, endpoint=True).astype(np.uint8)
    return (
        x.astype(np.int8 if signed else np.uint8),
        weights.astype(np.int8),
        bias.astype(np.int32),
        draw(st.integers(1, 3)),
        padding,
        pad_value,
    )


@given(convolutions())
def test_accumulators_are_exact(arguments):
    x, *rest = arguments
    acc = golden.conv_accumulate(x, *rest)
    assert acc.dtype == np.int64
    for image, result in zip(x, acc, strict=True):
        np.testing.assert_array_equal(result, reference.convolve(image, *rest))


def test_accumulators_just_below_and_beyond_float32():
    """A sum of odd parts around 2**24 is where float32 would first lose a bit."""
    for channels, dtype in ((518, np.float32), (519, np.float64)):
        weights = np.full((1, channels, 1, 1), 127, np.int8)
        bound = golden.accumulator_reach(weights, np.zeros(1, np.int32), False)
        assert golden.exact_float(int(bound[0])) is dtype
        x = np.full((1, channels, 1, 1), 255, np.uint8)
        for bias in (0, 1, 2, 3):
            acc = golden.conv_accumulate(x, weights, np.array([bias], np.int32))
            assert acc.item() == channels * 127 * 255 + bias


@given(st.integers(0, 2**16), st.booleans())
def test_the_reach_of_an_accumulator_is_reached_and_not_passed(seed, signed):
    """The worst inputs are at the ends of their range: all of them are tried."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (2, 3, 1, 2), np.int8)
    bias = rng.integers(-500, 500, 2).astype(np.int32)
    reach = golden.accumulator_reach(weights, bias, signed)
    ends = (-128, 127) if signed else (0, 255)
    flat = weights.reshape(2, -1).astype(np.int64)
    sums = np.array([flat @ x for x in itertools.product(ends, repeat=6)])
    assert np.all(np.abs(sums).max(axis=0) + np.abs(bias) <= reach)
    slack = np.abs(flat).sum(axis=1) if signed else 0
    np.testing.assert_array_less(reach - slack - 1, np.abs(sums).max(axis=0) + np.abs(bias))


def test_too_large_accumulators_are_refused():
    with pytest.raises(FirebrickError, match=r"2\*\*53"):
        golden.exact_float(2**53)


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([2, 3]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1]),
    st.integers(0, 1000),
)
def test_max_pool(height, width, kernel, ceil_mode, signed, padding, seed):
    kind = np.int8 if signed else np.uint8
    info = np.iinfo(kind)
    x = np.random.default_rng(seed).integers(info.min, info.max, (2, height, width), kind, True)
    if min(pool_size(size + padding, kernel, ceil_mode) for size in (height, width)) < 1:
        with pytest.raises(FirebrickError, match="does not fit"):
            golden.max_pool(x, kernel, ceil_mode, padding)
        return
    result = golden.max_pool(x[None], kernel, ceil_mode, padding)
    assert result.dtype == kind
    np.testing.assert_array_equal(result[0], reference.pool(x, kernel, ceil_mode, padding))


@pytest.mark.parametrize(
    ("size", "kernel", "ceil_mode", "expected"),
    [
        (111, 3, True, 55),
        (55, 3, True, 27),
        (27, 3, True, 13),
        (54, 3, True, 27),
        (54, 3, False, 26),
        (4, 2, True, 2),
        (5, 2, True, 3),
        (5, 2, False, 2),
    ],
)
def test_pool_sizes(size, kernel, ceil_mode, expected):
    assert pool_size(size, kernel, ceil_mode) == expected


@settings(max_examples=12)
@given(builders.fire_options(), st.sampled_from([builders.BGR, builders.RGB]))
def test_whole_networks(options, preprocessing):
    net = builders.fire_network(**options)
    images = builders.photos(options["seed"], 3)
    qnet = quantize_network(net, preprocessing, images)
    result = golden.run(qnet, images, keep="all")
    assert result.tensors.keys() == {node.output for node in qnet.nodes[:-1]}
    for index, image in enumerate(images[:2]):
        maps, sums = reference.run(qnet, image)
        assert result.sums[index].tolist() == sums
        for name, tensor in result.tensors.items():
            assert tensor.dtype == qnet.tensors[name].dtype
            assert tensor.shape[1:] == qnet.tensors[name].shape
            np.testing.assert_array_equal(tensor[index], maps[name])


@settings(max_examples=8)
@given(st.integers(0, 2**16), st.booleans(), st.sampled_from([1.0, 0.01, 300.0]))
def test_networks_with_bypass(seed, relu, gain):
    net = builders.bypass_network(seed, relu=relu, gain=gain)
    images = builders.photos(seed, 2)
    agrees_with_the_reference(quantize_network(net, builders.BGR, images), images)


@pytest.mark.parametrize("signs", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("left", [(0, 0), (7, 0), (0, 7), (3, 0)])
@pytest.mark.parametrize("shift", [0, 1, 2, 9, 15])
@pytest.mark.parametrize("relu", [False, True])
def test_every_pair_of_bytes_is_added_exactly(signs, left, shift, relu):
    a, b = (np.arange(-128, 128) if signed else np.arange(256) for signed in signs)
    kinds = [np.int8 if signed else np.uint8 for signed in signs]
    first = np.repeat(a.astype(kinds[0]), 256)
    second = np.tile(b.astype(kinds[1]), 256)
    signed = any(signs) and not relu
    output = QTensor("y", (1, 256, 256), 0, signed)
    sums = (first.astype(int) << left[0]) + (second.astype(int) << left[1])
    found = golden.add(first, second, left, shift, output)
    assert found.dtype == output.dtype
    np.testing.assert_array_equal(found, requantize(sums, shift, relu=not signed))


def test_logits_are_the_mean_in_real_units(small_qnet):
    result = golden.run(small_qnet, builders.photos(8, 2))
    last = small_qnet.nodes[-1]
    exponent = small_qnet.tensors[last.input].exponent
    for channel, weight_exponent in enumerate(last.weight_exponent):
        scale = 2.0 ** -(exponent + int(weight_exponent))
        expected = result.sums[:, channel] / last.positions * scale
        np.testing.assert_array_equal(result.logits[:, channel], expected)


def test_only_the_tensors_asked_for_are_kept(small_qnet):
    images = builders.photos(8, 2)
    assert golden.run(small_qnet, images).tensors == {}
    full = golden.run(small_qnet, images, keep="all").tensors
    some = golden.run(small_qnet, images, keep=["pool1.out", "fire2.one.out"]).tensors
    assert list(some) == ["pool1.out", "fire2.one.out"]
    for name, tensor in some.items():
        np.testing.assert_array_equal(tensor, full[name])


def test_an_empty_batch_gives_empty_answers(small_qnet):
    result = golden.run(small_qnet, builders.photos(8, 2)[:0], keep="all")
    assert result.sums.shape == (0, 5)
    assert result.tensors["pool1.out"].shape[0] == 0


def test_unknown_tensors_are_refused(small_qnet):
    with pytest.raises(FirebrickError, match=r"no 8-bit tensor 'nowhere'"):
        golden.run(small_qnet, builders.photos(8, 1), keep=["nowhere"])


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 3, 19, 16), np.uint8),
        np.zeros((3, 19, 17), np.uint8),
        np.zeros((1, 3, 19, 17), np.float32),
    ],
)
def test_other_images_are_refused(small_qnet, images):
    with pytest.raises(FirebrickError, match=r"images must be uint8 \[N, 3, 19, 17\]"):
        golden.run(small_qnet, images)
