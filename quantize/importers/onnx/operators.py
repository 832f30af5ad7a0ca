"""Operators that an ONNX import does not know, each refused with what would make it run."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NoReturn

from firebrick.quantize.importers.onnx.graph import DOMAINS, OTHER_OPERATORS, OnnxNode
from firebrick.quantize.importers.onnx.values import Builder, Logits

QUANTIZER = re.compile(r"quant|fixneuron|fixedpoint|fakequ|bfp", re.IGNORECASE)
OPTIMIZED = (
    "was written by onnxruntime's optimizer, which makes a file for one machine; give the file "
    "that it was made from, or save it with graph_optimization_level=ORT_DISABLE_ALL"
)
RELU = "train the network with ReLU instead"
NORMS = "train with BatchNormalization, which becomes part of the convolutions"
PLAIN = "build the network of Conv, ReLU, MaxPool and Concat, as SqueezeNet is"
SHRINKING = "maps never grow here: end the network before it and enlarge its map on the host"
HOST = "export the network without it and do this on the host, on the logits"
# What to do about operators that networks of pictures have.
ADVICE = {
    **dict.fromkeys(
        "Celu Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Selu Sigmoid Softplus "
        "Softsign Swish Tanh ThresholdedRelu".split(),
        RELU,
    ),
    **dict.fromkeys(
        "GroupNormalization InstanceNormalization LayerNormalization LRN LpNormalization "
        "MeanVarianceNormalization RMSNormalization".split(),
        NORMS,
    ),
    **dict.fromkeys("ConvTranspose DepthToSpace MaxUnpool Resize Upsample".split(), SHRINKING),
    **dict.fromkeys("ArgMax ArgMin NonMaxSuppression TopK".split(), HOST),
    **dict.fromkeys(
        "Attention Einsum GRU GlobalMaxPool If LSTM Loop LpPool GlobalLpPool MultiHeadAttention "
        "RNN Scan SpaceToDepth".split(),
        PLAIN,
    ),
}


def check_domain(node: OnnxNode) -> None:
    """Refuse operators of others than ONNX, as far as they are not known."""
    if node.domain in DOMAINS or node.op in OTHER_OPERATORS.get(node.domain, ()):
        return
    _refuse_integers(node)
    if node.domain in ("com.microsoft.nchwc", "com.ms.internal.nhwc") or (
        node.domain == "com.microsoft" and node.op.startswith(("Fused", "Nhwc", "BiasGelu"))
    ):
        node.refuse(f"of the domain {node.domain!r} {OPTIMIZED}")
    if QUANTIZER.search(node.op):
        node.refuse(
            f"is a quantizer of the domain {node.domain!r}, which only its own tools know; export "
            "with ONNX's QuantizeLinear and DequantizeLinear (QDQ), or give the float network"
        )
    node.refuse(
        f"operators of the domain {node.domain!r} are not supported, only ONNX's own and QONNX's "
        "Quant; export with the operators of ONNX itself"
    )


def _refuse_integers(node: OnnxNode) -> None:
    if node.op.startswith("QLinear") or node.op in ("ConvInteger", "MatMulInteger", "QGemm"):
        node.refuse(
            "is onnxruntime's QOperator format; quantize with quant_format=QuantFormat.QDQ, or "
            "give the float network"
        )


def refuse(builder: Builder, node: OnnxNode, supported: Collection[str]) -> NoReturn:
    """Refuse an operator that is not one of ``supported``."""
    _refuse_integers(node)
    if node.op == "DynamicQuantizeLinear":
        node.refuse("finds its scale at run time; quantize statically, or give the float network")
    if node.op in ("BipolarQuant", "Trunc"):
        node.refuse("of QONNX's quantizers only Quant is supported; use 8-bit ones")
    if node.op.startswith("Fused"):
        node.refuse(OPTIMIZED)
    value = builder.values.get(node.inputs[0]) if node.inputs else None
    hint = f"supported are {', '.join(supported)}"
    if node.op in ("Sigmoid", "HardSigmoid") and isinstance(value, Logits):
        node.refuse(
            "this operator is not supported behind the average: drop it and threshold the logit at "
            "0, where a Sigmoid is 0.5",
            hint,
        )
    advice = ADVICE.get(node.op)
    node.refuse(f"this operator is not supported{f': {advice}' if advice else ''}", hint)
