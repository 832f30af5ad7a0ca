"""The same network on this machine's CPU, by onnxruntime: float32 and quantized (QDQ)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from firebrick.quantize.exporters.qdq import to_model
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network
from firebrick.quantize.qnetwork import QNetwork

RUNS = 10


def float_model(net: Network) -> onnx.ModelProto:
    """``net`` as float32 ONNX, input [N, C, H, W], output its logits [N, O, 1, 1]."""
    nodes, weights = [], []
    for node in net.nodes:
        if isinstance(node, Conv):
            names = [node.input, f"{node.name}.w", f"{node.name}.b"]
            weights += [
                numpy_helper.from_array(node.weights.astype(np.float32), names[1]),
                numpy_helper.from_array(node.bias.astype(np.float32), names[2]),
            ]
            result = f"{node.output}.sum" if node.relu else node.output
            strides, pads = [node.stride] * 2, list(node.padding)
            nodes.append(helper.make_node("Conv", names, [result], strides=strides, pads=pads))
            if node.relu:
                nodes.append(helper.make_node("Relu", [result], [node.output]))
        elif isinstance(node, MaxPool):
            kernel, ceil = [node.kernel] * 2, int(node.ceil_mode)
            nodes.append(
                helper.make_node(
                    "MaxPool",
                    [node.input],
                    [node.output],
                    kernel_shape=kernel,
                    strides=[2, 2],
                    ceil_mode=ceil,
                )
            )
        elif isinstance(node, Concat):
            nodes.append(helper.make_node("Concat", list(node.inputs), [node.output], axis=1))
        elif isinstance(node, Add):
            total = f"{node.output}.sum" if node.relu else node.output
            nodes.append(helper.make_node("Add", list(node.inputs), [total]))
            if node.relu:
                nodes.append(helper.make_node("Relu", [total], [node.output]))
        elif isinstance(node, GlobalAverage):
            nodes.append(helper.make_node("GlobalAveragePool", [node.input], [node.output]))
    last = net.nodes[-1].output
    graph = helper.make_graph(
        nodes,
        net.name,
        [
            helper.make_tensor_value_info(
                net.input, TensorProto.FLOAT, ["N", *net.shapes[net.input]]
            )
        ],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _frames_per_second(model: onnx.ModelProto, image: np.ndarray) -> float:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: image}
    session.run(None, feed)
    begin = time.perf_counter()
    for _ in range(RUNS):
        session.run(None, feed)
    return RUNS / (time.perf_counter() - begin)


def measure(net: Network, qnet: QNetwork, image: np.ndarray) -> dict[str, float]:
    """Frames a second of one image, uint8 [C, H, W], at a time: keys float32 and qdq."""
    return {
        "float32": _frames_per_second(float_model(net), image[None].astype(np.float32)),
        "qdq": _frames_per_second(to_model(qnet), image[None]),
    }


def name() -> str:
    """The CPU's name and how many of its cores there are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else 'unknown CPU'}, {os.cpu_count()} cores"
