"""ONNX import: every accepted spelling against onnxruntime, every refusal by its message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from firebrick.models.digits import MODEL_PATH
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.graph import OPSETS
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network

CLASSES = 6


class Graph:
    """A graph under construction; ``add`` returns the name of the node's output."""

    def __init__(self, opset: int = 17, shape: tuple = ("N", 3, 25, 22), seed: int = 0) -> None:
        self.opset = opset
        self.shape = shape
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.value_info: list[onnx.ValueInfoProto] = []

    def constant(self, value: np.ndarray, name: str | None = None) -> str:
        name = name or f"constant{len(self.weights)}"
        self.weights[name] = value
        return name

    def add(self, op: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        name = f"{op.lower()}{len(self.nodes)}" if name is None else name
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def conv(self, x: str, inputs: int, outputs: int, kernel: int = 1, **more: object) -> str:
        bias = more.pop("bias", True)
        spread = np.sqrt(2 / (inputs * kernel**2))
        weights = self.rng.normal(0, spread, (outputs, inputs, kernel, kernel))
        names = [self.constant(weights.astype(np.float32))]
        if bias:
            names.append(self.constant(self.rng.normal(0, 0.3, outputs).astype(np.float32)))
        return self.add("Conv", x, *names, **more)

    def norm(self, x: str, channels: int, **attributes: object) -> str:
        values = [self.rng.normal(0, 1, channels) for _ in range(3)]
        values.append(self.rng.uniform(0.1, 3, channels))
        names = [self.constant(value.astype(np.float32)) for value in values]
        return self.add("BatchNormalization", x, *names, **attributes)

    def relu(self, x: str) -> str:
        return self.add("Relu", x)

    def pool(self, x: str, kernel: int = 3, **attributes: object) -> str:
        attributes = {"kernel_shape": [kernel] * 2, "strides": [2, 2], **attributes}
        return self.add("MaxPool", x, **attributes)

    def fire(self, x: str, inputs: int, squeeze: int, expand: int) -> str:
        squeezed = self.relu(self.conv(x, inputs, squeeze))
        halves = [
            self.relu(self.conv(squeezed, squeeze, expand)),
            self.relu(self.conv(squeezed, squeeze, expand, 3, pads=[1] * 4)),
        ]
        return self.add("Concat", *halves, axis=1)

    def head(self, x: str, inputs: int) -> str:
        """Classifier and ReLU."""
        return self.relu(self.conv(x, inputs, CLASSES))

    def model(self, output: str, rank: int = 2) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None] * rank)],
            [numpy_helper.from_array(value, name) for name, value in self.weights.items()],
            value_info=self.value_info,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        return model

    def save(self, folder: Path, output: str, rank: int = 2) -> Path:
        path = folder / "net.onnx"
        onnx.save(self.model(output, rank), path)
        return path


def same(path: Path, batch: int = 2, scale: float = 1) -> Network:
    """Import ``path`` and compare it with onnxruntime on random pictures."""
    net = import_onnx(path)
    images = np.random.default_rng(9).standard_normal((batch, *net.shapes[net.input]), np.float32)
    images *= np.float32(scale)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: images})[0].reshape(batch, -1)
    logits = FloatModel(net).logits(images)
    if net.softmax:
        power = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = power / power.sum(axis=1, keepdims=True)
        if expected.max() <= 0:
            expected = np.exp(expected)
    np.testing.assert_allclose(logits, expected, rtol=2e-4, atol=2e-5)
    assert np.ptp(expected) > 1e-3
    maps = FloatModel(net).maps(images[0])
    assert set(maps) == set(net.shapes)
    for name, value in maps.items():
        assert value.size == np.prod(net.shapes[name]), name
    names = [node.name for node in net.nodes]
    assert len(set(names)) == len(names)
    return net


def refused(path: Path, *parts: str) -> None:
    """``path`` is refused in one line that holds its name and every part."""
    with pytest.raises(FirebrickError) as caught:
        import_onnx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for part in parts:
        assert part in message, message


