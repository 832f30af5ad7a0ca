"""The quantized network as standard QDQ ONNX: an oracle that this project did not write.

Every 8-bit tensor is a QuantizeLinear output under its own name; scales are powers of two, so
float32 arithmetic between QuantizeLinear and DequantizeLinear is exact as long as accumulators
stay below 2**24, and QuantizeLinear rounds half to even and saturates as the contract wants.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.pooling import pool_attributes
from firebrick.quantize.golden.integer_model import FLOAT32_EXACT, accumulator_reach
from firebrick.quantize.importers.load import ANCHORS_KEY, CLASSES_KEY, PICTURES_KEY
from firebrick.quantize.preprocessing import picture_mode
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QTensor,
)
from firebrick.quantize.support.files import write_bytes

OPSET = 17
# The oldest file version that holds opset 17: readable by the oldest runtimes.
IR_VERSION = 8

# Who reads a map that is an output.
OUTPUT = "output"

Outputs = Iterable[str] | Literal["all"] | None


class _Graph:
    """Collects nodes and constants; methods return the name of the tensor they made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        # A layer's main node has the layer's name, which may also be a tensor's.
        name = attributes.pop("name", f"{kind}:{output}")
        self.nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def scale(self, exponent: int) -> str:
        return self.constant(f"scale_{exponent}", np.array(np.ldexp(1.0, -exponent), np.float32))

    def zero_point(self, signed: bool) -> str:
        kind = np.int8 if signed else np.uint8
        return self.constant(f"zero_{kind.__name__}", np.asarray(0, kind))

    def real(self, tensor: QTensor, reader: str) -> str:
        """The tensor in real units, for one reader: one DequantizeLinear an edge, as quantizing
        runtimes expect it."""
        return self.add(
            "DequantizeLinear",
            [tensor.name, self.scale(tensor.exponent), self.zero_point(tensor.signed)],
            f"{reader}/{tensor.name}/real",
        )

    def eight_bit(self, name: str, tensor: QTensor) -> str:
        return self.add(
            "QuantizeLinear",
            [name, self.scale(tensor.exponent), self.zero_point(tensor.signed)],
            tensor.name,
        )


def export_qdq(qnet: QNetwork, path: str | Path, outputs: Outputs = None) -> None:
    """Write ``qnet`` as an ONNX file (opset 17).

    Input: raw pixels uint8 [N, C, H, W] under the network's input name.  Outputs: the logits
    float32 [N, O], named as the last node's output (of a network that ends in maps those, as real
    values float32 [N, C, H, W], see :func:`real_name`), and the 8-bit tensors named in ``outputs``
    ("all" for every one).  Raises FirebrickError when ``qnet`` breaks a rule, when accumulators
    exceed exact float32 arithmetic, or for an unknown name in ``outputs``.  How its pictures are
    prepared and the names of the classes are in its metadata, so that it can be read back.
    """
    model = to_model(qnet, outputs)
    write_bytes(path, model.SerializeToString())


