"""The program's section for the host: what the driver must know of input, output, maps, groups."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from firebrick.host.version import VERSION
from firebrick.hw import definition as d
from firebrick.hw.compiler.outputs import Output
from firebrick.hw.compiler.program import Group
from firebrick.hw.compiler.steps import PAUSE, Step
from firebrick.hw.compiler.storage import Storage, Stored, first_layer
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QGlobalSum, QNetwork, QTensor


def host_section(
    net: QNetwork,
    outputs: tuple[Output, ...],
    shape: EngineShape,
    steps: list[Step],
    groups: list[Group],
    storage: Storage,
) -> dict:
    """The section as JSON data; :mod:`host.program` reads it.  ``outputs`` are the maps that the
    network ended in before it was made ``net``."""
    channels, height, width = net.tensors[net.input].shape
    first = first_layer(net)
    pad_value = getattr(first, "pad_value", None)

    def described(stored: Stored, tensor: QTensor, first: int = 0) -> dict:
        return {
            "name": tensor.name,
            "offset": stored.offset,
            "first": first,
            "channels": tensor.shape[0],
            "words": stored.words,
            "height": tensor.shape[1],
            "width": tensor.shape[2],
            "rows": stored.rows,
            "signed": stored.signed,
            "exponent": tensor.exponent,
            "bytes": storage.bytes(stored),
        }

    return {
        "name": net.name,
        "firebrick": VERSION,
        "shape": {**asdict(shape), "word_bytes": shape.word_bytes},
        "input": {
            "name": net.input,
            "channels": channels,
            "height": height,
            "width": width,
            "padding": list(first.padding),
            "pad_value": [0] * channels if pad_value is None else [int(v) for v in pad_value],
            "phases": first.stride,
            "planes": storage.stored[net.input].words,
            "bytes": storage.bytes(storage.stored[net.input]),
        },
        "output": {
            **_sums(net),
            "bytes": storage.output_bytes + 8 * (len(net.classifier.bias) if net.classifier else 0),
            "maps": [
                described(storage.stored[output.stored], output.tensor, output.first)
                for output in outputs
            ],
        },
        "maps": [
            described(s, net.tensors[s.name])
            for s in storage.stored.values()
            if s.space == d.SCRATCH_SPACE and s.name != PAUSE
        ],
        "groups": [
            {"name": step.name, "layers": layers_of(step, group.fields, shape)}
            for step, group in zip(steps, groups, strict=True)
        ],
        "preprocessing": asdict(net.preprocessing),
        "classes": list(net.classes if net.kinds else ()),
        "anchors": [list(sides) for sides in net.anchors],
    }


def _sums(net: QNetwork) -> dict:
    """What makes logits of a classifier's sums; no classes where the network ends in maps."""
    last = net.classifier
    if last is None:
        return {"name": "", "classes": 0, "addend": [], "positions": 1, "exponents": []}
    addend, _ = border(last, net.tensors[last.input])
    exponents = net.tensors[last.input].exponent + last.weight_exponent
    return {
        "name": last.output,
        "classes": len(last.bias),
        "addend": [int(v) for v in addend],
        "positions": last.positions,
        "exponents": [int(v) for v in exponents],
    }


def layers_of(step: Step, fields: dict[str, int], shape: EngineShape) -> list[dict]:
    """MACs of each layer's valid outputs, and the cycles of an array that never waits; a pause
    does no work."""
    if step.is_pause:
        return [{"name": PAUSE, "macs": 0, "ideal_cycles": 0}]
    c = shape.channels
    layers = []
    for conv in step.convolutions:
        rows = fields["mid_total"] if conv is step.squeeze else fields["rows"]
        tiles = fields["tiles"]
        width = (tiles - 1) * shape.pixels + fields["last_pixels"]
        own = conv.two
        layers.append(
            {
                "name": conv.layer,
                "macs": own.positions * own.outputs * own.macs
                if own
                else rows * width * conv.outputs * conv.macs,
                "ideal_cycles": rows * tiles * conv.blocks(c) * max(conv.cycles(shape.pump), c),
            }
        )
    return layers


def border(node: QGlobalSum, source: QTensor) -> tuple[np.ndarray, int]:
    """What the outputs that see only padding add to each class's sum, int64 [O], and their number.

    A 1x1 convolution with padding p has (H + 2p)(W + 2p) outputs, of which H * W see the map;
    the others are relu(bias), so the hardware need not compute them.  Any other convolution is
    computed whole: zeros.
    """
    if node.weights.shape[2:] != (1, 1):
        return np.zeros(len(node.bias), np.int64), 0
    outside = node.positions - source.shape[1] * source.shape[2]
    bias = node.bias.astype(np.int64)
    return outside * (np.maximum(bias, 0) if node.relu else bias), outside
