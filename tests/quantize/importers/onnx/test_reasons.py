"""A network that cannot run: all reasons at once, counted, with what would make it run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers import load
from firebrick.quantize.importers.onnx.model import import_onnx
from tests.quantize.importers.onnx.cases import f32
from tests.quantize.importers.onnx_graphs import CLASSES, Graph, refused


def message(graph: Graph, output: str, folder: Path, rank: int = 2) -> str:
    path = graph.save(folder, output, rank)
    with pytest.raises(FirebrickError) as caught:
        import_onnx(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


def relu6(graph: Graph, x: str) -> str:
    return graph.add("Clip", x, graph.constant(np.float32(0)), graph.constant(np.float32(6)))


def hard_tanh(graph: Graph, x: str) -> str:
    return graph.add("Clip", x, graph.constant(np.float32(-1)), graph.constant(np.float32(1)))


def depthwise(graph: Graph, x: str, channels: int, stride: int = 1) -> str:
    weights = graph.rng.normal(0, 1, (channels, 1, 3, 3)).astype(np.float32)
    more = {"group": channels, "strides": [stride] * 2, "pads": [1] * 4}
    return graph.add("Conv", x, graph.constant(weights), **more)


def mobilenet(graph: Graph) -> str:
    x = relu6(graph, graph.norm(graph.conv("x", 3, 8, 3, strides=[2, 2], pads=[1] * 4), 8))
    for channels in (8, 12, 16):
        x = relu6(graph, graph.norm(depthwise(graph, x, channels, 2), channels))
        x = relu6(graph, graph.norm(graph.conv(x, channels, channels + 4), channels + 4))
    x = graph.add("Flatten", graph.add("GlobalAveragePool", x))
    weights = graph.constant(graph.rng.normal(0, 1, (20, CLASSES)).astype(np.float32))
    return graph.add("Gemm", x, weights)


def test_a_mobilenet_is_told_of_its_depthwise_layers_once(tmp_path: Path) -> None:
    graph = Graph()
    text = message(graph, mobilenet(graph), tmp_path)
    assert text.startswith("node conv3 (Conv): is a depthwise convolution, as MobileNet")
    assert text.endswith("Fire modules (and 2 more Conv)") and "ReLU6" not in text
    assert "group is 8 for 8 channels; supported is 1" in text


def test_bounds_below_zero_are_counted_with_all_their_nodes(tmp_path: Path) -> None:
    graph = Graph()
    x = hard_tanh(graph, graph.conv(hard_tanh(graph, graph.conv("x", 3, 4)), 4, CLASSES))
    text = message(graph, graph.add("GlobalAveragePool", x), tmp_path, 4)
    assert text.startswith("node clip1 (Clip): clips to [-1, 1]; supported is a lower bound of 0")
    assert text.endswith("(and 1 more Clip)")


def test_a_grouped_convolution_is_not_called_depthwise(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 8))
    x = graph.add("Conv", x, graph.constant(np.ones((8, 1, 1, 1), np.float32)), group=8)
    assert "is a depthwise" in message(graph, graph.add("GlobalAveragePool", x), tmp_path, 4)
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 8))
    # One input a group would be depthwise, two are not.
    x = graph.add("Conv", x, graph.constant(np.ones((8, 2, 1, 1), np.float32)), group=4)
    text = message(graph, graph.add("GlobalAveragePool", x), tmp_path, 4)
    assert "depthwise" not in text and "attribute group is 4; supported is 1" in text


def test_a_head_of_one_class_with_sigmoid(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.add("GlobalAveragePool", graph.conv(graph.relu(graph.conv("x", 3, 4)), 4, 1))
    text = message(graph, graph.add("Sigmoid", graph.add("Flatten", x), name="last"), tmp_path)
    assert text.startswith("node last (Sigmoid): ")
    assert "drop it and threshold the logit at 0" in text


def test_operators_of_many_kinds_are_listed_once_each(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.conv("x", 3, 4)
    for _ in range(3):
        x = graph.conv(graph.add("HardSwish", x), 4, 4, 3, dilations=[2, 2], pads=[2] * 4)
    x = graph.add("InstanceNormalization", x, *(graph.constant(np.ones(4, np.float32)),) * 2)
    x = graph.add("Resize", x, "", graph.constant(f32(1, 1, 2, 2)))
    # Behind what has no known size the rest is still looked at.
    x = graph.add("LeakyRelu", x)
    x = graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))
    text = message(graph, x, tmp_path, 4)
    assert text.startswith("9 nodes cannot be used, for 5 reasons: ")
    for part in (
        "node hardswish1 (HardSwish): this operator is not supported: train the network with ReLU "
        "instead (and 2 more HardSwish)",
        "node conv2 (Conv): attribute dilations is [2, 2]; supported is [1, 1] (and 2 more Conv)",
        "(InstanceNormalization): this operator is not supported: train with BatchNormalization",
        "(Resize): this operator is not supported: maps never grow here",
        "(LeakyRelu): this operator is not supported: train the network with ReLU",
    ):
        assert part in text, text
    assert text.count("supported are Conv, ") == 1


def test_all_that_a_detector_of_the_desktop_has(tmp_path: Path) -> None:
    """Depthwise and grouped convolutions, LeakyReLU, 5x5 kernels and upsampling: one line."""
    graph = Graph()
    x = graph.add("LeakyRelu", graph.conv("x", 3, 8, 7, strides=[2, 2], pads=[3] * 4))
    x = graph.add("LeakyRelu", graph.conv(x, 8, 8, 5, pads=[2] * 4))
    x = depthwise(graph, x, 8)
    x = graph.relu(graph.conv(x, 8, 8, 5, pads=[2] * 4))
    grouped = graph.constant(np.ones((8, 2, 1, 1), np.float32))
    x = graph.relu(graph.add("Conv", x, grouped, group=4))
    x = graph.add("Resize", x, "", graph.constant(f32(1, 1, 2, 2)))
    # No size is known from here on, but a kernel and a group are.
    x = graph.relu(graph.conv(depthwise(graph, x, 8), 8, 8, 5, pads=[2] * 4))
    text = message(graph, graph.add("GlobalAveragePool", graph.conv(x, 8, CLASSES)), tmp_path, 4)
    assert text.startswith("9 nodes cannot be used, for 5 reasons: ")
    for part in (
        "node leakyrelu1 (LeakyRelu): this operator is not supported: train the network with ReLU "
        "instead (and 1 more LeakyRelu)",
        "node conv2 (Conv): is a convolution of 5x5 behind the first layer; engines run 1x1 and "
        "3x3 there: two of 3x3 see as much as one of 5x5 (and 2 more Conv)",
        "node conv4 (Conv): is a depthwise convolution",
        "node conv7 (Conv): attribute group is 4; supported is 1",
        "node resize9 (Resize): this operator is not supported: maps never grow here: end the "
        "network before it",
    ):
        assert part in text, text
    # The first layer's 7x7 is none of the reasons.
    assert "node conv0" not in text


def test_wide_kernels_alone_are_read(tmp_path: Path) -> None:
    """Whether an engine runs them is not the importer's to say."""
    graph = Graph()
    x = graph.relu(graph.conv("x", 3, 4))
    x = graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES, 5))
    assert len(import_onnx(graph.save(tmp_path, x, 4)).nodes) == 3


