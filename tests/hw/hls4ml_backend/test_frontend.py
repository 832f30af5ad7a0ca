"""The ONNX front end: right where hls4ml's own is wrong, or refused by name."""

from __future__ import annotations

import hls4ml
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from firebrick.hw.hls4ml_backend.frontend import parse
from firebrick.hw.hls4ml_backend.lower import lower
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.qdq import export_qdq
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.qnetwork import QAdd, QConv, QGlobalSum
from tests.hw.hls4ml_backend.conftest import convert, random_pictures
from tests.quantize import builders
from tests.quantize.importers.onnx_graphs import CLASSES, Graph


def check(model: onnx.ModelProto, folder, bits: bool = False):
    """Convert, and compare the lowered float network with onnxruntime; with ``bits`` also the
    compiled engine with the golden model.  Returns the model."""
    images = random_pictures(model)
    converted = convert(model, folder, calibration=images)
    feed = np.random.default_rng(3).standard_normal(images.shape).astype(np.float32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    expected = session.run(None, {session.get_inputs()[0].name: feed})[0].reshape(len(feed), -1)
    net = lower(converted).network
    logits = FloatModel(net).logits(feed)
    if net.softmax:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, rtol=2e-4, atol=2e-5)
    assert np.ptp(expected) > 1e-3
    if bits:
        converted.compile()
        reference = golden.run(converted.qnetwork, images).logits
        np.testing.assert_array_equal(converted.predict(images), reference)
    return converted


def body(graph: Graph, ceil_mode: int = 0) -> str:
    """conv, pooling, Fire, classifier; returns the classifier's output."""
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2]))
    x = graph.pool(x, ceil_mode=ceil_mode)
    return graph.head(graph.fire(x, 6, 4, 5), 10)


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("size", [(25, 22), (24, 27), (25, 27)])
def test_ceil_mode(ceil_mode, size, tmp_path):
    graph = Graph(shape=("N", 3, *size))
    model = graph.model(graph.add("GlobalAveragePool", body(graph, ceil_mode)), rank=4)
    converted = check(model, tmp_path, bits=True)
    pool = next(n for n in lower(converted).network.nodes if type(n).__name__ == "MaxPool")
    layer = converted.graph[pool.name]
    rows, cols = ((n - 3) // 2 + 1 for n in size)
    expected = [-(-(n - 3) // 2) + 1 if ceil_mode else (n - 3) // 2 + 1 for n in (rows, cols)]
    assert layer.get_output_variable().shape[:2] == expected
    padding = [(n - 1) * 2 + 3 - size for n, size in zip(expected, (rows, cols), strict=True)]
    found = [layer.get_attr("pad_bottom"), layer.get_attr("pad_right")]
    assert found == ([max(n, 0) for n in padding] if ceil_mode else [0, 0])


@pytest.mark.parametrize("average", ["GlobalAveragePool", "ReduceMean", "AveragePool"])
def test_global_averages(average, tmp_path):
    graph = Graph()
    x = body(graph)
    if average == "GlobalAveragePool":
        out = graph.add(average, x)
    elif average == "ReduceMean":
        out = graph.add(average, x, axes=[2, 3], keepdims=1)
    else:
        out = graph.add(average, x, kernel_shape=[5, 4])
    converted = check(graph.model(out, rank=4), tmp_path, bits=True)
    layer = converted.graph[converted.outputs[0]]
    assert layer.class_name == "GlobalPooling2D"
    assert layer.get_output_variable().shape == [CLASSES]
    sizes = [layer.get_attr(name) for name in ("in_height", "in_width", "n_filt")]
    assert sizes == [5, 4, CLASSES]


def test_dropout_softmax_and_flatten(tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2]))
    x = graph.add("Dropout", graph.fire(x, 6, 4, 5))
    x = graph.add("GlobalAveragePool", graph.add("Identity", graph.head(x, 10)))
    model = graph.model(graph.add("Softmax", graph.add("Flatten", x)))
    converted = check(model, tmp_path)
    kinds = {layer.class_name for layer in converted.get_layers()}
    assert kinds == {"Input", "Conv2D", "Activation", "Concatenate", "GlobalPooling2D", "Softmax"}


def test_attributes_that_are_left_out(tmp_path):
    """A Conv needs none of dilations, group, kernel_shape, pads, strides."""
    graph = Graph(shape=("N", 3, 12, 11))
    x = graph.relu(graph.conv("x", 3, 6, 3))
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 6)), rank=4)
    assert all(not node.attribute for node in model.graph.node if node.op_type == "Conv")
    check(model, tmp_path, bits=True)


