"""Pictures that are not square, from 32x32 to 512 rows or columns, 1 to 4 channels, any number of
classes: the engine, Verilated, against the golden model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.hw.shape import PYNQ_Z2
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.random_networks import V1_0, Fire, Recipe, build, random_images, sized_recipe


@pytest.mark.parametrize("seed", range(8))
def test_random_sizes(seed: int, tmp_path: Path) -> None:
    """Every third network with its stages apart; every other one on small memories."""
    net = build(sized_recipe(np.random.default_rng(seed)), seed)
    shape = SMALL if seed % 2 else PYNQ_Z2
    report, _, _, _ = check_network(
        net, shape, random_images(net, 2, seed), tmp_path, stages_apart=seed % 3 == 0
    )
    assert report.exact, str(report)


def test_pauses_between_groups_and_behind_the_last_one(tmp_path: Path) -> None:
    """On the small engine two rows of 73 tiles do not fit; two images, so that the first group
    follows the last one."""
    net = build(Recipe(20, 512, 3, 3, 1, 0, 8, (Fire(2, 23, 23), Fire(2, 23, 23)), 20), 1)
    report, _, _, program = check_network(net, SMALL, random_images(net, 2, 1), tmp_path)
    assert report.exact, str(report)
    names = [group.name for group in program.groups]
    assert names[-1] == "pause" and names.count("pause") > 2


def test_squeezenet_on_a_strip_of_512_columns(tmp_path: Path) -> None:
    """Rows as wide as they get: Fire modules that do not fit are taken apart, pauses come between
    groups, and rings hold a single row."""
    net = build(replace(V1_0, height=32, width=512, channels=4), 1)
    report, _, _, program = check_network(net, PYNQ_Z2, random_images(net, 1, 1), tmp_path)
    assert report.exact, str(report)
    assert {"fire3/squeeze", "pause"} <= {group.name for group in program.groups}
    assert min(group.fields["in_rows"] for group in program.groups) == 1
