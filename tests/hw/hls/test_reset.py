"""A run that a reset ends leaves nothing behind that the next run sees.

The wrapper resets the kernel to end a run.  ``reset=control`` leaves static variables as they are
(UG1399, config_rtl), so the kernel itself must begin each call from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.sim.random_networks import random_images, random_network
from tests.hw.hls.compiled import Model, emitted, model_library

# A column every second cycle, and a reset at any of them: a block's end passes the rows of the
# array in P - 1 of the C cycles or more that the block takes.
SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
RESETS = 60


def after_resets(library: Path) -> tuple[int, list[int]]:
    """Stream reads of a clean run, and at which of them a reset harms the run that follows."""
    net = random_network(3, bypass=True)
    images = random_images(net, 1, 3)
    model = Model(library, compile_network(net, SHAPE).blob, images)
    reads, first, error = model.run()
    assert reads > RESETS and error == 0
    expected = golden.run(net, images).sums
    assert np.array_equal(scores(first, model.program)[0], expected)
    harmed = []
    for at in map(int, np.linspace(1, reads - 1, RESETS, dtype=int)):
        assert model.run(reads=at)[0] == -1
        again, sums, error = model.run()
        if (again, error) != (reads, 0) or not np.array_equal(sums, first):
            harmed.append(at)
    return reads, harmed


def test_an_ended_run_does_not_poison_the_next(tmp_path: Path) -> None:
    reads, harmed = after_resets(model_library(emitted(SHAPE, tmp_path)))
    assert harmed == [], f"of {reads} stream reads"


def test_flags_that_a_reset_leaves_in_the_array_are_seen(tmp_path: Path) -> None:
    """Without the loop that clears them."""
    project = emitted(SHAPE, tmp_path)
    source = project / "src" / "array.h"
    text = source.read_text()
    for flag in ("first", "last"):
        assert text.count(f"    a.{flag}[d] = false;\n") == 1
        text = text.replace(f"    a.{flag}[d] = false;\n", "")
    source.write_text(text)
    assert after_resets(model_library(project))[1]
