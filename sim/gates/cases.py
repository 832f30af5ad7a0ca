"""The networks that run on the synthesized chip, small ones: gates are simulated slowly."""

from __future__ import annotations

import numpy as np

from firebrick.hw.shape import EngineShape
from firebrick.sim.gates.networks import Case
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images, random_narrow

# What a program with each stage apart consists of: first layer, 1x1, 3x3, pool, sum, average.
EVERY_KIND = Recipe(9, 15, 3, 3, 2, 0, 6, (Pool(3, True), Fire(3, 4, 5, True)), 5)
# The first module's results stay on the chip.
CHAINED = Recipe(6, 9, 2, 3, 1, 1, 4, (Fire(2, 3, 4), Fire(2, 3, 2)), 3)
# Seed of a network with maps of two rows in one, by channels, and by columns if there is a middle:
# loaded from rows that are apart and from stored ones, an odd number of them.
NARROW = 102


def random_cases(count: int, first: int = 0) -> list[Case]:
    """Networks of random recipes, every other one with bypass, apart, or under back-pressure."""
    cases = []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        bypass = number % 2 == 1
        net = build(small_recipe(rng, bypass), number)
        name = f"random {number}{', bypass' if bypass else ''}"
        seed = number + 1 if number % 4 > 1 else None
        cases.append(Case(name, net, random_images(net, 1, number), number % 3 == 0, seed))
    return cases


def small_recipe(rng: np.random.Generator, bypass: bool) -> Recipe:
    """A network with every kind of part."""
    fires = [
        Fire(int(squeeze), int(one), int(three), bypass)
        for squeeze, one, three in rng.integers(1, 20, (2, 3))
    ]
    pool = Pool(int(rng.choice([2, 3])), bool(rng.integers(2)))
    kernel = int(rng.choice([3, 5]))
    return Recipe(
        height=int(rng.integers(12, 24)),
        width=int(rng.integers(12, 30)),
        channels=int(rng.integers(1, 5)),
        kernel=kernel,
        stride=int(rng.integers(1, 3)),
        padding=int(rng.integers(0, kernel // 2 + 1)),
        first=int(rng.integers(1, 24)),
        body=(fires[0], pool, fires[1]),
        classes=int(rng.integers(2, 30)),
        classifier_padding=int(rng.integers(2)),
        relu=bool(rng.integers(4)),
    )


def kinds_cases(shape: EngineShape) -> list[Case]:
    """One layer of each kind, each in a group of its own, and as groups of several; two rows in
    one, on an array of ``shape``; a chain."""
    net, chained = build(EVERY_KIND, 7), build(CHAINED, 7)
    narrow = random_narrow(NARROW, shape.pixels, shape.channels)
    return [
        *(
            Case(f"one layer of each kind{how}", net, random_images(net, 1, 7), apart, seed)
            for how, apart, seed in ((", apart", True, None), (", fused", False, 3))
        ),
        Case("two rows in one", narrow, random_images(narrow, 1, 7), False, 4),
        Case("two modules, chained", chained, random_images(chained, 1, 7), False, 5),
    ]
