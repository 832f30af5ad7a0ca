"""Networks quantized by onnxruntime's own static quantizer.

Needs onnx, onnxruntime and the files that export_torch made:

    python -m tests.quantize.importers.exported.export_onnxruntime
"""

from __future__ import annotations

import lzma
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_static,
)

from tests.quantize.importers.exported import patterns

PACKAGES = ["onnxruntime", "onnx"]
SOURCE = "torch_classified_torchscript"
LINEAR = "torch_plain_linear_torchscript"
NORMALIZED = "torch_pooled_linear_torchscript"


class Pictures(CalibrationDataReader):
    """Random pictures within [-1, 1)."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        images = [rng.integers(-128, 128, (1, 3, 45, 38)) / 128 for _ in range(8)]
        self.images = iter([{"image": image.astype(np.float32)} for image in images])

    def get_next(self) -> dict | None:
        return next(self.images, None)


def scalar(model: onnx.ModelProto, name: str) -> np.ndarray:
    found = next(item for item in model.graph.initializer if item.name == name)
    return onnx.numpy_helper.to_array(found)


def overrides(model: onnx.ModelProto, quantized: onnx.ModelProto) -> dict:
    """Every scale of ``quantized`` rounded up to a power of two, zero points to match.

    Maps behind a ReLU become uint8, others int8; a concatenation and its halves share a scale.
    """
    scales = {}
    for node in quantized.graph.node:
        if node.op_type == "QuantizeLinear":
            scales[node.input[0]] = float(scalar(quantized, node.input[1]))
    relu = {node.output[0] for node in model.graph.node if node.op_type == "Relu"}
    changed = True
    while changed:
        changed = False
        for node in model.graph.node:
            joined = [*node.input, node.output[0]] if node.op_type in ("Concat", "MaxPool") else []
            joined = [name for name in joined if name in scales]
            if joined and len({scales[name] for name in joined}) > 1:
                largest = max(scales[name] for name in joined)
                scales.update(dict.fromkeys(joined, largest))
                changed = True
            if joined and node.output[0] not in relu and node.input[0] in relu:
                relu.add(node.output[0])
                changed = True
    result = {}
    for name, scale in scales.items():
        kind = QuantType.QUInt8 if name in relu else QuantType.QInt8
        zero = np.array(0, np.uint8 if name in relu else np.int8)
        result[name] = [
            {
                "quant_type": kind,
                "scale": np.array(2.0 ** np.ceil(np.log2(scale)), np.float32),
                "zero_point": zero,
            }
        ]
    for node in model.graph.node:
        if node.op_type == "Conv":
            weights = scalar(model, node.input[1])
            peaks = np.abs(weights).reshape(len(weights), -1).max(axis=1)
            result[node.input[1]] = [
                {
                    "quant_type": QuantType.QInt8,
                    "axis": 0,
                    "scale": np.array(2.0 ** np.ceil(np.log2(max(peak, 1 / 64) / 127)), np.float32),
                    "zero_point": np.array(0, np.int8),
                }
                for peak in peaks
            ]
        elif node.op_type == "Gemm":
            peak = np.abs(scalar(model, node.input[1])).max()
            result[node.input[1]] = [
                {
                    "quant_type": QuantType.QInt8,
                    "scale": np.array(2.0 ** np.ceil(np.log2(peak / 127)), np.float32),
                    "zero_point": np.array(0, np.int8),
                }
            ]
    return result


def quantized(source: Path, target: Path, form: QuantFormat, channel: bool, **options):
    """``source`` quantized into ``target``, which is returned loaded."""
    quantize_static(
        source,
        target,
        Pictures(),
        quant_format=form,
        per_channel=channel,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options=options,
    )
    return onnx.load(target)


def main() -> None:
    """Write every file."""
    with tempfile.TemporaryDirectory() as folder:
        raw, source, target = (Path(folder) / f"{name}.onnx" for name in ("raw", "ready", "done"))
        raw.write_bytes(lzma.decompress((patterns.FOLDER / f"{SOURCE}.onnx.xz").read_bytes()))
        quant_pre_process(raw, source, skip_symbolic_shape=True)
        plain = onnx.load(source)
        for channel in (False, True):
            name = f"onnxruntime_qdq_{'channel' if channel else 'tensor'}"
            model = quantized(source, target, QuantFormat.QDQ, channel)
            what = f"quantize_static(QDQ, per_channel={channel}), scales of its own"
            patterns.pack(name, model, PACKAGES, what)
        powers = overrides(plain, model)
        model = quantized(source, target, QuantFormat.QDQ, True, TensorQuantOverrides=powers)
        patterns.pack(
            "onnxruntime_qdq_powers",
            model,
            PACKAGES,
            "quantize_static(QDQ) with TensorQuantOverrides that make all scales powers of two",
        )
        shared = {name: entry for name, entry in powers.items() if "weight" not in name}
        model = quantized(source, target, QuantFormat.QDQ, False, TensorQuantOverrides=shared)
        patterns.pack(
            "onnxruntime_qdq_activations",
            model,
            PACKAGES,
            "as qdq_powers, but the weights keep scales of their own",
        )
        operators = quantized(source, target, QuantFormat.QOperator, True)
        raw.write_bytes(lzma.decompress((patterns.FOLDER / f"{LINEAR}.onnx.xz").read_bytes()))
        quant_pre_process(raw, source, skip_symbolic_shape=True)
        plain = onnx.load(source)
        powers = overrides(plain, quantized(source, target, QuantFormat.QDQ, False))
        model = quantized(source, target, QuantFormat.QDQ, False, TensorQuantOverrides=powers)
        patterns.pack(
            "onnxruntime_qdq_linear",
            model,
            PACKAGES,
            "as qdq_powers, of a network whose classifier is a Gemm behind the average",
        )
        raw.write_bytes(lzma.decompress((patterns.FOLDER / f"{NORMALIZED}.onnx.xz").read_bytes()))
        quant_pre_process(raw, source, skip_symbolic_shape=True)
        model = quantized(source, target, QuantFormat.QDQ, True)
        patterns.pack(
            "onnxruntime_qdq_normalized",
            model,
            PACKAGES,
            "quantize_static(QDQ) of a network with BatchNormalization behind its concatenations",
        )
        model = operators
        what = "quantize_static(QOperator): QLinearConv instead of QDQ pairs"
        patterns.pack("onnxruntime_qoperator", model, PACKAGES, what)


if __name__ == "__main__":
    main()
