"""The networks of the campaign: small ones, each with a twin of the same architecture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QConv, QGlobalSum, QNetwork
from firebrick.sim.faults.craft import same_architecture
from firebrick.sim.faults.machine import MEMORY_BYTES, Case, make_case
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images, random_narrow

# Small memories, so that rings wrap, groups are split and queues fill. A word has a middle, so that
# two rows of a map fit into it.
SHAPE = EngineShape(
    8,
    8,
    act_words=1024,
    weight_words=256,
    bias_pairs=32,
    pool_channels=64,
    pool_line_words=128,
    sums=32,
    fifo_words=32,
)
IMAGES = 2
RECIPES = (
    Recipe(13, 19, 3, 3, 2, 0, 8, (Pool(3, True), Fire(3, 6, 5)), 7, 1),
    Recipe(9, 15, 1, 1, 1, 0, 6, (Fire(3, 4, 5, True), Pool(2, False)), 5, 0, relu=False),
    Recipe(11, 16, 2, 3, 1, 1, 7, (Pool(2, True), Fire(4, 5, 8), Fire(3, 9, 4, True)), 9, 0),
    Recipe(8, 10, 3, 3, 2, 1, 5, (Fire(1, 2, 3), Fire(2, 3, 2), Fire(2, 3, 4)), 20, 1),
)
# Seeds of networks whose maps are stored two rows in one: channels that follow each other, rows
# side by side in a tile that are apart in memory or not, an odd number of them.
NARROW = (31, 1)


def with_other_weights(net: QNetwork, seed: int) -> QNetwork:
    """``net`` with each layer's weights in another order."""
    rng = np.random.default_rng(seed)

    def other(weights: np.ndarray) -> np.ndarray:
        return rng.permutation(weights.ravel()).reshape(weights.shape)

    nodes = tuple(
        replace(node, weights=other(node.weights)) if isinstance(node, QConv | QGlobalSum) else node
        for node in net.nodes
    )
    return replace(net, nodes=nodes)


def twins(shape: EngineShape) -> Iterator[tuple[QNetwork, QNetwork]]:
    """The networks for ``shape``, each with one of other weights."""
    for number, recipe in enumerate(RECIPES):
        yield build(recipe, 10 * number), build(recipe, 10 * number + 1)
    for seed in NARROW:
        net = random_narrow(seed, shape.pixels, shape.channels)
        yield net, with_other_weights(net, seed)


def make_cases(shape: EngineShape = SHAPE) -> list[tuple[Case, Case | None]]:
    """Every network that ``shape`` can run, fused and with its stages apart."""
    found: list[tuple[Case, Case | None]] = []
    for number, nets in enumerate(twins(shape)):
        for apart in (False, True):
            images = random_images(nets[0], IMAGES, number)
            try:
                one, two = (make_case(net, shape, images, apart) for net in nets)
            except CompileError:
                continue
            twin = two if same_architecture(one.program, two.program) else None
            found.append((one, twin))
    sizes = [len(c.program.blob) + c.parsed.scratch_bytes for c, _ in found]
    assert max(sizes) < MEMORY_BYTES // 4
    return found


def check_cases(cases: list[tuple[Case, Case | None]]) -> None:
    """The campaign is of use only with several groups, additions, tails, two rows in one in each
    way, and twins; ValueError."""
    groups = np.array([len(c.program.groups) for c, _ in cases])
    adds = [any(g.fields.get("add_enable") for g in c.program.groups) for c, _ in cases]
    tails = [any(g.fields.get("p3_enable") for g in c.program.groups) for c, _ in cases]
    fields = [g.fields for c, _ in cases for g in c.program.groups]
    folds = {f.get("load_fold", 0) for f in fields}
    halves = all(any(f.get(name) for f in fields) for name in ("half_first", "half_last"))
    some = any(adds) and any(tails) and halves and len(folds) == 3
    if len(cases) < 4 or groups.max() < 3 or not some or not all(t for _, t in cases):
        raise ValueError("the engine's shape leaves too few networks for the campaign")
