"""ONNX graphs built node by node, and what an import of one is held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Network

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


def ends(graph: Graph, x: str, inputs: int, folder: Path) -> Network:
    x = graph.add("GlobalAveragePool", graph.head(x, inputs))
    return same(graph.save(folder, graph.add("Flatten", x)))
