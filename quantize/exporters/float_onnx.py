"""A float network as an ordinary ONNX file, which says itself how its pictures are prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.pooling import pool_attributes
from firebrick.quantize.importers.load import CLASSES_KEY, PICTURES_KEY
from firebrick.quantize.network import Add, Concat, Conv, MaxPool, Network, inputs_of
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.files import write_bytes

OPSET = 17
# The oldest file version that holds opset 17: readable by the oldest runtimes.
IR_VERSION = 8


def export_onnx(
    net: Network, preprocessing: Preprocessing, path: str | Path, classes: tuple[str, ...] = ()
) -> None:
    """Write ``net`` as ONNX: float32 [N, C, H, W] as ``preprocessing`` makes it in, logits or maps
    out.

    Tensors keep their names.  Metadata holds the preprocessing and the names of the classes, so
    that the importer needs no options.
    """
    model = to_model(net, preprocessing, classes)
    write_bytes(path, model.SerializeToString())


def check_bounds(net: Network) -> None:
    """FirebrickError naming the layer whose saturation is no ReLU with an upper bound."""
    for node in net.nodes:
        bounds = node.bounds if isinstance(node, Conv | Add) else None
        if bounds is None:
            continue
        plain = bounds.whole and not np.ptp(bounds.high) and not np.any(bounds.low > 0)
        if not (plain and node.relu):  # type: ignore[union-attr]
            raise FirebrickError(
                f"layer {node.name} of {net.name} saturates at {bounds.low.min():g} and "
                f"{bounds.high.max():g} ({bounds.origin}), which a float network cannot be "
                "exported with; take one that is not quantized"
            )


def to_model(
    net: Network, preprocessing: Preprocessing, classes: tuple[str, ...] = ()
) -> onnx.ModelProto:
    """The model of :func:`export_onnx`, checked by ``onnx.checker``."""
    check_bounds(net)
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, np.ndarray] = {}

    def add(kind: str, inputs: list[str], output: str, name: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    for node in net.nodes:
        inputs = list(inputs_of(node))
        linear = f"{node.output}/linear" if getattr(node, "relu", False) else node.output
        if isinstance(node, Conv):
            names = [f"{node.name}.weight", f"{node.name}.bias"]
            weights |= dict(zip(names, (node.weights, node.bias), strict=True))
            kernel = list(node.weights.shape[2:])
            strides, pads = [node.stride] * 2, list(node.padding)
            add(
                "Conv",
                [*inputs, *names],
                linear,
                node.name,
                kernel_shape=kernel,
                strides=strides,
                pads=pads,
            )
        elif isinstance(node, MaxPool):
            add(
                "MaxPool",
                inputs,
                linear,
                node.name,
                **pool_attributes(node, net.shapes[node.input], net.shapes[node.output]),
            )
        elif isinstance(node, Concat):
            add("Concat", inputs, linear, node.name, axis=1)
        elif isinstance(node, Add):
            add("Add", inputs, linear, node.name)
        else:
            mean = add("GlobalAveragePool", inputs, f"{node.output}/mean", node.name)
            logits = f"{node.output}/logits" if net.softmax else node.output
            add("Flatten", [mean], logits, f"{node.name}/flatten", axis=1)
            if net.softmax:
                add("Softmax", [logits], node.output, f"{node.name}/softmax", axis=1)
        if linear != node.output and getattr(node, "bounds", None) is None:
            add("Relu", [linear], node.output, f"{node.name}/relu")
        elif linear != node.output:
            ends = [f"{node.name}.low", f"{node.name}.high"]
            high = node.bounds.high[0]  # type: ignore[union-attr]
            weights |= dict(zip(ends, np.array([0, high], np.float32), strict=True))
            add("Clip", [linear, *ends], node.output, f"{node.name}/clip")
    outputs = [(name, list(net.shapes[name])) for name in net.maps]
    if net.average:
        outputs = [(net.average.output, [net.shapes[net.average.output][0]])]
    shape = net.shapes[net.input]
    graph = helper.make_graph(
        nodes,
        net.name,
        [helper.make_tensor_value_info(net.input, TensorProto.FLOAT, ["N", *shape])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sizes])
            for name, sizes in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="firebrick",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    prepared = {
        name: getattr(preprocessing, name) for name in ("color", "resize", "scale", "mean", "std")
    }
    texts = {PICTURES_KEY: json.dumps(prepared)}
    if classes:
        texts[CLASSES_KEY] = json.dumps(classes)
    helper.set_model_props(model, texts)
    onnx.checker.check_model(model, full_check=True)
    return model
