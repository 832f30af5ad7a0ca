"""Random quantized Fire networks, and random requests for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from firebrick.quantize.geometry import pool_size
from firebrick.quantize.qnetwork import (
    Preprocessing,
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QNode,
    QTensor,
)


@dataclass(frozen=True)
class Fire:
    """Squeeze and expand channels of one module, and whether what enters it is added to what
    leaves it (through a 1x1 convolution where the channels differ)."""

    squeeze: int
    expand1: int
    expand3: int
    bypass: bool = False


@dataclass(frozen=True)
class Pool:
    """Max pooling with stride 2, padded at the top and the left or not."""

    kernel: int
    ceil_mode: bool
    padding: int = 0


@dataclass(frozen=True)
class Recipe:
    """What a random network consists of: first convolution, Fire modules and pools, classes."""

    height: int
    width: int
    channels: int
    kernel: int
    stride: int
    padding: int
    first: int
    body: tuple[Fire | Pool, ...]
    classes: int
    classifier_padding: int = 0
    relu: bool = True


def random_recipe(rng: np.random.Generator, bypass: bool = False) -> Recipe:
    """A recipe that every engine shape can run; with ``bypass`` half of its modules have one."""

    def pool() -> Pool:
        return Pool(int(rng.choice([2, 3])), bool(rng.integers(2)))

    body: list[Fire | Pool] = [pool()] if rng.integers(2) else []
    for _ in range(int(rng.integers(1, 4))):
        squeeze, expand1, expand3 = (int(v) for v in rng.integers(1, 40, 3))
        body.append(Fire(squeeze, expand1, expand3))
        if rng.integers(3) == 0:
            body.append(pool())
    if bypass:
        fires = [i for i, part in enumerate(body) if isinstance(part, Fire)]
        for i in [fires[0], *(i for i in fires[1:] if rng.integers(2))]:
            fire = body[i]
            assert isinstance(fire, Fire)
            before = next((p for p in reversed(body[:i]) if isinstance(p, Fire)), None)
            if before and rng.integers(2):
                # As many outputs as inputs: a simple bypass.
                total = before.expand1 + before.expand3
                first = int(rng.integers(1, total)) if total > 1 else 1
                fire = Fire(fire.squeeze, first, max(1, total - first))
            body[i] = replace(fire, bypass=True)
    stride = int(rng.integers(1, 3))
    kernel = int(rng.choice([1, 3] if stride == 1 else [3, 5, 7]))
    return Recipe(
        height=int(rng.integers(20, 50)),
        width=int(rng.integers(20, 70)),
        channels=int(rng.integers(1, 5)),
        kernel=kernel,
        stride=stride,
        padding=int(rng.integers(0, kernel // 2 + 1)),
        first=int(rng.integers(1, 50)),
        body=tuple(body),
        classes=int(rng.integers(2, 80)),
        classifier_padding=int(rng.integers(2)),
        relu=bool(rng.integers(4)),
    )


def sized_recipe(rng: np.random.Generator) -> Recipe:
    """A recipe for any picture that networks are asked to take, kept small in area: 32 to 512 rows
    and columns, 1 to 4 channels, up to 4096 classes."""
    long = int(2 ** rng.uniform(5, 9))
    short = int(min(long, 2 ** rng.uniform(5, 6.5)))
    height, width = (long, short) if rng.integers(2) else (short, long)
    kernel = int(rng.choice([3, 5, 7]))
    squeeze = (int(v) for v in rng.integers(1, 13, 3))
    fires = [Fire(s, int(rng.integers(1, 25)), int(rng.integers(1, 25))) for s in squeeze]
    pools = [Pool(int(rng.choice([2, 3])), bool(rng.integers(2))) for _ in range(3)]
    body: tuple[Fire | Pool, ...] = (pools[0], fires[0], fires[1], pools[1], fires[2])
    return Recipe(
        height=height,
        width=width,
        channels=int(rng.integers(1, 5)),
        kernel=kernel,
        stride=2,
        padding=int(rng.integers(0, kernel // 2 + 1)),
        first=int(rng.integers(1, 40)),
        body=body[: int(rng.integers(2, 6))],
        classes=int(2 ** rng.uniform(0, 12)),
        classifier_padding=int(rng.integers(2)),
        relu=bool(rng.integers(4)),
    )


def tiny_recipe(rng: np.random.Generator) -> Recipe:
    """A module of two rows whose squeeze map has two channels and takes long to compute: what waits
    for a squeeze row starts within cycles of its last word."""
    return Recipe(
        height=4,
        width=int(rng.integers(8, 17)),
        channels=int(rng.integers(1, 4)),
        kernel=3,
        stride=1,
        padding=0,
        first=88,
        body=(Fire(2, int(rng.integers(1, 9)), int(rng.integers(1, 12))),),
        classes=int(rng.integers(1, 9)),
    )


class _Builder:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.nodes: list[QNode] = []
        self.tensors: dict[str, QTensor] = {}

    def weights(self, outputs: int, inputs: int, kernel: int) -> np.ndarray:
        w = self.rng.integers(-127, 128, (outputs, inputs, kernel, kernel), dtype=np.int8)
        # Within the accumulator: |bias| + 255 * sum|w| < 2**23.
        bound = np.abs(w.astype(np.int64)).sum(axis=(1, 2, 3)).max()
        if bound > 30000:
            w = (w.astype(np.float64) * (30000 / bound)).astype(np.int8)
        return w

    def conv(
        self,
        name: str,
        source: str,
        outputs: int,
        kernel: int,
        stride: int,
        padding: int | tuple[int, int, int, int],
        relu: bool,
        first: bool = False,
        exponent: int = 4,
    ) -> str:
        rng = self.rng
        t = self.tensors[source]
        top, left, bottom, right = pads = (padding,) * 4 if isinstance(padding, int) else padding
        height = (t.shape[1] + top + bottom - kernel) // stride + 1
        width = (t.shape[2] + left + right - kernel) // stride + 1
        w = self.weights(outputs, t.shape[0], kernel)
        # Shifts around what brings a typical sum to 8 bits, so that both ends saturate at times.
        typical = np.log2(np.sqrt((w.astype(np.float64) ** 2).sum(axis=(1, 2, 3))) * 150 + 1) - 7
        shift = np.clip(np.round(typical + rng.integers(-1, 3, outputs)), 0, 31).astype(np.int32)
        self.tensors[name] = QTensor(name, (outputs, height, width), exponent, not relu)
        self.nodes.append(
            QConv(
                name,
                source,
                name,
                w,
                rng.integers(-200000, 200000, outputs).astype(np.int32),
                shift + exponent - t.exponent,
                shift,
                stride,
                pads,
                relu,
                rng.integers(0, 256, t.shape[0]).astype(np.uint8) if first and any(pads) else None,
            )
        )
        return name

    def add(self, name: str, a: str, b: str) -> str:
        """The sum of two maps, with a ReLU or not where that makes a difference."""
        first, second = self.tensors[a], self.tensors[b]
        common = max(first.exponent, second.exponent)
        shift = int(self.rng.integers(0, 3)) + common - min(first.exponent, second.exponent)
        signed = (first.signed or second.signed) and bool(self.rng.integers(2))
        self.tensors[name] = QTensor(name, first.shape, common - shift, signed)
        left = (common - first.exponent, common - second.exponent)
        self.nodes.append(QAdd(name, (a, b), name, left, shift))
        return name

    def pool(self, name: str, source: str, pool: Pool) -> str:
        t = self.tensors[source]
        height, width = (
            pool_size(s + pool.padding, pool.kernel, pool.ceil_mode) for s in t.shape[1:]
        )
        self.tensors[name] = QTensor(name, (t.shape[0], height, width), t.exponent, t.signed)
        self.nodes.append(QMaxPool(name, source, name, pool.kernel, pool.ceil_mode, pool.padding))
        return name

    def classified(self, name: str, last: str) -> QNetwork:
        """The network that ends in the mean of 11 classes of ``last``."""
        channels, height, width = self.tensors[last].shape
        weights, zeros = self.weights(11, channels, 1), np.zeros(11, np.int32)
        self.nodes.append(
            QGlobalSum(
                "classes", last, "sums", weights, zeros, zeros + 5, 1, (0,) * 4, True,
                height * width,
            )
        )  # fmt: skip
        n, *size = self.tensors["data"].shape
        color = ("L", "LA", "RGB")[n - 1]
        prepared = Preprocessing(color, 0, (size[0], size[1]), 1.0, (0.0,) * n, (1.0,) * n)
        return QNetwork(name, "data", self.tensors, tuple(self.nodes), prepared)


def build(recipe: Recipe, seed: int) -> QNetwork:
    """The network of ``recipe`` with random weights."""
    rng = np.random.default_rng(seed)
    b = _Builder(rng)
    b.tensors["data"] = QTensor("data", (recipe.channels, recipe.height, recipe.width), 0, False)
    last = b.conv(
        "conv1",
        "data",
        recipe.first,
        recipe.kernel,
        recipe.stride,
        recipe.padding,
        recipe.relu,
        True,
    )
    for i, part in enumerate(recipe.body):
        if isinstance(part, Pool):
            if min(b.tensors[last].shape[1:]) >= part.kernel:
                last = b.pool(f"pool{i}", last, part)
            continue
        entry = last
        squeeze = b.conv(f"fire{i}/squeeze", last, part.squeeze, 1, 1, 0, True)
        one = b.conv(f"fire{i}/expand1x1", squeeze, part.expand1, 1, 1, 0, recipe.relu)
        three = b.conv(f"fire{i}/expand3x3", squeeze, part.expand3, 3, 1, 1, recipe.relu)
        shape = b.tensors[one].shape
        last = f"fire{i}/concat"
        b.tensors[last] = QTensor(
            last, (part.expand1 + part.expand3, *shape[1:]), 4, not recipe.relu
        )
        b.nodes.append(QConcat(last, (one, three), last))
        if part.bypass:
            if b.tensors[entry].shape != b.tensors[last].shape:
                channels, exponent = b.tensors[last].shape[0], 4 + int(rng.integers(-7, 8))
                relu = bool(rng.integers(2))
                entry = b.conv(f"fire{i}/bypass", entry, channels, 1, 1, 0, relu, exponent=exponent)
            last = b.add(f"fire{i}/add", *((entry, last) if rng.integers(2) else (last, entry)))
    source = b.tensors[last]
    p = recipe.classifier_padding
    b.nodes.append(
        QGlobalSum(
            "conv10",
            last,
            "sums",
            b.weights(recipe.classes, source.shape[0], 1),
            rng.integers(-100000, 100000, recipe.classes).astype(np.int32),
            rng.integers(3, 8, recipe.classes).astype(np.int32),
            1,
            (p,) * 4,
            recipe.relu,
            (source.shape[1] + 2 * p) * (source.shape[2] + 2 * p),
        )
    )
    n = recipe.channels
    color = ("L", "LA", "RGB", "RGBA")[n - 1]
    preprocessing = Preprocessing(
        color, 0, (recipe.height, recipe.width), 1.0, (0.0,) * n, (1.0,) * n
    )
    return QNetwork(f"random-{seed}", "data", b.tensors, tuple(b.nodes), preprocessing)


def random_network(seed: int, bypass: bool = False) -> QNetwork:
    """A network of a random recipe."""
    return build(random_recipe(np.random.default_rng(seed), bypass), seed)


def random_padded(seed: int) -> QNetwork:
    """A network of a random recipe, half of them with additions, all of whose poolings, at least
    one behind the first layer, begin ahead of their maps."""
    rng = np.random.default_rng(seed)
    recipe = random_recipe(rng, bool(rng.integers(2)))
    first = Pool(int(rng.choice([2, 3])), bool(rng.integers(2)))
    rest = recipe.body[1:] if isinstance(recipe.body[0], Pool) else recipe.body
    body = [replace(p, padding=1) if isinstance(p, Pool) else p for p in (first, *rest)]
    return build(replace(recipe, body=tuple(body)), seed)


def random_sums(seed: int) -> QNetwork:
    """A network of convolutions of one size with additions between any two of its maps, some of
    which several layers read, or a layer and an addition, or an addition twice, or nobody."""
    rng = np.random.default_rng(seed)
    b = _Builder(rng)
    channels = int(rng.integers(5, 40))
    shape = (3, int(rng.integers(9, 30)), int(rng.integers(15, 60)))
    b.tensors["data"] = QTensor("data", shape, 0, False)
    maps = [b.conv("conv1", "data", channels, 3, 1, 1, True, True)]
    for i in range(5):
        kernel = int(rng.choice([1, 3]))
        source, relu = str(rng.choice(maps)), bool(rng.integers(2))
        exponent = 4 + int(rng.integers(-2, 3))
        maps.append(
            b.conv(f"conv{i + 2}", source, channels, kernel, 1, kernel // 2, relu, False, exponent)
        )
        other = str(rng.choice(maps))
        if abs(b.tensors[other].exponent - b.tensors[maps[-1]].exponent) <= 7:
            maps.append(b.add(f"add{i + 2}", *rng.permutation([maps[-1], other]).tolist()))
    last = maps[-1] if maps[-1].startswith("add") else b.add("add", maps[-1], maps[-1])
    if rng.integers(2):
        last = b.pool("pool", last, Pool(3, bool(rng.integers(2))))
    return b.classified(f"sums-{seed}", last)


def random_strides(seed: int) -> QNetwork:
    """A network of residual blocks: two 3x3 convolutions, the first of them mostly with a stride of
    2, beside a 1x1 convolution of the same stride; some with a Fire module behind them."""
    rng = np.random.default_rng(seed)
    b = _Builder(rng)
    shape = (3, int(rng.integers(17, 60)), int(rng.integers(9, 90)))
    b.tensors["data"] = QTensor("data", shape, 0, False)
    channels = int(rng.integers(1, 30))
    last = b.conv("conv1", "data", channels, 3, 1, 1, bool(rng.integers(4)), True)
    for i in range(int(rng.integers(1, 4))):
        outputs, stride = int(rng.integers(1, 48)), 1 if rng.integers(4) == 0 else 2
        height, width = b.tensors[last].shape[1:]
        # Symmetric, or as Keras puts it: the same size of the outputs.
        sides = [
            (1, 1) if stride == 1 or n == 1 or rng.integers(2) else (0, 1 - n % 2)
            for n in (height, width)
        ]
        (top, bottom), (left, right) = sides
        pads = (top, left, bottom, right)
        relu = bool(rng.integers(4))
        own = b.conv(f"block{i}/a", last, outputs, 3, stride, pads, relu)
        kind = int(rng.integers(4))
        if b.tensors[own].shape[1:] != (-(-height // stride), -(-width // stride)):
            kind = 3
        if kind:
            own = b.conv(f"block{i}/b", own, outputs, 3, 1, 1, bool(rng.integers(2)))
        if kind < 3:
            other = b.conv(f"block{i}/c", last, outputs, 1, stride, 0, bool(rng.integers(2)))
            own = b.add(f"block{i}/add", *rng.permutation([own, other]).tolist())
        if rng.integers(3) == 0 and min(b.tensors[own].shape[1:]) >= 3:
            own = b.pool(f"block{i}/pool", own, Pool(3, bool(rng.integers(2))))
        last = own
    return b.classified(f"strides-{seed}", last)


def random_narrow(seed: int, pixels: int, channels: int) -> QNetwork:
    """A network for an array of ``pixels`` x ``channels`` that leaves much of it empty: maps of few
    channels, then ones half as wide as a tile, with convolutions of all kinds between them, with
    additions, and layers that read a map of another stage."""
    rng = np.random.default_rng(seed)
    b = _Builder(rng)
    half = pixels // 2
    halvings = int(rng.integers(0, 3))
    width = half << halvings
    height = int(rng.integers(2, 9)) << halvings
    height -= int(rng.integers(4) == 0)
    shape = (int(rng.integers(1, 4)), height, width - int(halvings and rng.integers(3) == 0))
    b.tensors["data"] = QTensor("data", shape, 0, False)
    few = max(1, channels // 2)
    last = b.conv("conv1", "data", int(rng.integers(1, few + 1)), 3, 1, 1, True, True)
    number = 1
    for stage in range(halvings + 1):
        most = (few, channels, 2 * channels)[stage + int(rng.integers(2)) if stage < 2 else 2]
        if stage:
            outputs = int(rng.integers(1, most + 1))
            rows, columns = b.tensors[last].shape[1:]
            sides = [(1, 1) if n % 2 or rng.integers(2) else (0, 1) for n in (rows, columns)]
            (top, bottom), (left, right) = sides
            own = b.conv(f"down{stage}", last, outputs, 3, 2, (top, left, bottom, right), True)
            if rng.integers(2):
                other = b.conv(f"short{stage}", last, outputs, 1, 2, 0, bool(rng.integers(2)))
                own = b.conv(f"after{stage}", own, outputs, 3, 1, 1, bool(rng.integers(2)))
                own = b.add(f"add{stage}", *rng.permutation([own, other]).tolist())
            last = own
        for _ in range(int(rng.integers(0, 4))):
            number += 1
            kernel = int(rng.choice([1, 3, 3]))
            outputs = b.tensors[last].shape[0]
            own = b.conv(
                f"conv{number}", last, outputs, kernel, 1, kernel // 2, bool(rng.integers(2))
            )
            if rng.integers(2):
                own = b.add(f"sum{number}", *rng.permutation([own, last]).tolist())
            last = own
    return b.classified(f"narrow-{seed}", last)


def ending_in_maps(net: QNetwork, count: int, seed: int) -> QNetwork:
    """``net`` without its classifier: its outputs are what that reads, and ``count`` more maps of
    any kind: read by others or not, branches of a concatenation, squeezed, pooled."""
    rng = np.random.default_rng(seed)
    *nodes, last = net.nodes
    assert isinstance(last, QGlobalSum)
    others = [name for name in net.tensors if name not in (net.input, last.input)]
    chosen = rng.choice(others, min(count, len(others)), replace=False).tolist()
    maps = tuple(rng.permutation([last.input, *chosen]).tolist())
    return replace(net, name=f"{net.name}-maps", nodes=tuple(nodes), maps=maps)


def one_layer(seed: int) -> QNetwork:
    """A network of a convolution alone."""
    rng = np.random.default_rng(seed)
    b = _Builder(rng)
    height, width = (int(v) for v in rng.integers(8, 30, 2))
    b.tensors["data"] = QTensor("data", (3, height, width), 0, False)
    stride = int(rng.integers(1, 3))
    b.conv("conv1", "data", int(rng.integers(1, 33)), 3, stride, 1, bool(rng.integers(2)), True)
    preprocessing = Preprocessing("RGB", 0, (height, width), 1.0, (0.0,) * 3, (1.0,) * 3)
    return QNetwork(
        f"layer-{seed}", "data", b.tensors, tuple(b.nodes), preprocessing, maps=("conv1",)
    )


def map_heads(seed: int, channels: tuple[int, ...]) -> QNetwork:
    """A network that ends in several 3x3 convolutions of one map, of unlike scales, and in what
    enters that."""
    net = ending_in_maps(random_network(seed), 0, seed)
    (source,) = net.maps
    rng = np.random.default_rng(seed)
    size, exponent = net.tensors[source].shape, net.tensors[source].exponent
    nodes, tensors = list(net.nodes), dict(net.tensors)
    for number, count in enumerate(channels):
        name = f"head{number}"
        shift = rng.integers(5, 12, count).astype(np.int32)
        out = int(rng.integers(0, 9))
        tensors[name] = QTensor(name, (count, *size[1:]), out, True)
        nodes.append(
            QConv(
                name,
                source,
                name,
                rng.integers(-9, 10, (count, size[0], 3, 3), dtype=np.int8),
                rng.integers(-999, 999, count).astype(np.int32),
                (shift + out - exponent).astype(np.int32),
                shift,
                1,
                (1,) * 4,
                False,
            )
        )
    maps = tuple(f"head{number}" for number in range(len(channels)))
    return replace(net, nodes=tuple(nodes), tensors=tensors, maps=(maps[0], source, *maps[1:]))


def halved(size: int, channels: tuple[int, ...], padding: tuple[int, int, int, int]) -> QNetwork:
    """Residual blocks that halve a map of ``size`` rows and columns, one for each number of
    channels but the first: 3x3 with a stride of 2, 3x3, and 1x1 with a stride of 2 beside them."""
    b = _Builder(np.random.default_rng(1))
    b.tensors["data"] = QTensor("data", (3, size, size), 0, False)
    last = b.conv("conv1", "data", channels[0], 3, 1, 1, True, True)
    for i, outputs in enumerate(channels[1:]):
        own = b.conv(f"block{i}/a", last, outputs, 3, 2, padding, True)
        own = b.conv(f"block{i}/b", own, outputs, 3, 1, 1, False)
        last = b.add(f"block{i}/add", own, b.conv(f"block{i}/c", last, outputs, 1, 2, 0, False))
    positions = b.tensors[last].shape[1] * b.tensors[last].shape[2]
    weights, zeros = b.weights(10, channels[-1], 1), np.zeros(10, np.int32)
    b.nodes.append(
        QGlobalSum("classes", last, "sums", weights, zeros, zeros + 5, 1, (0,) * 4, True, positions)
    )
    preprocessing = Preprocessing("RGB", 0, (size, size), 1.0, (0.0,) * 3, (1.0,) * 3)
    return QNetwork("halved", "data", b.tensors, tuple(b.nodes), preprocessing)


def random_images(net: QNetwork, count: int, seed: int) -> np.ndarray:
    """Pictures for ``net``, uint8 [count, C, H, W]."""
    shape = net.tensors[net.input].shape
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def fire_network(
    size: int, fires: tuple[tuple[int, int], ...], pools: tuple[int, ...], kernel: int, first: int
) -> Recipe:
    """A SqueezeNet of the paper's kind: (squeeze, expand) modules, ceil-mode 3x3 pools behind
    the modules numbered in ``pools`` (0: behind the first convolution)."""
    body: list[Fire | Pool] = [Pool(3, True)] if 0 in pools else []
    for i, (squeeze, expand) in enumerate(fires, start=1):
        body.append(Fire(squeeze, expand, expand))
        if i in pools:
            body.append(Pool(3, True))
    return Recipe(size, size, 3, kernel, 2, 0, first, tuple(body), 1000, 1)


V1_0_FIRES = (
    (16, 64),
    (16, 64),
    (32, 128),
    (32, 128),
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)
V1_0 = fire_network(227, V1_0_FIRES, (0, 3, 7), 7, 96)
V1_1 = fire_network(224, V1_0_FIRES, (0, 2, 4), 3, 64)


def with_bypass(recipe: Recipe, modules: tuple[int, ...]) -> Recipe:
    """``recipe`` with a bypass around the Fire modules of these numbers, the first of which is 2
    as in the paper; where channels change it is a convolution (a complex bypass)."""
    number = 1
    body: list[Fire | Pool] = []
    for part in recipe.body:
        if isinstance(part, Fire):
            number += 1
            part = replace(part, bypass=number in modules)
        body.append(part)
    return replace(recipe, body=tuple(body))


V1_0_SIMPLE = with_bypass(V1_0, (3, 5, 7, 9))
V1_0_COMPLEX = with_bypass(V1_0, (2, 3, 4, 5, 6, 7, 8, 9))
