"""Random Fire networks: to hls4ml's layers, through its passes, and back, nothing is changed."""

from __future__ import annotations

from pathlib import Path

import hls4ml
import numpy as np
import pytest
from hls4ml.model import ModelGraph

from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls4ml_backend.frontend import layer_list
from firebrick.hw.hls4ml_backend.lower import lower
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.network import Add, Concat, Conv, MaxPool
from firebrick.quantize.qnetwork import QConv, QGlobalSum
from tests.hw.hls4ml_backend.conftest import ENGINE
from tests.quantize import builders

CASES = [
    # seed, first_pad, relu, ceil_mode, pool_kernel, last_pad
    (0, 0, True, True, 3, 1),
    (1, 1, True, False, 3, 0),
    (2, (1, 0, 2, 1), False, True, 2, 1),
    (3, 0, False, False, 2, 0),
]


@pytest.mark.parametrize("case", CASES)
def test_a_network_survives(case, tmp_path):
    seed, first_pad, relu, ceil_mode, pool_kernel, last_pad = case
    net = builders.fire_network(
        seed,
        first_pad=first_pad,
        relu=relu,
        ceil_mode=ceil_mode,
        pool_kernel=pool_kernel,
        last_pad=last_pad,
    )
    survives(net, seed, tmp_path)


@pytest.mark.parametrize("relu", [False, True])
def test_a_network_with_bypass_survives(relu, tmp_path):
    survives(builders.bypass_network(6, relu=relu), 6, tmp_path)


def survives(net, seed, tmp_path):
    images = builders.photos(seed, 8)
    layers, inputs, outputs = layer_list(net)
    config = hls4ml.utils.config.create_config(
        output_dir=str(tmp_path / "project"),
        backend="Firebrick",
        preprocessing=builders.BGR,
        calibration=images,
        **ENGINE,
    )
    config["HLSConfig"] = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
    model = ModelGraph.from_layer_list(config, layers, inputs, outputs)
    compare_networks(lower(model).network, net)
    expected = quantize_network(net, builders.BGR, images)
    for ours, theirs in zip(model.qnetwork.nodes, expected.nodes, strict=True):
        if isinstance(ours, QConv | QGlobalSum):
            for name in ("weights", "bias", "weight_exponent"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    model.compile()
    # The test bench's expected sums are what the engine writes, without the border's share.
    folder = Path(model.config.get_output_dir())
    blob = (folder / "program.fbp").read_bytes()
    picture = np.random.default_rng(0).integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
    stored = np.fromfile(folder / "data" / "expected.bin", "<i8")[:5]
    np.testing.assert_array_equal(stored, CSim(EngineShape(**ENGINE)).run(blob, picture).sums[0])
    others = builders.photos(seed + 100, 3)
    np.testing.assert_array_equal(model.predict(others), golden.run(expected, others).logits)


def compare_networks(ours, theirs) -> None:
    """The same nodes in the same order; names of tensors may differ."""
    known = {ours.input: theirs.input}
    for node, original in zip(ours.nodes, theirs.nodes, strict=True):
        assert type(node) is type(original)
        if isinstance(original, Concat | Add):
            assert tuple(known[name] for name in node.inputs) == original.inputs
        else:
            assert known[node.input] == original.input
        if isinstance(original, Conv):
            np.testing.assert_array_equal(node.weights, original.weights)
            np.testing.assert_array_equal(node.bias, original.bias)
            for name in ("stride", "padding", "relu"):
                assert getattr(node, name) == getattr(original, name)
        elif isinstance(original, Add):
            assert node.relu == original.relu
        elif isinstance(original, MaxPool):
            # Where both give the same windows, either is right.
            same = ours.shapes[node.output] == theirs.shapes[original.output]
            assert node.kernel == original.kernel and same
        known[node.output] = original.output
        assert ours.shapes[node.output] == theirs.shapes[original.output]
