"""hls4ml's number types and this project's exponents, each from the other.

An 8-bit value q with exponent e stands for q * 2**-e: ``ap_ufixed<8,8-e,AP_RND_CONV,AP_SAT>``
after a ReLU, ``ap_fixed`` of the same elsewhere.  Weights have an exponent a channel; the type
shown for them is the narrowest one that holds all channels exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hls4ml.model.types import (
    FixedPrecisionType,
    IntegerPrecisionType,
    RoundingMode,
    SaturationMode,
    UnspecifiedPrecisionType,
)

from firebrick.hw.hls4ml_backend.lower import Lowered
from firebrick.quantize.calibration.calibrate import exponent_groups, rectified_tensors
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Conv

# What hls4ml fills in where nothing was said.
DEFAULT = (16, 6)
BITS = 8


@dataclass(frozen=True)
class Stated:
    """What the configuration fixes: ``exponents`` by group of tensors (see
    :func:`quantize.calibration.calibrate.exponent_groups`), ``weights`` by convolution."""

    exponents: dict[str, int]
    weights: dict[str, int]


def activation_type(exponent: int, signed: bool) -> FixedPrecisionType:
    """The type of an 8-bit tensor."""
    return FixedPrecisionType(
        BITS, BITS - exponent, signed, RoundingMode.RND_CONV, SaturationMode.SAT
    )


def covering_type(bits: int, exponents: np.ndarray) -> FixedPrecisionType:
    """The narrowest signed type that holds ``bits``-bit integers at every one of ``exponents``."""
    low, high = int(np.min(exponents)), int(np.max(exponents))
    return FixedPrecisionType(
        bits + high - low, bits - low, True, RoundingMode.RND_CONV, SaturationMode.SAT
    )


def stated(model: Any, lowered: Lowered) -> Stated:
    """The exponents that the model's configuration asks for.

    ``fixed<8,I>`` (or ``ufixed<8,I>`` after a ReLU) as a layer's result, by name, by type or for
    the whole model, is the exponent 8 - I; as a convolution's weight it is one exponent for all
    its channels.  ``auto`` and hls4ml's default fixed<16,6> leave the choice to calibration.
    Raises FirebrickError naming the layer for any other type, and for two layers that must share
    an exponent but ask for different ones.
    """
    net = lowered.network
    groups = exponent_groups(net)
    relu = rectified_tensors(net)
    exponents: dict[str, int] = {}
    source: dict[str, str] = {}
    weights: dict[str, int] = {}
    convs = {node.name: node for node in net.nodes if isinstance(node, Conv)}
    last = net.nodes[-1]
    sums = {last.name, last.output, last.input}  # type: ignore[union-attr]
    for layer in model.get_layers():
        for exact in ("bias", "accum"):
            if layer.name in convs and _named(model, layer, exact) is not None:
                raise FirebrickError(
                    f"layer {layer.name}: its precision for {exact} is stated, but biases and "
                    "accumulators are exact here; leave it 'auto'"
                )
        if layer.name in convs:
            kind = _named(model, layer, "weight")
            if kind is not None:
                weights[layer.name] = _exponent(layer.name, "weight", kind, True)
        tensor = lowered.tensor_of.get(layer.name)
        kind = _named(model, layer, "result")
        if tensor == net.input:
            if kind is not None and _exponent(layer.name, "result", kind, False) != 0:
                raise FirebrickError(
                    f"layer {layer.name}: its precision is {kind}, but the input is pixels, "
                    "ufixed<8,8>; leave it 'auto'"
                )
            continue
        if tensor is None or tensor in sums:
            if kind is not None:
                raise FirebrickError(
                    f"layer {layer.name}: its precision {kind} is stated, but the last layer's sum "
                    "is exact and has no 8-bit step; leave it 'auto'"
                )
            continue
        if kind is None:
            kind = _for_all(model)
        if kind is None:
            continue
        exponent = _exponent(layer.name, "result", kind, not relu[tensor])
        group = groups[tensor]
        if exponents.setdefault(group, exponent) != exponent:
            raise FirebrickError(
                f"layer {layer.name}: its precision {kind} differs from that of layer "
                f"{source[group]}; a convolution and its ReLU, a pooling and its input, and the "
                "parts of a concatenation share one"
            )
        source[group] = layer.name
    return Stated(exponents, weights)


def _parse(model: Any, text: Any) -> Any:
    """A type, or None where the choice is left to the backend."""
    if text is None:
        return None
    kind = model.config.backend.convert_precision_string(text)
    return None if isinstance(kind, UnspecifiedPrecisionType) else kind


def _named(model: Any, layer: Any, variable: str) -> Any:
    """The type that the configuration names for one variable of a layer, by name or by class."""
    config = model.config
    variables = (variable, "default") if variable == "result" else (variable,)
    for table, key in (
        (config.layer_name_precision, layer.name),
        (config.layer_type_precision, layer.class_name),
    ):
        for name in variables:
            text = table.get(f"{key.lower()}_{name}")
            if text is not None:
                return _parse(model, text)
    return None


def _for_all(model: Any) -> Any:
    """The type that the configuration names for the whole model, None for hls4ml's default."""
    precision = model.config.model_precision
    kind = _parse(model, precision.get("result", precision.get("default")))
    if isinstance(kind, FixedPrecisionType) and (kind.width, kind.integer) == DEFAULT:
        return None
    return kind


def _exponent(layer: str, variable: str, kind: Any, signed: bool) -> int:
    """The exponent of an 8-bit type, refused by name where it is not one of the hardware's."""
    example = "fixed<8,I>" if signed else "ufixed<8,I>"
    if not isinstance(kind, FixedPrecisionType | IntegerPrecisionType) or kind.width != BITS:
        raise FirebrickError(
            f"layer {layer}: its precision for {variable} is {kind}; supported is 8 bits "
            f"({example}), or 'auto'"
        )
    if signed and not kind.signed:
        raise FirebrickError(
            f"layer {layer}: its precision for {variable} is {kind}, without sign; the values have "
            f"one: give {example}"
        )
    if isinstance(kind, FixedPrecisionType):
        modes = (kind.rounding_mode, kind.saturation_mode)
        plain = (RoundingMode.TRN, SaturationMode.WRAP)
        if modes not in (plain, (RoundingMode.RND_CONV, SaturationMode.SAT)):
            raise FirebrickError(
                f"layer {layer}: its precision for {variable} is {kind}; the hardware rounds half "
                "to even and saturates: leave the modes out, or give RND_CONV,SAT"
            )
    return BITS - int(kind.integer)
