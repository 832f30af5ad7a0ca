"""Residual networks: ReLU behind sums, strided shortcuts, pooling padded all around; from float to
integers, and out to ONNX and back, bit for bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.model import Model, read_model
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.float_onnx import export_onnx
from firebrick.quantize.exporters.qdq import export_qdq
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.model import import_model, import_onnx
from firebrick.quantize.network import Add, Conv, GlobalAverage, MaxPool
from firebrick.quantize.pictures.labels import read_labels
from firebrick.quantize.pictures.preprocess import float_input, list_images, load_images
from firebrick.quantize.qnetwork import QAdd, QMaxPool, QNetwork
from firebrick.quantize.report.accuracy import evaluate
from tests.quantize import builders
from tests.quantize.importers.exported.files import unpack
from tests.quantize.importers.onnx_graphs import Graph, ends
from tests.quantize.oracle import compare, session
from tests.quantize.reference import agrees_with_the_reference


def normed(graph: Graph, x: str, inputs: int, outputs: int, kernel: int, **more: object) -> str:
    """A convolution without biases and its normalization."""
    return graph.norm(graph.conv(x, inputs, outputs, kernel, bias=False, **more), outputs)


@pytest.mark.parametrize("shortcut_first", [False, True])
@pytest.mark.parametrize("pads", [[1, 1, 1, 1], [0, 0, 1, 1]])
@pytest.mark.parametrize("norm", [False, True])
def test_blocks_are_read(tmp_path, shortcut_first, pads, norm):
    """Both blocks of a ResNet; the shortcut with its normalization or, as Keras has it, without."""
    graph = Graph(shape=("N", 3, 24, 20))
    x = graph.relu(normed(graph, "x", 3, 6, 3, pads=[1] * 4))
    y = normed(graph, x, 6, 6, 3, pads=[1] * 4)
    x = graph.relu(graph.add("Add", *((x, y) if shortcut_first else (y, x))))
    y = graph.relu(normed(graph, x, 6, 9, 3, strides=[2, 2], pads=pads))
    y = normed(graph, y, 9, 9, 3, pads=[1] * 4)
    short = graph.conv(x, 6, 9, strides=[2, 2])
    short = graph.norm(short, 9) if norm else short
    x = graph.relu(graph.add("Add", *((short, y) if shortcut_first else (y, short))))
    net = ends(graph, x, 9, tmp_path)
    adds = [node for node in net.nodes if isinstance(node, Add)]
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    assert [node.relu for node in adds] == [True, True]
    assert sum(not node.relu for node in convs) == 3
    assert [node.padding for node in convs if node.stride == 2] == [tuple(pads), (0,) * 4]


@settings(max_examples=10)
@given(st.integers(0, 2**16), st.booleans())
def test_integers_follow_the_reference_and_onnxruntime(seed, keras):
    images = builders.photos(seed, 3, (3, 22, 19))
    qnet = quantize_network(
        builders.residual_network(seed, keras=keras), _preprocessing(22, 19), images
    )
    assert not any(qnet.tensors[n.output].signed for n in qnet.nodes if isinstance(n, QAdd))
    agrees_with_the_reference(qnet, images[:1])
    assert compare(qnet, images) > 3 * 5000


def test_sums_without_sign_have_the_range_of_a_relu():
    """The ReLU is the sum's, not an operand's: negative operands count, and it
    reaches what int8 does not."""
    qnet = _small()
    images = np.random.default_rng(3).choice(np.array([0, 255], np.uint8), (6, 3, 22, 19))
    tensors = golden.run(qnet, images, keep="all").tensors
    for node in qnet.nodes:
        if isinstance(node, QAdd):
            operands = [
                tensors[name].astype(int) << up
                for name, up in zip(node.inputs, node.left, strict=True)
            ]
            assert min(part.min() for part in operands) < 0
            total = sum(operands) / 2**node.shift
            assert total.min() < 0 and total.max() > 127
            expected = np.clip(np.rint(total), 0, 255)
            np.testing.assert_array_equal(tensors[node.output], expected)


def test_files_keep_the_padding_of_a_pooling(tmp_path):
    qnet = _small()
    qfile.save(qnet, tmp_path / "net.npz")
    again = qfile.load(tmp_path / "net.npz")
    assert [n for n in again.nodes if isinstance(n, QMaxPool)] == [
        QMaxPool("pool", "first.out", "pool.out", 3, True, 1)
    ]
    export_qdq(qnet, tmp_path / "net.onnx")
    taken = read_model(tmp_path / "net.onnx").taken
    assert taken is not None
    images = builders.photos(4, 2, (3, 22, 19))
    expected = golden.run(qnet, images, keep="all")
    found = golden.run(taken, images, keep="all")
    np.testing.assert_array_equal(found.logits, expected.logits)
    assert sorted(t.tobytes() for t in found.tensors.values()) == sorted(
        t.tobytes() for t in expected.tensors.values()
    )


@pytest.mark.parametrize("shape", [(3, 22, 19), (3, 25, 24)])
def test_the_float_export_means_the_same(tmp_path, shape):
    net = builders.residual_network(2, shape)
    images = builders.photos(4, 2, shape)
    preprocessing = _preprocessing(*shape[1:])
    export_onnx(net, preprocessing, tmp_path / "net.onnx")
    inputs = float_input(images, preprocessing)
    runner = session(tmp_path / "net.onnx")
    (found,) = runner.run(None, {runner.get_inputs()[0].name: inputs})
    np.testing.assert_allclose(found, FloatModel(net).logits(inputs), rtol=1e-4, atol=1e-4)
    pools = [n for n in import_onnx(tmp_path / "net.onnx").nodes if isinstance(n, MaxPool)]
    assert [(pool.kernel, pool.padding) for pool in pools] == [(3, 1)]


def test_a_padding_of_two_breaks_a_rule():
    qnet = _small()
    nodes = tuple(
        dataclasses.replace(node, padding=2) if isinstance(node, QMaxPool) else node
        for node in qnet.nodes
    )
    with pytest.raises(FirebrickError, match="layer pool: a pooling's padding must be 0 or 1"):
        check_qnetwork(dataclasses.replace(qnet, nodes=nodes))


def test_torchvisions_resnet18(tmp_path):
    """As torch exports it at 224x224: every sum rectified, three of its shortcuts strided."""
    path = unpack("torchvision_resnet18_dynamo", tmp_path)
    model = import_model(path)
    net = model.network
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    adds = [node for node in net.nodes if isinstance(node, Add)]
    assert len(convs) == 21 and len(adds) == 8 and all(node.relu for node in adds)
    assert [n.weights.shape[2] for n in convs if n.stride == 2].count(1) == 3
    assert [n.padding for n in net.nodes if isinstance(n, MaxPool)] == [1]
    assert isinstance(net.nodes[-1], GlobalAverage)
    opened = read_model(path, "torchvision")
    images = builders.photos(3, 2, net.shapes[net.input])
    runner = session(path)
    inputs = float_input(images, opened.preprocessing)
    (expected,) = runner.run(None, {runner.get_inputs()[0].name: inputs})
    np.testing.assert_allclose(
        FloatModel(net).logits(inputs), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()
    )
    qnet = quantize_network(net, opened.preprocessing, images, effort="plain")
    assert compare(qnet, images[:1]) == sum(
        int(np.prod(tensor.shape)) for name, tensor in qnet.tensors.items() if name != qnet.input
    )
    found = golden.run(qnet, images).logits
    assert np.linalg.norm(found - expected) < 0.2 * np.linalg.norm(expected)


# --- ResNet-8 of MLPerf Tiny, trained ----------------------------------------------------------


@pytest.fixture(scope="module")
def resnet8(shared_data: Path) -> tuple[Model, QNetwork, Path]:
    folder = shared_data / "mlperf_tiny"
    if not folder.is_dir():
        pytest.skip(f"no ResNet-8 in {folder}")
    model = read_model(folder / "resnet8.onnx", "pixels")
    calibration = load_images(list_images(folder / "calibration"), model.preprocessing)
    return model, model.quantize(calibration), folder


def test_resnet8_is_read_whole(resnet8):
    model, _, _ = resnet8
    net = model.network
    strided = [
        (n.weights.shape[2], n.padding) for n in net.nodes if isinstance(n, Conv) and n.stride == 2
    ]
    assert strided == [(3, (0, 0, 1, 1)), (1, (0,) * 4)] * 2
    assert [n.relu for n in net.nodes if isinstance(n, Add)] == [True] * 3
    assert net.shapes[net.input] == (3, 32, 32) and net.softmax
    macs = sum(
        n.weights.size * int(np.prod(net.shapes[n.output][1:]))
        for n in net.nodes
        if isinstance(n, Conv)
    )
    # 12,501,632 where the linear layer follows the mean, as in the file.
    assert macs == 12_501_632 - 640 + 64 * 640


def test_resnet8_is_as_accurate_as_the_float_network(resnet8):
    model, qnet, folder = resnet8
    labels = read_labels(folder / "labels.csv", folder / "images", 10)
    found = evaluate(qnet, model.reference(), labels)
    assert found.images == 400 and found.oracle == "onnxruntime on resnet8.onnx"
    assert found.float_top1 == 74.2
    # Percentages are rounded: half a point is two pictures.
    assert abs(found.fixed_top1 - found.float_top1) <= 0.5
    assert found.agreement is not None and found.agreement >= 97


def test_resnet8_is_bit_exact_in_onnxruntime(resnet8):
    _, qnet, folder = resnet8
    images = load_images(list_images(folder / "images")[::20], qnet.preprocessing)
    maps = [t for name, t in qnet.tensors.items() if name != qnet.input]
    assert len(maps) == 12
    assert compare(qnet, images) == 20 * sum(int(np.prod(tensor.shape)) for tensor in maps)


def _small() -> QNetwork:
    images = builders.photos(6, 4, (3, 22, 19))
    return quantize_network(builders.residual_network(6), _preprocessing(22, 19), images)


def _preprocessing(height: int, width: int):
    return dataclasses.replace(builders.RGB, crop=(height, width))
