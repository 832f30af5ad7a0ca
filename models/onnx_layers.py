"""Trained layers of torch as ONNX nodes: what the networks that we train are written with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from torch import nn

OPSET = 17


class OnnxLayers:
    """Adds nodes one by one; each returns the name of its output, which is its own."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def add(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name: str, layer: nn.Conv2d, source: str) -> str:
        for what, value in (("weight", layer.weight), ("bias", layer.bias)):
            array = value.detach().numpy().astype(np.float32)
            self._weights.append(numpy_helper.from_array(array, f"{name}.{what}"))
        return self.add(
            "Conv",
            name,
            [source, f"{name}.weight", f"{name}.bias"],
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
            pads=[*layer.padding, *layer.padding],
        )

    def rectified(self, name: str, layer: nn.Conv2d, source: str) -> str:
        return self.add("Relu", f"{name}_relu", [self.conv(name, layer, source)])

    def pool(self, name: str, source: str) -> str:
        return self.add("MaxPool", name, [source], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)

    def fires(self, fires: Sequence[Any], source: str, pool_after: int) -> str:
        """Fire modules, fire2 and on; a pooling follows the one with index ``pool_after``."""
        x = source
        for index, fire in enumerate(fires):
            name = f"fire{index + 2}"
            squeezed = self.rectified(f"{name}_squeeze1x1", fire.squeeze1x1, x)
            halves = [
                self.rectified(f"{name}_expand1x1", fire.expand1x1, squeezed),
                self.rectified(f"{name}_expand3x3", fire.expand3x3, squeezed),
            ]
            x = self.add("Concat", f"{name}_concat", halves, axis=1)
            if index == pool_after:
                x = self.pool(f"pool{index + 2}", x)
        return x

    def model(
        self, name: str, given: onnx.ValueInfoProto, answer: onnx.ValueInfoProto
    ) -> onnx.ModelProto:
        """The network of all nodes, checked."""
        graph = helper.make_graph(self._nodes, name, [given], [answer], self._weights)
        model = helper.make_model(
            graph, producer_name="firebrick", opset_imports=[helper.make_opsetid("", OPSET)]
        )
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model
