"""Max pooling in ONNX's words, the same for float and quantized networks."""

from __future__ import annotations

from typing import Any

from firebrick.quantize.network import MaxPool, Shape
from firebrick.quantize.qnetwork import QMaxPool


def pool_attributes(node: MaxPool | QMaxPool, before: Shape, after: Shape) -> dict[str, Any]:
    """The attributes of a MaxPool of maps of the shapes ``before`` and ``after``.

    A padded one names what its last windows reach over instead of using ceil_mode: with both,
    runtimes do not agree on how many windows there are.
    """
    attributes: dict[str, Any] = {
        "kernel_shape": [node.kernel] * 2,
        "strides": [2, 2],
        "ceil_mode": int(node.ceil_mode),
    }
    if node.padding:
        over = [
            max(0, (windows - 1) * 2 + node.kernel - size - node.padding)
            for windows, size in zip(after[1:], before[1:], strict=True)
        ]
        attributes |= {"ceil_mode": 0, "pads": [node.padding] * 2 + over}
    return attributes
