"""A quantized network measured against the user's own ONNX file, run by onnxruntime.

What the import dropped or took wrongly shows here: onnxruntime computes the file as it is
written.  QONNX's Quant, which it does not know, is written as Div, Round, Max and Min for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model

from firebrick.quantize import golden
from firebrick.quantize.calibration.measure import sqnr_db
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.onnx.model import ImportedModel
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing, QAdd, QConv, QNetwork
from firebrick.quantize.support.progress import track

INPUT_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
# Single layers are compared on few images: their maps are large.
LAYER_IMAGES = 4
ROUNDINGS = {"CEIL": "Ceil", "FLOOR": "Floor", "ROUND": "Round", "HALF_EVEN": "Round"}


@dataclass(frozen=True, eq=False)
class FileModel:
    """The file as onnxruntime runs it, for pictures; ``logits`` tells whether its logits can be
    read, or only what a Softmax makes of them."""

    session: onnxruntime.InferenceSession
    imported: ImportedModel
    outputs: tuple[str, ...]
    logits: bool
    rewritten: bool

    @property
    def name(self) -> str:
        """The oracle in words."""
        how = ", its Quant nodes written as Div, Round and Clip" if self.rewritten else ""
        return f"onnxruntime on {self.imported.path.name}{how}"

    def run(
        self, prepared: Preprocessing, image: np.ndarray, names: Sequence[str] = ()
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Logits [classes] of a picture uint8 [C, H, W], or all values of the maps that the network
        ends in; and the tensors ``names`` [C, H, W]."""
        # The network takes the file's input plus ``shift``, which its mean accounts for.
        mean = np.asarray(prepared.mean) + self.imported.shift * np.asarray(prepared.std)
        stated = replace(prepared, mean=tuple(float(value) for value in mean))
        entry = self.session.get_inputs()[0]
        values = float_input(image, stated)
        kind = INPUT_TYPES[entry.type]
        values = np.rint(values).astype(kind) if kind is np.uint8 else values.astype(kind)
        dims = entry.shape[1:]
        if list(values.shape) != dims:
            values = values.transpose(1, 2, 0)
        batch = entry.shape[0] if isinstance(entry.shape[0], int) else 1
        fed = np.repeat(values[None], batch, axis=0)
        found = self.session.run([*self.outputs, *names], {entry.name: fed})
        count = len(self.outputs)
        ends, others = found[:count], found[count:]
        logits = np.concatenate([np.asarray(end[0], np.float64).reshape(-1) for end in ends])
        return logits, [np.asarray(other[0], np.float64) for other in others]


def open_file(imported: ImportedModel) -> FileModel:
    """FirebrickError where onnxruntime cannot run the file."""
    path = imported.path
    try:
        model = onnx.load(str(path), load_external_data=False)
        load_external_data_for_model(model, str(path.parent))
        rewritten = _without_quant(model)
        made = {name for node in model.graph.node for name in node.output}
        stated = {value.name for value in model.graph.output}
        average = imported.network.average
        # A file that ends in maps shows them under the names of its own outputs.
        answers = tuple(value.name for value in model.graph.output)
        ends = (average.output,) if average else answers
        wanted = [*ends, *(layer.name for _, layer in imported.layers)]
        for name in dict.fromkeys(wanted):
            if name in made and name not in stated:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
        options = onnxruntime.SessionOptions()
        # Fused 8-bit kernels saturate their sums on some processors.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        words = " ".join(str(error).split())
        raise FirebrickError(f"{path}: onnxruntime cannot run it ({words[:200]})") from error
    readable = made.issuperset(ends)
    return FileModel(
        session,
        imported,
        ends if readable else answers[:1],
        readable or not imported.network.softmax,
        rewritten,
    )


