"""The program's section for the host: what the driver must know of input, output, maps, groups."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from firebrick.host.version import VERSION
from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Group
from firebrick.hw.compiler.steps import PAUSE, Step
from firebrick.hw.compiler.storage import Storage, first_layer
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QGlobalSum, QNetwork, QTensor


def host_section(
    net: QNetwork, shape: EngineShape, steps: list[Step], groups: list[Group], storage: Storage
) -> dict:
    """The section as JSON data; :mod:`host.program` reads it."""
    channels, height, width = net.tensors[net.input].shape
    first, last = first_layer(net), net.nodes[-1]
    assert isinstance(last, QGlobalSum)
    pad_value = getattr(first, "pad_value", None)
    addend, _ = border(last, net.tensors[last.input])
    exponents = net.tensors[last.input].exponent + last.weight_exponent
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
            "name": last.output,
            "classes": len(last.bias),
            "bytes": 8 * len(last.bias),
            "addend": [int(v) for v in addend],
            "positions": last.positions,
            "exponents": [int(v) for v in exponents],
        },
        "maps": [
            {
                "name": s.name,
                "offset": s.offset,
                "channels": s.channels,
                "words": s.words,
                "height": s.height,
                "width": s.width,
                "signed": s.signed,
                "exponent": net.tensors[s.name].exponent,
                "bytes": storage.bytes(s),
            }
            for s in storage.stored.values()
            if s.space == d.SCRATCH_SPACE and s.name != PAUSE
        ],
        "groups": [
            {"name": step.name, "layers": layers_of(step, group.fields, shape)}
            for step, group in zip(steps, groups, strict=True)
        ],
        "preprocessing": asdict(net.preprocessing),
        "classes": list(net.classes),
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
        layers.append(
            {
                "name": conv.layer,
                "macs": rows * width * conv.outputs * conv.macs,
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
