"""The figures of the paper and of the design, reproduced by the calculators."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from firebrick.models.digits import FACTS_PATH, MODEL_PATH
from firebrick.quantize.architectures import build, squeezenet_v1_0, squeezenet_v1_1
from firebrick.quantize.importers.net import import_net
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv
from firebrick.quantize.report import figures


def network(config):
    return build(config, np.random.default_rng(0))


@pytest.fixture(scope="module")
def v1_0():
    return network(squeezenet_v1_0())


def test_a_3x3_layer_as_a_fire_module():
    plain = figures.plain_weights(256, 512)
    assert plain == 1_179_648
    fire = figures.fire_weights(256, 64, 512)
    assert fire == 180_224
    assert round(100 * (1 - fire / plain), 2) == 84.72
    assert figures.fire_weights(256, 32, 512) == 90_112


def test_parameters_of_v1_0_and_alexnet(v1_0):
    assert figures.parameters(v1_0) == 1_248_424
    alexnet = figures.alexnet_parameters()
    assert alexnet["conv1"] == 34_944 and alexnet["fc6"] == 37_752_832
    assert sum(alexnet.values()) == 60_965_224
    assert round(sum(alexnet.values()) / figures.parameters(v1_0)) == 49


def test_sizes_as_the_paper_prints_them(v1_0):
    sizes = figures.Sizes.of(figures.layer_figures(v1_0))
    assert sizes.float32 == 4_993_696
    assert sizes.as_printed() == (4.8, 0.66, 0.47)
    assert [figures.times_smaller(mb) for mb in sizes.as_printed()] == [50, 363, 510]
    alexnet = 4 * sum(figures.alexnet_parameters().values())
    assert alexnet / 1e6 == pytest.approx(figures.PAPER_ALEXNET_MB, rel=0.02)


def test_the_compressed_size_formula_gives_the_published_files_size(shared_data):
    path = shared_data / "squeezenet_v1.0_deep_compression.net"
    layers = figures.layer_figures(import_net(path))
    stored = int(np.frombuffer(path.read_bytes(), "<u4", 26).sum())
    density = stored / sum(layer.weights for layer in layers)
    size = figures.compressed_bytes(layers, density, 8, huffman_gaps=False)
    # The file rounds each layer's gaps up to whole bytes.
    assert 0 <= path.stat().st_size - size <= 0.5 * len(layers)


def test_entropy_of_a_fair_coin_and_of_certainty():
    assert figures.binary_entropy(0.5) == 1
    assert figures.binary_entropy(0.0) == figures.binary_entropy(1.0) == 0


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (squeezenet_v1_0(), 832.7),
        (squeezenet_v1_1(), 349.2),
        (replace(squeezenet_v1_1(), input_size=(227, 227)), 387.7),
    ],
    ids=["v1.0", "v1.1 at 224", "v1.1 at 227"],
)
def test_macs(config, millions):
    assert round(figures.macs(network(config)) / 1e6, 1) == millions


def test_conv10_with_padding_costs_no_more_when_computed_without():
    net = network(replace(squeezenet_v1_0(), conv10_padding=1))
    conv10 = figures.layer_figures(net)[-1]
    assert conv10.output == (1000, 15, 15)
    assert round((conv10.macs + conv10.border_macs) / 1e6, 1) == 115.2
    assert round(conv10.macs / 1e6, 1) == 86.5
    assert round(figures.macs(net) / 1e6, 1) == 832.7


def test_positions_that_see_the_input_by_counting():
    rng = np.random.default_rng(2)
    for _ in range(60):
        size, taps, stride = (int(n) for n in rng.integers((5, 1, 1), (12, 5, 5)))
        pads = tuple(int(n) for n in rng.integers(0, 7, 4))
        weights = np.ones((1, 1, taps, taps), np.float32)
        node = Conv("c", "x", "y", weights, np.zeros(1), stride, pads, False)
        padded = np.pad(np.ones((size, size)), ((pads[0], pads[2]), (pads[1], pads[3])))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps))
        seen = windows[::stride, ::stride].sum(axis=(2, 3)) > 0
        assert figures._positions_that_see((1, size, size), node) == seen.sum(), (size, node)


def test_fire_modules_of_v1_0(v1_0):
    fires = {fire.name: fire for fire in figures.fire_figures(v1_0)}
    assert list(fires) == [f"fire{i}" for i in range(2, 10)]
    for fire in fires.values():
        assert fire.weights == figures.fire_weights(fire.inputs, fire.squeeze, fire.outputs)
        assert fire.plain_weights == 9 * fire.inputs * fire.outputs
    assert (fires["fire9"].inputs, fires["fire9"].outputs) == (512, 512)
    assert fires["fire9"].weights == 196_608
    total = sum(fire.parameters for fire in fires.values()) + 14_208 + 513_000
    assert total == figures.parameters(v1_0)


def test_fire_modules_are_found_in_an_imported_network():
    net = import_onnx(MODEL_PATH)
    assert [fire.name for fire in figures.fire_figures(net)] == ["fire2", "fire3", "fire4", "fire5"]
    assert figures.parameters(net) == json.loads(FACTS_PATH.read_text())["parameters"]
