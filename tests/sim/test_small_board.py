"""The engine of the boards with an xc7z010, whose weights hold no large Fire module."""

from __future__ import annotations

from pathlib import Path

from firebrick.hw import definition as d
from firebrick.hw.boards import load_board
from firebrick.hw.model.cycles import predict
from firebrick.sim.engine_check import check_network
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images

SHAPE = load_board("zybo-z7-10").shape
BODY = (Fire(48, 192, 192), Fire(64, 256, 256), Pool(3, True), Fire(64, 256, 256))
# fire7 to fire9 of SqueezeNet v1.0, on a smaller map.
RECIPE = Recipe(45, 45, 3, 7, 2, 0, 96, BODY, 100, 1)


def test_large_fire_modules_on_a_small_board(tmp_path: Path) -> None:
    """Their branches are groups of their own, cut into blocks of channels, pooling included; two
    images with back-pressure."""
    net = build(RECIPE, 1)
    report, counters, _, program = check_network(
        net, SHAPE, random_images(net, 2, 1), tmp_path, seed=3
    )
    assert report.exact, str(report)
    assert counters.images_done == 2
    modes = {g.name: g.fields["mode"] for g in program.groups}
    assert modes["fire1/expand3x3[0]"] == modes["fire1/expand3x3[1]"] == d.MODE_POOL
    assert "fire3/expand3x3[1]" in modes


def test_predicted_cycles_of_a_small_board(tmp_path: Path) -> None:
    """What `make boards` prints of such a board rests on this."""
    net = build(RECIPE, 2)
    report, counters, _, program = check_network(net, SHAPE, random_images(net, 1, 2), tmp_path)
    assert report.exact, str(report)
    assert abs(predict(program).cycles / counters.cycles - 1) < 0.005
