"""SqueezeNet v1.0, v1.1, with bypass, and whatever the paper's hyper-parameters describe.

Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (arXiv 1602.07360),
sections 3 to 6.  A network is a first convolution, Fire modules with max poolings between them,
a 1x1 classifier convolution and a global average.  Fire module i (from 0) has

    e_i = base_expand + incr_expand * (i // freq)     expand filters in all,
    pct_3x3 * e_i                                     of them 3x3, the others 1x1,
    squeeze_ratio * e_i                               squeeze filters.

A simple bypass (section 6) adds a module's input to its output where both have the same number of
channels; a complex bypass also bypasses the other modules, through a 1x1 convolution.  The paper
places ReLU behind squeeze and expand layers only: neither that convolution nor the sum has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.geometry import conv_size, pool_size
from firebrick.quantize.network import (
    Add,
    Concat,
    Conv,
    GlobalAverage,
    MaxPool,
    Network,
    Node,
    Shape,
)

Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]

INPUT = "data"
FIRST = "conv1"
CLASSIFIER = "conv10"
AVERAGE = "pool10"
# The convolution of a complex bypass, behind its module's name.
BYPASS = "bypass1x1"
# The first Fire module follows conv1, so the paper counts from 2.
FIRST_FIRE = 2
# Biases of a random network, relative to activations of about 1.
BIAS_SPREAD = 0.05
BYPASSES = ("none", "simple", "complex")


@dataclass(frozen=True)
class FireShape:
    """The filters of one Fire module."""

    name: str
    squeeze: int
    expand1x1: int
    expand3x3: int

    @property
    def outputs(self) -> int:
        return self.expand1x1 + self.expand3x3


@dataclass(frozen=True)
class SqueezeNetConfig:
    """The hyper-parameters of a SqueezeNet; the defaults are v1.0 on 227x227 RGB pictures.

    ``pool_after`` names the layers that a max pooling (``pool_kernel``, stride 2) follows:
    "conv1" or "fireN", N from 2.  ``input_size`` is (height, width).  Padding is the same on all
    four sides; expand3x3 layers pad by 1.  ``bypass`` is "none", "simple" or "complex".  Raises
    FirebrickError, naming the module, where the numbers describe no network.
    """

    name: str = "squeezenet_v1_0"
    base_expand: int = 128
    incr_expand: int = 128
    freq: int = 2
    squeeze_ratio: float = 0.125
    pct_3x3: float = 0.5
    modules: int = 8
    first_filters: int = 96
    first_kernel: int = 7
    first_stride: int = 2
    first_padding: int = 0
    pool_after: tuple[str, ...] = (FIRST, "fire4", "fire8")
    pool_kernel: int = 3
    pool_ceil: bool = True
    classes: int = 1000
    input_channels: int = 3
    input_size: tuple[int, int] = (227, 227)
    conv10_padding: int = 0
    bypass: str = "none"

    def __post_init__(self) -> None:
        for what in ("freq", "modules", "first_filters", "first_kernel", "first_stride", "classes"):
            if getattr(self, what) < 1:
                raise FirebrickError(
                    f"{self.name}: {what} must be at least 1, not {getattr(self, what)}"
                )
        for what in ("squeeze_ratio", "pct_3x3"):
            if not 0 < getattr(self, what) <= 1:
                raise FirebrickError(
                    f"{self.name}: {what} must be greater than 0 and at most 1, not "
                    f"{getattr(self, what)}"
                )
        if self.input_channels < 1 or min(self.input_size) < 1:
            raise FirebrickError(f"{self.name}: the input {self.input_shape} is empty")
        if min(self.first_padding, self.conv10_padding) < 0:
            raise FirebrickError(f"{self.name}: padding must not be negative")
        if self.bypass not in BYPASSES:
            raise FirebrickError(
                f"{self.name}: bypass is {self.bypass!r}; supported are {', '.join(BYPASSES)}"
            )
        if self.pool_kernel not in (2, 3):
            raise FirebrickError(
                f"{self.name}: pool_kernel is {self.pool_kernel}; supported are 2 and 3"
            )
        fires = fire_shapes(self)
        names = {FIRST, *(fire.name for fire in fires)}
        for name in self.pool_after:
            if name not in names or self.pool_after.count(name) > 1:
                raise FirebrickError(
                    f"{self.name}: pool_after names {name!r}; it may name conv1 and fire2 to "
                    f"{fires[-1].name}, each once"
                )

    @property
    def input_shape(self) -> Shape:
        return (self.input_channels, *self.input_size)


def squeezenet_v1_0() -> SqueezeNetConfig:
    """The paper's network on 227x227: conv1 96 7x7, poolings after conv1, fire4 and fire8."""
    return SqueezeNetConfig()


