"""Rounding, saturation and exponents against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.quantize import fixed_point
from tests.quantize import reference

accumulators = st.integers(-(2**31), 2**31 - 1)
shifts = st.integers(0, 31)


@given(st.lists(st.tuples(accumulators, shifts), min_size=1, max_size=40))
def test_shift_rounds_half_to_even(pairs):
    values, amounts = (np.array(column) for column in zip(*pairs, strict=True))
    expected = [round(Fraction(value, 1 << shift)) for value, shift in pairs]
    assert fixed_point.shift_round_half_even(values, amounts).tolist() == expected


def test_ties_go_to_the_even_neighbour():
    values = np.array([-7, -5, -3, -1, 1, 3, 5, 7])
    assert fixed_point.shift_round_half_even(values, 1).tolist() == [-4, -2, -2, 0, 0, 2, 2, 4]


@pytest.mark.parametrize("shift", [-1, 32])
def test_a_shift_out_of_range_is_refused(shift):
    with pytest.raises(ValueError, match=r"0\.\.31"):
        fixed_point.shift_round_half_even(np.array([1]), shift)


@given(st.lists(accumulators, min_size=1, max_size=20), shifts, st.booleans())
def test_requantize(values, shift, relu):
    result = fixed_point.requantize(np.array(values), shift, relu)
    assert result.dtype == (np.uint8 if relu else np.int8)
    assert result.tolist() == [reference.requantize(value, shift, relu) for value in values]


def test_requantize_takes_one_shift_a_channel():
    acc = np.full((2, 3, 2, 2), 48, np.int64)
    result = fixed_point.requantize(acc, np.array([0, 4, 5]).reshape(3, 1, 1), relu=True)
    assert result[1, :, 0, 0].tolist() == [48, 3, 2]


@given(
    st.floats(1e-30, 1e30),
    st.sampled_from([127, 255]),
)
def test_largest_exponent_is_the_last_without_saturation(magnitude, limit):
    exponent = fixed_point.largest_exponent(magnitude, limit)
    assert np.rint(np.ldexp(magnitude, exponent)) <= limit
    assert np.rint(np.ldexp(magnitude, exponent + 1)) > limit


def test_zero_has_no_largest_exponent():
    assert fixed_point.largest_exponent(0.0, 127) is None


@given(st.integers(0, 2**40))
def test_signed_bits(magnitude):
    bits = fixed_point.signed_bits(magnitude)
    assert magnitude < 2 ** (bits - 1)
    assert magnitude == 0 or magnitude >= 2 ** (bits - 2)


def test_quantize_real_saturates_and_rounds_half_to_even():
    values = np.array([-70.0, -0.25, 0.25, 0.75, 70.0])
    assert fixed_point.quantize_real(values, 1, signed=True).tolist() == [-128, 0, 0, 2, 127]
    assert fixed_point.quantize_real(values, 2, signed=False).tolist() == [0, 0, 1, 3, 255]
