"""Quantization: scales, folding of the preprocessing, proofs and refusals, the report."""

import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from firebrick.quantize import fixed_point, golden
from firebrick.quantize.calibration import calibrate, quantizer
from firebrick.quantize.calibration.measure import measure
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Concat, GlobalAverage, MaxPool
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QConv, QGlobalSum
from firebrick.quantize.report.table import print_report
from tests.quantize import builders

CALIBRATION = builders.photos(1, 12)


def with_layer(net, name, **changes):
    """``net`` with the fields of one layer replaced."""
    assert any(node.name == name for node in net.nodes)
    return dataclasses.replace(
        net,
        nodes=tuple(
            dataclasses.replace(node, **changes) if node.name == name else node
            for node in net.nodes
        ),
    )


def layer(net, name):
    return next(node for node in net.nodes if node.name == name)


@settings(max_examples=15)
@given(st.integers(0, 2**16), st.booleans(), st.sampled_from([builders.BGR, builders.RGB]))
def test_the_result_keeps_every_rule_of_the_format(seed, relu, preprocessing):
    net = builders.fire_network(seed, first_pad=1, relu=relu)
    qnet = quantizer.quantize_network(net, preprocessing, CALIBRATION)
    check_qnetwork(qnet)
    for node in qnet.nodes:
        if isinstance(node, QConv):
            assert node.weights.min() >= -127
            assert 0 <= node.shift.min() and node.shift.max() <= 31
            e_in = qnet.tensors[node.input].exponent
            e_out = qnet.tensors[node.output].exponent
            np.testing.assert_array_equal(node.shift, e_in + node.weight_exponent - e_out)
        if isinstance(node, QConv | QGlobalSum):
            signed = qnet.tensors[node.input].signed
            bound = golden.accumulator_reach(node.weights, node.bias, signed)
            assert bound.max() < 2**23
    tensors = qnet.tensors
    for module in ("fire2", "fire3"):
        exponents = {
            tensors[f"{module}.{part}"].exponent for part in ("one.out", "three.out", "out")
        }
        assert len(exponents) == 1
    assert tensors["pool2.out"].exponent == tensors["fire2.out"].exponent
    assert tensors["fire2.out"].signed is (not relu)
    assert tensors["data"].exponent == 0 and not tensors["data"].signed


@settings(max_examples=10)
@given(st.integers(0, 2**16), st.sampled_from([builders.BGR, builders.RGB]))
def test_the_answers_follow_the_float_network(seed, preprocessing):
    net = builders.fire_network(seed, first_pad=1)
    held_out = builders.photos(seed + 1, 8)
    qnet = quantizer.quantize_network(net, preprocessing, CALIBRATION, held_out=held_out)
    assert qnet.report["held_out"]["logit_sqnr_db"] > 22
    expected = FloatModel(net).logits(float_input(held_out, preprocessing))
    error = golden.run(qnet, held_out).logits - expected
    assert np.abs(error).max() < 0.12 * np.abs(expected).max()


@pytest.mark.parametrize("preprocessing", [builders.BGR, builders.RGB])
def test_the_first_layer_eats_raw_pixels(preprocessing):
    """Scale, mean, standard deviation, channel order and padding, in one layer alone."""
    builder = builders.Builder(5, (3, 19, 17))
    builder.conv("first", 6, 3, stride=2, pad=1)
    builder.conv("classes", 4, 1)
    net = builder.build()
    qnet = quantizer.quantize_network(net, preprocessing, CALIBRATION)
    first = qnet.nodes[0]
    acc = golden.conv_accumulate(
        CALIBRATION, first.weights, first.bias, first.stride, first.padding, first.pad_value
    )
    real = np.ldexp(acc.astype(float), -first.weight_exponent[:, None, None])
    model = FloatModel(net)
    expected = np.stack(
        [model.maps(float_input(image, preprocessing))["first.out"] for image in CALIBRATION]
    )
    error = np.maximum(real, 0) - expected
    assert np.linalg.norm(error) < 0.012 * np.linalg.norm(expected)
    # The frame, where the padding is, must be as good as the inside.
    edge, edge_truth = error[..., 0, :], expected[..., 0, :]
    assert np.linalg.norm(edge) < 0.015 * np.linalg.norm(edge_truth)