def test_another_end_is_told_with_the_rest(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.conv(graph.add("Tanh", graph.conv("x", 3, 4), name="bad"), 4, 8)
    x = graph.add("GlobalAveragePool", graph.pool(graph.relu(x)), name="end")
    text = message(graph, x, tmp_path, 4)
    assert (
        "node bad (Tanh)" in text and "node end (GlobalAveragePool): averages the MaxPool" in text
    )


@pytest.mark.parametrize("level", ["ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"])
def test_a_file_of_onnxruntimes_optimizer(tmp_path: Path, level: str) -> None:
    graph = Graph(shape=(1, 3, 25, 22))
    x = graph.relu(graph.conv("x", 3, 8, 3))
    x = graph.add("GlobalAveragePool", graph.head(graph.fire(x, 8, 8, 16), 32))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    path = tmp_path / "optimized.onnx"
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(graph.save(tmp_path, x, 4), options)
    domains = {node.domain for node in onnx.load(path).graph.node}
    assert domains & {"com.microsoft", "com.microsoft.nchwc"}
    refused(path, "was written by onnxruntime's optimizer", "ORT_DISABLE_ALL")


@pytest.mark.parametrize(
    ("op", "domain"),
    [("FixNeuron", "vai"), ("VitisQuantizeLinear", "com.vai.quantize"), ("FakeQuantize", "o")],
)
def test_quantizers_of_vendors(tmp_path: Path, op: str, domain: str) -> None:
    graph = Graph()
    x = graph.add(op, graph.conv("x", 3, 4), name="bad", domain=domain)
    x = graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))
    text = message(graph, x, tmp_path, 4)
    assert f"node bad ({op}): is a quantizer of the domain {domain!r}" in text
    assert "give the float network" in text


