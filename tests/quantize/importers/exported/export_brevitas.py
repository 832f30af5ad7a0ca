"""Quantization-aware networks of Brevitas, exported as QONNX and as QDQ (QCDQ).

Needs brevitas, torch and onnx:

    python -m tests.quantize.importers.exported.export_brevitas
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import torch
from brevitas import nn as qnn
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFixedPoint,
    Int8WeightPerTensorFloat,
    Int32Bias,
    Uint8ActPerTensorFixedPoint,
    Uint8ActPerTensorFloat,
)
from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint
from torch import nn

from tests.quantize.importers.exported import patterns

PACKAGES = ["brevitas", "torch", "onnx"]


class Quantizers:
    """Which of Brevitas' quantizers a network uses."""

    def __init__(self, weight, rectified, signed, bias) -> None:
        self.weight, self.rectified, self.signed, self.bias = weight, rectified, signed, bias

    def conv(self, inputs: int, outputs: int, kernel: int, **more) -> nn.Module:
        return qnn.QuantConv2d(
            inputs, outputs, kernel, weight_quant=self.weight, bias_quant=self.bias, **more
        )

    def relu(self) -> nn.Module:
        return qnn.QuantReLU(act_quant=self.rectified, return_quant_tensor=True)


class Fire(nn.Module):
    def __init__(self, q: Quantizers, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = q.conv(inputs, squeeze, 1)
        self.one = q.conv(squeeze, expand, 1)
        self.three = q.conv(squeeze, expand, 3, padding=1)
        self.relu = q.relu()
        # One quantizer for both halves: they share a scale, as the concatenation needs.
        self.shared = q.relu()

    def forward(self, x):
        x = self.relu(self.squeeze(x))
        return torch.cat([self.shared(self.one(x)), self.shared(self.three(x))], dim=1)


class Network(nn.Module):
    """Input quantizer, convolution, pooling, two Fire modules, convolution, average."""

    def __init__(self, q: Quantizers) -> None:
        super().__init__()
        self.input = qnn.QuantIdentity(act_quant=q.signed, return_quant_tensor=True)
        self.first = q.conv(3, 8, 3, stride=2)
        self.relu = q.relu()
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.fire2 = Fire(q, 8, 4, 8)
        self.fire3 = Fire(q, 16, 6, 12)
        self.last = q.conv(24, 6, 1)

    def forward(self, x):
        x = self.pool(self.relu(self.first(self.input(x))))
        x = self.last(self.fire3(self.fire2(x)))
        return torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)


def trained(q: Quantizers) -> nn.Module:
    """Deterministic weights; activation scales from the statistics of a few random pictures."""
    torch.manual_seed(0)
    network = Network(q)
    for seed, layer in enumerate(network.modules()):
        if isinstance(layer, nn.Conv2d):
            shape = tuple(layer.weight.shape)
            layer.weight.data = torch.from_numpy(patterns.weights(shape, seed))
            layer.bias.data = torch.from_numpy(patterns.biases(shape[0], seed + 1000))
    network.train()
    for _ in range(10):
        network(torch.rand(4, 3, 45, 38) * 1.9921875 - 1)
    return network.eval()


def main() -> None:
    """Write every file."""
    sets = {
        "fixed_channel": Quantizers(
            Int8WeightPerChannelFixedPoint,
            Uint8ActPerTensorFixedPoint,
            Int8ActPerTensorFixedPoint,
            Int32Bias,
        ),
        "fixed_tensor": Quantizers(
            Int8WeightPerTensorFixedPoint,
            Uint8ActPerTensorFixedPoint,
            Int8ActPerTensorFixedPoint,
            None,
        ),
        "float": Quantizers(
            Int8WeightPerTensorFloat, Uint8ActPerTensorFloat, Int8ActPerTensorFloat, Int32Bias
        ),
    }
    for name, quantizers in sets.items():
        for form, export in (("qonnx", export_qonnx), ("qcdq", export_onnx_qcdq)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.onnx"
                export(
                    trained(quantizers),
                    args=torch.rand(1, 3, 45, 38),
                    export_path=str(path),
                    input_names=["image"],
                    output_names=["scores"],
                    dynamo=False,
                )
                model = onnx.load(path)
            patterns.pack(
                f"brevitas_{name}_{form}",
                model,
                PACKAGES,
                f"{Network.__doc__} {export.__name__}, {quantizers.weight.__name__}.",
            )


if __name__ == "__main__":
    main()
