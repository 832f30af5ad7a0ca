"""Networks with bypass: exponents that can be aligned, the rules of sums, the architectures."""

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from firebrick.commands import figures
from firebrick.quantize import golden, qfile
from firebrick.quantize.architectures import (
    ARCHITECTURES,
    SqueezeNetConfig,
    build,
    layer_shapes,
    squeezenet_complex_bypass,
    squeezenet_simple_bypass,
)
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Add, Conv, inputs_of
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QAdd, QConv
from firebrick.quantize.report.table import print_report
from firebrick.sim.random_networks import random_images, random_network
from tests.quantize import builders
from tests.quantize.reference import agrees_with_the_reference

CALIBRATION = builders.photos(1, 6)


@settings(max_examples=15)
@given(st.integers(0, 2**16), st.booleans(), st.sampled_from([1.0, 1e-4, 0.01, 100.0, 1e4]))
def test_operands_of_any_size_are_aligned(seed, relu, gain):
    net = builders.bypass_network(seed, relu=relu, gain=gain)
    qnet = quantize_network(net, builders.BGR, CALIBRATION)
    check_qnetwork(qnet)
    adds = [node for node in qnet.nodes if isinstance(node, QAdd)]
    assert [node.name for node in adds] == ["fire2.add", "fire3.add"]
    for node in adds:
        a, b = (qnet.tensors[name].exponent for name in node.inputs)
        assert node.left == (max(a, b) - a, max(a, b) - b)
        assert node.shift == max(a, b) - qnet.tensors[node.output].exponent
    # The bypass convolution has no ReLU, what the other sum adds has had one.
    assert qnet.tensors["fire2.add.out"].signed is not relu
    entries = qnet.report["additions"]
    assert [(e["name"], tuple(e["left"]), e["shift"]) for e in entries] == [
        (node.name, node.left, node.shift) for node in adds
    ]
    if gain == 1.0:
        assert all(20 < entry["sqnr_db"] < 70 for entry in entries)


def test_the_answers_follow_the_float_network():
    net = builders.bypass_network(5)
    images = builders.photos(8, 12)
    qnet = quantize_network(net, builders.BGR, images)
    expected = FloatModel(net).logits(float_input(images, builders.BGR))
    found = golden.run(qnet, images).logits
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected)


def test_a_sum_is_the_float_sum():
    net = builders.bypass_network(5, relu=True)
    maps = FloatModel(net).maps(float_input(CALIBRATION[0], builders.BGR))
    for node in net.nodes:
        if isinstance(node, Add):
            total = maps[node.inputs[0]] + maps[node.inputs[1]]
            np.testing.assert_array_equal(maps[node.output], np.maximum(total, 0))


@pytest.fixture(scope="module")
def bypass_qnet():
    return quantize_network(builders.bypass_network(), builders.BGR, CALIBRATION)


def test_the_file_holds_additions(bypass_qnet, tmp_path):
    qfile.save(bypass_qnet, tmp_path / "net.npz")
    loaded = qfile.load(tmp_path / "net.npz")
    assert [n for n in loaded.nodes if isinstance(n, QAdd)] == [
        n for n in bypass_qnet.nodes if isinstance(n, QAdd)
    ]
    assert qfile.fingerprint(loaded) == qfile.fingerprint(bypass_qnet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left": (8, 0)}, "within 0..7, one of them 0"),
        ({"left": (1, 1)}, "one of them 0"),
        ({"shift": 16}, "within 0..15"),
        ({"shift": -1}, "within 0..15"),
        ({"left": (0, 6)}, "do not align"),
        ({"inputs": ("first.out", "fire2.out")}, "unlike shapes"),
        ({"inputs": ("first.out",)}, "two inputs"),
    ],
)
def test_additions_that_break_a_rule_are_refused(bypass_qnet, changes, message):
    nodes = tuple(
        dataclasses.replace(node, **changes) if node.name == "fire2.add" else node
        for node in bypass_qnet.nodes
    )
    with pytest.raises(FirebrickError, match=rf"layer fire2\.add: .*{message}"):
        check_qnetwork(dataclasses.replace(bypass_qnet, nodes=nodes))


