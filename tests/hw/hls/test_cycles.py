"""The schedule's counts are those of the C++ that runs."""

from __future__ import annotations

import pytest

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls.cycles import estimate
from firebrick.hw.shape import EngineShape
from firebrick.sim.random_networks import (
    random_images,
    random_narrow,
    random_network,
    random_padded,
    random_strides,
)

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)


@pytest.mark.parametrize("seed", [*range(13), 20, 21, 22, 30, 31])
def test_counts_are_those_of_the_run(seed: int) -> None:
    if seed >= 30:
        # Of two rows in one.
        net = random_narrow((4, 12)[seed - 30], SHAPE.pixels, SHAPE.channels)
    elif seed >= 20:
        # Those of which modules hand on to the next.
        net = (random_network(8), random_network(9), random_padded(6))[seed - 20]
    elif seed > 9:
        net = random_padded(seed)
    else:
        net = random_strides(seed) if seed > 5 else random_network(seed, bypass=seed % 2 == 1)
    program = compile_network(net, SHAPE)
    seen = CSim(SHAPE).run(program.blob, random_images(net, 1, seed)).registers
    found = estimate([g.fields for g in program.groups], SHAPE)
    kind = "load_fold" if seed >= 30 else "p3_enable"
    assert seed < 20 or any(g.fields.get(kind) for g in program.groups)
    assert found.active == seen["ACTIVE"]
    assert found.maps_read == seen["READ_BEATS_MAPS"]
    assert found.program_read == seen["READ_BEATS_PROGRAM"]
    assert found.written == seen["WRITE_BEATS"]
    assert found.cycles > found.active
