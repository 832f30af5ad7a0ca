"""The timeline picture: it is drawn for any profile, and its bars are the profile's cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot
from PIL import Image

from firebrick.host.program import Layer
from firebrick.host.results import GroupProfile, Profile
from firebrick.host.trace import ACTIVE, CAUSES
from firebrick.sim.timeline import COLOURS, draw_timeline


def profile(groups: int, idle: int) -> Profile:
    stalls = {**dict.fromkeys(CAUSES, 0), "weights": idle}
    layer = Layer("layer", 448 * 900, 900)
    members = tuple(
        GroupProfile(f"group{i}", (layer,), 900 + idle, 900, stalls, 10) for i in range(groups)
    )
    return Profile(members, 50, groups * (900 + idle) + 50)


def painted(path: Path, colour: str) -> int:
    """Pixels of exactly this colour."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((pixels == wanted).all(axis=2).sum())


def test_idle_cycles_are_seen(tmp_path: Path) -> None:
    """A third of the cycles waiting for weights; none of them is painted when none waits."""
    busy = draw_timeline(profile(4, 0), tmp_path / "busy.png", "net", 448)
    waits = draw_timeline(profile(4, 450), tmp_path / "waits.png", "net", 448, 100e6)
    # Both legends show each colour once.
    assert painted(waits, COLOURS["weights"]) > 20 * painted(busy, COLOURS["weights"])
    assert painted(busy, COLOURS[ACTIVE]) > painted(waits, COLOURS[ACTIVE]) > 1000
    assert not pyplot.get_fignums()


def test_a_single_group_and_many(tmp_path: Path) -> None:
    for groups in (1, 40):
        path = draw_timeline(profile(groups, 7), tmp_path / f"{groups}.png", "net", 448, 150e6)
        assert Image.open(path).width > 1000