def to_model(qnet: QNetwork, outputs: Outputs = None) -> onnx.ModelProto:
    """The ONNX model of :func:`export_qdq`, checked by ``onnx.checker``."""
    check_qnetwork(qnet)
    graph = _Graph()
    for node in qnet.nodes:
        if isinstance(node, QConv):
            real = _conv(graph, qnet, node)
            graph.eight_bit(real, qnet.tensors[node.output])
        elif isinstance(node, QMaxPool):
            real = graph.add(
                "MaxPool",
                [graph.real(qnet.tensors[node.input], node.name)],
                f"{node.name}/real",
                name=node.name,
                **pool_attributes(
                    node, *(qnet.tensors[name].shape for name in (node.input, node.output))
                ),
            )
            graph.eight_bit(real, qnet.tensors[node.output])
        elif isinstance(node, QConcat):
            inputs = [graph.real(qnet.tensors[name], node.name) for name in node.inputs]
            real = graph.add("Concat", inputs, f"{node.name}/real", name=node.name, axis=1)
            graph.eight_bit(real, qnet.tensors[node.output])
        elif isinstance(node, QAdd):
            graph.eight_bit(_add(graph, qnet, node), qnet.tensors[node.output])
        else:
            assert isinstance(node, QGlobalSum)
            real = _conv(graph, qnet, node)
            mean = graph.add("GlobalAveragePool", [real], f"{node.name}/mean")
            graph.add("Flatten", [mean], node.output, axis=1)
    for name in qnet.maps:
        graph.real(qnet.tensors[name], OUTPUT)
    proto = helper.make_graph(
        graph.nodes,
        qnet.name,
        [_value(qnet.tensors[qnet.input])],
        _outputs(qnet, outputs),
        list(graph.constants.values()),
    )
    model = helper.make_model(
        proto,
        producer_name="firebrick",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    pictures = {
        "color": picture_mode(qnet.preprocessing.color),
        "resize": qnet.preprocessing.resize,
    }
    texts = {PICTURES_KEY: json.dumps(pictures)}
    if qnet.classes:
        texts[CLASSES_KEY] = json.dumps(qnet.classes)
    if qnet.anchors:
        texts[ANCHORS_KEY] = json.dumps(qnet.anchors)
    helper.set_model_props(model, texts)
    onnx.checker.check_model(model, full_check=True)
    return model


def real_name(name: str) -> str:
    """What the real values of the map ``name`` are called where it is an output."""
    return f"{OUTPUT}/{name}/real"


def _outputs(qnet: QNetwork, outputs: Outputs) -> list[onnx.ValueInfoProto]:
    last = qnet.classifier
    answers: list[tuple[str, list[str | int]]]
    answers = [(real_name(name), ["N", *qnet.tensors[name].shape]) for name in qnet.maps]
    if last:
        answers = [(last.output, ["N", len(last.bias)])]
    made = [helper.make_tensor_value_info(n, TensorProto.FLOAT, dims) for n, dims in answers]
    available = [node.output for node in qnet.nodes if node is not last]
    names = available if outputs == "all" else list(dict.fromkeys(outputs or ()))
    for name in names:
        if name not in available:
            raise FirebrickError(
                f"network {qnet.name} has no 8-bit tensor {name!r}; it has {', '.join(available)}"
            )
    return [*made, *(_value(qnet.tensors[name]) for name in names)]


def _value(tensor: QTensor) -> onnx.ValueInfoProto:
    kind = TensorProto.INT8 if tensor.signed else TensorProto.UINT8
    return helper.make_tensor_value_info(tensor.name, kind, ["N", *tensor.shape])


def _conv(graph: _Graph, qnet: QNetwork, node: QConv | QGlobalSum) -> str:
    """Convolution and ReLU in real units; returns the tensor's name."""
    source = qnet.tensors[node.input]
    bound = int(accumulator_reach(node.weights, node.bias, source.signed).max())
    if bound >= FLOAT32_EXACT:
        raise FirebrickError(
            f"layer {node.name}: accumulators up to {bound} are not exact in float32 "
            f"(limit {FLOAT32_EXACT}), so its ONNX would not be bit-exact; quantize with at most "
            "24 accumulator bits"
        )
    real = graph.real(source, node.name)
    padding = list(node.padding)
    if isinstance(node, QConv) and node.pad_value is not None and any(padding):
        real = _pad(graph, node, real, source)
        padding = [0, 0, 0, 0]
    out = graph.add(
        "Conv",
        [real, _weights(graph, node), _bias(graph, node, source.exponent)],
        f"{node.name}/conv",
        name=node.name,
        kernel_shape=list(node.weights.shape[2:]),
        strides=[node.stride, node.stride],
        pads=padding,
    )
    return graph.add("Relu", [out], f"{node.name}/relu") if node.relu else out


def _add(graph: _Graph, qnet: QNetwork, node: QAdd) -> str:
    """The sum in real units, exact in float32: 8 bits of either operand, at most 7 apart."""
    sources = [qnet.tensors[name] for name in node.inputs]
    inputs = [graph.real(source, node.name) for source in dict.fromkeys(sources)]
    real = graph.add("Add", [inputs[0], inputs[-1]], f"{node.name}/sum", name=node.name)
    if any(source.signed for source in sources) and not qnet.tensors[node.output].signed:
        return graph.add("Relu", [real], f"{node.name}/relu")
    return real


def _pad(graph: _Graph, node: QConv, real: str, source: QTensor) -> str:
    """Padding by a value of its own for every channel: zeros first, then a constant frame."""
    assert node.pad_value is not None
    top, left, bottom, right = node.padding
    frame = np.broadcast_to(
        node.pad_value.astype(np.float32)[:, None, None],
        (source.shape[0], source.shape[1] + top + bottom, source.shape[2] + left + right),
    ).copy()
    frame *= np.float32(np.ldexp(1.0, -source.exponent))
    frame[:, top : top + source.shape[1], left : left + source.shape[2]] = 0
    pads = graph.constant(
        f"{node.name}/pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    )
    zeros = graph.add("Pad", [real, pads], f"{node.name}/padded", mode="constant")
    return graph.add(
        "Add", [zeros, graph.constant(f"{node.name}/frame", frame[None])], f"{node.name}/framed"
    )


def _weights(graph: _Graph, node: QConv | QGlobalSum) -> str:
    exponent = node.weight_exponent
    return graph.add(
        "DequantizeLinear",
        [
            graph.constant(f"{node.name}/weights", node.weights),
            graph.constant(f"{node.name}/weights/scale", _scales(exponent)),
            graph.constant(f"{node.name}/weights/zero", np.zeros(len(exponent), np.int8)),
        ],
        f"{node.name}/weights/real",
        axis=0,
    )


def _bias(graph: _Graph, node: QConv | QGlobalSum, input_exponent: int) -> str:
    exponent = node.weight_exponent + input_exponent
    return graph.add(
        "DequantizeLinear",
        [
            graph.constant(f"{node.name}/bias", node.bias),
            graph.constant(f"{node.name}/bias/scale", _scales(exponent)),
            graph.constant(f"{node.name}/bias/zero", np.zeros(len(exponent), np.int32)),
        ],
        f"{node.name}/bias/real",
        axis=0,
    )


def _scales(exponent: np.ndarray) -> np.ndarray:
    return np.ldexp(np.ones(len(exponent)), -exponent).astype(np.float32)