def test_weights_that_are_inputs(tmp_path: Path) -> None:
    graph = Graph()
    model = graph.model(graph.add("GlobalAveragePool", graph.head("x", 3)), 4)
    for tensor in model.graph.initializer:
        info = helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims)
        model.graph.input.append(info)
    del model.graph.initializer[:]
    onnx.save(model, tmp_path / "net.onnx")
    refused(tmp_path / "net.onnx", "2 of 3 inputs are weights", "export_params=True")


# --- weights in another file --------------------------------------------------------------------


def beside(folder: Path) -> Path:
    """A network whose weights are in ``weights.bin``."""
    graph = Graph()
    model = graph.model(graph.add("GlobalAveragePool", graph.head("x", 3)), 4)
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    path = folder / "net.onnx"
    onnx.save(model, path)
    import_onnx(path)
    return path


def rename(path: Path, location: str) -> None:
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = location
    path.write_bytes(model.SerializeToString())


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9\n"


def test_weights_beside_that_are_not_there(tmp_path: Path) -> None:
    path = beside(tmp_path)
    data = tmp_path / "weights.bin"
    whole = data.read_bytes()
    data.write_bytes(whole[:40])
    refused(path, "'weights.bin'", "has 40 bytes", "copy it again")
    data.write_text(POINTER)
    refused(path, "'weights.bin'", "Git LFS pointer", "git lfs pull")
    data.unlink()
    refused(path, "'weights.bin'", "where it is not", "copy it there", "save it as one file")
    data.mkdir()
    refused(path, "'weights.bin'", "is no file")


def test_weights_outside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = beside(folder)
    shutil.copy(folder / "weights.bin", tmp_path)
    for location in ("../weights.bin", str(tmp_path / "weights.bin")):
        rename(path, location)
        refused(path, location, "outside of its folder", "save it as one file")


def test_weights_behind_links(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = beside(folder)
    link = tmp_path / "net.onnx"
    link.symlink_to(path)
    refused(link, "the network is a link", f"give {path} itself")
    (tmp_path / "weights.bin").symlink_to(folder / "weights.bin")
    refused(link, "which is a link and is not followed", "put a copy there")
    (tmp_path / "weights.bin").unlink()
    os.link(folder / "weights.bin", tmp_path / "weights.bin")
    refused(link, "which is a link and is not followed", "put a copy there")


@pytest.mark.parametrize("name", ["net.onnx", "net.net"])
def test_pointers_instead_of_networks(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(FirebrickError, match=rf"{name}: is a Git LFS pointer .* git lfs pull"):
        load.load_network(tmp_path / name)


def test_an_input_padded_by_no_pixel_value(tmp_path: Path) -> None:
    """Alone it is refused; with its preprocessing the value is what the padding stands for."""
    graph = Graph(shape=("N", 3, 20, 20))
    pads = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = graph.add("Pad", "x", pads, graph.constant(np.float32(0.3)))
    x = graph.add("GlobalAveragePool", graph.head(graph.relu(graph.conv(x, 3, 8, 3, name="c")), 8))
    path = graph.save(tmp_path, x, 4)
    refused(path, "layer c: the input is padded by a value other than 0", "pad by 0 there")
    with pytest.raises(FirebrickError, match="layer c: the input is padded by a value other"):
        load.load_network(path)
    _, preprocessing = load.load_model(path, "torchvision", resize=0)
    np.testing.assert_allclose(
        preprocessing.mean, np.array([0.485, 0.456, 0.406]) + 0.3 * np.array([0.229, 0.224, 0.225])
    )