def test_exact_weights_fold_without_any_error():
    """Weights that int8 holds exactly, integer means: the accumulators are the float values."""
    net = builders.fire_network(2, first_pad=1)
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 127, (8, 3, 3, 3), endpoint=True).astype(np.float32) / 64
    weights[:, 0, 0, 0] = 127 / 64
    bias = rng.integers(-999, 999, 8).astype(np.float32) / 64
    net = with_layer(net, "first", weights=weights, bias=bias)
    qnet = quantizer.quantize_network(net, builders.BGR, CALIBRATION)
    first = qnet.nodes[0]
    assert first.pad_value.tolist() == [123, 117, 104]
    acc = golden.conv_accumulate(
        CALIBRATION, first.weights, first.bias, first.stride, first.padding, first.pad_value
    )
    model = FloatModel(net)
    for image, sums in zip(CALIBRATION, acc, strict=True):
        expected = model.maps(float_input(image, builders.BGR))["first.out"]
        np.testing.assert_array_equal(np.maximum(sums, 0) / 64, expected)


@pytest.mark.parametrize(
    ("mean", "amount"), [((104.0, 300.0, 123.0), "45.00"), ((-7.25, 0.0, 0.0), "7.25")]
)
def test_padding_that_is_no_pixel_value_is_refused_with_the_amount(mean, amount):
    preprocessing = dataclasses.replace(builders.BGR, mean=mean)
    with pytest.raises(FirebrickError, match=rf"layer first: .* misses by {amount}"):
        quantizer.quantize_network(builders.fire_network(first_pad=1), preprocessing, CALIBRATION)
    quantizer.quantize_network(builders.fire_network(first_pad=0), preprocessing, CALIBRATION)


def test_the_report_tells_how_far_the_padding_is_off():
    qnet = quantizer.quantize_network(builders.fire_network(first_pad=1), builders.RGB, CALIBRATION)
    assert qnet.nodes[0].pad_value.tolist() == [124, 116, 104]
    errors = [abs(round(255 * mean) - 255 * mean) for mean in builders.RGB.mean]
    assert qnet.report["layers"][0]["pad_error"] == pytest.approx(max(errors))


@pytest.mark.parametrize("peak", [250.0, 258.0])
def test_activation_exponents_have_the_smallest_squared_error(small_network, peak):
    """The first layer's largest value is just within the range of some exponent, or just beyond
    it, where saturating it costs less than one bit of resolution for all others."""
    groups = calibrate.exponent_groups(small_network)
    first = groups["first.out"]
    choice = calibrate.activation_exponents(small_network, builders.BGR, CALIBRATION)[first]
    factor = np.float32(peak / np.ldexp(choice.largest, choice.no_saturation))
    conv = layer(small_network, "first")
    net = with_layer(small_network, "first", weights=conv.weights * factor, bias=conv.bias * factor)
    choices = calibrate.activation_exponents(net, builders.BGR, CALIBRATION)
    assert choices[first].best - choices[first].no_saturation == (peak > 255)
    model = FloatModel(net)
    maps = [model.maps(float_input(image, builders.BGR)) for image in CALIBRATION]
    for halves in (("first.out",), ("fire2.one.out", "fire2.three.out"), ("fire3.squeeze.out",)):
        values = np.concatenate([m[name].ravel() for m in maps for name in halves]).astype(float)
        choice = choices[groups[halves[0]]]

        def error(exponent, values=values):
            rounded = fixed_point.quantize_real(values, exponent, signed=False)
            return np.square(np.ldexp(rounded.astype(float), -exponent) - values).sum()

        candidates = range(choice.no_saturation - 3, choice.no_saturation + 6)
        assert choice.best == min(candidates, key=error)
        assert np.rint(np.ldexp(values.max(), choice.no_saturation)) <= 255
        assert np.rint(np.ldexp(values.max(), choice.no_saturation + 1)) > 255


def test_weight_exponents_have_the_smallest_squared_error():
    rng = np.random.default_rng(1)
    weights = rng.standard_t(3, (64, 40)) * np.exp(rng.uniform(-6, 6, (64, 1)))
    exponents, dead = quantizer.weight_exponents(weights)
    assert not dead.any()
    for row, exponent in zip(weights, exponents, strict=True):

        def error(candidate, row=row):
            rounded = np.clip(np.rint(np.ldexp(row, candidate)), -127, 127)
            return np.square(np.ldexp(rounded, -candidate) - row).sum()

        assert exponent == min(range(exponent - 4, exponent + 5), key=error)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["weights", "bias"])
