"""Saturation that a network was trained with, kept by the hardware's own: :func:`keep_bounds`.

8-bit values saturate at 255 * 2**-e (127 with a sign), and at nothing else.  So a tensor that the
network holds below a bound is multiplied by what puts the bound there, and what reads it divided by
the same: ReLU6 then ends at 6 exactly, and an 8-bit grid of the file is the hardware's grid, of
whatever scale.  A grid of fewer steps keeps its steps or its ends, whichever changes less: the
hardware's has 255 steps.

What cannot be moved that way - operands of additions, ranges that are not around zero, what feeds
the average - is left out where the calibration images hardly reach it, and refused elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from firebrick.quantize.calibration.calibrate import exponent_groups, rectified_tensors
from firebrick.quantize.calibration.equalize import rescale
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import value_range
from firebrick.quantize.golden.float_model import FloatModel, activate
from firebrick.quantize.network import Add, Bounds, Concat, Conv, MaxPool, Network, inputs_of
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

# A bound that is left out may change this share of a tensor's power: -30 dB, below what 8 bits cost
# a layer.
MOST_LOST = 1e-3
# A Clip farther above all values than this stays out of use: keeping it would waste the range.
FAR = 2.0
LEVELS = 255


@dataclass(frozen=True, eq=False)
class Kept:
    """``net`` computes the original's function within the bounds that are kept, and has no others.

    ``exponents`` are those of the groups (:func:`calibrate.exponent_groups`) whose ends are bounds:
    no other exponent keeps them.  ``lines`` say what became of all bounds.
    """

    net: Network
    exponents: dict[str, int]
    lines: tuple[str, ...]


@dataclass(eq=False)
class _Seen:
    """Of one tensor before its bounds, on the calibration images: the largest absolute value of a
    channel and how many of its values are not zero, float64 [C] each, and the power of all and of
    what lies beyond the bounds."""

    peak: np.ndarray
    active: np.ndarray
    power: float = 0.0
    beyond: float = 0.0

    @property
    def lost(self) -> float:
        """The share of the power that lies beyond the bounds."""
        return self.beyond / self.power if self.power else 0.0


def keep_bounds(net: Network, preprocessing: Preprocessing, images: np.ndarray) -> Kept:
    """Decide on every bound of ``net``; ``images`` uint8 [N, C, H, W], raw pixels.

    Raises FirebrickError naming the layer whose bound cannot be kept and matters on the images.
    """
    makers = {node.output: node for node in net.nodes if isinstance(node, Conv | Add)}
    if not any(node.bounds for node in makers.values()):
        return Kept(net, {}, ())
    seen = _measure(net, preprocessing, images)
    groups = exponent_groups(net)
    fixed = _fixed(net, groups)
    limits = {name: value_range(not flag)[1] for name, flag in rectified_tensors(net).items()}
    kept: dict[str, Bounds] = {}
    lines = _Lines()
    for name, node in makers.items():
        if node.bounds is None:
            continue
        obstacle = _obstacle(node, node.bounds, fixed.get(groups[name]) or fixed.get(name))
        near = seen[name].peak.max() * FAR >= node.bounds.high.max()
        if obstacle is None and (near or (node.bounds.levels or LEVELS + 1) <= LEVELS):
            kept[name] = _kept(node.bounds, limits[name], seen[name])
            lines.keep(node.name, node.bounds, kept[name], seen[name])
        else:
            lines.leave(node, node.bounds, seen[name], obstacle)
    exponents = _exponents(kept, groups, limits)
    gains = _gains(net, kept, seen, groups, exponents, limits)
    nodes = tuple(
        replace(node, bounds=kept.get(node.output)) if isinstance(node, Conv | Add) else node
        for node in net.nodes
    )
    return Kept(rescale(replace(net, nodes=nodes), gains), exponents, lines.all())


def _measure(net: Network, preprocessing: Preprocessing, images: np.ndarray) -> dict[str, _Seen]:
    model = FloatModel(net)
    last = net.average.output if net.average else None

    def of_image(image: np.ndarray) -> dict[str, _Seen]:
        maps = {net.input: float_input(image, preprocessing)}
        found: dict[str, _Seen] = {}
        for node in net.nodes:
            if node.output == last:
                break
            if not isinstance(node, Conv | Add):
                maps[node.output] = model.step(node, maps)
                continue
            values = model.step(replace(node, bounds=None), maps)
            flat = values.reshape(len(values), -1)
            peak = np.abs(flat).max(axis=1).astype(np.float64)
            active = np.count_nonzero(flat, axis=1).astype(np.float64)
            seen = _Seen(peak, active, float(np.vdot(flat, flat)))
            if node.bounds is not None:
                within = np.clip(flat, node.bounds.low[:, None], node.bounds.high[:, None])
                seen.beyond = float(np.square(flat - within).sum())
            found[node.output] = seen
            maps[node.output] = activate(node, values)
        return found

    total: dict[str, _Seen] = {}
    for found in track(parallel_map(of_image, images), "calibrate: bounds", len(images)):
        for name, seen in found.items():
            if not np.all(np.isfinite(seen.peak)):
                raise FirebrickError(
                    f"network {net.name}: {name} is not finite on a calibration image; check the "
                    "weights and the preprocessing"
                )
            nothing = np.zeros_like(seen.peak)
            sum_ = total.setdefault(name, _Seen(nothing, nothing.copy()))
            np.maximum(sum_.peak, seen.peak, out=sum_.peak)
            sum_.active += seen.active
            sum_.power += seen.power
            sum_.beyond += seen.beyond
    return total


def _fixed(net: Network, groups: dict[str, str]) -> dict[str, str]:
    """Why tensors cannot be multiplied, by their group, or name where they have none."""
    reasons = {groups[name]: "it is an output, whose values are what they are" for name in net.maps}
    if net.averaged:
        reasons[net.averaged] = "it feeds the average, which has no 8-bit step"
    for node in net.nodes:
        if isinstance(node, Add):
            for name in (*node.inputs, node.output):
                reasons[groups[name]] = f"the addition {node.name} ties its scale to others"
    return reasons


def _obstacle(node: Conv | Add, bounds: Bounds, fixed: str | None) -> str | None:
    if fixed is not None:
        return fixed
    if not bounds.whole:
        return "not all that reads it reads it so"
    if np.any(bounds.low > 0) or np.any(bounds.high <= 0):
        return "its range does not hold zero"
    if node.relu or np.all(bounds.low == 0):
        return None
    ends = bounds.low + bounds.high
    step = (bounds.high - bounds.low) / LEVELS if bounds.step is None else bounds.step
    if not np.all(np.abs(ends) <= 1.01 * step):
        return "its range is not the same on both sides of zero"
    return None


def _kept(bounds: Bounds, limit: int, seen: _Seen) -> Bounds:
    """``bounds``, or where the ends of a coarse grid matter less than its steps, the bounds that
    255 steps of that size have."""
    full = LEVELS if limit == LEVELS else LEVELS - 1
    if bounds.step is None or (bounds.levels or full) >= full:
        return bounds
    rounding = float(seen.active @ np.square(bounds.step)) / 12
    if seen.beyond > rounding:
        return bounds
    high = limit * bounds.step
    return replace(bounds, low=-high if limit < LEVELS else 0 * high, high=high)


def _exponents(
    kept: dict[str, Bounds], groups: dict[str, str], limits: dict[str, int]
) -> dict[str, int]:
    """Exponents at which every kept bound is reached with a factor of at least one."""
    exponents: dict[str, int] = {}
    for name, bounds in kept.items():
        fitting = int(np.floor(np.log2(limits[name] / bounds.high.max())))
        exponents[groups[name]] = min(exponents.get(groups[name], fitting), fitting)
    return exponents


def _gains(
    net: Network,
    kept: dict[str, Bounds],
    seen: dict[str, _Seen],
    groups: dict[str, str],
    exponents: dict[str, int],
    limits: dict[str, int],
) -> dict[str, np.ndarray]:
    """The factor of every channel of every tensor, float64 [C]."""
    gains = {name: np.ones(shape[0]) for name, shape in net.shapes.items()}
    for node in net.nodes:
        name = node.output
        if isinstance(node, Conv) and groups.get(name) in exponents:
            end = np.ldexp(limits[name], -exponents[groups[name]])
            if name in kept:
                gains[name] = end / kept[name].high
            elif seen[name].peak.any():
                # Beside bounded parts of a concatenation: its own values fill the range.
                gains[name] *= end / seen[name].peak.max()
        elif isinstance(node, Concat):
            gains[name] = np.concatenate([gains[part] for part in inputs_of(node)])
        elif isinstance(node, MaxPool):
            gains[name] = gains[node.input]
    return gains


@dataclass(eq=False)
class _Lines:
    """What became of the bounds, in words."""

    same: list[str] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    finer: list[tuple[str, int]] = field(default_factory=list)
    ceilings: list[tuple[str, float]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def keep(self, layer: str, bounds: Bounds, kept: Bounds, seen: _Seen) -> None:
        if bounds.levels is None:
            self.ceilings.append((layer, float(bounds.high.max())))
        elif kept is not bounds:
            self.opened.append(seen.lost)
        elif bounds.levels >= LEVELS - 1:
            self.same.append(layer)
        else:
            self.finer.append((layer, bounds.levels))

    def leave(self, node: Conv | Add, bounds: Bounds, seen: _Seen, obstacle: str | None) -> None:
        where = f"{node.name}: its range {_ends(bounds)} ({bounds.origin})"
        lost = seen.lost
        if obstacle is not None and lost > MOST_LOST:
            raise FirebrickError(
                f"layer {where} saturates on the calibration images ({_decibel(lost)} of its "
                f"power) and cannot be kept: {obstacle}; train or quantize without that "
                "bound"
            )
        self.left.append(f"{where} is left out, {_beyond(lost)}")

    def all(self) -> tuple[str, ...]:
        lines = []
        if self.same:
            lines.append(f"8-bit grids kept as they are: {len(self.same)} layers")
        if self.opened:
            lines.append(
                f"steps of coarser grids kept, but not their ends: {len(self.opened)} layers, "
                f"{_beyond(max(self.opened))}"
            )
        if self.finer:
            steps = sorted({levels for _, levels in self.finer})
            shown = str(steps[0]) if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"
            lines.append(
                f"coarser grids, of {shown} steps, kept as 8-bit grids of the same range, not "
                f"their rounding: {len(self.finer)} layers"
            )
        if self.ceilings:
            ends = sorted({high for _, high in self.ceilings})
            shown = f"{ends[0]:g}" if len(ends) == 1 else f"{ends[0]:g} to {ends[-1]:g}"
            lines.append(f"upper bounds of {shown} kept: {len(self.ceilings)} layers")
        return (*lines, *self.left)


def _decibel(share: float) -> str:
    return f"{10 * np.log10(share):.0f} dB"


def _beyond(lost: float) -> str:
    if not lost:
        return "which no calibration image reaches"
    return f"beyond which lie {_decibel(lost)} of its power"


def _ends(bounds: Bounds) -> str:
    return f"{bounds.low.min():g} to {bounds.high.max():g}"