def test_a_sum_without_signs_has_none(bypass_qnet):
    tensors = dict(bypass_qnet.tensors)
    name = "fire3.add.out"
    producer = next(n for n in bypass_qnet.nodes if n.output == name)
    nodes = tuple(
        dataclasses.replace(producer, inputs=("fire3.out", "fire3.out"), left=(0, 0))
        if node is producer
        else node
        for node in bypass_qnet.nodes
    )
    exponent = tensors["fire3.out"].exponent - producer.shift
    tensors[name] = dataclasses.replace(tensors[name], exponent=exponent, signed=True)
    with pytest.raises(FirebrickError, match=r"layer fire3\.add: its output must be .*signed=F"):
        check_qnetwork(dataclasses.replace(bypass_qnet, nodes=nodes, tensors=tensors))


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_follow_the_reference(seed):
    qnet = random_network(seed, bypass=True)
    assert any(isinstance(node, QAdd) for node in qnet.nodes)
    agrees_with_the_reference(qnet, random_images(qnet, 1, seed))


SMALL = SqueezeNetConfig(
    name="small", base_expand=16, incr_expand=8, modules=4, first_filters=8,
    pool_after=("conv1", "fire3"), classes=5, input_size=(35, 41),
)  # fmt: skip


@pytest.mark.parametrize("bypass", ["simple", "complex"])
def test_where_the_bypasses_are(bypass):
    """Around modules that keep the number of channels; a complex one around all."""
    net = build(dataclasses.replace(SMALL, bypass=bypass), np.random.default_rng(0))
    adds = {node.name: node for node in net.nodes if isinstance(node, Add)}
    expected = {"fire3/add": "fire2/concat", "fire5/add": "fire4/concat"}
    if bypass == "complex":
        expected = {
            "fire2/add": "fire2/bypass1x1", "fire3/add": "fire2/add",
            "fire4/add": "fire4/bypass1x1", "fire5/add": "fire4/add",
        }  # fmt: skip
    assert {name: add.inputs[0] for name, add in adds.items()} == expected
    for name, add in adds.items():
        assert add.inputs[1] == name.replace("add", "concat") and not add.relu
    # A pooling follows the sum, and the module behind it is bypassed from there.
    readers = {name for node in net.nodes for name in inputs_of(node) if name == "fire3/add"}
    assert readers
    convs = [n for n in net.nodes if isinstance(n, Conv) and n.name.endswith("bypass1x1")]
    assert len(convs) == (2 if bypass == "complex" else 0)
    assert not any(conv.relu for conv in convs)
    FloatModel(net).logits(np.zeros((1, 3, 35, 41), np.float32))


def test_bypasses_of_the_paper():
    shapes = {
        name: shape
        for name, shape in layer_shapes(squeezenet_complex_bypass()).items()
        if name.endswith("bypass1x1")
    }
    assert shapes == {
        "fire2/bypass1x1": (128, 96, 1, 1), "fire4/bypass1x1": (256, 128, 1, 1),
        "fire6/bypass1x1": (384, 256, 1, 1), "fire8/bypass1x1": (512, 384, 1, 1),
    }  # fmt: skip
    assert layer_shapes(squeezenet_simple_bypass()) == layer_shapes(SqueezeNetConfig())
    nets = {
        name: build(ARCHITECTURES[name](), np.random.default_rng(0))
        for name in ("v1.0", "simple-bypass", "complex-bypass")
    }
    parameters = {name: figures.parameters(net) for name, net in nets.items()}
    assert parameters == {
        "v1.0": 1_248_424, "simple-bypass": 1_248_424,
        "complex-bypass": 1_248_424 + 339_968 + 1_280,
    }  # fmt: skip
    simple = [node.name for node in nets["simple-bypass"].nodes if isinstance(node, Add)]
    assert simple == ["fire3/add", "fire5/add", "fire7/add", "fire9/add"]
    complex_ = [node.name for node in nets["complex-bypass"].nodes if isinstance(node, Add)]
    assert complex_ == [f"fire{i}/add" for i in range(2, 10)]


def test_the_table_has_a_row_for_every_addition(bypass_qnet):
    text = io.StringIO()
    print_report(bypass_qnet.report, Console(file=text, width=140))
    lines = [line for line in text.getvalue().splitlines() if ".add" in line]
    for line, entry in zip(lines, bypass_qnet.report["additions"], strict=True):
        assert entry["name"] in line and f"{entry['sqnr_db']:.1f}" in line
        left = entry["left"]
        assert (f"operands << {left[0]}, {left[1]}" in line) is any(left)


def test_an_unknown_bypass_is_refused():
    with pytest.raises(FirebrickError, match="bypass is 'double'; supported are none, simple"):
        SqueezeNetConfig(bypass="double")


def test_the_layers_of_the_report_are_the_convolutions(bypass_qnet):
    names = [node.name for node in bypass_qnet.nodes if isinstance(node, QConv)]
    assert [entry["name"] for entry in bypass_qnet.report["layers"]] == [*names, "classes"]
