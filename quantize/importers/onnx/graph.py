"""An ONNX file, read and checked as far as that needs no knowledge of networks.

:func:`read_graph` gives constants, one input, the outputs and the nodes; every complaint about a
node goes through :meth:`OnnxNode.refuse`, so that it names file, node and operator.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, numpy_helper

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx import external
from firebrick.quantize.support.pointer import is_pointer

OPSETS = range(7, 25)
DOMAINS = ("", "ai.onnx")
# Operators beyond ONNX's own: QONNX's quantizer, as Brevitas and qonnx name its domain, and the
# quantizers that onnxruntime has for types that older opsets lack.
QONNX_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
OTHER_OPERATORS = {
    **{domain: ("Quant", "BipolarQuant", "Trunc") for domain in QONNX_DOMAINS},
    "com.microsoft": ("QuantizeLinear", "DequantizeLinear"),
}
INPUT_TYPES = {
    TensorProto.FLOAT: "FLOAT",
    TensorProto.FLOAT16: "FLOAT16",
    TensorProto.UINT8: "UINT8",
}

# Attribute types by the Python type that they are read as.
_ATTRIBUTE_TYPES = {
    int: AttributeProto.INT,
    float: AttributeProto.FLOAT,
    str: AttributeProto.STRING,
    tuple: AttributeProto.INTS,
}


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One node; ``inputs`` without the empty names at the end, "" where an optional is left out."""

    path: Path
    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, AttributeProto]
    domain: str = ""

    def refuse(self, reason: str, hint: str = "") -> NoReturn:
        """Raise the :class:`Refusal` that says why this node cannot be used."""
        raise Refusal(self, reason, hint)

    def known(self, names: Iterable[str]) -> None:
        """Refuse attributes other than ``names``: none is silently left out of account."""
        unknown = sorted(set(self.attributes) - set(names))
        if unknown:
            self.refuse(f"attribute {unknown[0]} is not supported")

    def get(self, name: str, default: Any) -> Any:
        """An attribute of the type of ``default`` (int, float, str or a tuple of ints)."""
        attribute = self.attributes.get(name)
        if attribute is None:
            return default
        if attribute.type != _ATTRIBUTE_TYPES[type(default)]:
            kind = AttributeProto.AttributeType.Name(_ATTRIBUTE_TYPES[type(default)])
            self.refuse(f"attribute {name} must be of type {kind}")
        if isinstance(default, tuple):
            return tuple(attribute.ints)
        if isinstance(default, str):
            return attribute.s.decode("ascii", "replace")
        return attribute.i if isinstance(default, int) else attribute.f

    def arity(self, least: int, most: int) -> None:
        """Refuse a node with fewer or more inputs."""
        if not least <= len(self.inputs) <= most or "" in self.inputs[:least]:
            span = str(least) if least == most else f"{least} to {most}"
            self.refuse(f"has {len(self.inputs)} inputs instead of {span}")


