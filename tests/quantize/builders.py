"""Small random float networks with the layers of SqueezeNet."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

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
from firebrick.quantize.qnetwork import Preprocessing
from tests.quantize import builders

BGR = Preprocessing("BGR", 0, (19, 17), 1.0, (104.0, 117.0, 123.0), (1.0, 1.0, 1.0))
RGB = Preprocessing("RGB", 0, (19, 17), 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Builder:
    """Adds layers one by one and keeps the shapes."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.rng = np.random.default_rng(seed)
        self.shapes: dict[str, Shape] = {"data": shape}
        self.nodes: list[Node] = []
        self.last = "data"

    def conv(self, name, outputs, kernel, *, stride=1, pad=0, relu=True, source=None, gain=1.0):
        source = source or self.last
        channels, height, width = self.shapes[source]
        padding = (pad,) * 4 if isinstance(pad, int) else pad
        fan = channels * kernel * kernel
        weights = self.rng.normal(0, gain * np.sqrt(2 / fan), (outputs, channels, kernel, kernel))
        bias = self.rng.normal(0, 0.2, outputs)
        rows = conv_size(height, kernel, stride, padding[0], padding[2])
        cols = conv_size(width, kernel, stride, padding[1], padding[3])
        self.nodes.append(
            Conv(
                name,
                source,
                f"{name}.out",
                weights.astype(np.float32),
                bias.astype(np.float32),
                stride,
                padding,
                relu,
            )
        )
        return self._made(f"{name}.out", (outputs, rows, cols))

    def pool(self, name, kernel, ceil_mode, padding=0):
        channels, height, width = self.shapes[self.last]
        self.nodes.append(MaxPool(name, self.last, f"{name}.out", kernel, ceil_mode, padding))
        rows, cols = (pool_size(size + padding, kernel, ceil_mode) for size in (height, width))
        return self._made(f"{name}.out", (channels, rows, cols))

    def fire(self, name, squeeze, expand, relu=True):
        middle = self.conv(f"{name}.squeeze", squeeze, 1, relu=relu)
        halves = (
            self.conv(f"{name}.one", expand, 1, source=middle, relu=relu),
            self.conv(f"{name}.three", expand, 3, pad=1, source=middle, relu=relu),
        )
        self.nodes.append(Concat(f"{name}.concat", halves, f"{name}.out"))
        _, rows, cols = self.shapes[middle]
        return self._made(f"{name}.out", (2 * expand, rows, cols))

    def add(self, name, a, b, relu=False):
        self.nodes.append(Add(name, (a, b), f"{name}.out", relu))
        return self._made(f"{name}.out", self.shapes[a])

    def ends_in(self, *maps: str, name="small") -> Network:
        return Network(name, "data", tuple(self.nodes), dict(self.shapes), False, maps)

    def build(self, name="small") -> Network:
        self.nodes.append(GlobalAverage("average", self.last, "logits"))
        self.shapes["logits"] = (self.shapes[self.last][0], 1, 1)
        return Network(name, "data", tuple(self.nodes), dict(self.shapes), False)

    def _made(self, output: str, shape: Shape) -> str:
        self.shapes[output] = shape
        self.last = output
        return output


def fire_options() -> st.SearchStrategy[dict]:
    """Options of :func:`fire_network`."""
    return st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**16),
            "first_pad": st.sampled_from([0, 1, (1, 0, 2, 1)]),
            "relu": st.booleans(),
            "ceil_mode": st.booleans(),
            "pool_kernel": st.sampled_from([2, 3]),
            "last_pad": st.sampled_from([0, 1]),
        }
    )


def fire_network(
    seed=0,
    shape: Shape = (3, 19, 17),
    *,
    first_pad=0,
    relu=True,
    ceil_mode=True,
    pool_kernel=3,
    last_pad=1,
    classes=5,
) -> Network:
    """conv, pool, Fire, pool, Fire, classifier: every kind of layer of SqueezeNet v1.0.

    With ``relu`` False the layers of the first Fire module have none.
    """
    builder = Builder(seed, shape)
    builder.conv("first", 8, 3, stride=2, pad=first_pad)
    builder.pool("pool1", pool_kernel, ceil_mode)
    builder.fire("fire2", 4, 6, relu=relu)
    builder.pool("pool2", 2, ceil_mode)
    builder.fire("fire3", 5, 7)
    builder.conv("classes", classes, 1, pad=last_pad)
    return builder.build()


