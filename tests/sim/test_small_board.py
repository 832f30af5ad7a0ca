"""The engine of the boards with an xc7z010, whose weights hold no large Fire module."""

from __future__ import annotations

from pathlib import Path

from hw import definition as d
from hw.boards import load_board
from tests.random_networks import Fire, Pool, Recipe, build, random_images
from tests.sim.engine_check import check_network


def test_large_fire_modules_on_a_small_board(tmp_path: Path) -> None:
    """fire8 and fire9 of SqueezeNet on a smaller map: their branches are groups of their own,
    cut into blocks of channels, pooling included; two images with back-pressure."""
    body = (Fire(48, 192, 192), Fire(64, 256, 256), Pool(3, True), Fire(64, 256, 256))
    net = build(Recipe(45, 45, 3, 7, 2, 0, 96, body, 100, 1), 1)
    images = random_images(net, 2, 1)
    shape = load_board("zybo-z7-10").shape
    report, counters, _, program = check_network(net, shape, images, tmp_path, seed=3)
    assert report.exact, str(report)
    assert counters.images_done == 2
    modes = {g.name: g.fields["mode"] for g in program.groups}
    assert modes["fire1/expand3x3[0]"] == modes["fire1/expand3x3[1]"] == d.MODE_POOL
    assert "fire3/expand3x3[1]" in modes
