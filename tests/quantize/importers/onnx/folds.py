"""Operators on constants, which the importer computes: inputs, attributes and further inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.quantize.importers.onnx.cases import f32, i64, noise, positive
from tests.quantize.importers.onnx.probes import Probe, constants


@dataclass(frozen=True)
class Fold:
    """An operator on constants: its inputs, and the sets of attributes and further inputs."""

    inputs: tuple[np.ndarray, ...]
    settings: tuple[dict[str, Any], ...] = ({},)


X = noise(2, 3, 4)
AXES = (
    {"axes": i64(1)},
    {"axes": i64(0, 2)},
    {"axes": i64(-1)},
    {"axes": i64(0, 2), "keepdims": 0},
    {},
)
REDUCE = (
    *AXES,
    {"keepdims": 0},
    {"axes": i64()},
    {"axes": i64(), "noop_with_empty_axes": 1},
    {"axes": i64(), "noop_with_empty_axes": 0, "keepdims": 0},
    {"noop_with_empty_axes": 1},
    {"axes": i64(1), "noop_with_empty_axes": 1},
)
INTS, MORE = i64(7, -7, 5, -5), i64(3, 3, -3, -3)
HALVES = f32(0.5, 1.5, -0.5, 2.5, -2.5, 1.2)
FOLDS: dict[str, list[Fold]] = {
    **{op: [Fold((X,))] for op in ("Abs", "Neg", "Reciprocal")},
    **{op: [Fold((HALVES,))] for op in ("Ceil", "Floor", "Round")},
    **{
        op: [Fold((X, noise(3, 1))), Fold((X, np.float32(2))), Fold((X, noise(2, 3, 4)))]
        for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Greater", "Less")
    },
    "Div": [Fold((X, noise(3, 1))), Fold((INTS, MORE))],
    "Cast": [
        Fold(
            (f32(1.7, -1.7, 2.5, 0.1),),
            ({"to": 7}, {"to": 6}, {"to": 1}, {"to": 9}, {"to": 10}, {"to": 11}),
        ),
        Fold((INTS,), ({"to": 1}, {"to": 9}, {"to": 6})),
    ],
    "Clip": [
        Fold(
            (X,),
            (
                {},
                {"min": np.float32(-0.5)},
                {"max": np.float32(0.5)},
                {"min": np.float32(-0.5), "max": np.float32(0.5)},
                {"min": np.float32(1), "max": np.float32(-1)},
            ),
        )
    ],
    "Concat": [Fold((X, noise(2, 3, 4)), ({"axis": 0}, {"axis": 1}, {"axis": -1}))],
    "ConstantOfShape": [
        Fold(
            (i64(2, 3),),
            ({}, {"value": np.array([2.5], np.float32)}, {"value": np.array([3], np.int64)}),
        )
    ],
    "Equal": [Fold((INTS, i64(7, 1, 5, 1)))],
    "Expand": [Fold((noise(3, 1), i64(2, 3, 4))), Fold((noise(3, 4), i64(3, 1)))],
    "Flatten": [Fold((X,), ({}, {"axis": 0}, {"axis": 2}, {"axis": 3}, {"axis": -1}))],
    "Gather": [
        Fold((X, i64(1, 0)), ({}, {"axis": 1}, {"axis": -1})),
        Fold((X, i64(-1)), ({"axis": 2},)),
        Fold((X, np.int64(1)), ({"axis": 0},)),
    ],
    "GatherND": [
        Fold((X, i64(0, 1, 1, 2).reshape(2, 2))),
        Fold((X, i64(1, 0).reshape(2, 1)), ({"batch_dims": 1},)),
    ],
    "Mod": [
        Fold((INTS, MORE), ({}, {"fmod": 0}, {"fmod": 1})),
        Fold((f32(5.3, -5.3, 5.3), f32(2, 2, -2)), ({"fmod": 1},)),
    ],
    "Not": [Fold((np.array([True, False, True]),))],
    "Pow": [Fold((positive(2, 3), np.float32(1.5))), Fold((positive(2, 3), f32(2, 0.5, -1)))],
    **{op: [Fold((X,), REDUCE)] for op in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum")},
    "Reshape": [
        Fold(
            (X,),
            (
                {"shape": i64(4, 6)},
                {"shape": i64(0, -1)},
                {"shape": i64(-1)},
                {"shape": i64(0, 3, 4), "allowzero": 0},
                {"shape": i64(2, 12), "allowzero": 1},
            ),
        )
    ],
    "Shape": [Fold((X,), ({}, {"start": 1}, {"end": -1}, {"start": -2, "end": 3}))],
    "Size": [Fold((X,))],
    "Slice": [
        Fold(
            (X,),
            (
                {"starts": i64(1), "ends": i64(3), "axes": i64(1)},
                {"starts": i64(0, 1), "ends": i64(1, 9)},
                {"starts": i64(-1), "ends": i64(-9), "axes": i64(2), "steps": i64(-2)},
                {"starts": i64(0), "ends": i64(-1), "axes": i64(-1), "steps": i64(2)},
            ),
        )
    ],
    "Split": [Fold((X,), ({"axis": 2, "num_outputs": 1}, {"split": i64(2), "axis": 0}))],
    "Sqrt": [Fold((positive(2, 3),))],
    "Squeeze": [
        Fold((noise(1, 3, 1),), ({}, {"axes": i64(0)}, {"axes": i64(-1)}, {"axes": i64(0, 2)}))
    ],
    "Transpose": [Fold((X,), ({}, {"perm": [1, 0, 2]}, {"perm": [2, 0, 1]}))],
    "Unsqueeze": [Fold((X,), ({"axes": i64(0)}, {"axes": i64(1, 3)}, {"axes": i64(-1)}))],
    "Where": [Fold((np.array([True, False, True]), noise(2, 3), np.float32(7)))],
}

FOLD_PROBES = {
    op: [(Probe(constants(*fold.inputs), "constant"), fold.settings) for fold in folds]
    for op, folds in FOLDS.items()
}