def test_batch_normalization_is_folded(tmp_path):
    graph = Graph()
    x = graph.relu(graph.norm(graph.conv("x", 3, 6, 3, strides=[2, 2], bias=False), 6))
    check(graph.model(graph.add("GlobalAveragePool", graph.head(x, 6)), rank=4), tmp_path)


def test_concatenations_of_more_than_two(tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2]))
    parts = [graph.relu(graph.conv(x, 6, n)) for n in (3, 4, 5, 2)]
    x = graph.add("Concat", *parts, axis=1)
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 14)), rank=4)
    converted = check(model, tmp_path)
    concats = [n for n in converted.qnetwork.nodes if type(n).__name__ == "QConcat"]
    assert [len(node.inputs) for node in concats] == [4]


def test_concatenation_without_relu_shares_one_scale(tmp_path):
    """Halves of very different range: the same exponent, and the engine's bits are golden."""
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2]))
    halves = [graph.conv(x, 6, 4), graph.conv(x, 6, 4, 3, pads=[1] * 4)]
    graph.weights[graph.nodes[-1].input[1]] *= np.float32(40)
    x = graph.add("Concat", *halves, axis=1)
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 8)), rank=4)
    converted = check(model, tmp_path, bits=True)
    concat = next(n for n in converted.qnetwork.nodes if type(n).__name__ == "QConcat")
    exponents = {
        converted.qnetwork.tensors[name].exponent for name in (*concat.inputs, concat.output)
    }
    assert len(exponents) == 1


@pytest.mark.parametrize("ahead_of_concat", [True, False])
def test_qonnx_quantizers_without_powers_of_two_are_refused(ahead_of_concat, tmp_path):
    """A float-scaled Quant ahead of a Concat, and any other."""
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2]))
    numbers = [graph.constant(np.float32(value)) for value in (0.037, 0, 8)]
    other = graph.conv(x, 6, 4) if ahead_of_concat else ""
    quantized = graph.add("Quant", graph.conv(x, 6, 4), *numbers, name="half_quant")
    graph.nodes[-1].domain = "qonnx.custom_op.general"
    x = graph.add("Concat", quantized, other, axis=1) if ahead_of_concat else quantized
    output = graph.add("GlobalAveragePool", graph.head(x, 8 if ahead_of_concat else 4))
    model = graph.model(output, rank=4)
    with pytest.raises(FirebrickError, match=r"test: .*cannot be taken over: .*float network"):
        convert(model, tmp_path, calibration=random_pictures(model))


@pytest.mark.parametrize("net", [builders.fire_network(2), builders.bypass_network(5)])
def test_qdq_files_are_taken_over(net, tmp_path):
    """As they are: no calibration, the same integers."""
    images = builders.photos(3, 8)
    expected = quantize_network(net, builders.BGR, images)
    export_qdq(expected, tmp_path / "net.onnx")
    converted = convert(str(tmp_path / "net.onnx"), tmp_path, preprocessing=None)
    for ours, theirs in zip(converted.qnetwork.nodes, expected.nodes, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(theirs, QConv | QGlobalSum):
            for name in ("weights", "bias", "weight_exponent"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    converted.compile()
    reference = golden.run(expected, images).logits
    np.testing.assert_array_equal(converted.predict(images), reference)


def test_qonnx_files_are_taken_over(tmp_path):
    """Scales of powers of two, weights with one a layer: the exponents are the file's."""
    graph = Graph()

    def quantized(source: str, scale: float, signed: int) -> str:
        numbers = [graph.constant(np.float32(value)) for value in (scale, 0, 8)]
        out = graph.add("Quant", source, *numbers, signed=signed, narrow=0, rounding_mode="ROUND")
        graph.nodes[-1].domain = "qonnx.custom_op.general"
        return out

    x = quantized(graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2])), 2.0**-4, 0)
    x = quantized(graph.relu(graph.conv(x, 6, 4)), 2.0**-5, 0)
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 4)), rank=4)
    model.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    images = random_pictures(model)
    converted = convert(model, tmp_path)
    found = [tensor.exponent for tensor in converted.qnetwork.tensors.values()]
    assert found == [0, 4, 5]
    converted.compile()
    reference = golden.run(converted.qnetwork, images).logits
    np.testing.assert_array_equal(converted.predict(images), reference)
    config = hls4ml.utils.config_from_onnx_model(model, granularity="name", backend="Firebrick")
    config["LayerName"][converted.qnetwork.nodes[0].name]["Precision"]["result"] = "ufixed<8,3>"
    with pytest.raises(FirebrickError, match="holds a quantized network, but precisions"):
        convert(model, tmp_path, hls_config=config)


