"""ONNX import: every accepted spelling against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from firebrick.models.digits import MODEL_PATH
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.graph import OPSETS
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool
from tests.quantize.importers.onnx_graphs import CLASSES, Graph, ends, refused, same


@pytest.mark.parametrize("opset", OPSETS)
def test_a_fire_network_in_every_opset(tmp_path, opset):
    graph = Graph(opset)
    x = graph.conv("x", 3, 8, 7, strides=[2, 2], bias=False)
    # MaxPool has known ceil_mode since opset 10.
    x = graph.pool(graph.relu(graph.norm(x, 8)), **({"ceil_mode": 1} if opset > 9 else {}))
    x = graph.fire(graph.add("Identity", graph.fire(x, 8, 4, 6)), 12, 5, 8)
    if opset < 12:
        x = graph.add("Dropout", x, ratio=0.5)
    else:
        x = graph.add("Dropout", x, graph.constant(np.float32(0.5)))
    x = graph.head(x, 16)
    if opset < 18:
        x = graph.add("ReduceMean", x, axes=[2, 3])
    else:
        x = graph.add("ReduceMean", x, graph.constant(np.array([2, 3])))
    if opset < 13:
        x = graph.add("Squeeze", x, axes=[2, 3])
    else:
        x = graph.add("Squeeze", x, graph.constant(np.array([2, 3])))
    net = same(graph.save(tmp_path, graph.add("Softmax", x)))
    kinds = [type(node) for node in net.nodes]
    assert kinds == [Conv, MaxPool, *[Conv, Conv, Conv, Concat] * 2, Conv, GlobalAverage]
    assert all(node.relu for node in net.nodes if isinstance(node, Conv))
    assert net.softmax and net.name == "net"


@pytest.mark.parametrize("op", ["Add", "Sum"])
@pytest.mark.parametrize("relu", [False, True])
def test_bypasses(tmp_path, op, relu):
    """Simple and complex bypass, with a Relu behind the sum or not, also behind its pooling."""
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 8, 3))
    x = graph.add(op, graph.conv(x, 8, 12), graph.fire(x, 8, 4, 6), name="complex")
    x = graph.pool(x)
    if relu:
        x = graph.relu(x)
    x = graph.add(op, graph.fire(x, 12, 5, 6), graph.add("Identity", x), name="simple")
    x = graph.head(graph.relu(x) if relu else x, 12)
    net = same(graph.save(tmp_path, graph.add("GlobalAveragePool", x), 4))
    adds = [node for node in net.nodes if isinstance(node, Add)]
    # Behind sums of maps that are never negative a Relu does nothing, and is no flag.
    assert [(add.name, add.relu) for add in adds] == [("complex", relu), ("simple", False)]
    pool = next(node for node in net.nodes if isinstance(node, MaxPool))
    assert adds[1].inputs[1] == pool.output


def test_the_shipped_network():
    net = same(MODEL_PATH)
    assert net.name == "digits" and net.shapes["data"] == (1, 32, 32)


def test_the_published_network(shared_data):
    net = same(shared_data / "squeezenet_v1.0_imagenet.onnx", batch=1, scale=60)
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    assert len(convs) == 26 and sum(c.weights.size + c.bias.size for c in convs) == 1_248_424
    assert net.shapes[convs[-1].output] == (1000, 15, 15)


@pytest.mark.parametrize(
    "tail",
    [
        ["GlobalAveragePool"],
        ["GlobalAveragePool", "Flatten"],
        ["GlobalAveragePool", ("Flatten", {"axis": -3})],
        ["GlobalAveragePool", ("Softmax", {"axis": 1}), "Flatten"],
        ["GlobalAveragePool", ("Softmax", {"axis": -3})],
        ["GlobalAveragePool", ("Reshape", [0, -1])],
        ["GlobalAveragePool", ("Reshape", [-1, CLASSES]), "Softmax"],
        ["GlobalAveragePool", ("Reshape", [0, CLASSES, 1]), ("Softmax", {"axis": 1})],
        ["GlobalAveragePool", ("Reshape", [0, 0, -1]), ("Squeeze", [2]), "LogSoftmax"],
        ["GlobalAveragePool", ("Squeeze", [-1]), ("Squeeze", [-1]), "Identity", "Softmax"],
        [("ReduceMean", {"axes": [2, 3], "keepdims": 0}), "Softmax"],
        [("ReduceMean", {"axes": [-1, -2], "keepdims": 1}), "Flatten"],
        [("AveragePool", {"kernel_shape": [12, 10]}), "Flatten", "Softmax"],
        [("AveragePool", {"kernel_shape": [12, 10], "count_include_pad": 1, "strides": [2, 1]})],
        ["Dropout", "GlobalAveragePool", "Dropout", "Flatten", "Softmax"],
    ],
    ids=str,
)
def test_tails(tmp_path, tail):
    graph = Graph()
    x = graph.head(graph.conv("x", 3, 8, 5, strides=[2, 2], pads=[1, 1, 1, 1]), 8)
    for step in tail:
        op, detail = step if isinstance(step, tuple) else (step, {})
        if isinstance(detail, list):
            x = graph.add(op, x, graph.constant(np.array(detail, np.int64)))
        else:
            x = graph.add(op, x, **detail)
    rank = len(onnxruntime_shape(graph, x))
    same(graph.save(tmp_path, x, rank))


def onnxruntime_shape(graph: Graph, output: str) -> list:
    model = graph.model(output)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return list(session.run(None, {"x": np.zeros((2, 3, 25, 22), np.float32)})[0].shape)


@pytest.mark.parametrize("opset", [11, 12])
@pytest.mark.parametrize("axis", [1, -3])
def test_softmax_before_opset_13_is_over_all_that_follows(tmp_path, opset, axis):
    graph = Graph(opset)
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    same(graph.save(tmp_path, graph.add("Softmax", x, axis=axis), 4))


def test_a_fixed_batch_and_a_reshape_that_names_it(tmp_path):
    graph = Graph(shape=(4, 3, 9, 9))
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    x = graph.add("Reshape", x, graph.constant(np.array([4, CLASSES])))
    same(graph.save(tmp_path, x), batch=4)


@pytest.mark.parametrize("auto_pad", ["VALID", "SAME_UPPER", "SAME_LOWER", "NOTSET"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (4, 1), (4, 3), (7, 2)])
def test_padding_of_convolutions(tmp_path, auto_pad, kernel, stride):
    graph = Graph()
    strides = [stride] * 2
    more = {"auto_pad": auto_pad} if auto_pad != "NOTSET" else {"pads": [2, 0, 1, 3]}
    x = graph.conv("x", 3, 5, kernel, strides=strides, **more)
    net = ends(graph, graph.relu(x), 5, tmp_path)
    if auto_pad == "NOTSET":
        assert isinstance(net.nodes[0], Conv) and net.nodes[0].padding == (2, 0, 1, 3)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("size", [(24, 25), (25, 26), (27, 28)])
def test_poolings(tmp_path, kernel, ceil_mode, size):
    graph = Graph(shape=("N", 3, *size))
    net = ends(graph, graph.pool("x", kernel, ceil_mode=ceil_mode), 3, tmp_path)
    pool = net.nodes[0]
    assert isinstance(pool, MaxPool) and (pool.kernel, pool.ceil_mode) == (kernel, ceil_mode == 1)


@pytest.mark.parametrize("spelling", [{"pads": [0, 0, 1, 1]}, {"auto_pad": "SAME_UPPER"}])
def test_padding_at_the_end_that_equals_ceil_mode(tmp_path, spelling):
    graph = Graph(shape=("N", 3, 24, 26))
    net = ends(graph, graph.pool("x", **spelling), 3, tmp_path)
    assert isinstance(net.nodes[0], MaxPool) and net.nodes[0].ceil_mode
    assert net.shapes[net.nodes[0].output] == (3, 12, 13)


@pytest.mark.parametrize("size", [(24, 26), (25, 27), (24, 25)])
@pytest.mark.parametrize("apart", [False, True])
def test_padding_all_around_moves_the_windows(tmp_path, size, apart):
    """As ResNets have it: by the pooling itself, or by a Pad before it, behind a ReLU."""
    graph = Graph(shape=("N", 3, *size))
    x = graph.relu(graph.conv("x", 3, 4))
    if apart:
        pads = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
        x = graph.pool(graph.add("Pad", x, pads))
    else:
        x = graph.pool(x, pads=[1] * 4)
    net = ends(graph, x, 4, tmp_path)
    pool = net.nodes[1]
    assert isinstance(pool, MaxPool) and (pool.kernel, pool.padding) == (3, 1)
    assert net.shapes[pool.output] == (4, *(-(-side // 2) for side in size))


def test_relu_after_concat_is_a_relu_of_both_halves(tmp_path):
    graph = Graph()
    squeezed = graph.relu(graph.conv("x", 3, 4))
    halves = [graph.conv(squeezed, 4, 5), graph.conv(squeezed, 4, 6, 3, pads=[1] * 4)]
    x = graph.relu(graph.add("Concat", *halves, axis=-3))
    net = ends(graph, x, 11, tmp_path)
    assert [node.relu for node in net.nodes if isinstance(node, Conv)] == [True] * 4


def test_relu_after_pooling_moves_to_the_convolution(tmp_path):
    graph = Graph()
    x = graph.relu(graph.pool(graph.conv("x", 3, 4, 3)))
    net = ends(graph, x, 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].relu


def test_a_second_relu_changes_nothing(tmp_path):
    graph = Graph()
    x = graph.relu(graph.relu(graph.conv("x", 3, 4, 3)))
    x = graph.relu(graph.pool(x))
    net = ends(graph, x, 4, tmp_path)
    assert [type(node) for node in net.nodes] == [Conv, MaxPool, Conv, GlobalAverage]


def test_no_relu_at_all(tmp_path):
    graph = Graph()
    x = graph.conv(graph.conv("x", 3, 4, 3), 4, CLASSES)
    net = same(graph.save(tmp_path, graph.add("GlobalAveragePool", x), 4))
    assert not any(node.relu for node in net.nodes if isinstance(node, Conv))
    assert not net.softmax


@pytest.mark.parametrize("opset", [11, 14, 15])
@pytest.mark.parametrize("bias", [False, True])
def test_batch_normalization_is_folded(tmp_path, opset, bias):
    graph = Graph(opset)
    x = graph.norm(graph.conv("x", 3, 6, 3, bias=bias), 6, epsilon=1e-3, momentum=0.8)
    net = ends(graph, graph.relu(x), 6, tmp_path)
    assert [type(node) for node in net.nodes] == [Conv, Conv, GlobalAverage]


def test_batch_normalization_after_concat_is_folded_into_both_halves(tmp_path):
    graph = Graph()
    halves = [graph.conv("x", 3, 5), graph.conv("x", 3, 6, 3, pads=[1] * 4)]
    x = graph.relu(graph.norm(graph.add("Concat", *halves, axis=1), 11))
    ends(graph, x, 11, tmp_path)


def test_batch_normalization_before_the_average(tmp_path):
    graph = Graph()
    x = graph.norm(graph.conv("x", 3, CLASSES), CLASSES)
    same(graph.save(tmp_path, graph.add("GlobalAveragePool", x), 4))


def test_weights_in_constant_nodes_and_through_identity(tmp_path):
    graph = Graph()
    weights = graph.rng.standard_normal((4, 3, 3, 3), np.float32)
    w = graph.add("Constant", value=numpy_helper.from_array(weights))
    b = graph.add("Identity", graph.add("Constant", value_floats=[0.5, -0.5, 0.25, 0.0]))
    x = graph.relu(graph.add("Conv", "x", w, b))
    x = graph.add("GlobalAveragePool", graph.head(x, 4))
    shape = graph.add("Constant", value_ints=[0, -1])
    net = same(graph.save(tmp_path, graph.add("Reshape", x, shape)))
    assert isinstance(net.nodes[0], Conv)
    np.testing.assert_array_equal(net.nodes[0].weights, weights)


def test_shared_weights_are_folded_for_each_user_alone(tmp_path):
    graph = Graph()
    w = graph.constant(graph.rng.standard_normal((3, 3, 1, 1), np.float32))
    x = graph.relu(graph.norm(graph.add("Conv", "x", w), 3))
    x = graph.relu(graph.add("Conv", x, w))
    ends(graph, x, 3, tmp_path)


def test_initializers_listed_among_the_inputs(tmp_path):
    graph = Graph()
    model = graph.model(graph.add("GlobalAveragePool", graph.head("x", 3)), 4)
    for tensor in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    path = tmp_path / "old.onnx"
    onnx.save(model, path)
    assert same(path).input == "x"


def test_nodes_without_names_or_with_equal_ones(tmp_path):
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 4, 3, name=""))
    x = graph.relu(graph.conv(x, 4, 4, 3, name="twice"))
    x = graph.head(graph.relu(graph.conv(x, 4, 4, 3, name="twice")), 4)
    # onnxruntime refuses equal names, ONNX allows them.
    net = import_onnx(graph.save(tmp_path, graph.add("GlobalAveragePool", x), 4))
    assert [node.name for node in net.nodes][:3] == ["t0", "twice", "twice_2"]


def test_training_mode_input_of_dropout_that_is_false(tmp_path):
    graph = Graph()
    x = graph.conv("x", 3, 4)
    off = graph.constant(np.array(False))
    x = graph.add("Dropout", x, graph.constant(np.float32(0.5)), off)
    net = ends(graph, graph.relu(x), 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].relu


def test_weights_in_another_file(tmp_path):
    graph = Graph()
    model = graph.model(graph.add("GlobalAveragePool", graph.head("x", 3)), 4)
    path = tmp_path / "outside.onnx"
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, path)
    same(path)
    (tmp_path / "weights.bin").unlink()
    refused(path, "keeps its weights in another file")


@pytest.mark.parametrize("inputs", [TensorProto.FLOAT16, TensorProto.FLOAT])
def test_half_precision_is_read_as_float32(tmp_path, inputs):
    """Weights as float16, and the input too, or behind a Cast as converters leave it; onnxruntime
    computes in halves."""
    graph = Graph()
    x = "x" if inputs == TensorProto.FLOAT16 else graph.add("Cast", "x", to=TensorProto.FLOAT16)
    x = graph.relu(graph.conv(x, 3, 8, 3))
    x = graph.head(graph.fire(graph.pool(x), 8, 4, 6), 12)
    output = graph.add("Flatten", graph.add("GlobalAveragePool", x))
    graph.weights = {name: value.astype(np.float16) for name, value in graph.weights.items()}
    model = graph.model(output)
    model.graph.input[0].type.tensor_type.elem_type = inputs
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    path = tmp_path / "half.onnx"
    onnx.save(model, path)
    net = import_onnx(path)
    assert all(n.weights.dtype == np.float32 for n in net.nodes if isinstance(n, Conv))
    images = np.random.default_rng(9).standard_normal((2, *net.shapes[net.input]), np.float32)
    given = images.astype(np.float16) if inputs == TensorProto.FLOAT16 else images
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": given})[0].astype(np.float32)
    np.testing.assert_allclose(FloatModel(net).logits(images), expected, rtol=2e-2, atol=2e-2)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT8, None])
def test_output_dtype_of_a_quantizer_without_a_zero_point(tmp_path, kind):
    """Weights through QuantizeLinear and back: int8 keeps their sign, uint8 does not."""
    graph = Graph(opset=21)
    weights = graph.rng.normal(0, 0.4, (8, 3, 3, 3)).astype(np.float32)
    scale = graph.constant(np.float32(1 / 64))
    more = {} if kind is None else {"output_dtype": kind}
    integers = graph.add("QuantizeLinear", graph.constant(weights), scale, **more)
    x = graph.add("Conv", "x", graph.add("DequantizeLinear", integers, scale))
    x = graph.head(graph.relu(x), 8)
    same(graph.save(tmp_path, graph.add("GlobalAveragePool", x), rank=4))


def test_output_dtype_that_is_no_integer_is_refused(tmp_path):
    graph = Graph(opset=23)
    scale = graph.constant(np.float32(1 / 64))
    weights = graph.constant(np.ones((8, 3, 3, 3), np.float32))
    kind = TensorProto.FLOAT8E4M3FN
    integers = graph.add("QuantizeLinear", weights, scale, output_dtype=kind)
    x = graph.add("Conv", "x", graph.add("DequantizeLinear", integers, scale))
    output = graph.add("GlobalAveragePool", graph.head(graph.relu(x), 8))
    refused(graph.save(tmp_path, output, rank=4), "quantizes to FLOAT8E4M3FN (output_dtype)")