def test_values_that_are_not_finite_are_refused(small_network, bad, field):
    values = getattr(layer(small_network, "fire3.three"), field).copy()
    values.flat[3] = bad
    net = with_layer(small_network, "fire3.three", **{field: values})
    with pytest.raises(FirebrickError, match=r"layer fire3\.three: .* not finite"):
        quantizer.quantize_network(net, builders.BGR, CALIBRATION)


def overflowing_network():
    """512 channels of equal 3x3 weights in channel 2 of the classifier: 149 million."""
    builder = builders.Builder(0, (3, 19, 17))
    builder.conv("first", 512, 3, stride=2)
    builder.conv("classes", 4, 3)
    net = builder.build()
    weights = layer(net, "classes").weights.copy()
    weights[2] = 0.5
    return with_layer(net, "classes", weights=weights)


def test_an_accumulator_that_could_overflow_is_refused():
    with pytest.raises(
        FirebrickError, match=r"layer classes, channel 2: .* the accumulator has 24"
    ):
        quantizer.quantize_network(overflowing_network(), builders.BGR, CALIBRATION[:2])


def test_weights_give_up_resolution_where_their_sum_would_not_fit():
    """As in the last block of a ResNet-18: 512 channels of 3x3 normally distributed weights."""
    builder = builders.Builder(3, (3, 13, 11))
    builder.conv("first", 512, 3, stride=2)
    builder.conv("wide", 6, 3, pad=1)
    builder.conv("classes", 4, 1)
    net = builder.build()
    images = builders.photos(5, 6, (3, 13, 11))
    preprocessing = dataclasses.replace(builders.BGR, crop=(13, 11))
    found = {
        bits: quantizer.quantize_network(
            net, preprocessing, images, accumulator_bits=bits, effort="plain"
        )
        for bits in (24, 30)
    }
    wide = {bits: layer(qnet, "wide") for bits, qnet in found.items()}
    bound = golden.accumulator_reach(wide[24].weights, wide[24].bias, False)
    assert (
        bound.max()
        < 2**23
        <= golden.accumulator_reach(wide[30].weights, wide[30].bias, False).min()
    )
    lost = wide[30].weight_exponent - wide[24].weight_exponent
    assert set(lost) <= {1, 2} and found[24].report["layers"][1]["narrowed_channels"] == 6
    # Not more than needed: with one bit more none of them would fit.
    assert bound.min() >= 2**22 - 2**14
    expected = FloatModel(net).logits(float_input(images, preprocessing))
    error = golden.run(found[24], images).logits - expected
    assert np.linalg.norm(error) < 0.05 * np.linalg.norm(expected)


def test_a_wider_accumulator_takes_it():
    qnet = quantizer.quantize_network(
        overflowing_network(), builders.BGR, CALIBRATION[:2], accumulator_bits=30
    )
    assert 24 < qnet.report["layers"][-1]["accumulator_bits"] <= 30


def test_dead_channels_give_their_bias(small_network):
    """All-zero weights: the output is the constant bias, whatever its sign and size."""
    conv = layer(small_network, "fire2.one")
    weights, bias = conv.weights.copy(), conv.bias.copy()
    weights[:] = 0
    bias[:] = 0.0, 10.0, -3.0, 1e9, 3e20, -1e20
    net = with_layer(small_network, "fire2.one", weights=weights, bias=bias)
    # The huge constant must not decide the exponent of the others here: calibrate without it.
    bias_small = np.where(np.abs(bias) > 100, 0, bias)
    choices = calibrate.activation_exponents(
        with_layer(net, "fire2.one", bias=bias_small), builders.BGR, CALIBRATION
    )
    group = calibrate.exponent_groups(net)["fire2.one.out"]
    exponent = choices[group].best
    numbers = quantizer._numbers(
        quantizer.fold_input(net, layer(net, "fire2.one"), builders.BGR), 0, exponent, 24
    )
    shift = numbers.exponent - exponent
    assert shift.min() >= 0 and shift.max() <= 31
    assert np.abs(numbers.bias.astype(np.int64)).max() <= 2**22
    out = fixed_point.requantize(numbers.bias, shift, relu=True)
    assert out.tolist() == [0, min(255, round(10.0 * 2.0**exponent)), 0, 255, 255, 0]