def bypass_network(seed=0, shape: Shape = (3, 19, 17), *, relu=False, gain=1.0) -> Network:
    """conv, Fire with complex bypass, pool, Fire with simple bypass, classifier.

    ``relu`` follows the sums; ``gain`` scales the weights of the bypass convolution, and so its
    exponent against that of the module.
    """
    builder = Builder(seed, shape)
    entry = builder.conv("first", 8, 3, stride=2)
    joined = builder.fire("fire2", 4, 6)
    around = builder.conv("fire2.bypass", 12, 1, source=entry, relu=False, gain=gain)
    builder.add("fire2.add", around, joined, relu)
    entry = builder.pool("pool2", 2, True)
    joined = builder.fire("fire3", 5, 6)
    builder.add("fire3.add", joined, entry, relu)
    builder.conv("classes", 5, 1, pad=1)
    return builder.build("bypass")


def photos(seed: int, count: int, shape: Shape = (3, 19, 17)) -> np.ndarray:
    """Smooth random pictures, uint8 [count, C, H, W]: neighbours alike as in photos."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    coarse = rng.uniform(0, 255, (count, channels, height // 4 + 2, width // 4 + 2))
    fine = coarse.repeat(4, axis=2).repeat(4, axis=3)[:, :, :height, :width]
    return np.clip(fine + rng.normal(0, 12, fine.shape), 0, 255).astype(np.uint8)


def networks():
    """Random networks: with and without ReLU, pools of both kinds, additions."""
    fires = st.builds(
        builders.fire_network,
        seed=st.integers(0, 2**16),
        relu=st.booleans(),
        ceil_mode=st.booleans(),
        pool_kernel=st.sampled_from([2, 3]),
        last_pad=st.integers(0, 1),
    )
    bypasses = st.builds(
        builders.bypass_network,
        seed=st.integers(0, 2**16),
        relu=st.booleans(),
        gain=st.sampled_from([0.05, 1.0, 20.0]),
    )
    return st.one_of(fires, bypasses)


def residual_network(seed=0, shape: Shape = (3, 22, 19), *, keras=False, classes=5) -> Network:
    """As ResNets are: a padded pooling, a block that adds its input, and one that halves the map
    and adds a strided convolution of it; ReLU behind both sums.

    ``keras`` pads the strided convolution as "same" does: an even size behind the map only.
    """
    builder = Builder(seed, shape)
    builder.conv("first", 8, 3, stride=1, pad=1)
    x = builder.pool("pool", 3, True, padding=1)
    builder.conv("one.a", 8, 3, pad=1)
    x = builder.add("one.add", builder.conv("one.b", 8, 3, pad=1, relu=False), x, relu=True)
    top, left = (size % 2 if keras else 1 for size in builder.shapes[x][1:])
    builder.conv("two.a", 12, 3, stride=2, pad=(top, left, 1, 1))
    main = builder.conv("two.b", 12, 3, pad=1, relu=False)
    short = builder.conv("two.short", 12, 1, stride=2, relu=False, source=x)
    builder.add("two.add", short, main, relu=True)
    builder.conv("classes", classes, 1, relu=False)
    return builder.build("residual")


def map_network(seed=0, shape: Shape = (3, 19, 17), *, both=False) -> Network:
    """A network that ends in a head's map, and with ``both`` in one that the head reads too."""
    builder = Builder(seed, shape)
    builder.conv("first", 8, 3, stride=2)
    builder.fire("fire2", 4, 6)
    shared = builder.fire("fire3", 5, 7)
    head = builder.conv("head", 9, 3, pad=1, relu=False)
    return builder.ends_in(*((head, shared) if both else (head,)), name="maps")