def _without_quant(model: onnx.ModelProto) -> bool:
    """Write every Quant with ONNX's own operators; whether there was any."""
    graph = model.graph
    if not any(node.op_type == "Quant" for node in graph.node):
        return False
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    nodes: list[onnx.NodeProto] = []
    for number, node in enumerate(graph.node):
        if node.op_type != "Quant":
            nodes.append(node)
            continue
        given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        mode = given.get("rounding_mode", b"ROUND").decode().upper()
        bits = int(constants[node.input[3]].reshape(-1)[0])
        signed, narrow = bool(given.get("signed", 1)), bool(given.get("narrow", 0))
        high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        base = f"firebrick.quant.{number}"
        for name, bound in (("low", low), ("high", high)):
            graph.initializer.append(
                numpy_helper.from_array(np.array(bound, np.float32), f"{base}.{name}")
            )
        value, scale, zero = node.input[:3]
        steps = [
            ("Div", (value, scale)),
            ("Add", (f"{base}.0", zero)),
            (ROUNDINGS[mode], (f"{base}.1",)),
            ("Max", (f"{base}.2", f"{base}.low")),
            ("Min", (f"{base}.3", f"{base}.high")),
            ("Sub", (f"{base}.4", zero)),
            ("Mul", (f"{base}.5", scale)),
        ]
        for index, (op, inputs) in enumerate(steps):
            output = node.output[0] if index == len(steps) - 1 else f"{base}.{index}"
            nodes.append(helper.make_node(op, inputs, [output], name=f"{base}.{op}"))
    del graph.node[:]
    graph.node.extend(nodes)
    return True


def compare_with_file(file: FileModel, qnet: QNetwork, images: np.ndarray) -> dict[str, Any]:
    """Of pictures uint8 [N, C, H, W]: the share of equal first choices in percent (None for a
    network that ends in maps), the SQNR of the logits or maps (None where the file shows only
    probabilities), and that of every layer."""
    signal = error = 0.0
    same = 0
    for image in track(images, "measure: against the file", len(images)):
        real, _ = file.run(qnet.preprocessing, image)
        fixed = golden.run(qnet, image[None]).logits[0].astype(np.float64)
        same += int(real.argmax() == fixed.argmax())
        if file.logits:
            signal += float(real @ real)
            error += float(np.square(real - fixed).sum())
    return {
        "oracle": file.name,
        "images": len(images),
        "agreement": None if qnet.maps else 100.0 * same / len(images),
        "logit_sqnr_db": sqnr_db(signal, error),
        "layers": _layers(file, qnet, images[:LAYER_IMAGES]),
    }


def _layers(file: FileModel, qnet: QNetwork, images: np.ndarray) -> dict[str, float | None]:
    """SQNR in dB of the tensors that the file names too, up to one factor a channel: the
    quantizer may have equalized channels.  None where the two are equal."""
    known = {output.name for output in file.session.get_outputs()}
    grids = {made.name: made.grids for _, made in file.imported.layers}
    names = [
        node.output
        for node in qnet.nodes
        if isinstance(node, QConv | QAdd) and node.output in known
    ]
    totals = {name: np.zeros((3, qnet.tensors[name].shape[0])) for name in names}
    for image in images:
        _, found = file.run(qnet.preprocessing, image, names)
        fixed = golden.run(qnet, image[None], keep=names).tensors
        for name, real in zip(names, found, strict=True):
            grid = grids[name][0] if grids.get(name) else None
            if grid is not None and grid.node.outputs[0] == name and grid.node.op != "Quant":
                real = (real - grid.zero) * grid.scale
            mine = np.ldexp(fixed[name][0].astype(np.float64), -qnet.tensors[name].exponent)
            if real.shape != mine.shape:
                totals.pop(name, None)
            if name in totals:
                axes = (1, 2)
                totals[name] += [
                    np.square(real).sum(axes),
                    np.square(mine).sum(axes),
                    (real * mine).sum(axes),
                ]
    result: dict[str, float | None] = {}
    for name, (real, mine, both) in totals.items():
        fitted = np.divide(both**2, mine, out=np.zeros_like(both), where=mine > 0)
        rest = float(np.maximum(real - fitted, 0).sum())
        result[name] = sqnr_db(float(real.sum()), rest if rest > 1e-9 * real.sum() else 0.0)
    return result
