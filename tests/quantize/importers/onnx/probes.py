"""One operator with chosen attributes and inputs in a network that can run: :func:`build`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from firebrick.quantize.importers.onnx.graph import OPSETS
from tests.quantize.importers.onnx_graphs import CLASSES, Graph

BATCH = 2
NAME = "probe"


@dataclass(frozen=True)
class Probe:
    """An operator under test: what feeds it, what it always needs, what reads it.

    ``ahead`` makes its first inputs; those behind them are constants, given by their formal names
    like attributes.  ``tail`` says how the network goes on: from a "map" by a convolution and the
    average, from a "constant" as biases, after the "end" not at all.
    """

    ahead: Callable[[Graph], list[str]]
    tail: str
    base: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    shape: tuple = ("N", 3, 9, 8)


def versions(op: str) -> list[int]:
    """The first opset of every version of ``op`` that the importer may meet."""
    since = {
        schema.since_version
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.name == op and schema.domain == "" and schema.since_version < OPSETS.stop
    }
    # From opset 19 on versions differ in types alone, which the newest shows.
    middle = {version for version in since if OPSETS.start < version < 19}
    first = {OPSETS.start} if min(since) <= OPSETS.start else set()
    return sorted({*first, *middle, OPSETS.stop - 1})


def build(
    op: str,
    opset: int,
    probe: Probe,
    values: dict[str, Any],
    foreign: tuple[onnx.AttributeProto, ...] = (),
) -> onnx.ModelProto | None:
    """The network; None where this version of ``op`` has not all of ``values``.

    ``foreign`` are attributes that are set whatever the version knows.
    """
    schema = onnx.defs.get_schema(op, opset, "")
    given = {**probe.base, **values}
    graph = Graph(opset, probe.shape)
    inputs = probe.ahead(graph)
    names = {formal.name for formal in schema.inputs}
    if not set(values) <= names | set(schema.attributes) | {"outputs", "more"}:
        return None
    for formal in list(schema.inputs)[len(inputs) :]:
        value = given.get(formal.name)
        inputs.append("" if value is None else graph.constant(np.asarray(value)))
    for value in given.get("more", ()):
        inputs.append(graph.constant(np.asarray(value)))
    while inputs and not inputs[-1]:
        inputs.pop()
    count = given.get("outputs", probe.outputs)
    outputs = [f"out{index}" for index in range(count)]
    node = helper.make_node(op, inputs, outputs, name=NAME)
    for name, attribute in schema.attributes.items():
        if given.get(name) is not None:
            node.attribute.append(_attribute(name, given[name], int(attribute.type)))
    node.attribute.extend(foreign)
    graph.nodes.append(node)
    model = graph.model(_tail(graph, probe.tail, outputs))
    # The nodes alone say what shape the output has.
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return model


def _attribute(name: str, value: Any, kind: int) -> onnx.AttributeProto:
    if kind == onnx.AttributeProto.TENSOR:
        value = onnx.numpy_helper.from_array(np.asarray(value))
    elif isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return helper.make_attribute(name, value, attr_type=kind)


def _tail(graph: Graph, tail: str, outputs: list[str]) -> str:
    """The network's output."""
    if tail == "end":
        return outputs[0]
    found = _run(graph, outputs[0])
    if tail == "constant":
        size = 4 if found is None else found.size
        flat = graph.add("Reshape", outputs[0], graph.constant(np.array([-1])))
        if found is None or found.dtype != np.float32:
            flat = graph.add("Cast", flat, to=onnx.TensorProto.FLOAT)
        weights = graph.constant(graph.rng.normal(0, 1, (size, 3, 1, 1)).astype(np.float32))
        y = graph.relu(graph.add("Conv", "x", weights, flat))
        return graph.add("GlobalAveragePool", graph.conv(y, size, CLASSES))
    y = outputs[0]
    if len(outputs) > 1 and tail == "map":
        y = graph.add("Concat", *outputs, axis=1)
        found = _run(graph, y)
    channels, least = 3, 1
    if found is not None and found.size:
        channels, least = found.shape[1], min(found.shape[2:], default=1)
    y = graph.conv(y, channels, CLASSES, 3 if least >= 3 else 1)
    return graph.add("GlobalAveragePool", y)


def _run(graph: Graph, output: str) -> np.ndarray | None:
    """What onnxruntime makes of the graph so far; None where it cannot run it."""
    model = graph.model(output)
    model.graph.output[0].type.Clear()
    return run(model)


def pictures(model: onnx.ModelProto) -> np.ndarray:
    dims = [dim.dim_value or BATCH for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(9).standard_normal(dims, np.float32)


def run(model: onnx.ModelProto) -> np.ndarray | None:
    """onnxruntime's first output for some pictures; None where it refuses the file."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return session.run(None, {"x": pictures(model)})[0]
    except Exception:  # onnxruntime's exceptions have no class in common.
        return None


def mapped(channels: int = 4, relu: bool = True) -> Callable[[Graph], list[str]]:
    """A convolution of the picture, 9x8."""

    def ahead(graph: Graph) -> list[str]:
        x = graph.conv("x", 3, channels, 3, pads=[1] * 4)
        return [graph.relu(x) if relu else x]

    return ahead


def averaged(*steps: tuple[str, dict[str, Any]]) -> Callable[[Graph], list[str]]:
    """The mean over the map, [N, 6, 1, 1], and what follows."""

    def ahead(graph: Graph) -> list[str]:
        x = graph.add("GlobalAveragePool", graph.conv(mapped()(graph)[0], 4, CLASSES))
        for op, attributes in steps:
            x = graph.add(op, x, **attributes)
        return [x]

    return ahead


def picture(graph: Graph) -> list[str]:
    return ["x"]


def constants(*arrays: np.ndarray) -> Callable[[Graph], list[str]]:
    return lambda graph: [graph.constant(np.asarray(array)) for array in arrays]