# --- what is accepted ---------------------------------------------------------------------------


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


def ends(graph: Graph, x: str, inputs: int, folder: Path) -> Network:
    x = graph.add("GlobalAveragePool", graph.head(x, inputs))
    return same(graph.save(folder, graph.add("Flatten", x)))


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


# --- what is refused ----------------------------------------------------------------------------


def good() -> tuple[Graph, str]:
    graph = Graph()
    x = graph.pool(graph.relu(graph.conv("x", 3, 8, 3, name="first")))
    x = graph.add("GlobalAveragePool", graph.head(graph.fire(x, 8, 4, 6), 12))
    return graph, graph.add("Flatten", x)


def wrong_conv(**attributes):
    def change(graph: Graph) -> str:
        return graph.conv("x", 3, 4, 3, name="bad", **attributes)

    return change


def wrong_pool(**attributes):
    return lambda graph: graph.add(
        "MaxPool", "x", name="bad", **{"kernel_shape": [3, 3], "strides": [2, 2], **attributes}
    )


def wrong_weights(*shapes, dtype=np.float32):
    def change(graph: Graph) -> str:
        names = [graph.constant(np.ones(shape, dtype)) for shape in shapes]
        return graph.add("Conv", "x", *names, name="bad")

    return change


def wrong_norm(position: int, value: np.ndarray, **attributes):
    def change(graph: Graph) -> str:
        x = graph.norm(graph.conv("x", 3, 4), 4, name="bad", **attributes)
        graph.weights[graph.nodes[-1].input[position]] = value.astype(np.float32)
        return x

    return change


def node(op: str, *inputs: str, **attributes):
    return lambda graph: graph.add(op, *inputs, name="bad", **attributes)


def bypass_before_relu(graph: Graph) -> str:
    total = graph.add("Add", graph.conv("x", 3, 4), graph.conv("x", 3, 4))
    rectified = graph.add("Relu", total, name="bad")
    return graph.add("Add", rectified, total)


def two_readers(graph: Graph) -> str:
    x = graph.conv("x", 3, 4)
    return graph.add("Concat", graph.add("Relu", x, name="bad"), x, axis=1)


def huge_norm(graph: Graph) -> str:
    x = graph.norm(graph.conv("x", 3, 4), 4, name="bad")
    graph.weights[graph.nodes[-1].input[1]][:] = 3e38
    graph.weights[graph.nodes[-1].input[4]][:] = 1e-6
    return x


def unlike_sizes(graph: Graph) -> str:
    halves = [graph.conv("x", 3, 4), graph.conv("x", 3, 4, 3)]
    return graph.add("Concat", *halves, name="bad", axis=1)


def computed_weights(graph: Graph) -> str:
    return graph.add("Conv", "x", graph.conv("x", 3, 4), name="bad")


def constant_input(graph: Graph) -> str:
    w = graph.constant(np.ones((3, 3, 1, 1), np.float32))
    return graph.add("Conv", w, w, name="bad")


def training_dropout(graph: Graph) -> str:
    ratio, on = graph.constant(np.float32(0.5)), graph.constant(np.array(True))
    return graph.add("Dropout", graph.conv("x", 3, 4), ratio, on, name="bad")


