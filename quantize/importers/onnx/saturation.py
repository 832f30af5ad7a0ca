"""Where the file's feature maps saturate: :func:`saturation` of its Clips and quantizers.

What bounds a maximum or a concatenation bounds what it is made of, so that in the end only
convolutions and additions have bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firebrick.quantize.importers.onnx.values import (
    AddLayer,
    ConcatLayer,
    ConvLayer,
    Layer,
    Map,
    PoolLayer,
    Unfit,
    is_rectified,
)
from firebrick.quantize.network import Bounds


@dataclass(frozen=True, eq=False)
class _Bound:
    """One node's bound of a map, float64 [C] each; ``step`` as :attr:`Bounds.step`."""

    low: np.ndarray
    high: np.ndarray
    step: np.ndarray | None
    origin: str
    whole: bool


def saturation(layers: Sequence[tuple[Layer, Map]], unfit: Sequence[Unfit]) -> dict[str, Bounds]:
    """The bounds of every map that a convolution or an addition makes, by the map's name."""
    unread = {
        id(source)
        for layer, _ in layers
        for source, quantized in zip(layer.inputs, layer.quantized, strict=True)
        if not quantized
    }
    found: dict[int, list[_Bound]] = {id(made): [] for _, made in layers}
    for item in unfit:
        found[id(item.map)].append(_scaled(item))
    result: dict[str, Bounds] = {}
    for layer, made in reversed(layers):
        bounds = [*_own(made, id(made) not in unread), *found[id(made)]]
        if isinstance(layer, ConvLayer | AddLayer):
            if bounds:
                result[made.name] = _tightest(made, bounds)
        elif isinstance(layer, PoolLayer):
            _push(found, layer.inputs[0], bounds)
        else:
            _split(found, layer, bounds)
    return result


def _own(made: Map, quantized: bool) -> list[_Bound]:
    count = made.shape[0]
    bounds = [
        _Bound(
            np.full(count, grid.scale * grid.low),
            np.full(count, grid.scale * grid.high),
            np.full(count, grid.scale) if grid.half_even else None,
            grid.node.name,
            quantized and all(grid.same(other) for other in made.grids),
        )
        for grid in made.grids
    ]
    if made.ceiling is not None:
        high, node = made.ceiling
        endless = np.full(count, -np.inf)
        bounds.append(_Bound(endless, np.full(count, high), None, node.name, True))
    return bounds


def _scaled(item: Unfit) -> _Bound:
    """What a quantizer behind factor * x + offset says of x; its steps are none of x."""
    grid, view = item.grid, item.view
    count = item.map.shape[0]
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    channels = list(view.channels)
    ends = np.stack([grid.scale * grid.low - view.offset, grid.scale * grid.high - view.offset])
    factor = np.where(view.factor == 0, np.inf, view.factor)
    ends = np.sort(ends / factor, axis=0)
    low[channels], high[channels] = np.where(view.factor == 0, [[-np.inf], [np.inf]], ends)
    return _Bound(low, high, None, grid.node.name, item.map.uses == 1)


def _push(found: dict[int, list[_Bound]], source: Map, bounds: list[_Bound]) -> None:
    """Bounds of a map that takes its values from ``source``; others may read that without them."""
    if id(source) in found:
        found[id(source)] += [
            _Bound(item.low, item.high, item.step, item.origin, item.whole and source.uses == 1)
            for item in bounds
        ]


def _split(found: dict[int, list[_Bound]], layer: ConcatLayer, bounds: list[_Bound]) -> None:
    start = 0
    for source in layer.inputs:
        stop = start + source.shape[0]
        channels = slice(start, stop)
        parts = [
            _Bound(
                item.low[channels],
                item.high[channels],
                None if item.step is None else item.step[channels],
                item.origin,
                item.whole,
            )
            for item in bounds
        ]
        _push(found, source, parts)
        start = stop


def _tightest(made: Map, bounds: list[_Bound]) -> Bounds:
    low = np.max([bound.low for bound in bounds], axis=0)
    if is_rectified(made):
        low = np.maximum(low, 0.0)
    high = np.min([bound.high for bound in bounds], axis=0)
    steps = [bound.step for bound in bounds if bound.step is not None]
    # One quantizer behind another: the coarser one is what is seen behind both.
    step = np.max(steps, axis=0) if steps else None
    names = ", ".join(dict.fromkeys(bound.origin for bound in bounds))
    return Bounds(low, high, step, names, all(bound.whole for bound in bounds))
