"""Every attribute and optional input that the importer knows, held to onnxruntime.

A file is imported and gives what onnxruntime gives, or it is refused by name.  What is known is
asked of the importer itself: an attribute without a case fails.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx import model as importer
from firebrick.quantize.importers.onnx.graph import OnnxNode
from firebrick.quantize.importers.onnx.layout import FOLDABLE
from tests.quantize.importers.onnx.cases import CASES, PROBES
from tests.quantize.importers.onnx.folds import FOLD_PROBES
from tests.quantize.importers.onnx.probes import NAME, build, pictures, run, versions

# Held to what quantized files say elsewhere: they need an integer network to be right.
QUANTIZERS = {"QuantizeLinear", "DequantizeLinear", "Quant"}
OPTIONAL = onnx.defs.OpSchema.FormalParameterOption.Optional


def imported(proto: onnx.ModelProto, folder: Path) -> np.ndarray | str:
    """What the imported network makes of the pictures, or why there is none."""
    path = folder / "net.onnx"
    onnx.save(proto, path)
    try:
        model = importer.import_model(path)
    except FirebrickError as error:
        assert str(error).startswith(f"{path}: "), error
        return str(error)
    images = pictures(proto)
    shifted = images + model.shift[:, None, None].astype(np.float32)
    logits = FloatModel(model.network).logits(shifted)
    if model.network.softmax:
        power = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = power / power.sum(axis=1, keepdims=True)
    return logits


def judge(proto: onnx.ModelProto, folder: Path, refused: bool) -> str | None:
    """What is wrong; ``refused`` says what is expected."""
    result = imported(proto, folder)
    if isinstance(result, str):
        if not refused:
            return result.partition(": ")[2]
        return None if "node " in result else f"names no node: {result}"
    expected = run(proto)
    if expected is None:
        return "is imported, but onnxruntime refuses the file"
    if proto.graph.node[-1].op_type == "LogSoftmax":
        expected = np.exp(expected)
    if len(expected) != len(result) or expected.size != result.size:
        return f"makes {result.shape}, onnxruntime {expected.shape}"
    expected = expected.reshape(result.shape)
    error = float(np.abs(result - expected).max() / np.abs(expected).max())
    if not error <= 1e-4:
        return f"differs by {error:.2g}"
    if np.ptp(expected) < 1e-3 * np.abs(expected).max():
        return "shows nothing: all its outputs are the same"
    return "is imported, and right" if refused else None


def collect(wrong: dict[str, list[int]], opset: int, what: str, *given: Any) -> None:
    try:
        found = judge(*given)
    except Exception as error:  # Whatever escapes from the importer is what is looked for.
        found = f"{type(error).__name__}: {error}"
    if found is not None:
        wrong[f"{what}: {found}"].append(opset)


@pytest.mark.parametrize("op", CASES)
def test_values_of_attributes_and_inputs(tmp_path: Path, op: str) -> None:
    wrong: dict[str, list[int]] = defaultdict(list)
    for option, cases in CASES[op].items():
        tried = 0
        for case, opset in itertools.product(cases, versions(op)):
            proto = build(op, opset, PROBES[op], {option: case.value, **case.more})
            if proto is not None and case.since <= opset < case.before:
                tried += 1
                what = f"{option} {case.value} {case.more or ''}"
                collect(wrong, opset, what, proto, tmp_path, case.refused)
        assert tried, option
    assert not wrong, "\n".join(f"{what}, opsets {opsets}" for what, opsets in wrong.items())


@pytest.mark.parametrize("op", FOLD_PROBES)
def test_operators_on_constants(tmp_path: Path, op: str) -> None:
    wrong: dict[str, list[int]] = defaultdict(list)
    for opset in versions(op):
        for probe, settings in FOLD_PROBES[op]:
            for values in settings:
                proto = build(op, opset, probe, values)
                if proto is not None:
                    collect(wrong, opset, str(values), proto, tmp_path, run(proto) is None)
    assert not wrong, "\n".join(f"{what}, opsets {opsets}" for what, opsets in wrong.items())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], set[int]]:
    """The attributes that the importer calls known while a probe is imported, and the numbers of
    inputs that it takes."""
    names: set[str] = set()
    counts: set[int] = set()
    known, arity = OnnxNode.known, OnnxNode.arity

    def note_known(node: OnnxNode, allowed: Iterable[str]) -> None:
        if node.name == NAME:
            names.update(allowed)
        known(node, allowed)

    def note_arity(node: OnnxNode, least: int, most: int) -> None:
        if node.name == NAME:
            counts.update(range(least, most + 1))
        arity(node, least, most)

    monkeypatch.setattr(OnnxNode, "known", note_known)
    monkeypatch.setattr(OnnxNode, "arity", note_arity)
    return names, counts


@pytest.mark.parametrize("op", sorted(set(importer.HANDLERS) - QUANTIZERS))
def test_every_known_attribute_and_optional_input_has_cases(
    tmp_path: Path, op: str, asked: tuple[set[str], set[int]]
) -> None:
    names, counts = asked
    history = [onnx.defs.get_schema(op, opset, "") for opset in versions(op)]
    stated = {name for schema in history for name in schema.attributes}
    for opset in versions(op):
        proto = build(op, opset, PROBES[op], {})
        assert proto is not None
        imported(proto, tmp_path)
    assert names & stated <= set(CASES[op]), "known, but held to nothing"
    # What no opset has, or the opset of a file has not, is refused whatever the importer knows.
    for opset, name in itertools.product(versions(op), sorted(names)):
        schema = onnx.defs.get_schema(op, opset, "")
        if name not in schema.attributes:
            attribute = _any_attribute(op, name)
            proto = build(op, opset, PROBES[op], {}, (attribute,))
            assert proto is not None and run(proto) is None
            result = imported(proto, tmp_path)
            assert isinstance(result, str) and f"attribute {name} is not supported" in result
    optional = {
        (index, formal.name)
        for schema in history
        for index, formal in enumerate(schema.inputs)
        if formal.option == OPTIONAL and index + 1 in counts
    }
    assert {name for _, name in optional} <= set(CASES[op]), "an optional input held to nothing"


def _any_attribute(op: str, name: str) -> onnx.AttributeProto:
    """An attribute as another version of the operator has it."""
    for opset in versions(op):
        schema = onnx.defs.get_schema(op, opset, "")
        if name in schema.attributes:
            kind = int(schema.attributes[name].type)
            value: Any = {
                onnx.AttributeProto.INTS: [2, 3],
                onnx.AttributeProto.FLOAT: 0.0,
                onnx.AttributeProto.STRING: "constant",
            }.get(kind, 1)
            return onnx.helper.make_attribute(name, value, attr_type=kind)
    return onnx.helper.make_attribute(name, 1)


def test_every_operator_on_constants_has_cases() -> None:
    assert set(FOLDABLE) == set(FOLD_PROBES)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_split_into_another_number(tmp_path: Path, count: int) -> None:
    """Held to nothing: onnxruntime itself ends on such a file."""
    model = build("Split", 18, PROBES["Split"], {})
    assert model is not None
    next(a for n in model.graph.node for a in n.attribute if a.name == "num_outputs").i = count
    result = imported(model, tmp_path)
    assert isinstance(result, str) and f"num_outputs is {count}, not 3" in result
