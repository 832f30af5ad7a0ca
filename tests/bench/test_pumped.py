"""The figures of the pumped array, on a network small enough for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firebrick.bench import pumped
from firebrick.hw.shape import EngineShape
from firebrick.hw.shape import pumped as with_pump
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.engine_check import SMALL
from firebrick.sim.random_networks import random_images, random_network

SHAPES = (SMALL, with_pump(SMALL, 2))


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> QNetwork:
    monkeypatch.setattr(pumped, "shapes", lambda: SHAPES)
    return random_network(3)


def test_runs_and_names(net: QNetwork, tmp_path: Path) -> None:
    images = random_images(net, 3, 1)
    found = pumped.runs(net, images, golden.run(net, images).sums, tmp_path)
    assert [(r.pump, r.mhz, r.frames) for r in found] == [
        (1, 100, 1),
        (2, 100, 1),
        (1, 150, 1),
        (2, 150, 1),
        (2, 100, 3),
    ]
    for run in found:
        assert run.cycles == pytest.approx(run.model, rel=0.03)
        assert run.ideal < run.cycles and run.bytes > 0
    names = pumped.cycles("net", found)
    assert list(names) == ["net_pump2", "net_pump2_150", "net_pump2_batch3"]
    assert names["net_pump2"] == found[1].cycles < found[0].cycles
    assert pumped.table("net", 1000, found).row_count == 5


def test_a_wrong_answer_gives_no_figure(net: QNetwork, tmp_path: Path) -> None:
    images = random_images(net, 1, 1)
    sums = golden.run(net, images).sums
    with pytest.raises(FirebrickError, match="not the golden model's answers"):
        pumped.runs(net, images, sums + np.int64(1), tmp_path)


def test_the_shapes_differ_in_the_pump_alone() -> None:
    one, two = pumped.shapes()
    assert (one.pump, two.pump) == (1, 2)
    assert one.weight_words * one.weight_bytes == two.weight_words * two.weight_bytes
    assert str(EngineShape(8, 8)) == "8x8" and str(with_pump(EngineShape(8, 8), 2)) == "8x8p2"
