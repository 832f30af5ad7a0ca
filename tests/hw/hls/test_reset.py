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
from tests.hw.hls.compiled import Model, emitted, model_library
from tests.random_networks import random_images, random_network

# A column every second cycle, and a reset at any of them: a block's end passes the rows of the
# array in P - 1 of the C cycles or more that the block takes.
SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
RESETS = 60


def test_an_ended_run_does_not_poison_the_next(tmp_path: Path) -> None:
    net = random_network(3, bypass=True)
    images = random_images(net, 1, 3)
    library = model_library(emitted(SHAPE, tmp_path))
    model = Model(library, compile_network(net, SHAPE).blob, images)
    reads, first, error = model.run()
    assert reads > RESETS and error == 0
    expected = golden.run(net, images).sums
    assert np.array_equal(scores(first, model.program)[0], expected)
    for at in np.linspace(1, reads - 1, RESETS, dtype=int):
        assert model.run(reads=int(at))[0] == -1
        again, sums, error = model.run()
        assert (again, error) == (reads, 0), f"reset at stream read {at} of {reads}"
        assert np.array_equal(sums, first), f"reset at stream read {at} of {reads}"