def squeezenet_v1_1() -> SqueezeNetConfig:
    """Version 1.1 as torchvision has it, on 224x224: conv1 64 3x3, earlier poolings."""
    return SqueezeNetConfig(
        name="squeezenet_v1_1",
        first_filters=64,
        first_kernel=3,
        pool_after=(FIRST, "fire3", "fire5"),
        input_size=(224, 224),
    )


def squeezenet_simple_bypass() -> SqueezeNetConfig:
    """Version 1.0 with simple bypass: around fire3, fire5, fire7 and fire9."""
    return SqueezeNetConfig(name="squeezenet_v1_0_simple_bypass", bypass="simple")


def squeezenet_complex_bypass() -> SqueezeNetConfig:
    """Version 1.0 with complex bypass: convolutions around fire2, fire4, fire6 and fire8 too."""
    return SqueezeNetConfig(name="squeezenet_v1_0_complex_bypass", bypass="complex")


ARCHITECTURES = {
    "v1.0": squeezenet_v1_0,
    "v1.1": squeezenet_v1_1,
    "simple-bypass": squeezenet_simple_bypass,
    "complex-bypass": squeezenet_complex_bypass,
}


def fire_shapes(config: SqueezeNetConfig) -> tuple[FireShape, ...]:
    """The Fire modules; products with the ratios are rounded to the nearest, halves up.

    Raises FirebrickError for a module that would have no filters of a kind.
    """
    fires = []
    for index in range(config.modules):
        name = f"fire{index + FIRST_FIRE}"
        expand = config.base_expand + config.incr_expand * (index // config.freq)
        expand3x3 = int(config.pct_3x3 * expand + 0.5)
        fire = FireShape(
            name, int(config.squeeze_ratio * expand + 0.5), expand - expand3x3, expand3x3
        )
        if min(fire.squeeze, fire.expand1x1, fire.expand3x3) < 1:
            raise FirebrickError(
                f"{config.name}: {name} would have {fire.squeeze} squeeze, {fire.expand1x1} "
                f"expand1x1 and {fire.expand3x3} expand3x3 filters; each must have at least 1"
            )
        fires.append(fire)
    return tuple(fires)


def layer_shapes(config: SqueezeNetConfig) -> dict[str, tuple[int, int, int, int]]:
    """[outputs, inputs, rows, columns] of every convolution's weights, in execution order."""
    kernel = config.first_kernel
    shapes = {FIRST: (config.first_filters, config.input_channels, kernel, kernel)}
    inputs = config.first_filters
    for fire in fire_shapes(config):
        shapes[f"{fire.name}/squeeze1x1"] = (fire.squeeze, inputs, 1, 1)
        shapes[f"{fire.name}/expand1x1"] = (fire.expand1x1, fire.squeeze, 1, 1)
        shapes[f"{fire.name}/expand3x3"] = (fire.expand3x3, fire.squeeze, 3, 3)
        if config.bypass == "complex" and inputs != fire.outputs:
            shapes[f"{fire.name}/{BYPASS}"] = (fire.outputs, inputs, 1, 1)
        inputs = fire.outputs
    shapes[CLASSIFIER] = (config.classes, inputs, 1, 1)
    return shapes


def build(config: SqueezeNetConfig, rng: np.random.Generator) -> Network:
    """A network with random weights: He initialization, normal with variance 2 / inputs.

    Activations keep about the scale of the input, as in a trained network.
    """
    weights = {}
    for name, shape in layer_shapes(config).items():
        spread = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        values = rng.standard_normal(shape, np.float32) * spread
        bias = rng.standard_normal(shape[0], np.float32) * np.float32(BIAS_SPREAD)
        weights[name] = (values, bias)
    return with_weights(config, weights)


def without_weights(config: SqueezeNetConfig) -> Network:
    """The network with weights that are all the same zero and so take no memory."""
    zero = np.zeros((), np.float32)
    weights = {
        name: (np.broadcast_to(zero, shape), np.broadcast_to(zero, shape[:1]))
        for name, shape in layer_shapes(config).items()
    }
    return with_weights(config, weights)


def with_weights(config: SqueezeNetConfig, weights: Weights, name: str | None = None) -> Network:
    """The network of ``config`` with (weights, biases) by layer name, as :func:`layer_shapes`.

    Tensors are named after their layers ("fire2/concat", "pool1"), the input "data".  ``name``
    replaces the configuration's.  Raises FirebrickError for weights of another shape, and where
    the picture is too small for the layers.
    """
    builder = _Builder(config, weights)
    x = builder.conv(FIRST, INPUT, config.first_stride, config.first_padding)
    x = builder.pool_after(FIRST, x)
    for fire in fire_shapes(config):
        squeezed = builder.conv(f"{fire.name}/squeeze1x1", x)
        halves = (
            builder.conv(f"{fire.name}/expand1x1", squeezed),
            builder.conv(f"{fire.name}/expand3x3", squeezed, padding=1),
        )
        joined = builder.concat(f"{fire.name}/concat", halves)
        x = builder.pool_after(fire.name, builder.bypass(fire.name, x, joined))
    x = builder.conv(CLASSIFIER, x, padding=config.conv10_padding)
    builder.nodes.append(GlobalAverage(AVERAGE, x, AVERAGE))
    builder.shapes[AVERAGE] = (config.classes, 1, 1)
    return Network(
        name=name or config.name,
        input=INPUT,
        nodes=tuple(builder.nodes),
        shapes=builder.shapes,
        softmax=True,
    )


class _Builder:
    """Nodes and shapes, layer after layer; each method returns the name of the new tensor."""

    def __init__(self, config: SqueezeNetConfig, weights: Weights) -> None:
        self.config = config
        self.weights = weights
        self.expected = layer_shapes(config)
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {INPUT: config.input_shape}

    def conv(
        self, name: str, source: str, stride: int = 1, padding: int = 0, relu: bool = True
    ) -> str:
        weights, bias = self.weights[name]
        expected = self.expected[name]
        if weights.shape != expected or bias.shape != expected[:1]:
            raise FirebrickError(
                f"{self.config.name}: layer {name}: weights {list(weights.shape)} and biases "
                f"{list(bias.shape)} instead of {list(expected)} and [{expected[0]}]"
            )
        self.nodes.append(Conv(name, source, name, weights, bias, stride, (padding,) * 4, relu))
        rows, cols = (
            conv_size(size, expected[2], stride, padding, padding)
            for size in self.shapes[source][1:]
        )
        return self._made(name, source, (expected[0], rows, cols))

    def pool_after(self, name: str, source: str) -> str:
        """A max pooling named after the number of layer ``name``, if one follows that layer."""
        if name not in self.config.pool_after:
            return source
        number = name.removeprefix("fire").removeprefix("conv")
        pool = MaxPool(
            f"pool{number}",
            source,
            f"pool{number}",
            self.config.pool_kernel,
            self.config.pool_ceil,
        )
        self.nodes.append(pool)
        channels, *size = self.shapes[source]
        rows, cols = (pool_size(length, pool.kernel, pool.ceil_mode) for length in size)
        return self._made(pool.output, source, (channels, rows, cols))

    def concat(self, name: str, sources: tuple[str, ...]) -> str:
        self.nodes.append(Concat(name, sources, name))
        channels = sum(self.shapes[source][0] for source in sources)
        return self._made(name, sources[0], (channels, *self.shapes[sources[0]][1:]))

    def bypass(self, fire: str, source: str, joined: str) -> str:
        """The module's output with its input added to it, where the configuration says so."""
        around = source
        if self.config.bypass == "none":
            return joined
        if self.shapes[source][0] != self.shapes[joined][0]:
            if self.config.bypass != "complex":
                return joined
            around = self.conv(f"{fire}/{BYPASS}", source, relu=False)
        name = f"{fire}/add"
        self.nodes.append(Add(name, (around, joined), name, relu=False))
        return self._made(name, joined, self.shapes[joined])

    def _made(self, name: str, source: str, shape: Shape) -> str:
        if min(shape) < 1:
            raise FirebrickError(
                f"{self.config.name}: layer {name} does not fit its input {self.shapes[source]}; "
                f"the picture {self.config.input_size} is too small for this network"
            )
        self.shapes[name] = shape
        return name