def test_tiny_and_huge_weights_stay_within_the_shifts(small_network):
    conv = layer(small_network, "fire3.squeeze")
    weights = conv.weights.copy()
    weights[0] *= 1e-9
    weights[1] *= 1e-30
    weights[2] *= 2.0**14
    net = with_layer(small_network, "fire3.squeeze", weights=weights)
    qnet = quantizer.quantize_network(net, builders.BGR, CALIBRATION)
    check_qnetwork(qnet)


def test_an_output_finer_than_its_accumulator_is_made_coarser():
    """Large weights on pixels: the accumulator's step exceeds the step that the output asks for,
    so that the output's exponent must give way (a shift cannot be negative)."""
    builder = builders.Builder(0, (3, 19, 17))
    builder.conv("first", 4, 1)
    builder.conv("classes", 3, 1)
    net = builder.build()
    weights = np.zeros((4, 3, 1, 1), np.float32)
    weights[:, 0] = 127.0
    # Nearly everything below zero: what is left after ReLU is small against the weights.
    bias = np.full(4, -127.0 * 255 + 127.0 * 119, np.float32)
    net = with_layer(net, "first", weights=weights, bias=bias)
    images = np.zeros((2, 3, 19, 17), np.uint8)
    images[:, 2, 0, 0] = 241
    preprocessing = dataclasses.replace(builders.BGR, mean=(104.0, 117.0, 123.0))
    qnet = quantizer.quantize_network(net, preprocessing, images)
    check_qnetwork(qnet)
    first = qnet.nodes[0]
    assert int(first.shift.min()) == 0
    entry = qnet.report["layers"][0]
    assert (entry["exponent"], entry["exponent_no_saturation"]) == (0, 1)


def test_a_large_bias_takes_resolution_from_its_channel_and_is_reported(small_network):
    conv = layer(small_network, "classes")
    weights, bias = conv.weights.copy(), conv.bias.copy()
    weights[1] *= 1e-6
    bias[1] = 40.0
    net = with_layer(small_network, "classes", weights=weights, bias=bias)
    qnet = quantizer.quantize_network(net, builders.BGR, CALIBRATION)
    assert qnet.report["layers"][-1]["narrowed_channels"] == 1
    expected = FloatModel(net).logits(float_input(CALIBRATION, builders.BGR))[:, 1]
    np.testing.assert_allclose(golden.run(qnet, CALIBRATION).logits[:, 1], expected, rtol=1e-3)


def test_a_layer_that_is_always_zero_is_refused(small_network):
    conv = layer(small_network, "fire2.squeeze")
    net = with_layer(small_network, "fire2.squeeze", bias=conv.bias - np.float32(1e6))
    with pytest.raises(
        FirebrickError, match=r"layer fire2\.squeeze: .* zero on all 12 calibration"
    ):
        quantizer.quantize_network(net, builders.BGR, CALIBRATION)


def test_overflowing_activations_are_refused(small_network):
    conv = layer(small_network, "fire2.squeeze")
    net = with_layer(small_network, "fire2.squeeze", weights=conv.weights * np.float32(1e38))
    with (
        pytest.raises(FirebrickError, match=r"layer fire2\.squeeze: .* not finite"),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        quantizer.quantize_network(net, builders.BGR, CALIBRATION)


@pytest.mark.parametrize("scale", [1e16, 1e20, 1e30])
@pytest.mark.parametrize("place", [0, -2])
def test_activations_beyond_all_measure_are_refused(small_network, place, scale):
    """Finite ones too: their squares would not be."""
    name = small_network.nodes[place].name
    conv = layer(small_network, name)
    net = with_layer(small_network, name, weights=conv.weights * np.float32(scale))
    with pytest.raises(
        FirebrickError,
        match=rf"layer {name}: its activations reach .*e\+\d\d .* its weights .*e\+\d\d; .*mean",
    ):
        quantizer.quantize_network(net, builders.BGR, CALIBRATION)


def test_forms_that_the_format_cannot_express_are_refused(small_network):
    nodes = small_network.nodes
    average = nodes[-1]
    cases = {
        "must be a global average pooling": nodes[:-1],
        "must follow a convolution": (
            *nodes[:-2],
            dataclasses.replace(average, input=nodes[-2].input),
        ),
        "only a convolution may": (
            MaxPool("early", "data", "first.out", 2, True),
            *nodes[1:],
        ),
        "with and without ReLU": tuple(
            dataclasses.replace(node, relu=False) if node.name == "fire2.one" else node
            for node in nodes
        ),
        "consumes without an 8-bit step": (
            *nodes[:-1],
            Concat("late", (average.input,), "late.out"),
            average,
        ),
        "must be the last layer": (
            *nodes[:-1],
            GlobalAverage("early", nodes[-2].output, "early.out"),
            average,
        ),
    }
    for message, changed in cases.items():
        net = dataclasses.replace(small_network, nodes=changed)
        with pytest.raises(FirebrickError, match=message):
            quantizer.quantize_network(net, builders.BGR, CALIBRATION)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (CALIBRATION[:0], "no calibration images"),
        (CALIBRATION[:, :, :-1], "calibration images must be uint8"),
        (CALIBRATION.astype(np.int64), "calibration images must be uint8"),
    ],
)
def test_wrong_calibration_images_are_refused(small_network, images, message):
    with pytest.raises(FirebrickError, match=message):
        quantizer.quantize_network(small_network, builders.BGR, images)


