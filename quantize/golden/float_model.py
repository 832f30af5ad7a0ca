"""The float network in NumPy: the reference that quantization is measured against."""

from __future__ import annotations

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden import convolution
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network
from firebrick.quantize.support.parallel import parallel_map


class FloatModel:
    """A float network prepared for matrix products.

    Raises FirebrickError naming the layer when a weight or bias is NaN or infinite.
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self._matrices: dict[str, np.ndarray] = {}
        for node in net.nodes:
            if isinstance(node, Conv):
                check_finite(node)
                self._matrices[node.name] = convolution.weight_matrix(node.weights, np.float32)

    def maps(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Every tensor of one image: ``image`` float32 [C, H, W] as the network was trained.

        Maps are float32 [C, H, W]; a global average's output is the logits, float64 [O].  Values
        beyond float32 become infinite without a warning: calibration refuses them by layer.
        """
        maps = {self.net.input: image}
        with np.errstate(over="ignore", invalid="ignore"):
            for node in self.net.nodes:
                maps[node.output] = self.step(node, maps)
        return maps

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float64 [N, O] of ``images`` float32 [N, C, H, W]; see :meth:`answer`."""
        return np.stack(list(parallel_map(lambda image: self.answer(self.maps(image)), images)))

    def answer(self, maps: dict[str, np.ndarray]) -> np.ndarray:
        """What the network says, float64 [O], of all tensors of one image: the logits, or its maps'
        values one after the other."""
        if self.net.average is not None:
            return maps[self.net.average.output]
        return np.concatenate([maps[name].reshape(-1) for name in self.net.maps], dtype=np.float64)

    def step(self, node: object, maps: dict[str, np.ndarray]) -> np.ndarray:
        """The output of one node of an image whose inputs are in ``maps``."""
        if isinstance(node, Conv):
            cols, (rows, width) = convolution.columns(
                maps[node.input],
                node.weights.shape[2:],
                node.stride,
                node.padding,
                None,
                np.float32,
            )
            out = self._matrices[node.name] @ cols
            out += node.bias.astype(np.float32)[:, None]
            return activate(node, out).reshape(-1, rows, width)
        if isinstance(node, MaxPool):
            return convolution.max_pool(
                maps[node.input], node.kernel, node.ceil_mode, padding=node.padding
            )
        if isinstance(node, Concat):
            return np.concatenate([maps[name] for name in node.inputs])
        if isinstance(node, Add):
            return activate(node, maps[node.inputs[0]] + maps[node.inputs[1]])
        if isinstance(node, GlobalAverage):
            return maps[node.input].mean(axis=(1, 2), dtype=np.float64)
        raise FirebrickError(f"{self.net.name}: a {type(node).__name__} cannot be evaluated")


def activate(node: Conv | Add, values: np.ndarray) -> np.ndarray:
    """``values`` float32 [C, ...] after the node's ReLU and within its bounds, on their steps,
    in place."""
    if node.relu:
        np.maximum(values, 0, out=values)
    if node.bounds is not None and node.bounds.whole:
        shape = (-1, *[1] * (values.ndim - 1))
        ends = (node.bounds.low, node.bounds.high)
        low, high = (end.astype(np.float32).reshape(shape) for end in ends)
        np.clip(values, low, high, out=values)
        if node.bounds.step is not None:
            step = node.bounds.step.astype(np.float32).reshape(shape)
            np.divide(values, step, out=values)
            np.rint(values, out=values)
            np.multiply(values, step, out=values)
    return values


def check_finite(node: Conv) -> None:
    """FirebrickError naming the layer when one of its weights or biases is NaN or infinite."""
    for what, values in (("weight", node.weights), ("bias", node.bias)):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            place = ", ".join(str(int(i)) for i in bad[0])
            raise FirebrickError(
                f"layer {node.name}: {what}[{place}] is {values[tuple(bad[0])]}; "
                f"{len(bad)} of its {values.size} values are not finite"
            )
