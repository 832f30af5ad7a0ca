"""What the engine can run of a network, layer by layer, before anything is planned."""

from __future__ import annotations

import numpy as np

from firebrick.hw.compiler.packing import phase_taps
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.steps import CompileError, refusal
from firebrick.hw.shape import EngineShape
from firebrick.quantize.golden import accumulator_reach
from firebrick.quantize.qnetwork import QAdd, QConcat, QConv, QGlobalSum, QNetwork, QNode
from firebrick.quantize.support.reasons import by_kind

# Bits of a class's sum over the map.
SUM_BITS = 40


def check_network(
    net: QNetwork, shape: EngineShape, patterns: Patterns, numbers: bool = True
) -> None:
    """Raises :class:`CompileError`, naming the layers and the limits, for what no grouping mends:
    all reasons at once, each kind with its first layer.

    Without ``numbers`` weights, biases and shifts are not looked at.
    """
    if not net.nodes or not (net.maps or isinstance(net.nodes[-1], QGlobalSum)):
        raise CompileError(
            f"{net.name}: the last layer must be a classifier with global average, where no map "
            "is an output"
        )
    joined: set[str] = set()
    found: list[CompileError] = []
    checks = [
        lambda node: _check_concat(net, node, patterns, joined),
        lambda node: _check_add(net, node),
        *([lambda node: _check_accumulator(net, shape, node)] if numbers else []),
        lambda node: _check_kernel(net, node),
    ]
    for node in net.nodes:
        for check in checks:
            try:
                check(node)
            except CompileError as error:
                found.append(error)
    if found:
        raise _together(net, found)


def _together(net: QNetwork, found: list[CompileError]) -> CompileError:
    def reason(error: CompileError) -> str:
        return str(error).removeprefix(f"{net.name}, layer ").partition(": ")[2]

    parts = []
    for kind in by_kind(found, reason):
        more = f" (and {len(kind) - 1} more layers)" if len(kind) > 1 else ""
        parts.append(f"{kind[0]}{more}")
    return CompileError("; ".join(parts))


def _check_concat(net: QNetwork, node: QNode, patterns: Patterns, joined: set[str]) -> None:
    if not isinstance(node, QConcat):
        return
    for name in node.inputs:
        if len(patterns.readers[name]) > 1 or name in joined:
            raise refusal(net.name, node.name, f"{name} is read by more than this concatenation")
        joined.add(name)


def _check_accumulator(net: QNetwork, shape: EngineShape, node: QNode) -> None:
    """The accumulator's range, from the weights themselves."""
    if not isinstance(node, QConv | QGlobalSum):
        return
    source = net.tensors[node.input]
    weights = node.weights.astype(np.int64)
    if np.abs(weights).max(initial=0) > 127:
        raise refusal(net.name, node.name, "a weight is -128; weights are within [-127, 127]")
    bound = accumulator_reach(weights, node.bias, source.signed)
    limit = 1 << (shape.acc_bits - 1)
    if bound.max(initial=0) >= limit:
        channel = int(bound.argmax())
        raise refusal(
            net.name,
            node.name,
            f"channel {channel} can reach {int(bound[channel])} in the accumulator, whose "
            f"{shape.acc_bits} bits end at {limit - 1}: quantize its weights with a "
            "smaller exponent",
        )
    if isinstance(node, QGlobalSum):
        total = int(bound.max()) * source.shape[1] * source.shape[2]
        if total >= 1 << (SUM_BITS - 1):
            raise refusal(
                net.name,
                node.name,
                f"channel {int(bound.argmax())}'s sum over {source.shape[1]}x{source.shape[2]} "
                f"positions can reach {total}, whose {SUM_BITS} bits end at "
                f"{(1 << (SUM_BITS - 1)) - 1}: use a smaller input or more poolings",
            )
    if isinstance(node, QConv) and (node.shift.min() < 0 or node.shift.max() > 31):
        raise refusal(net.name, node.name, "a shift is outside 0..31")


def _check_kernel(net: QNetwork, node: QNode) -> None:
    """The kernels that the array knows: the first layer's, and those behind it."""
    if not isinstance(node, QConv | QGlobalSum):
        return
    kh, kw = node.weights.shape[2:]
    if node.input == net.input:
        taps = phase_taps(kw, node.stride)
        if node.stride > 2 or kh > 15 or max(taps) > 4 or min(taps) < 1:
            raise refusal(
                net.name,
                node.name,
                f"a first convolution of {kh}x{kw} with stride {node.stride}; supported are "
                "up to 15 rows, and columns up to 4 (stride 1) or 2 to 8 (stride 2)",
            )
        if kh > 1 and node.weights.shape[1] * kw < 3:
            raise refusal(
                net.name,
                node.name,
                f"a kernel of {kh}x{kw} on {node.weights.shape[1]} channel: a kernel row must "
                "have at least 3 weights",
            )
        return
    sums, padding = isinstance(node, QGlobalSum), tuple(node.padding)
    pixel = (kh, kw) == (1, 1) and (sums or not any(padding))
    same = (kh, kw) == (3, 3) and padding == (1, 1, 1, 1)
    halved = (kh, kw) == (3, 3) and max(padding) <= 1
    strided = node.stride == 2 and not sums and (pixel or halved)
    if not strided and not (node.stride == 1 and (pixel or same)):
        raise refusal(
            net.name,
            node.name,
            f"a convolution of {kh}x{kw}, stride {node.stride}, padding {node.padding}; "
            "behind the first layer supported are 1x1 without padding and 3x3 with padding 1, "
            "both with stride 1, or but for the classifier with stride 2, then 3x3 with 0 or 1 "
            "on each side",
        )


def _check_add(net: QNetwork, node: QNode) -> None:
    if not isinstance(node, QAdd):
        return
    if net.input in node.inputs:
        raise refusal(
            net.name,
            node.name,
            "adds the network's input; only maps that a layer before it computes can be added",
        )
    if min(node.left) != 0 or max(node.left) > 7 or not 0 <= node.shift <= 15:
        raise refusal(
            net.name,
            node.name,
            f"left shifts {node.left} and right shift {node.shift}; supported are a left shift "
            "of up to 7 of one operand and a right shift of up to 15",
        )