BAD_BODIES = {
    "group": (wrong_conv(group=2), ["attribute group is 2; supported is 1"]),
    "dilations": (wrong_conv(dilations=[2, 2]), ["attribute dilations is [2, 2]"]),
    "strides": (wrong_conv(strides=[1, 2]), ["attribute strides is [1, 2]", "two equal"]),
    "zero stride": (wrong_conv(strides=[0, 0]), ["attribute strides is [0, 0]"]),
    "negative pads": (wrong_conv(pads=[0, -1, 0, 0]), ["attribute pads is [0, -1, 0, 0]"]),
    "two pads": (wrong_conv(pads=[1, 1]), ["attribute pads is [1, 1]"]),
    "auto_pad": (wrong_conv(auto_pad="ODD"), ["attribute auto_pad is 'ODD'", "SAME_UPPER"]),
    "both pads": (wrong_conv(auto_pad="VALID", pads=[1] * 4), ["contradict"]),
    "kernel_shape": (wrong_conv(kernel_shape=[5, 5]), ["kernel_shape is [5, 5]", "3x3"]),
    "attribute type": (wrong_conv(group=1.0), ["attribute group must be of type INT"]),
    "attribute": (wrong_conv(spare=1), ["attribute spare is not supported"]),
    "3-D weights": (wrong_weights((4, 3, 3)), ["weights have the shape [4, 3, 3]"]),
    "channels": (wrong_weights((4, 2, 3, 3)), ["shape [4, 2, 3, 3]", "input of 3 channels"]),
    "no weights": (wrong_weights((0, 3, 3, 3)), ["weights have the shape [0, 3, 3, 3]"]),
    "biases": (wrong_weights((4, 3, 1, 1), (5,)), ["biases have the shape [5] instead of [4]"]),
    "large kernel": (wrong_weights((4, 3, 30, 1)), ["does not fit the input (3, 25, 22)"]),
    "doubles": (wrong_weights((4, 3, 1, 1), dtype=np.float64), ["type float64", "float32"]),
    "no inputs": (node("Conv", "x"), ["has 1 inputs instead of 2 to 3"]),
    "computed weights": (computed_weights, ["its weights", "must be a constant of the file"]),
    "constant input": (constant_input, ["is a constant, not a feature map"]),
    "unknown input": (node("Relu", "nowhere"), ["reads 'nowhere'"]),
    "relu of the input": (node("Relu", "x"), ["is the network's input", "part of its Conv"]),
    "pool kernel": (wrong_pool(kernel_shape=[5, 5]), ["kernel_shape [5, 5]", "2x2 and 3x3"]),
    "pool stride": (wrong_pool(strides=[1, 1]), ["strides [1, 1]", "stride 2"]),
    "pool pads": (wrong_pool(pads=[1] * 4), ["by [1, 1, 1, 1]", "without padding"]),
    "pool dilations": (wrong_pool(dilations=[2, 2]), ["attribute dilations is [2, 2]"]),
    "pool ceil_mode": (wrong_pool(ceil_mode=2), ["attribute ceil_mode is 2"]),
    "concat axis": (node("Concat", "x", "x", axis=2), ["attribute axis is 2; supported is 1"]),
    "concat sizes": (unlike_sizes, ["(4, 25, 22) and (4, 23, 20)"]),
    "norm in training": (wrong_norm(1, np.ones(4), training_mode=1), ["training mode"]),
    "norm shape": (wrong_norm(3, np.ones(3)), ["means have the shape [3], not [4]"]),
    "norm variance": (wrong_norm(4, -np.ones(4)), ["variance plus epsilon"]),
    "norm beyond float": (huge_norm, ["beyond the range of float32"]),
    "norm not finite": (wrong_norm(2, np.full(4, np.nan)), ["shifts [0] is nan"]),
    "relu of two readers": (two_readers, ["is read elsewhere too, without the Relu"]),
    "dropout in training": (training_dropout, ["training mode"]),
    "unlike maps": (
        lambda g: g.add("Add", g.conv("x", 3, 4), g.conv("x", 3, 1), name="bad"),
        ["adds maps of the shapes (4, 25, 22) and (1, 25, 22)"],
    ),
    "three maps": (
        lambda g: g.add("Sum", *(g.conv("x", 3, 4) for _ in range(3)), name="bad"),
        ["2"],
    ),
    "relu of one reader": (
        lambda g: bypass_before_relu(g),
        ["is read elsewhere too, without the Relu", "Conv or Add"],
    ),
    "sigmoid": (
        node("Sigmoid", "x"),
        ["operator is not supported; supported are Conv", "Softmax"],
    ),
    "other domain": (node("Gelu", "x", domain="com.microsoft"), ["domain 'com.microsoft'"]),
    "early softmax": (node("Softmax", "x"), ["after the global average only"]),
    "early flatten": (node("Flatten", "x"), ["flattens the network's input"]),
    "no pooled conv": (node("GlobalAveragePool", "x"), ["averages the network's input"]),
    "part of the map": (
        lambda g: g.add("AveragePool", g.conv("x", 3, 4), name="bad", kernel_shape=[5, 5]),
        ["windows of [5, 5]", "of a map 25x22", "the whole map"],
    ),
    "mean axes": (
        lambda g: g.add("ReduceMean", g.conv("x", 3, 4), name="bad", axes=[1, 2]),
        ["over the axes [1, 2]; supported are [2, 3]"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_BODIES)
def test_unsupported_nodes(tmp_path, case):
    change, parts = BAD_BODIES[case]
    graph = Graph()
    x = change(graph)
    # A complete network follows, so that only the bad node can be what is complained about.
    x = graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))
    op = next(item.op_type for item in graph.nodes if item.name == "bad")
    refused(graph.save(tmp_path, x, 4), f"node bad ({op}): ", *parts)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [1, 2])
