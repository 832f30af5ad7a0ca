"""What the importer knows of every operator, and the values that it is held to onnxruntime by.

A case is either ``same``, imported and equal, or ``refused``; ``since`` and ``before`` narrow it
to opsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from firebrick.quantize.importers.onnx.graph import OPSETS
from tests.quantize.importers.onnx.probes import (
    Probe,
    averaged,
    mapped,
    picture,
)

RNG = np.random.default_rng(4)


@dataclass(frozen=True)
class Case:
    value: Any
    more: dict[str, Any]
    refused: bool
    since: int
    before: int


def same(value: Any, since: int = 0, before: int = OPSETS.stop, **more: Any) -> Case:
    return Case(value, more, False, since, before)


def refused(value: Any, since: int = 0, before: int = OPSETS.stop, **more: Any) -> Case:
    return Case(value, more, True, since, before)


def each(make: Any, *values: Any, **more: Any) -> list[Case]:
    return [make(value, **more) for value in values]


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def noise(*shape: int) -> np.ndarray:
    return RNG.normal(0, 1, shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.3, 2, shape).astype(np.float32)


# What broadcasts against a map [N, 4, 9, 8] as one value, or one a channel, and what does not.
OPERANDS = [
    *each(same, np.float32(0.7), f32(0.7), positive(4, 1, 1), positive(1, 4, 1, 1)),
    *each(same, np.full((1, 1, 1, 1), 0.7, np.float32)),
    *each(refused, positive(8), positive(9, 8), positive(9, 1), positive(4, 9, 8)),
    *each(refused, positive(2, 1, 1, 1), positive(2, 4, 1, 1), positive(1, 1, 4, 1, 1)),
    *each(refused, positive(1, 1, 1, 1, 1), positive(3, 1, 1), positive(0)),
]
PAD_VALUES = [
    *each(same, *f32(0, -0.75, 3)),
    refused(np.float32(np.nan)),
]
PADS = [
    same([0] * 8),
    same([0, 0, 1, 2, 0, 0, 2, 0]),
    same([0, 0, 0, 3, 0, 0, 0, 0]),
    *each(refused, [0, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, -1, 0, 0, 0, 0, 0]),
    *each(refused, [0, 0, 1, 1, 0, 0], []),
]
MEAN_AXES = [
    *each(same, [2, 3], [3, 2], [-1, -2], [2, -1]),
    *each(refused, [1, 2], [2], [0, 1, 2, 3], [2, 3, 1], [2, 2], [2, 7], []),
]
POOL_PADS = [
    same([0] * 4),
    same([0, 0, 0, 1], kernel_shape=[3, 3]),
    same([0, 0, 1, 0], kernel_shape=[2, 2]),
    *each(same, [1] * 4, [1, 1, 0, 0], [1, 1, 0, 1]),
    *each(same, [1] * 4, [1, 1, 0, 0], [1, 1, 0, 1], kernel_shape=[2, 2]),
    *each(refused, [1, 0, 0, 0], [0, 1, 1, 1], [2] * 4, [1, 1, 2, 2], [1, 1, 3, 1]),
    *each(refused, [0, 0, 3, 3], [0, 0, -1, 0], [0, 0]),
]
AUTO_PAD = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]
BOUNDS = [same(np.float32(0)), *each(refused, *f32(-1, 0.5, 1e30, np.nan))]

PROBES: dict[str, Probe] = {
    "Conv": Probe(mapped(), "map", {"W": noise(5, 4, 3, 3), "B": noise(5)}),
    "BatchNormalization": Probe(
        mapped(relu=False),
        "map",
        {
            "scale": noise(4),
            "B": noise(4),
            "mean": noise(4),
            "var": positive(4),
            "input_mean": noise(4),
            "input_var": positive(4),
        },
    ),
    "Relu": Probe(mapped(relu=False), "map"),
    "Clip": Probe(mapped(relu=False), "map", {"min": np.float32(0)}),
    "Max": Probe(mapped(relu=False), "map", {"more": [np.float32(0)]}),
    "Min": Probe(mapped(), "map", {"more": [np.float32(np.inf)]}),
    "MaxPool": Probe(mapped(), "map", {"kernel_shape": [3, 3], "strides": [2, 2]}),
    "Concat": Probe(lambda graph: [*mapped(3)(graph), *mapped(5)(graph)], "map", {"axis": 1}),
    **{
        op: Probe(mapped(relu=False), "map", {"B": np.float32(2)})
        for op in ("Add", "Sub", "Mul", "Div")
    },
    "Sum": Probe(mapped(relu=False), "map", {"more": [np.float32(2)]}),
    "Pad": Probe(picture, "map", {"pads": i64(0, 0, 1, 0, 0, 0, 2, 1)}),
    "Dropout": Probe(mapped(), "map"),
    "Identity": Probe(mapped(), "map"),
    "GlobalAveragePool": Probe(mapped(6, relu=False), "end"),
    "AveragePool": Probe(mapped(6, relu=False), "end", {"kernel_shape": [9, 8]}),
    "ReduceMean": Probe(mapped(6, relu=False), "end", {"axes": i64(2, 3)}),
    "Gemm": Probe(averaged(("Flatten", {})), "end", {"B": noise(6, 5), "C": noise(5)}),
    "MatMul": Probe(averaged(("Flatten", {})), "end", {"B": noise(6, 5)}),
    "Softmax": Probe(averaged(("Flatten", {})), "end"),
    "LogSoftmax": Probe(averaged(("Flatten", {})), "end"),
    "Transpose": Probe(averaged(), "end", {"perm": [0, 1, 2, 3]}),
    "Reshape": Probe(averaged(), "end", {"shape": i64(0, -1)}),
    "Flatten": Probe(averaged(), "end"),
    "Squeeze": Probe(averaged(), "end", {"axes": i64(2, 3)}),
    "Unsqueeze": Probe(averaged(("Flatten", {})), "end", {"axes": i64(2)}),
    "Cast": Probe(mapped(), "map", {"to": 1}),
    "CastLike": Probe(mapped(), "map", {"target_type": f32(1)}),
    "Shape": Probe(picture, "constant"),
    "Gather": Probe(picture, "map", {"indices": i64(2, 0, 1), "axis": 1}),
    "GatherND": Probe(picture, "map", {"indices": i64(0)[:, None]}),
    "Slice": Probe(
        picture, "map", {"starts": i64(0), "ends": i64(2), "axes": i64(1), "steps": i64(1)}
    ),
    "Split": Probe(picture, "map", {"axis": 1, "num_outputs": 3}, outputs=3),
}

CASES: dict[str, dict[str, list[Case]]] = {
    "Conv": {
        "auto_pad": [
            *each(same, *AUTO_PAD),
            *each(same, *AUTO_PAD, strides=[2, 2]),
            *each(same, *AUTO_PAD, W=noise(5, 4, 4, 2), strides=[3, 3]),
            *each(refused, "ODD", "same_upper"),
        ],
        "dilations": [same([1, 1]), *each(refused, [2, 2], [1, 2], [1])],
        "group": [
            same(1),
            refused(4, W=noise(4, 1, 3, 3), B=noise(4)),
            refused(2, W=noise(4, 2, 3, 3), B=noise(4)),
            *each(refused, 0, 2),
        ],
        "kernel_shape": [same([3, 3]), *each(refused, [1, 1], [3], [3, 3, 3])],
        "pads": [
            *each(same, [0] * 4, [1] * 4, [2, 0, 1, 3], [0, 1, 0, 0]),
            *each(refused, [1, 1], [-1, 0, 0, 0], [1] * 4 + [0] * 4),
            refused([1] * 4, auto_pad="VALID"),
            refused([1] * 4, auto_pad="SAME_UPPER"),
        ],
        "strides": [
            *each(same, [1, 1], [2, 2], [3, 3]),
            *each(refused, [1, 2], [0, 0], [2], [-1, -1]),
        ],
        "B": [same(None), same(noise(5)), *each(refused, noise(1), noise(5, 1), noise(4))],
    },
    "BatchNormalization": {
        "epsilon": each(same, 1e-5, 0.1, 0.0),
        "momentum": each(same, 0.9, 0.0, 1.0),
        "spatial": [same(1), refused(0)],
        "training_mode": [same(0), refused(1), refused(1, outputs=3)],
        "outputs": [same(1), *each(refused, 3, 5)],
    },
    "Relu": {},
    "Clip": {
        "min": BOUNDS,
        "max": [
            *each(same, *f32(np.inf, np.finfo(np.float32).max, 6, 0.5)),
            *each(refused, *f32(0, -1)),
        ],
    },
    "Max": {
        "more": [
            *each(same, [np.float32(0)], [f32(0)], since=8),
            *each(refused, [], [f32(1)], [f32(0), f32(1)], [noise(4, 1, 1)]),
        ]
    },
    "Min": {
        "more": [
            *each(same, [np.float32(np.inf)], [f32(6)], [f32(0.5)], since=8),
            *each(refused, [f32(0)], [noise(4, 1, 1)]),
        ]
    },
    "MaxPool": {
        "auto_pad": [
            *each(same, "NOTSET", "VALID"),
            *each(same, "NOTSET", "VALID", "SAME_UPPER", kernel_shape=[2, 2]),
            same("SAME_LOWER"),
            refused("SAME_UPPER"),
            refused("SAME_LOWER", kernel_shape=[2, 2]),
            refused("ODD"),
        ],
        "ceil_mode": [
            *each(same, 0, 1),
            *each(same, 0, 1, kernel_shape=[2, 2]),
            refused(2),
            *each(refused, 1, pads=[0, 0, 1, 1]),
            *each(refused, 1, pads=[1] * 4),
        ],
        "dilations": [same([1, 1]), *each(refused, [2, 2], [1, 2], [1])],
        "kernel_shape": [
            *each(same, [3, 3], [2, 2]),
            *each(refused, [2, 3], [4, 4], [1, 1], [2], None),
        ],
        "pads": POOL_PADS,
        "strides": [same([2, 2]), *each(refused, [1, 1], [2, 1], [3, 3], [2], None)],
        "storage_order": each(same, 0, 1),
        "outputs": [same(1), refused(2)],
    },
    "Concat": {"axis": [*each(same, 1, -3), *each(refused, 0, 2, 3, -1, -4, 7)]},
    **{op: {"B": OPERANDS} for op in ("Add", "Sub", "Mul", "Div")},
    "Sum": {
        "more": [
            *each(same, [np.float32(2)], [noise(4, 1, 1)], since=8),
            *each(refused, [], [noise(8)], [f32(1), f32(2)]),
        ]
    },
    "Pad": {
        "mode": [same("constant"), *each(refused, "reflect", "edge", "wrap", "odd")],
        "pads": PADS,
        "value": PAD_VALUES,
        "constant_value": [
            same(None),
            *PAD_VALUES,
            refused(f32()),
            refused(f32(1, 2)),
        ],
        "axes": [
            same(None),
            same(i64(2, 3), pads=i64(1, 0, 2, 1)),
            same(i64(-1, -2), pads=i64(1, 0, 2, 1)),
            same(i64(3), pads=i64(1, 2)),
            refused(i64(1, 2), pads=i64(1, 0, 2, 1)),
            refused(i64(2, 7), pads=i64(1, 0, 2, 1)),
            refused(i64(2, 2), pads=i64(1, 0, 2, 1)),
            refused(i64(2), pads=i64(1, 0, 2, 1)),
        ],
    },
    "Dropout": {
        "ratio": each(same, 0.0, 0.5),
        "seed": each(same, 0, 7),
        "training_mode": [same(None), same(np.array(False)), refused(np.array(True))],
        "outputs": each(same, 1),
    },
    "Identity": {},
    "GlobalAveragePool": {},
    "AveragePool": {
        "auto_pad": [
            *each(same, "NOTSET", "VALID"),
            *each(refused, "SAME_UPPER", "SAME_LOWER", "ODD"),
        ],
        "ceil_mode": each(same, 0, 1, 2),
        "count_include_pad": [*each(same, 0, 1), refused(1, pads=[1] * 4)],
        "dilations": [same([1, 1]), refused([2, 2])],
        "kernel_shape": [same([9, 8]), *each(refused, [3, 3], [9], [10, 10], None)],
        "pads": [same([0] * 4), *each(refused, [1] * 4, [0, 0, 1, 1], [0, 0])],
        "strides": [*each(same, [1, 1], [2, 3]), *each(refused, [0, 0], [1])],
    },
    "ReduceMean": {
        "axes": [
            *(
                Case(np.array(c.value, np.int64), {}, c.refused, c.since, c.before)
                for c in MEAN_AXES
            ),
            refused(None),
        ],
        "keepdims": each(same, 0, 1),
        "noop_with_empty_axes": [
            same(0),
            same(1),
            *each(refused, 0, 1, axes=i64()),
            *each(refused, 0, 1, axes=None),
        ],
    },
    "Gemm": {
        "alpha": each(same, 1.0, 0.5, -2.0, 0.0),
        "beta": each(same, 1.0, 0.5, -2.0, 0.0),
        "transA": [same(0), refused(1)],
        "transB": [same(0), same(1, B=noise(5, 6)), refused(1)],
        "C": [
            same(None, since=11),
            *each(same, noise(5), noise(1, 5), noise(1), noise(1, 1), np.float32(3)),
            *each(refused, noise(5, 1), noise(2, 5), noise(2, 1), noise(4), noise(1, 1, 5)),
        ],
    },
    "MatMul": {"B": [same(noise(6, 5)), *each(refused, noise(6), noise(5, 6), noise(2, 6, 5))]},
    "Softmax": {
        "axis": [*each(same, 1, -1), *each(refused, 0, -2, 2, -5)],
    },
    "Transpose": {
        "perm": [
            *each(same, [0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 2, 1]),
            *each(refused, [1, 0, 2, 3], [0, 1, 2], [0, 1, 2, 2], None),
        ]
    },
    "Reshape": {
        "shape": [
            *each(
                same, i64(0, -1), i64(-1, 6), i64(0, 6), i64(0, 0), i64(0, 1, 6), i64(0, 6, 1, 1, 1)
            ),
            *each(refused, i64(-1), i64(12), i64(6, -1), i64(0, 2, 3), i64(0, 7), i64(0, -1, -1)),
            *each(refused, f32(0, 6), i64(-1, 3), i64(0, 0, 0, 0, 0), i64(-2, 6), np.int64(-1)),
        ],
        "allowzero": [
            same(0),
            same(0, shape=i64(0, 0)),
            refused(1),
            refused(1, shape=i64(0, 6)),
            same(1, shape=i64(-1, 6)),
        ],
    },
    "Flatten": {"axis": [same(1), same(-3, since=11), *each(refused, 0, 2, 3, 4, -1, -4, 5)]},
    "Squeeze": {
        "axes": [
            *each(same, i64(2, 3), i64(3, 2), i64(2), i64(-1), i64(-2, -1)),
            same(None),
            *each(refused, i64(1), i64(0), i64(4), i64(-4), i64(2, 0)),
        ]
    },
    "Unsqueeze": {
        "axes": [
            *each(same, i64(2), i64(1), i64(2, 3), i64(3, 2), i64(1, 3)),
            same(i64(-1), since=11),
            *each(refused, i64(0), i64(5), i64(2, 2), i64(-4)),
        ]
    },
    "Cast": {
        "to": [same(1), *each(refused, 6, 7, 2, 11, 0, 99, None)],
        "saturate": [same(1), refused(0)],
        "round_mode": [same("up"), *each(refused, "down", "nearest")],
    },
    "CastLike": {
        "target_type": [same(f32(1)), *each(refused, i64(1), np.array([1.0]))],
        "saturate": [same(1), refused(0)],
        "round_mode": [same("up"), *each(refused, "down", "nearest")],
    },
    "Shape": {
        "start": each(same, 1, -2, 3, 2, end=4),
        "end": each(same, 3, -1, 10, start=1),
    },
    "Gather": {
        "axis": [*each(same, 1, -3), *each(refused, 0, 2, 3, 4, -5, None)],
        "indices": [
            *each(same, i64(2, 0, 1), i64(0, 1, 2), i64(1), i64(-1, 0), i64(0, 0, 2)),
            *each(refused, i64(3), i64(-4), np.int64(1), i64(0)[:, None]),
        ],
    },
    "GatherND": {"batch_dims": each(refused, 0, 1)},
    "Slice": {
        "starts": [
            *each(same, i64(0), i64(1), i64(-3), i64(-9)),
            same(i64(2), ends=i64(-9), steps=i64(-1)),
            same(i64(99), ends=i64(-9), steps=i64(-2)),
            same(i64(2), ends=i64(-3), steps=i64(-1)),
            *each(refused, i64(2), i64(5), i64(0, 0)),
        ],
        "ends": [
            *each(same, i64(3), i64(99), i64(-1), i64(2**62)),
            *each(refused, i64(0), i64(-9)),
        ],
        "axes": [
            *each(same, i64(1), i64(-3)),
            same(i64(2), ends=i64(9)),
            same(i64(0), ends=i64(2**62)),
            same(i64(1, 2), starts=i64(0, 0), ends=i64(2, 99), steps=i64(1, 1)),
            refused(None),
            *each(refused, i64(2), i64(0), i64(3), i64(5), i64(1, 1)),
        ],
        "steps": [same(None), same(i64(2)), *each(refused, i64(0), i64(-1), i64(1, 1))],
    },
    "Split": {
        "axis": [same(1), same(-3, since=11), *each(refused, 0, 2, 4, -5)],
        "split": [
            same(i64(1, 1, 1), num_outputs=None),
            same(i64(2, 1), outputs=2, num_outputs=None),
            *each(refused, i64(1, 1), i64(2, 2, 1), i64(3, 0, 0), i64(-1, 2, 2), num_outputs=None),
        ],
        "num_outputs": [same(3), same(2, outputs=2)],
    },
}
CASES["LogSoftmax"] = CASES["Softmax"]