def test_networks_that_end_in_maps_are_refused():
    graph = Graph()
    model = graph.model(
        graph.conv(graph.relu(graph.conv("x", 3, 6, 3)), 6, 8, 3, pads=[1] * 4), rank=4
    )
    with pytest.raises(FirebrickError, match=r"test: ends in the map .*; this backend is for"):
        parse(model)


def test_other_dialects_are_refused(tmp_path):
    graph = Graph()
    x = graph.head(graph.relu(graph.conv("x", 3, 6, 3)), 6)
    out = graph.add("GlobalAveragePool", x)
    model = graph.model(graph.add("LogSoftmax", graph.add("Flatten", out), name="log"))
    with pytest.raises(FirebrickError, match=r"test: node log \(LogSoftmax\)"):
        parse(model)
    model = graph.model(out, rank=4)
    model.graph.node[0].domain = "qonnx.custom_op.channels_last"
    with pytest.raises(FirebrickError, match=r"conv0 \(Conv\): .*converted to channels last"):
        parse(model)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"dilations": [2, 2]}, "attribute dilations is [2, 2]; supported is [1, 1]"),
        ({"strides": [2, 1]}, "attribute strides is [2, 1]; supported are two equal ones"),
        ({"group": 3}, "attribute group is 3 for 3 channels; supported is 1"),
    ],
)
def test_refusals_name_file_node_and_operator(attributes, message, tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, name="odd", **attributes))
    if "group" in attributes:
        graph.weights[graph.nodes[0].input[1]] = np.zeros((6, 1, 3, 3), np.float32)
    path = graph.save(tmp_path, graph.add("GlobalAveragePool", graph.head(x, 6)), rank=4)
    with pytest.raises(FirebrickError) as caught:
        convert(str(path), tmp_path)
    assert str(caught.value).startswith(f"{path}: node odd (Conv): ")
    assert message in str(caught.value)


def test_names_become_identifiers(tmp_path):
    """Slashes and dots, digits first, two that fall together, and hls4ml's reserved 'input'."""
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2], name="/features/0.conv"))
    x = graph.relu(graph.conv(x, 6, 6, name="features_0/conv"))
    x = graph.relu(graph.conv(x, 6, 6, name="3rd"))
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 6)), rank=4)
    model.graph.input[0].name = "input"
    model.graph.node[0].input[0] = "input"
    converted = check(model, tmp_path, bits=True)
    names = list(converted.graph)
    assert names[:2] == ["input_2", "features_0_conv"]
    assert "features_0_conv_2" in names and "layer_3rd" in names
    assert all(name.isidentifier() for name in names)


def test_parse_refuses_what_is_no_model():
    with pytest.raises(FirebrickError, match="an ONNX model is wanted"):
        parse(42)  # type: ignore[arg-type]


@pytest.mark.parametrize("relu", [False, True])
def test_bypasses(relu, tmp_path):
    graph = Graph()
    x = graph.conv("x", 3, 12)
    x = graph.add("Add", x, graph.fire(x, 12, 4, 6), name="around")
    output = graph.add("GlobalAveragePool", graph.head(graph.relu(x) if relu else x, 12))
    converted = check(graph.model(output, rank=4), tmp_path, bits=True)
    (add,) = [node for node in converted.qnetwork.nodes if isinstance(node, QAdd)]
    assert converted.qnetwork.tensors[add.output].signed is not relu


def test_normalization_inside_the_file_is_refused(tmp_path):
    graph = Graph(shape=("N", 3, 9, 9))
    x = graph.add("Sub", "x", graph.constant(np.float32(0.5)), name="centre")
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 3)), rank=4)
    with pytest.raises(FirebrickError, match=r"node centre \(Sub\): .* the option preprocessing"):
        parse(model)


def test_an_input_padded_by_no_pixel_value_is_refused():
    graph = Graph(shape=("N", 3, 9, 9))
    pads = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = graph.add("Pad", "x", pads, graph.constant(np.float32(0.3)))
    x = graph.relu(graph.conv(x, 3, 4, 3, name="c"))
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 4)), rank=4)
    with pytest.raises(FirebrickError, match="layer c: the input is padded by a value other than"):
        parse(model)
