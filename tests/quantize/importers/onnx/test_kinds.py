"""Every operator on every kind of tensor in every place: equal to onnxruntime, or refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from firebrick.quantize.importers.onnx import model as importer
from tests.quantize.importers.onnx.cases import PROBES, f32, i64
from tests.quantize.importers.onnx.probes import NAME
from tests.quantize.importers.onnx.test_attributes import QUANTIZERS, imported, judge
from tests.quantize.importers.onnx_graphs import CLASSES, Graph

OPSET = 18
# onnxruntime does not take the empty name of an optional input for one that is left out everywhere.
REFUSES = "onnxruntime refuses the file"
CHANNELS = 4


def a_map(graph: Graph) -> str:
    return graph.relu(graph.conv("x", 3, CHANNELS, 3))


def a_flat_map(graph: Graph) -> str:
    return graph.add("Flatten", a_map(graph))


def a_mean(graph: Graph) -> str:
    return graph.add("GlobalAveragePool", graph.conv(a_map(graph), CHANNELS, CHANNELS))


def classes(graph: Graph) -> str:
    return graph.add("Flatten", a_mean(graph))


def chances(graph: Graph) -> str:
    return graph.add("Softmax", classes(graph), axis=1)


KINDS: dict[str, Callable[[Graph], str]] = {
    "input": lambda graph: "x",
    "map": a_map,
    "channels last": lambda g: g.add("Transpose", a_map(g), perm=[0, 2, 3, 1]),
    "padded": lambda g: g.add("Pad", a_map(g), g.constant(i64(0, 0, 1, 1, 0, 0, 1, 1))),
    "shifted": lambda g: g.norm(a_map(g), CHANNELS),
    "flat": a_flat_map,
    "mean": a_mean,
    "classes": classes,
    "chances": chances,
    "floats": lambda g: g.constant(g.rng.normal(0, 1, (CHANNELS, 1, 1)).astype(np.float32)),
    "matrix": lambda g: g.constant(g.rng.normal(0, 1, (CHANNELS, CHANNELS)).astype(np.float32)),
    "one": lambda g: g.constant(np.float32(1.5)),
    "integers": lambda g: g.constant(i64(0, -1)),
    "integer": lambda g: g.constant(np.int64(1)),
    "nothing": lambda g: g.constant(f32()),
    "no name": lambda g: "",
    "unknown": lambda g: "nowhere",
}


@pytest.mark.parametrize("op", sorted(set(importer.HANDLERS) - QUANTIZERS))
def test_every_kind_in_every_place(tmp_path: Path, op: str) -> None:
    """Without attributes but those that the operator must have."""
    schema = onnx.defs.get_schema(op, OPSET, "")
    places = min(2, schema.max_input)
    wrong = []
    for kinds in itertools.product(KINDS, repeat=places):
        graph = Graph(OPSET, ("N", 3, 9, 8))
        inputs = [KINDS[kind](graph) for kind in kinds]
        for formal in list(schema.inputs)[places : schema.min_input]:
            inputs.append(graph.constant(np.asarray(PROBES[op].base[formal.name])))
        given = {n: v for n, v in PROBES[op].base.items() if n in schema.attributes}
        x = graph.add(op, *inputs, name=NAME, **given)
        for tail in ("conv", "end", "flat"):
            other = Graph(OPSET, graph.shape)
            other.nodes, other.weights = [*graph.nodes], {**graph.weights}
            y = x
            if tail == "conv":
                y = other.add("GlobalAveragePool", other.conv(x, CHANNELS, CLASSES))
            elif tail == "flat":
                weights = other.rng.normal(0, 1, (CHANNELS, CLASSES)).astype(np.float32)
                y = other.add("Gemm", x, other.constant(weights))
            model = other.model(y)
            model.graph.output[0].type.tensor_type.ClearField("shape")
            try:
                said = imported(model, tmp_path)
                found = None if isinstance(said, str) else judge(model, tmp_path, False)
            except Exception as error:  # Whatever escapes is what is looked for.
                found = f"{type(error).__name__}: {error}"
            if found is not None and not (REFUSES in found and kinds[-1] == "no name"):
                wrong.append(f"{', '.join(kinds)} -> {tail}: {found}")
            elif isinstance(said, str) and f"node {NAME} (" in said:
                # What follows makes no difference.
                break
    assert not wrong, "\n".join(wrong)
