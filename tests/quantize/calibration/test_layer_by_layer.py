"""Rounding with feedback, and networks whose layers are improved one by one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.models.digits import MODEL_PATH, load_digits_split
from firebrick.quantize import golden
from firebrick.quantize.calibration import quantizer
from firebrick.quantize.calibration.layer_by_layer import behind_activation
from firebrick.quantize.calibration.quantizer import Steps
from firebrick.quantize.calibration.weight_rounding import Sums, refitted, round_with_feedback
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.pictures.preprocess import PRESETS, float_input
from firebrick.quantize.qnetwork import QConv, QGlobalSum
from tests.quantize import builders
from tests.quantize.builders import networks

CALIBRATION = builders.photos(1, 12)


def correlated(seed, inputs=24, count=400):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(inputs, 6)) @ rng.normal(size=(6, count))
    return (mixed + 0.3 * rng.normal(size=(inputs, count))).astype(np.float32)


@settings(max_examples=20)
@given(st.integers(0, 2**16))
def test_feedback_beats_the_nearest_integers(seed):
    x = correlated(seed)
    weights = np.random.default_rng(seed).uniform(-20, 20, (8, len(x)))
    xx = np.cov(x, bias=True)
    found = round_with_feedback(weights, xx)
    np.testing.assert_array_equal(found, np.rint(found))

    def error(integers):
        return np.einsum("ok,kl,ol->", integers - weights, xx, integers - weights)

    assert error(found) < 0.5 * error(np.rint(weights))


def test_feedback_keeps_the_range_and_exact_integers():
    x = correlated(3)
    xx = np.cov(x, bias=True)
    weights = np.random.default_rng(3).uniform(-140, 140, (8, len(x)))
    assert np.abs(round_with_feedback(weights, xx)).max() == 127
    exact = np.random.default_rng(3).integers(-127, 128, (8, len(x))).astype(float)
    np.testing.assert_array_equal(round_with_feedback(exact, xx), exact)
    # Inputs that are never anything but zero: nothing to learn, no division by zero.
    np.testing.assert_array_equal(round_with_feedback(exact, np.zeros_like(xx)), exact)


def test_refitting_takes_back_what_a_wrong_input_does():
    """The input is 10 % too small everywhere: the weights grow to make up for it."""
    x = correlated(5)
    weights = np.random.default_rng(5).normal(size=(4, len(x)))
    moments = (Sums.of(0.9 * x, (weights @ x).astype(np.float32))).moments()
    found = refitted(weights, moments.yx, moments.xx, damping=1e-9)
    np.testing.assert_allclose(found, weights / 0.9, atol=1e-3)


def test_sums_of_parts_add_up():
    x = correlated(7)
    y = x[:5] * 2
    whole = Sums.of(x, y).moments()
    parts = (Sums.of(x[:, :150], y[:, :150]) + Sums.of(x[:, 150:], y[:, 150:])).moments()
    for field in dataclasses.fields(whole):
        one, two = getattr(whole, field.name), getattr(parts, field.name)
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


@settings(max_examples=12)
@given(
    networks(),
    st.sampled_from([Steps(True, True, True, True), Steps(False, True, True, True)])
    | st.builds(Steps, *[st.booleans()] * 4),
    st.sampled_from([1, 2, 12]),
)
def test_no_step_breaks_a_rule_of_the_format(net, steps, count):
    result = quantizer.quantize(net, builders.BGR, CALIBRATION[:count], effort=steps)
    qnet = result.qnet
    check_qnetwork(qnet)
    for node in qnet.nodes:
        if isinstance(node, QConv | QGlobalSum):
            assert np.abs(node.weights.astype(int)).max() <= 127
            signed = qnet.tensors[node.input].signed
            bound = golden.accumulator_reach(node.weights, node.bias, signed)
            assert bound.max() < 2**23
        if isinstance(node, QConv):
            assert 0 <= node.shift.min() and node.shift.max() <= 31
    expected = FloatModel(result.net).logits(float_input(CALIBRATION, builders.BGR))
    error = golden.run(qnet, CALIBRATION).logits - expected
    assert np.linalg.norm(error) < 0.25 * np.linalg.norm(expected)


@settings(max_examples=8)
@given(st.integers(0, 2**16), st.sampled_from([builders.BGR, builders.RGB]))
def test_full_effort_is_nearer_to_the_float_network(seed, preprocessing):
    net = builders.fire_network(seed, first_pad=1)
    held_out = builders.photos(seed + 1, 16)
    figures = [
        quantizer.quantize_network(
            net, preprocessing, builders.photos(seed + 2, 32), held_out=held_out, effort=effort
        ).report["held_out"]["logit_sqnr_db"]
        for effort in ("plain", "full")
    ]
    assert figures[1] > figures[0] + 2


def test_full_effort_is_deterministic(small_network):
    one, two = (
        quantizer.quantize_network(small_network, builders.BGR, CALIBRATION, effort="full")
        for _ in range(2)
    )
    assert one.report == two.report
    for a, b in zip(one.nodes, two.nodes, strict=True):
        for field in dataclasses.fields(a):
            np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))


def test_the_report_tells_what_the_steps_did(small_network):
    report = quantizer.quantize_network(
        small_network, builders.BGR, CALIBRATION, effort="full"
    ).report
    assert report["steps"] == {"equalize": True, "refit": True, "feedback": True, "bias": True}
    for entry in report["layers"]:
        improved = entry["improved"]
        assert 0 < improved["moved"] < 1
        assert improved["sqnr_db_after"] > improved["sqnr_db_before"]


def test_an_unknown_effort_is_refused(small_network):
    with pytest.raises(FirebrickError, match="effort 'most' is not one of full, plain"):
        quantizer.quantize_network(small_network, builders.BGR, CALIBRATION, effort="most")


def test_digits_lose_nothing():
    train, _, images, _ = load_digits_split()
    net = import_onnx(MODEL_PATH)
    qnet = quantizer.quantize_network(
        net, PRESETS["digits"], train[:64], held_out=images, effort="full"
    )
    assert qnet.report["held_out"]["agreement"] >= 99
    assert qnet.report["held_out"]["logit_sqnr_db"] >= 34


def test_targets_behind_the_relu_lower_the_error_there():
    """Least squares with them, on an input with errors: better behind the ReLU, worse before."""
    rng = np.random.default_rng(2)
    x = correlated(2)
    y = rng.normal(size=(8, len(x))) @ x - 3
    seen = (x + 0.5 * rng.normal(size=x.shape)).astype(np.float32)
    fits = []
    target = y
    for _ in range(2):
        moments = Sums.of(seen, target).moments()
        weights = refitted(np.zeros((8, len(x))), moments.yx, moments.xx, damping=1e-9)
        given = weights @ seen + (moments.y - weights @ moments.x)[:, None]
        fits.append(given)
        target = behind_activation(y, given, np.zeros((8, 1)), np.full((8, 1), np.inf))
    before, behind = (
        [float(np.square(f(y) - f(fit)).sum()) for fit in fits]
        for f in (lambda v: v, lambda v: np.maximum(v, 0))
    )
    assert behind[1] < 0.95 * behind[0]
    assert before[1] > before[0]
