"""Operators in an order that changes what they mean, held to onnxruntime: equal, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.quantize.importers.onnx.cases import f32, i64
from tests.quantize.importers.onnx.test_attributes import judge
from tests.quantize.importers.onnx_graphs import CLASSES, Graph

TWO = np.float32(2)


def mean(graph: Graph) -> str:
    x = graph.relu(graph.conv("x", 3, 4, 3))
    return graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))


def classes(graph: Graph, softmax: str = "Softmax") -> str:
    return graph.add(softmax, graph.add("Flatten", mean(graph)), axis=1)


def square(graph: Graph, x: str) -> str:
    weights = graph.rng.normal(0, 1, (CLASSES, CLASSES)).astype(np.float32)
    return graph.add("Gemm", x, graph.constant(weights))


def dead_gemm(graph: Graph) -> str:
    x = graph.add("Flatten", mean(graph))
    square(graph, x)
    return square(graph, x)


def dead_scale(graph: Graph) -> str:
    x = graph.add("Flatten", mean(graph))
    graph.add("Mul", x, graph.constant(TWO))
    return graph.add("Identity", x)


def norm_pad_pool(graph: Graph) -> str:
    x = graph.norm(graph.relu(graph.conv("x", 3, 4, 3)), 4)
    x = graph.pool(graph.add("Pad", x, graph.constant(i64(0, 0, 0, 0, 0, 0, 1, 1))))
    return graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))


def norm_of_a_flat_map(graph: Graph) -> str:
    x = graph.add("Flatten", graph.relu(graph.conv("x", 3, 4, 3)))
    weights = graph.constant(graph.rng.normal(0, 1, (4 * 7 * 6, 5)).astype(np.float32))
    return graph.add("Gemm", graph.norm(x, 4), weights)


def input_scale_pool(graph: Graph) -> str:
    x = graph.add("Mul", "x", graph.constant(np.float32(0.5)))
    x = graph.pool(graph.add("Sub", x, graph.constant(f32(1, 2, 3).reshape(3, 1, 1))))
    x = graph.relu(graph.conv(x, 3, 4, 3))
    return graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))


def two_readers_of_the_input(graph: Graph) -> str:
    shifted = graph.add("Sub", "x", graph.constant(TWO))
    x = graph.add("Add", graph.conv(shifted, 3, 4, 3, pads=[1] * 4), graph.conv("x", 3, 4))
    return graph.add("GlobalAveragePool", graph.conv(x, 4, CLASSES))


RIGHT: dict[str, Callable[[Graph], str]] = {
    "a scale of the mean that nothing reads": dead_scale,
    "a scale of the input ahead of a pooling": input_scale_pool,
    "two readers of the input": two_readers_of_the_input,
    "a constant less the mean": lambda g: g.add("Sub", g.constant(TWO), mean(g)),
    "matrix of [N, 1, 1, C]": lambda g: g.add(
        "MatMul",
        g.add("Transpose", mean(g), perm=[0, 2, 3, 1]),
        g.constant(g.rng.normal(0, 1, (CLASSES, 5)).astype(np.float32)),
    ),
}
WRONG: dict[str, Callable[[Graph], str]] = {
    "scale": lambda g: g.add("Mul", classes(g), g.constant(TWO)),
    "shift": lambda g: g.add("Add", classes(g), g.constant(f32(1, 2, 3, 4, 5, 6))),
    "matrix": lambda g: square(g, classes(g)),
    "convolution": lambda g: g.conv(g.add("Softmax", mean(g), axis=1), CLASSES, 5),
    "normalization": lambda g: g.norm(g.add("Softmax", mean(g), axis=1), CLASSES),
    "relu": lambda g: g.relu(classes(g, "LogSoftmax")),
    "two matrices of one mean": dead_gemm,
    "normalization ahead of padding and pooling": norm_pad_pool,
    "normalization of a flat map": norm_of_a_flat_map,
    "normalization of [N, 1, 1, C]": lambda g: g.norm(
        g.add("Transpose", mean(g), perm=[0, 2, 3, 1]), CLASSES
    ),
    "Gemm of a map": lambda g: square(g, mean(g)),
}


@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_orders(tmp_path: Path, name: str) -> None:
    graph = Graph(shape=("N", 3, 9, 8))
    model = graph.model({**RIGHT, **WRONG}[name](graph))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert judge(model, tmp_path, name in WRONG) is None
