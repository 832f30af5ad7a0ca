"""ONNX import: every refusal by its message."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx.model import import_onnx
from tests.quantize.importers.onnx_graphs import CLASSES, Graph, refused


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
    "pool pads": (wrong_pool(pads=[2] * 4), ["by [2, 2, 2, 2]", "by 0 or by 1"]),
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
        lambda g: g.add("Sigmoid", g.conv("x", 3, 4), name="bad"),
        ["operator is not supported", "ReLU instead; supported are Conv", "Softmax"],
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
    flat = graph.add("Flatten", x)
    refused(graph.save(tmp_path, flat), "neither the global average nor a map", "must end as")
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
    refused(path, "input x: has values of type INT64; supported are FLOAT, FLOAT16, UINT8")
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
