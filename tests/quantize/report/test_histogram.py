"""Histograms count every value once, in the bin that its integer belongs to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.quantize.calibration.quantizer import fold_input
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.qnetwork import QConv, QNetwork
from firebrick.quantize.report.histogram import (
    BINS,
    activation_histograms,
    count,
    weight_histograms,
)
from tests.quantize import builders


@given(st.integers(0, 2**32 - 1), st.sampled_from([(0, 255), (-128, 127)]))
def test_every_value_is_counted_once(seed: int, limits: tuple[int, int]) -> None:
    low, high = limits
    rng = np.random.default_rng(seed)
    before = rng.normal(0, 200, 500)
    after = np.clip(np.rint(before), low, high).astype(np.int64)
    found = count(before, after, low, high)
    assert len(found.before) == len(found.after) == BINS
    assert sum(found.before) + found.below + found.above == 500
    assert sum(found.after) == 500
    # Saturated values end in the outer bins, and nothing else moves.
    assert found.after[0] == found.before[0] + found.below
    assert found.after[-1] == found.before[-1] + found.above
    assert found.after[1:-1] == found.before[1:-1]


@pytest.mark.parametrize(("value", "place"), [(0, 0), (3, 0), (4, 1), (251, 62), (255, 63)])
def test_bins_are_four_integers_wide(value: int, place: int) -> None:
    found = count(np.array([value + 0.3]), np.array([value]), 0, 255)
    assert found.before[place] == found.after[place] == 1


def test_weights_are_seen_in_units_of_their_channel(
    small_network: Network, small_qnet: QNetwork
) -> None:
    """Where rounding is to nearest, both histograms may differ only by what saturates."""
    weights = {
        node.name: fold_input(small_network, node, small_qnet.preprocessing).weights
        for node in small_network.nodes
        if isinstance(node, Conv)
    }
    found = weight_histograms(weights, small_qnet)
    assert set(found) == set(weights)
    for name, histogram in found.items():
        assert sum(histogram.after) == weights[name].size
        assert sum(histogram.before) + histogram.below + histogram.above == weights[name].size
        # Half of the int8 range is in use in every layer, or the scale would be wrong.
        assert sum(histogram.after[: BINS // 4]) + sum(histogram.after[-BINS // 4 :]) > 0


def test_activations_of_float_and_fixed_point_lie_over_each_other(
    small_network: Network, small_qnet: QNetwork
) -> None:
    images = builders.photos(5, 3)
    found = activation_histograms(small_network, small_qnet, images)
    convs = [node for node in small_qnet.nodes if isinstance(node, QConv)]
    assert list(found) == [node.name for node in convs]
    for node in convs:
        histogram = found[node.name]
        values = 3 * int(np.prod(small_qnet.tensors[node.output].shape))
        assert sum(histogram.after) == values
        assert sum(histogram.before) + histogram.below + histogram.above == values
        moved = np.abs(np.cumsum(histogram.before) - np.cumsum(histogram.after)).max()
        assert moved < 0.1 * values