class Refusal(FirebrickError):
    """Why a node cannot be used; ``hint`` is what several refusals of a file say once."""

    def __init__(self, node: OnnxNode, reason: str, hint: str = "") -> None:
        self.node, self.reason, self.hint = node, reason, hint
        where = f"{node.path}: node {node.name} ({node.op})"
        super().__init__(f"{where}: {reason}{'; ' if hint else ''}{hint}")


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A checked graph: ``nodes`` without Constant, whose values are in ``constants``.

    ``input_dims`` are the input's dimensions without the batch, in the file's order; ``bytes_in``
    tells whether it takes uint8 instead of float32; ``metadata`` is what the file says of itself.
    ``declared`` holds the shapes that the file itself states for tensors, None where a dimension
    is free.  ``batch`` is the input's batch size, None where it is free.
    """

    path: Path
    opset: int
    input: str
    input_dims: tuple[int, int, int]
    bytes_in: bool
    batch: int | None
    outputs: tuple[str, ...]
    constants: dict[str, np.ndarray]
    nodes: tuple[OnnxNode, ...]
    declared: dict[str, tuple[int | None, ...]]
    metadata: dict[str, str]


def read_graph(path: str | Path) -> OnnxGraph:
    """The graph of an ONNX file.

    Raises FirebrickError in one line, naming the file, for files that are not ONNX, truncated or
    altered, for other opsets, and for anything but one picture input.
    """
    path = Path(path)
    model = _parse(path)
    opset = _opset(path, model)
    graph = model.graph
    if graph.sparse_initializer:
        raise FirebrickError(f"{path}: has sparse initializers; store the weights as dense ones")
    constants: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        name = _text(tensor.name)
        constants[name] = _array(f"{path}: initializer {name}", tensor)
    nodes = []
    names: set[str] = set()
    for proto in graph.node:
        node = _node(path, proto, names)
        if node.op == "Constant":
            constants[node.outputs[0]] = _constant(node)
        else:
            nodes.append(node)
    inputs = [value for value in graph.input if _text(value.name) not in constants]
    _refuse_free_weights(path, inputs, nodes)
    if len(inputs) != 1 or not graph.output:
        raise FirebrickError(
            f"{path}: has {len(inputs)} inputs and {len(graph.output)} outputs; supported are "
            "networks with one input (the picture), and one output (the classes) or more (maps)"
        )
    dims, batch = _input_dims(path, inputs[0])
    return OnnxGraph(
        path=path,
        opset=opset,
        input=_text(inputs[0].name),
        input_dims=dims,
        bytes_in=inputs[0].type.tensor_type.elem_type == TensorProto.UINT8,
        batch=batch,
        outputs=tuple(_text(value.name) for value in graph.output),
        constants=constants,
        nodes=tuple(nodes),
        declared=_stated_shapes(model),
        metadata={_text(entry.key): _text(entry.value) for entry in model.metadata_props},
    )


def _refuse_free_weights(
    path: Path, inputs: list[onnx.ValueInfoProto], nodes: list[OnnxNode]
) -> None:
    """Refuse inputs that layers read as their weights: an export without its parameters."""
    readers = {
        name: node
        for node in reversed(nodes)
        if node.op in ("Conv", "Gemm", "BatchNormalization")
        for name in node.inputs[1:]
    }
    free = [_text(value.name) for value in inputs if _text(value.name) in readers]
    if free and len(inputs) > 1:
        node = readers[free[0]]
        node.refuse(
            f"reads its weights {free[0]!r} from an input of the network, and so do other layers: "
            f"{len(free)} of {len(inputs)} inputs are weights without values; export the network "
            "with its parameters (torch: export_params=True)"
        )


def _parse(path: Path) -> onnx.ModelProto:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FirebrickError(f"{path}: cannot be read ({error.strerror})") from error
    if is_pointer(path):
        raise FirebrickError(
            f"{path}: is a Git LFS pointer and not the network itself: run git lfs pull"
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise FirebrickError(f"{path}: not an ONNX file, or truncated or altered") from error
    if not model.graph.node:
        raise FirebrickError(f"{path}: not an ONNX file, or truncated: it holds no nodes")
    external.load(path, model)
    return model


def _opset(path: Path, model: onnx.ModelProto) -> int:
    versions = {entry.version for entry in model.opset_import if entry.domain in DOMAINS}
    span = f"{OPSETS.start} to {OPSETS.stop - 1}"
    if len(versions) != 1:
        raise FirebrickError(
            f"{path}: states {len(versions)} versions of the ONNX operator set instead of one; "
            "the file is truncated or altered"
        )
    opset = versions.pop()
    if opset not in OPSETS:
        raise FirebrickError(
            f"{path}: uses ONNX opset {opset}; supported are {span}: export it again with "
            "opset_version=17, or convert it with onnx.version_converter"
        )
    return opset


def _node(path: Path, proto: onnx.NodeProto, names: set[str]) -> OnnxNode:
    """A node with a name of its own, which is entered into ``names``."""
    outputs = tuple(map(_text, proto.output))
    op = _text(proto.op_type)
    base = _text(proto.name) or (outputs[0] if outputs else op)
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}_{number}"
    names.add(name)
    inputs = list(map(_text, proto.input))
    while inputs and not inputs[-1]:
        inputs.pop()
    attributes = {_text(attribute.name): attribute for attribute in proto.attribute}
    node = OnnxNode(path, name, op, tuple(inputs), outputs, attributes, proto.domain)
    if not outputs or not outputs[0]:
        node.refuse("has no output")
    return node


def _text(value: str | bytes) -> str:
    """Text that is not UTF-8, in an altered file, comes as bytes."""
    return value if isinstance(value, str) else repr(value)


def _constant(node: OnnxNode) -> np.ndarray:
    """The value of a Constant node."""
    attributes = list(node.attributes.values())
    if len(attributes) != 1:
        node.refuse(f"has {len(attributes)} values instead of one")
    value = attributes[0]
    where = f"{node.path}: node {node.name} (Constant)"
    if value.name == "value" and value.type == AttributeProto.TENSOR:
        return _array(where, value.t)
    readers: dict[str, Any] = {
        "value_int": lambda: np.int64(value.i),
        "value_ints": lambda: np.array(value.ints, np.int64),
        "value_float": lambda: np.float32(value.f),
        "value_floats": lambda: np.array(value.floats, np.float32),
    }
    if value.name not in readers:
        node.refuse(f"attribute {value.name} is not supported, only {', '.join(readers)} and value")
    return np.asarray(readers[value.name]())


def _array(where: str, tensor: TensorProto) -> np.ndarray:
    """The values of ``tensor``, halves as float32; FirebrickError when they do not fill its
    shape."""
    try:
        array = numpy_helper.to_array(tensor)
        return array.astype(np.float32) if array.dtype == np.float16 else array
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise FirebrickError(
            f"{where}: its data do not fill the shape {list(tensor.dims)} ({error}); the file is "
            "truncated or altered"
        ) from error


def _stated_shapes(model: onnx.ModelProto) -> dict[str, tuple[int | None, ...]]:
    """The shapes that the file states for tensors, None where a dimension is free."""
    return {
        _text(value.name): _dims(value)
        for value in (*model.graph.value_info, *model.graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def _dims(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """The stated dimensions, None where one is free."""
    return tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in value.type.tensor_type.shape.dim
    )


def _input_dims(path: Path, value: onnx.ValueInfoProto) -> tuple[tuple[int, int, int], int | None]:
    """The dimensions of the picture input without the batch, and the batch size."""
    where = f"{path}: input {_text(value.name)}"
    tensor = value.type.tensor_type
    if tensor.elem_type not in INPUT_TYPES:
        known = tensor.elem_type in TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(tensor.elem_type) if known else str(tensor.elem_type)
        supported = ", ".join(INPUT_TYPES.values())
        raise FirebrickError(f"{where}: has values of type {kind}; supported are {supported}")
    if not tensor.HasField("shape"):
        raise FirebrickError(f"{where}: states no shape; [N, channels, height, width] is needed")
    dims = _dims(value)
    if len(dims) != 4:
        raise FirebrickError(
            f"{where}: has {len(dims)} dimensions; [N, channels, height, width] is needed"
        )
    batch, channels, height, width = dims
    if channels is None or height is None or width is None:
        names = ("channels", "height", "width")
        free = [name for name, dim in zip(names, dims[1:], strict=True) if dim is None]
        raise FirebrickError(
            f"{where}: leaves {' and '.join(free)} free; export the network with a fixed picture "
            "size (only the batch may be free)"
        )
    return (channels, height, width), batch