def test_weights_that_are_not_finite(tmp_path, value, position):
    graph, output = good()
    graph.weights[graph.nodes[0].input[position]].reshape(-1)[3] = value
    place = {1: "weights [0, 0, 1, 0]", 2: "biases [3]"}[position]
    refused(graph.save(tmp_path, output), "node first (Conv): ", place, f"is {value}", "1 of")


BAD_TAILS = {
    "conv after average": (lambda g, x: g.conv(x, CLASSES, 2, 3, name="bad"), "follows the global"),
    "second softmax": (
        lambda g, x: g.add("Softmax", g.add("Softmax", x, axis=1), axis=1, name="bad"),
        "second Softmax",
    ),
    "softmax over one value": (lambda g, x: g.add("Softmax", x, name="bad"), "axis is -1"),
    "softmax over the batch": (lambda g, x: g.add("Softmax", x, axis=0, name="bad"), "axis is 0"),
    "flatten the batch": (lambda g, x: g.add("Flatten", x, axis=0, name="bad"), "axis is 0"),
    "squeeze the batch": (
        lambda g, x: g.add("Squeeze", x, g.constant(np.array([0])), name="bad"),
        "axes [0]",
    ),
    "reshape to a matrix": (
        lambda g, x: g.add("Reshape", x, g.constant(np.array([0, 2, 3])), name="bad"),
        "makes [batch, 2, 3]",
    ),
    "reshape to another size": (
        lambda g, x: g.add("Reshape", x, g.constant(np.array([0, 7])), name="bad"),
        "to [0, 7] does not fit [batch, 6, 1, 1]",
    ),
    "reshape by floats": (
        lambda g, x: g.add("Reshape", x, g.constant(np.array([0.0, 6.0])), name="bad"),
        "shape must be a list of integers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TAILS)
def test_unsupported_tails(tmp_path, case):
    change, part = BAD_TAILS[case]
    graph = Graph()
    output = change(graph, graph.add("GlobalAveragePool", graph.head("x", 3)))
    refused(graph.save(tmp_path, output), f"node bad ({graph.nodes[-1].op_type}): ", part)


def test_old_softmax_over_the_last_axis_is_refused(tmp_path):
    graph = Graph(11)
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    refused(graph.save(tmp_path, graph.add("Softmax", x, axis=-1), 4), "axis is -1")


def test_networks_that_end_otherwise(tmp_path):
    graph = Graph()
    x = graph.head("x", 3)
    refused(graph.save(tmp_path, x, 4), "is not the global average", "must end as")
    y = graph.add("GlobalAveragePool", x)
    graph.conv(x, CLASSES, 2)
    refused(graph.save(tmp_path, y, 4), "read elsewhere too", "must end as")
    graph = Graph()
    x = graph.add("GlobalAveragePool", graph.fire("x", 3, 2, 2), name="bad")
    refused(graph.save(tmp_path, x, 4), "node bad", "averages the Concat", "must end as")


def test_two_averages(tmp_path):
    graph = Graph()
    graph.add("GlobalAveragePool", graph.head("x", 3))
    x = graph.add("GlobalAveragePool", graph.head("x", 3), name="bad")
    refused(graph.save(tmp_path, x, 4), "nothing reads its output")


def test_dead_nodes(tmp_path):
    graph = Graph()
    graph.pool(graph.relu(graph.conv("x", 3, 4)))
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    refused(graph.save(tmp_path, x, 4), "node maxpool2: nothing reads its output")
    graph = Graph()
    y = graph.relu(graph.conv("x", 3, 4, name="dead"))
    graph.relu(y)
    x = graph.add("GlobalAveragePool", graph.head("x", 3))
    refused(graph.save(tmp_path, x, 4), "node dead: nothing reads its output")


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        (("N", 3, "H", 9), "leaves height free"),
        (("N", 3, "H", "W"), "leaves height and width free"),
        (("N", "C", 9, 9), "leaves channels free"),
        (("N", 3, None, 0), "leaves height and width free"),
        ((3, 9, 9), "has 3 dimensions"),
        (None, "states no shape"),
    ],
)
def test_pictures_of_no_fixed_size(tmp_path, shape, part):
    graph, output = good()
    graph.shape = shape
    refused(graph.save(tmp_path, output), "input x: ", part)


