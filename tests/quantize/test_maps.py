"""Networks that end in feature maps: from float to integers, and out to ONNX and back."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from rich.console import Console

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.calibration.quantizer import quantize, quantize_network
from firebrick.quantize.check import check_anchors, check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.float_onnx import export_onnx
from firebrick.quantize.exporters.qdq import export_qdq
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.heads import split_head
from firebrick.quantize.importers.onnx.model import import_model, import_onnx
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.report.table import print_report
from tests.quantize import builders, reference
from tests.quantize.importers.onnx_graphs import Graph, refused
from tests.quantize.oracle import compare, session

IMAGES = builders.photos(3, 6)


@settings(max_examples=8)
@given(st.integers(0, 2**16), st.booleans(), st.sampled_from(["plain", "full"]))
def test_integers_follow_the_reference_and_onnxruntime(seed, both, effort):
    net = builders.map_network(seed, both=both)
    qnet = quantize_network(net, builders.RGB, IMAGES, effort=effort)
    assert qnet.maps == net.maps and qnet.classifier is None
    result = golden.run(qnet, IMAGES[:2])
    # The maps are there without being asked for.
    assert set(result.tensors) == set(net.maps) and result.sums.shape == (2, 0)
    maps = reference.maps(qnet, IMAGES[0])
    for name in net.maps:
        np.testing.assert_array_equal(result.tensors[name][0], maps[name])
    start = 0
    for name in net.maps:
        values = np.ldexp(maps[name].astype(float), -qnet.tensors[name].exponent).reshape(-1)
        np.testing.assert_array_equal(result.logits[0, start : start + values.size], values)
        start += values.size
    assert start == result.logits.shape[1]
    assert compare(qnet, IMAGES[:2]) > 2000


def test_the_answer_follows_the_float_network():
    net = builders.map_network(4, both=True)
    for effort in ("plain", "full"):
        done = quantize(net, builders.RGB, IMAGES, held_out=builders.photos(9, 4), effort=effort)
        real = FloatModel(net).logits(float_input(IMAGES, builders.RGB))
        error = golden.run(done.qnet, IMAGES).logits - real
        assert np.linalg.norm(error) < 0.05 * np.linalg.norm(real)
        # Channels are equalized, but not those that go out.
        for name in net.maps:
            maps = FloatModel(done.net).maps(float_input(IMAGES[0], builders.RGB))
            np.testing.assert_allclose(
                maps[name],
                FloatModel(net).maps(float_input(IMAGES[0], builders.RGB))[name],
                rtol=1e-3, atol=1e-4,
            )  # fmt: skip
        held_out = done.qnet.report["held_out"]
        assert held_out["agreement"] is None and held_out["logit_sqnr_db"] > 25
        console = Console(file=io.StringIO(), width=160)
        print_report(done.qnet.report, console)
        assert "held-out images: 4, maps " in console.file.getvalue()


def test_the_file_keeps_its_maps(tmp_path):
    qnet = quantize_network(builders.map_network(both=True), builders.RGB, IMAGES)
    qfile.save(qnet, tmp_path / "net.npz")
    assert qfile.load(tmp_path / "net.npz").maps == ("head.out", "fire3.out")


def test_out_to_onnx_and_back(tmp_path):
    net = builders.map_network(7)
    qnet = quantize_network(net, builders.RGB, IMAGES)
    export_qdq(qnet, tmp_path / "net.onnx")
    model = read_model(tmp_path / "net.onnx")
    assert model.taken is not None and model.taken.maps == ("head.out",)
    expected = golden.run(qnet, IMAGES).logits
    np.testing.assert_array_equal(golden.run(model.taken, IMAGES).logits, expected)
    # What is measured against is the file itself, run by onnxruntime.
    np.testing.assert_array_equal(model.reference().run(IMAGES), expected)
    export_onnx(net, builders.RGB, tmp_path / "float.onnx")
    again = import_onnx(tmp_path / "float.onnx")
    inputs = float_input(IMAGES, builders.RGB)
    np.testing.assert_allclose(
        FloatModel(again).logits(inputs), FloatModel(net).logits(inputs), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("relu", [False, True])
def test_a_file_that_ends_in_a_map(tmp_path, relu):
    graph = Graph()
    x = graph.fire(graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2])), 6, 3, 4)
    x = graph.conv(x, 8, 10, 3, pads=[1] * 4)
    path = graph.save(tmp_path, graph.relu(x) if relu else x, 4)
    net = import_model(path).network
    assert net.average is None and net.maps == (net.nodes[-1].output,)
    assert isinstance(net.nodes[-1], Conv) and net.nodes[-1].relu is relu
    images = np.random.default_rng(1).standard_normal((2, 3, 25, 22), np.float32)
    (expected,) = session(path).run(None, {"x": images})
    found = FloatModel(net).logits(images)
    np.testing.assert_allclose(found, expected.reshape(2, -1), rtol=1e-4, atol=1e-5)


def test_a_file_of_several_maps(tmp_path):
    """One that others read, and of two sizes; measured against the file, out to QDQ and back."""
    graph = Graph()
    shared = graph.fire(graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2])), 6, 3, 4)
    fine = graph.conv(shared, 8, 5, 3, pads=[1] * 4)
    coarse = graph.conv(graph.pool(shared), 8, 7, 3, pads=[1] * 4)
    model = graph.model(fine, 4)
    for name in (shared, coarse):
        model.graph.output.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4)
        )
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    net = import_onnx(path)
    assert len(net.maps) == 3 and len({net.shapes[name][1:] for name in net.maps}) == 2
    images = builders.photos(3, 4, net.shapes[net.input])
    read = read_model(path, "pixels")
    expected = session(path).run(None, {"x": images[:2].astype(np.float32)})
    flat = np.concatenate([end.reshape(2, -1) for end in expected], axis=1)
    np.testing.assert_allclose(
        FloatModel(net).logits(images[:2].astype(np.float32)), flat, rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(read.reference().run(images[:2]), flat, rtol=1e-4, atol=1e-3)
    qnet = read.quantize(images, effort="plain")
    assert qnet.report["against_file"]["logit_sqnr_db"] > 15
    assert compare(qnet, images[:1]) > 1000
    export_qdq(qnet, tmp_path / "q.onnx")
    again = read_model(tmp_path / "q.onnx")
    assert again.taken is not None and len(again.taken.maps) == 3
    np.testing.assert_array_equal(
        golden.run(again.taken, images).logits, golden.run(qnet, images).logits
    )


def test_outputs_that_do_not_go_together(tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3))
    mean = graph.add("GlobalAveragePool", graph.conv(x, 6, 4))
    for others, words in (((mean,), "each must be a map"), ((x,), "two of its outputs")):
        model = graph.model(x, 4)
        for name in others:
            model.graph.output.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4)
            )
        onnx.save(model, tmp_path / "net.onnx")
        refused(tmp_path / "net.onnx", words)


def test_a_detector_out_to_qdq_and_back(tmp_path):
    split = split_head(builders.map_network(), 1)
    qnet = quantize_network(split, builders.RGB, IMAGES, classes=("a", "b", "c", "d"))
    qnet = dataclasses.replace(qnet, anchors=((8.0, 9.5),))
    export_qdq(qnet, tmp_path / "net.onnx")
    model = read_model(tmp_path / "net.onnx")
    assert model.anchors == qnet.anchors and model.classes == qnet.classes
    assert model.taken is not None
    np.testing.assert_array_equal(
        golden.run(model.taken, IMAGES).logits, golden.run(qnet, IMAGES).logits
    )


def squeezedet(height: int, width: int) -> tuple[Graph, str]:
    """The published network, as torch exports it: Fire modules, and 9 anchors x (3 + 1 + 4)."""
    graph = Graph(shape=("N", 3, height, width))
    x = graph.relu(graph.conv("x", 3, 64, 3, strides=[2, 2], pads=[1] * 4))
    channels = 64
    pools = {2: 3, 4: 3, 6: 3}
    fires = ((16, 64),) * 2 + ((32, 128),) * 2 + ((48, 192),) * 2 + ((64, 256),) * 2
    for number, (squeeze, expand) in enumerate((*fires, (96, 384), (96, 384)), 2):
        if number in pools:
            x = graph.pool(x, ceil_mode=1)
        x = graph.fire(x, channels, squeeze, expand)
        channels = 2 * expand
    # Dropout at half is nothing outside of training.
    return graph, graph.conv(graph.add("Dropout", x), channels, 72, 3, pads=[1] * 4)


def test_squeezedet_as_published(tmp_path):
    graph, output = squeezedet(384, 1248)
    net = import_onnx(graph.save(tmp_path, output, 4))
    assert len([n for n in net.nodes if isinstance(n, Conv)]) == 32
    assert net.shapes[net.maps[0]] == (72, 24, 78)


def test_a_small_squeezedet_is_quantized(tmp_path):
    graph, output = squeezedet(64, 96)
    path = graph.save(tmp_path, output, 4)
    model = read_model(path, "torchvision", resize=0)
    images = builders.photos(2, 3, (3, 64, 96))
    qnet = model.quantize(images, effort="plain")
    assert compare(qnet, images[:1]) > 100_000
    # onnxruntime runs the file itself.
    real = model.reference().run(images)
    error = golden.run(qnet, images).logits - real
    assert np.linalg.norm(error) < 0.15 * np.linalg.norm(real)
    assert qnet.report["against_file"]["agreement"] is None


def test_ends_that_are_no_map_of_a_layer(tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 4))
    last = graph.add("Transpose", x, perm=[0, 2, 3, 1])
    refused(graph.save(tmp_path, last, 4), "without the last Transpose")
    half = graph.add("Mul", graph.pool(x), graph.constant(np.float32(0.5)))
    refused(graph.save(tmp_path, half, 4), "is padded, scaled or shifted", "do it on the host")
    graph = Graph()
    refused(graph.save(tmp_path, graph.add("Identity", "x"), 4), "is the network's input")


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ((), "must be a global sum, where no map is an output"),
        (("nowhere",), "its outputs nowhere must be maps of its own"),
        (("data",), "must be maps of its own"),
        (("head.out", "head.out"), "each once"),
    ],
)
def test_outputs_that_break_a_rule(maps, words):
    qnet = quantize_network(builders.map_network(), builders.RGB, IMAGES)
    with pytest.raises(FirebrickError, match=words):
        check_qnetwork(dataclasses.replace(qnet, maps=maps))
    sums = quantize_network(builders.fire_network(), builders.RGB, IMAGES)
    with pytest.raises(FirebrickError, match="ends in a global sum and in maps"):
        check_qnetwork(dataclasses.replace(sums, maps=("fire2.out",)))


def test_engines_run_it_and_know_the_outputs_by_name():
    net = builders.map_network(both=True)
    check_float(net, PYNQ_Z2)
    program = compile_network(quantize_network(net, builders.RGB, IMAGES), PYNQ_Z2)
    assert [entry["name"] for entry in program.host["output"]["maps"]] == ["head.out", "fire3.out"]


def test_a_detector_keeps_its_anchors(tmp_path):
    qnet = quantize_network(builders.map_network(), builders.RGB, IMAGES)
    channels = qnet.tensors["head.out"].shape[0]
    anchors = ((8.0, 9.5),)
    detector = dataclasses.replace(qnet, anchors=anchors)
    check_qnetwork(detector)
    assert detector.kinds == channels // len(anchors) - 5 and qnet.kinds == 0
    qfile.save(detector, tmp_path / "net.npz")
    assert qfile.load(tmp_path / "net.npz").anchors == anchors
    for wrong, words in (
        ((((1.0, 0.0),)), "a width and a height above 0"),
        (((1.0, 1.0),) * channels, "do not fit"),
    ):
        with pytest.raises(FirebrickError, match=words):
            check_qnetwork(dataclasses.replace(qnet, anchors=wrong))
    with pytest.raises(FirebrickError, match="one grid, the network ends in 2 maps of 2 sizes"):
        check_anchors("net", anchors, [(6, 2, 2), (6, 3, 3)])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_split_head_is_the_same_head(seed):
    """Real values in the same order; the boxes' own scale is as fine as they need."""
    net = builders.map_network(seed)
    (name,) = net.maps
    channels, anchors = net.shapes[name][0], 1
    last = net.nodes[-1]
    assert isinstance(last, Conv) and last.output == name
    # Where the boxes begin, whose numbers are small.
    first = channels - 4 * anchors
    weights = last.weights.copy()
    weights[first:] /= 64
    net = dataclasses.replace(
        net, nodes=(*net.nodes[:-1], dataclasses.replace(last, weights=weights))
    )
    split = split_head(net, anchors)
    assert [split.shapes[m][0] for m in split.maps] == [first, channels - first]
    inputs = float_input(IMAGES, builders.RGB)
    np.testing.assert_allclose(
        FloatModel(split).logits(inputs), FloatModel(net).logits(inputs), rtol=1e-4, atol=1e-5
    )
    real = FloatModel(net).logits(inputs).reshape(len(IMAGES), channels, -1)[:, first:]

    def error(of: Network) -> float:
        found = golden.run(quantize_network(of, builders.RGB, IMAGES), IMAGES).logits
        return float(np.abs(found.reshape(len(IMAGES), channels, -1)[:, first:] - real).mean())

    assert error(split) < error(net) / 4


def test_heads_that_are_not_split():
    net = builders.map_network()
    assert split_head(net, 0) is net
    both = builders.map_network(both=True)
    assert split_head(both, 1) is both
    sums = builders.fire_network()
    assert split_head(sums, 3) is sums
