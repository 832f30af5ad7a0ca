"""Unusual but equal spellings of layers, each against onnxruntime, and those that are not equal."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.model import import_model
from firebrick.quantize.network import Concat, Conv, GlobalAverage, MaxPool, Network
from tests.quantize.importers.onnx_graphs import CLASSES, Graph, ends, refused, same


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def last_axis(graph: Graph, folder, output: str, shape: tuple) -> Network:
    """Import a network whose pictures are [N, H, W, C] and compare it with onnxruntime."""
    graph.shape = shape
    path = graph.save(folder, output)
    model = import_model(path)
    images = np.random.default_rng(9).standard_normal((2, *shape[1:]), np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": images})[0].reshape(2, -1)
    first = images.transpose(0, 3, 1, 2) + model.shift[:, None, None]
    logits = FloatModel(model.network).logits(first.astype(np.float32))
    np.testing.assert_allclose(logits, expected, rtol=2e-4, atol=2e-5)
    return model.network


# --- ReLU and its bounds ------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [7, 10, 11, 13])
@pytest.mark.parametrize("high", [None, np.inf, np.finfo(np.float32).max])
def test_clip_without_an_upper_bound_is_a_relu(tmp_path, opset, high):
    graph = Graph(opset)
    x = graph.conv("x", 3, 4, 3)
    if opset < 11:
        bounds = {"min": 0.0} if high is None else {"min": 0.0, "max": float(high)}
        x = graph.add("Clip", x, **bounds)
    else:
        names = [graph.constant(np.float32(0), "low")]
        if high is not None:
            names.append(graph.constant(np.float32(high), "high"))
        x = graph.add("Clip", x, *names)
    net = ends(graph, x, 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].relu and len(net.nodes) == 3


def test_max_with_zero_is_a_relu(tmp_path):
    graph = Graph()
    x = graph.add("Max", graph.conv("x", 3, 4, 3), graph.constant(np.float32(0)))
    net = ends(graph, x, 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].relu


@pytest.mark.parametrize(
    ("low", "high", "part"),
    [
        (-1, 1, "clips to [-1, 1]; supported is a lower bound of 0"),
        (0.5, 9, "clips to [0.5, 9]"),
    ],
)
def test_other_bounds_are_refused(tmp_path, low, high, part):
    graph = Graph()
    bounds = [graph.constant(np.float32(bound), f"b{bound}") for bound in (low, high)]
    x = graph.add("Clip", graph.conv("x", 3, 4, 3), *bounds, name="bad")
    x = graph.add("GlobalAveragePool", graph.head(x, 4))
    refused(graph.save(tmp_path, x, 4), "node bad (Clip): ", part)


@pytest.mark.parametrize("form", ["Clip", "Min of Relu"])
def test_relu6_is_a_relu_with_a_bound(form, tmp_path):
    graph = Graph()
    x = graph.conv("x", 3, 4, 3)
    if form == "Clip":
        x = graph.add(
            "Clip", x, graph.constant(np.float32(0), "low"), graph.constant(np.float32(6))
        )
    else:
        x = graph.add("Min", graph.relu(x), graph.constant(np.float32(6)))
    net = ends(graph, x, 4, tmp_path)
    conv = net.nodes[0]
    assert isinstance(conv, Conv) and conv.relu and conv.bounds is not None
    assert conv.bounds.high.tolist() == [6] * 4 and conv.bounds.low.tolist() == [0] * 4


def test_a_bound_that_not_all_readers_have_is_refused(tmp_path):
    graph = Graph()
    y = graph.relu(graph.conv("x", 3, 4, 3))
    bound = graph.add("Min", y, graph.constant(np.float32(6)), name="bad")
    x = graph.add("Concat", y, bound, axis=1)
    x = graph.add("GlobalAveragePool", graph.head(x, 8))
    refused(graph.save(tmp_path, x, 4), "node bad (Min): ", "is read elsewhere too, without")


# --- padding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [10, 11, 18])
def test_pad_joins_the_convolution(tmp_path, opset):
    graph = Graph(opset)
    pads = [0, 0, 2, 0, 0, 0, 1, 3]
    if opset < 11:
        x = graph.add("Pad", "x", pads=pads)
    elif opset < 18:
        x = graph.add("Pad", "x", graph.constant(np.array(pads)))
    else:
        names = [graph.constant(np.array([2, 0, 1, 3])), "", graph.constant(np.array([2, 3]))]
        x = graph.add("Pad", "x", *names)
    x = graph.conv(x, 3, 4, 3, pads=[1, 1, 0, 0])
    net = ends(graph, graph.relu(x), 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].padding == (3, 1, 1, 3)


def test_zeros_around_a_rectified_map_are_ceil_mode(tmp_path):
    graph = Graph(shape=("N", 3, 26, 24))
    x = graph.relu(graph.conv("x", 3, 4, 3))
    x = graph.pool(graph.add("Pad", x, graph.constant(np.array([0, 0, 0, 0, 0, 0, 1, 1]))))
    net = ends(graph, x, 4, tmp_path)
    assert isinstance(net.nodes[1], MaxPool) and net.nodes[1].ceil_mode


def test_pads_that_no_layer_has(tmp_path):
    graph = Graph()
    pads = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = graph.conv("x", 3, 4, 3)
    x = graph.pool(graph.add("Pad", x, pads), name="bad")
    x = graph.add("GlobalAveragePool", graph.head(x, 4))
    refused(graph.save(tmp_path, x, 4), "node bad (MaxPool): a Pad before it", "behind a ReLU")
    graph = Graph()
    pads = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = graph.relu(graph.conv("x", 3, 4, 3))
    x = graph.add("Pad", x, pads, graph.constant(np.float32(1.5)))
    x = graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES, name="bad"))
    refused(graph.save(tmp_path, x, 4), "node bad (Conv): its padding is not zero")
    graph = Graph()
    x = graph.add("Pad", "x", graph.constant(np.array([0] * 8)), mode="reflect", name="bad")
    x = graph.add("GlobalAveragePool", graph.conv(x, 3, CLASSES))
    refused(graph.save(tmp_path, x, 4), "node bad (Pad): attribute mode is 'reflect'")


# --- scales and shifts --------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [1, 3])
def test_normalization_behind_a_relu_joins_the_next_convolution(tmp_path, kernel):
    graph = Graph()
    x = graph.norm(graph.relu(graph.conv("x", 3, 5, 3)), 5)
    net = ends(graph, graph.relu(graph.conv(x, 5, 4, kernel)), 4, tmp_path)
    assert [type(node) for node in net.nodes] == [Conv, Conv, Conv, GlobalAverage]


def test_a_positive_scale_behind_a_relu_moves_before_it(tmp_path):
    graph = Graph()
    halves = [graph.relu(graph.conv("x", 3, 2)), graph.relu(graph.conv("x", 3, 3))]
    x = graph.add("Concat", *halves, axis=1)
    x = graph.add("Mul", x, graph.constant(floats(0.5, 2, 3, 0.1, 1).reshape(5, 1, 1)))
    x = graph.pool(x)
    net = ends(graph, graph.relu(graph.conv(x, 5, 4, 3, pads=[1] * 4)), 4, tmp_path)
    assert isinstance(net.nodes[2], Concat) and len(net.nodes) == 7


def test_a_shift_ahead_of_zero_padding_is_refused(tmp_path):
    graph = Graph()
    x = graph.norm(graph.relu(graph.conv("x", 3, 5, 3)), 5)
    x = graph.conv(x, 5, 4, 3, pads=[1] * 4, name="bad")
    x = graph.add("GlobalAveragePool", graph.head(x, 4))
    refused(graph.save(tmp_path, x, 4), "node bad (Conv): its padding is not zero")


def test_arithmetic_behind_a_convolution_is_folded(tmp_path):
    graph = Graph()
    x = graph.add(
        "Mul", graph.conv("x", 3, 4, 3), graph.constant(floats(2, -1, 0.5, 3)[:, None, None])
    )
    x = graph.add("Sub", x, graph.constant(np.float32(0.25)))
    x = graph.add("Sub", graph.constant(floats(1).reshape(1, 1, 1, 1)), x)
    x = graph.relu(graph.add("Div", x, graph.constant(np.float32(4))))
    net = ends(graph, graph.add("Add", graph.constant(np.float32(0)), x), 4, tmp_path)
    assert [type(node) for node in net.nodes] == [Conv, Conv, GlobalAverage]


@pytest.mark.parametrize(
    ("op", "value", "part"),
    [
        ("Mul", np.ones((25, 22), np.float32), "one a channel"),
        ("Div", np.zeros(1, np.float32), "by zero"),
        ("Mul", np.full(1, 1e39), "type float64"),
        ("Mul", np.full(1, np.nan, np.float32), "not finite"),
    ],
)
def test_constants_that_no_layer_takes(tmp_path, op, value, part):
    graph = Graph()
    x = graph.add(op, graph.conv("x", 3, 4), graph.constant(value), name="bad")
    x = graph.add("GlobalAveragePool", graph.head(x, 4))
    refused(graph.save(tmp_path, x, 4), f"node bad ({op}): ", part)


# --- the input ----------------------------------------------------------------------------------


def test_channels_last_throughout(tmp_path):
    """Transposes around every convolution, the rest channels last, as some converters write."""
    graph = Graph()

    def conv(x: str, inputs: int, outputs: int, kernel: int = 1, **more: object) -> str:
        x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
        x = graph.conv(x, inputs, outputs, kernel, bias=False, **more)
        x = graph.add("Transpose", x, perm=[0, 2, 3, 1])
        return graph.relu(
            graph.add("Add", x, graph.constant(graph.rng.normal(0, 1, outputs).astype(np.float32)))
        )

    x = graph.add("Sub", "x", graph.constant(floats(0.25, -0.5, 1)))
    x = graph.add("Pad", x, graph.constant(np.array([0, 0, 0, 0, 0, 1, 1, 0])))
    squeezed = conv(conv(x, 3, 6, 3, strides=[2, 2]), 6, 4)
    halves = [conv(squeezed, 4, 5), conv(squeezed, 4, 5, 3, auto_pad="SAME_UPPER")]
    x = conv(graph.add("Concat", *halves, axis=-1), 10, CLASSES)
    x = graph.add("ReduceMean", x, axes=[1, 2], keepdims=0)
    net = last_axis(graph, tmp_path, x, ("N", 20, 17, 3))
    kinds = [Conv, Conv, Conv, Conv, Concat, Conv, GlobalAverage]
    assert [type(node) for node in net.nodes] == kinds and net.shapes["x"] == (3, 20, 17)


def test_channels_of_the_input_split_and_joined(tmp_path):
    graph = Graph(13)
    graph.nodes.append(helper.make_node("Split", ["x"], ["r", "g", "b"], axis=1))
    x = graph.add("Concat", "b", "g", "r", axis=1)
    x = graph.add("Div", x, graph.constant(floats(2, 3, 4).reshape(1, 3, 1, 1)))
    net = ends(graph, graph.relu(graph.conv(x, 3, 4, 3, pads=[1] * 4)), 4, tmp_path)
    assert net.shapes["x"] == (3, 25, 22)


def test_a_gray_picture_as_three_channels(tmp_path):
    graph = Graph(shape=("N", 1, 25, 22))
    x = graph.add("Concat", "x", "x", "x", axis=1)
    net = ends(graph, graph.relu(graph.conv(x, 3, 4, 3)), 4, tmp_path)
    assert isinstance(net.nodes[0], Conv) and net.nodes[0].weights.shape == (4, 1, 3, 3)


def test_two_shifts_of_one_input_ahead_of_padding_are_refused(tmp_path):
    graph = Graph()
    shifted = graph.add("Add", "x", graph.constant(np.float32(1)))
    halves = [graph.conv("x", 3, 4, 3, pads=[1] * 4)]
    halves.append(graph.conv(shifted, 3, 4, 3, pads=[1] * 4, name="bad"))
    x = graph.relu(graph.add("Concat", *halves, axis=1))
    x = graph.add("GlobalAveragePool", graph.head(x, 8))
    refused(graph.save(tmp_path, x, 4), "node bad (Conv): ", "shift differently")


def test_a_cast_of_bytes(tmp_path):
    graph = Graph(shape=("N", 3, 9, 9))
    x = graph.add("Cast", "x", to=TensorProto.FLOAT)
    model = graph.model(graph.add("GlobalAveragePool", graph.head(x, 3)), 4)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    path = tmp_path / "bytes.onnx"
    path.write_bytes(model.SerializeToString())
    assert import_model(path).bytes_in


# --- shapes and ends ----------------------------------------------------------------------------


def test_a_reshape_computed_from_the_shape(tmp_path):
    """Shape -> Gather -> Unsqueeze -> Concat -> Reshape, as x.view(x.size(0), -1) was exported."""
    graph = Graph(11)
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    batch = graph.add("Gather", graph.add("Shape", x), graph.constant(np.array(0)), axis=0)
    batch = graph.add("Unsqueeze", batch, axes=[0])
    size = graph.add("Concat", batch, graph.constant(np.array([-1])), axis=0)
    same(graph.save(tmp_path, graph.add("Reshape", x, size)))


def test_squeeze_without_axes(tmp_path):
    graph = Graph()
    x = graph.add("Squeeze", graph.add("GlobalAveragePool", graph.head("x", 3)))
    same(graph.save(tmp_path, x))
    graph = Graph(shape=(1, 3, 9, 9))
    x = graph.add("Squeeze", graph.add("GlobalAveragePool", graph.head("x", 3)), name="bad")
    refused(graph.save(tmp_path, x, 1), "node bad (Squeeze): has no axes", "batch of one")


@pytest.mark.parametrize("op", ["Gemm", "Gemm scaled", "MatMul", "Conv"])
@pytest.mark.parametrize("relu", [False, True])
def test_linear_classifiers_behind_the_average(tmp_path, op, relu):
    """Without a ReLU between them the classifier joins the convolution before the average."""
    graph = Graph()
    x = graph.fire("x", 3, 4, 5) if relu else graph.conv("x", 3, 10, 3)
    x = graph.add("GlobalAveragePool", x)
    weights = graph.rng.standard_normal((CLASSES, 10), np.float32)
    bias = graph.constant(graph.rng.standard_normal(CLASSES, np.float32))
    if op == "Conv":
        x = graph.add("Conv", x, graph.constant(weights[:, :, None, None]), bias)
    else:
        x = graph.add("Flatten", x)
        if op == "MatMul":
            x = graph.add("Add", graph.add("MatMul", x, graph.constant(weights.T.copy())), bias)
        elif op == "Gemm":
            x = graph.add("Gemm", x, graph.constant(weights), bias, transB=1)
        else:
            more = {"alpha": 0.5, "beta": -2.0}
            x = graph.add("Gemm", x, graph.constant(weights.T.copy()), bias, **more)
    net = same(graph.save(tmp_path, x, 4 if op == "Conv" else 2))
    count = sum(isinstance(node, Conv) for node in net.nodes)
    assert count == (4 if relu else 1)


def test_a_relu_of_the_mean_is_refused(tmp_path):
    graph = Graph()
    x = graph.add("GlobalAveragePool", graph.conv("x", 3, 10, 3))
    x = graph.add("Relu", x, name="bad")
    x = graph.conv(x, 10, CLASSES)
    refused(graph.save(tmp_path, x, 4), "node bad (Relu): takes the ReLU of a mean")


def test_a_classifier_over_the_whole_map_channels_last(tmp_path):
    """Flatten of [N, H, W, C] and a matrix: the order of its values is the map's."""
    graph = Graph()
    x = graph.add("Transpose", "x", perm=[0, 3, 1, 2])
    x = graph.relu(graph.conv(x, 3, 4, 3, strides=[2, 2]))
    x = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]))
    weights = graph.rng.normal(0, 0.1, (5 * 4 * 4, CLASSES)).astype(np.float32)
    x = graph.add("MatMul", x, graph.constant(weights))
    net = last_axis(graph, tmp_path, x, ("N", 11, 9, 3))
    last = net.nodes[-2]
    assert isinstance(last, Conv) and last.weights.shape == (CLASSES, 4, 5, 4)


def test_weights_made_of_constants(tmp_path):
    graph = Graph()
    parts = [graph.constant(graph.rng.standard_normal((n, 3, 3, 3), np.float32)) for n in (2, 3)]
    weights = graph.add("Concat", *parts, axis=0)
    weights = graph.add("Mul", weights, graph.constant(np.float32(0.5)))
    x = graph.relu(graph.add("Conv", "x", graph.add("Identity", weights)))
    ends(graph, x, 5, tmp_path)


def test_constants_that_contradict_each_other(tmp_path):
    graph = Graph()
    weights = graph.add(
        "Reshape", graph.constant(floats(1, 2, 3)), graph.constant(np.array([2, 2])), name="bad"
    )
    x = graph.add("GlobalAveragePool", graph.add("Conv", "x", weights))
    refused(graph.save(tmp_path, x, 4), "node bad (Reshape): cannot be computed")
