"""Where networks are cut, and what a new classifier on a cut computes."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.transfer.features import features
from firebrick.quantize.transfer.trunk import cuts, named, with_classifier
from tests.quantize import builders


def fires():
    build = builders.Builder(5, (3, 33, 33))
    build.conv("conv1", 8, 3, stride=2)
    build.pool("pool1", 3, True)
    build.fire("fire2", 4, 8)
    one = build.fire("fire3", 4, 8)
    build.add("sum", one, "fire2.out")
    build.conv("conv10", 5, 1)
    return build.build()


def test_cuts_are_what_all_passes_through():
    # The output of fire3 does not hold all: the bypass goes past it.
    assert cuts(fires()) == ("conv1.out", "fire2.out", "sum.out", "conv10.out")


def test_cuts_by_name():
    assert named(fires(), "fire2") == "fire2.out"
    assert named(fires(), "sum.out") == "sum.out"
    for name in ("fire", "fire22", "ire2", "conv"):
        with pytest.raises(FirebrickError, match=r"no features .*there are conv1.out, fire2.out"):
            named(fires(), name)


def test_a_classifier_on_the_picture_is_refused():
    build = builders.Builder(1, (3, 9, 9))
    build.conv("only", 4, 9)
    with pytest.raises(FirebrickError, match="reads the picture itself"):
        cuts(build.build())


@pytest.mark.parametrize("cut", ["conv1.out", "fire2.out", "conv10.out"])
def test_the_classifier_on_the_map_is_the_classifier_on_the_average(cut):
    net = fires()
    rng = np.random.default_rng(2)
    weights, bias = rng.normal(size=(3, net.shapes[cut][0])), rng.normal(size=3)
    new = with_classifier(net, cut, weights, bias, "mine")
    prepared = builders.BGR.__class__(**{**vars(builders.BGR), "crop": (33, 33)})
    pictures = rng.integers(0, 256, (2, 3, 33, 33), np.uint8)
    logits = FloatModel(new).logits(float_input(pictures, prepared))
    averages = features(net, prepared, pictures, (cut,))[cut][:, 0]
    np.testing.assert_allclose(logits, averages @ weights.T + bias, rtol=1e-4, atol=1e-3)
    assert not any(node.name.startswith("fire3") for node in new.nodes) or cut == "conv10.out"