def test_preprocessing_of_another_size_is_refused(small_network):
    other = dataclasses.replace(builders.BGR, crop=(19, 18))
    with pytest.raises(FirebrickError, match=r"crops pictures to \(19, 18\)"):
        quantizer.quantize_network(small_network, other, CALIBRATION)


def test_the_report_is_plain_json_and_complete(small_network):
    qnet = quantizer.quantize_network(
        small_network, builders.BGR, CALIBRATION, held_out=builders.photos(9, 4)
    )
    report = qnet.report
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert [entry["name"] for entry in report["layers"]] == [
        node.name for node in qnet.nodes if isinstance(node, QConv | QGlobalSum)
    ]
    for entry in report["layers"][:-1]:
        assert 10 < entry["sqnr_db"] < 70
        assert 0 <= entry["saturated"] < 0.2
        assert entry["exponent"] == qnet.tensors[entry["output"]].exponent
        assert entry["accumulator_bits"] <= 24
    assert report["held_out"]["images"] == 4
    assert 0 <= report["held_out"]["agreement"] <= 100


def test_saturated_values_are_counted_at_both_ends():
    net = builders.fire_network(4, relu=False)
    qnet = quantizer.quantize_network(net, builders.BGR, CALIBRATION)
    extremes = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), CALIBRATION.shape)
    measured = measure(net, qnet, extremes, None)["tensors"]
    tensors = golden.run(qnet, extremes, keep="all").tensors
    low_hits = 0
    for name, figures in measured.items():
        limits = np.iinfo(tensors[name].dtype)
        hits = tensors[name] == limits.max
        if qnet.tensors[name].signed:
            low_hits += np.count_nonzero(tensors[name] == -128)
            hits |= tensors[name] == -128
        assert figures["saturated"] == np.mean(hits)
    assert low_hits > 0


def test_without_held_out_images_there_is_no_held_out_figure(small_qnet):
    assert small_qnet.report["held_out"] is None


def test_the_table_names_every_layer(small_qnet):
    text = io.StringIO()
    print_report(small_qnet.report, Console(file=text, width=120))
    for entry in small_qnet.report["layers"]:
        assert entry["name"] in text.getvalue()
    assert "calibrated on 12 images" in text.getvalue()


def test_quantization_is_deterministic(small_network, small_qnet):
    again = quantizer.quantize_network(small_network, builders.BGR, CALIBRATION)
    assert again.report == small_qnet.report
    for one, two in zip(again.nodes, small_qnet.nodes, strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name))


def test_squeezenet_agrees_with_the_float_network(quantized_squeezenet):
    """On real photos, with few of them for calibration."""
    report = quantized_squeezenet.report
    assert report["logit_sqnr_db"] > 21
    assert max(entry["accumulator_bits"] for entry in report["layers"]) <= 24


@pytest.mark.parametrize("flat", [2, 8])
def test_pictures_of_one_colour_are_said_to_calibrate_badly(flat):
    images = builders.photos(1, 10)
    images[:flat] = np.arange(flat, dtype=np.uint8)[:, None, None, None] * 20
    qnet = quantizer.quantize_network(builders.fire_network(3), builders.RGB, images)
    said = [line for line in qnet.report["remarks"] if "show one colour only" in line]
    assert len(said) == (flat == 8)