def test_inputs_of_another_type_and_number(tmp_path):
    graph, output = good()
    path = tmp_path / "net.onnx"
    model = graph.model(output)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, path)
    refused(path, "input x: has values of type INT64; supported are FLOAT and UINT8")
    model = graph.model(output)
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    refused(path, "has 2 inputs and 1 outputs")


@pytest.mark.parametrize("opset", [1, 6, 25])
def test_other_opsets(tmp_path, opset):
    graph, output = good()
    graph.opset = opset
    refused(graph.save(tmp_path, output), f"opset {opset}; supported are 7 to 24")


def test_shapes_that_the_file_contradicts(tmp_path):
    graph, output = good()
    wrong = helper.make_tensor_value_info("t1", TensorProto.FLOAT, ["N", 8, 23, 21])
    graph.value_info.append(wrong)
    refused(graph.save(tmp_path, output), "node relu1 (Relu): ", "['?', 8, 23, 21]", "8, 23, 20]")


def test_a_tensor_made_twice(tmp_path):
    graph, output = good()
    graph.nodes[3].output[0] = graph.nodes[1].output[0]
    refused(graph.save(tmp_path, output), "makes 't1', which exists already")


def test_data_that_do_not_fill_their_shape(tmp_path):
    graph, output = good()
    model = graph.model(output)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    onnx.save(model, tmp_path / "short.onnx")
    refused(tmp_path / "short.onnx", "initializer constant0: its data do not fill")


def test_files_that_are_not_onnx(tmp_path):
    for name, data in (("empty", b""), ("text", b"hello, world\n" * 40), ("zero", bytes(100))):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        refused(path, "not an ONNX file")
    with pytest.raises(FirebrickError, match=r"none\.onnx: cannot be read"):
        import_onnx(tmp_path / "none.onnx")
    with pytest.raises(FirebrickError, match="cannot be read"):
        import_onnx(tmp_path)


def test_every_truncation_is_refused(tmp_path):
    graph, output = good()
    data = graph.model(output).SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(data), 37):
        path.write_bytes(data[:length])
        refused(path)


def test_altered_bytes_never_escape_as_another_exception(tmp_path):
    graph, output = good()
    data = np.frombuffer(graph.model(output).SerializeToString(), np.uint8)
    rng = np.random.default_rng(0)
    path = tmp_path / "altered.onnx"
    refusals = 0
    for _ in range(1500):
        changed = data.copy()
        places = rng.integers(0, len(data), rng.integers(1, 4))
        changed[places] = rng.integers(0, 256, len(places))
        path.write_bytes(changed.tobytes())
        try:
            import_onnx(path)
        except FirebrickError as error:
            assert str(path) in str(error)
            refusals += 1
    assert refusals > 300
