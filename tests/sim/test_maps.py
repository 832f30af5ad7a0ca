"""Networks that end in feature maps, on the simulated board: every value through the driver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from firebrick.host.compare import compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.board import SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import (
    ending_in_maps,
    map_heads,
    one_layer,
    random_images,
    random_network,
    random_strides,
    random_sums,
)

TOLERANCE = 0.03
KINDS = {
    "fire": random_network,
    "bypass": lambda seed: random_network(seed, bypass=True),
    "sums": random_sums,
    "strides": random_strides,
}


def network(kind: str, seed: int) -> QNetwork:
    """One map, or with odd seeds up to three of any kind; heads that share a stored map; or a
    single layer."""
    if kind == "layer":
        return one_layer(seed)
    if kind == "heads":
        return map_heads(seed, (33, 12, 4 + seed % 7)[: 2 + seed % 2])
    return ending_in_maps(KINDS[kind](seed), seed % 2 * (1 + seed % 3), seed)


def nightly(kind: str, seed: int, shape: EngineShape):
    return pytest.param(kind, seed, shape, marks=pytest.mark.nightly)


@pytest.mark.parametrize(
    ("kind", "seed", "shape"),
    [
        ("fire", 0, PYNQ_Z2),
        ("bypass", 1, PYNQ_Z2),
        ("strides", 3, PYNQ_Z2),
        ("fire", 7, pumped(PYNQ_Z2, 2)),
        ("strides", 2, pumped(PYNQ_Z2, 2)),
        ("bypass", 5, SMALL),
        ("heads", 1, PYNQ_Z2),
        ("layer", 0, PYNQ_Z2),
        ("layer", 4, pumped(PYNQ_Z2, 2)),
        ("heads", 4, pumped(PYNQ_Z2, 2)),
        *(nightly("heads", seed, shape) for shape in (SMALL, pumped(SMALL, 2)) for seed in (2, 3)),
        *(nightly(kind, seed, PYNQ_Z2) for kind in KINDS for seed in range(20, 28)),
        *(nightly(kind, seed, pumped(PYNQ_Z2, 2)) for kind in KINDS for seed in range(30, 36)),
        *(nightly(kind, seed, SMALL) for kind in ("fire", "strides") for seed in range(40, 46)),
        *(nightly(kind, seed, pumped(SMALL, 2)) for kind in KINDS for seed in range(50, 54)),
    ],
    ids=str,
)
def test_random_network(kind: str, seed: int, shape: EngineShape, tmp_path: Path) -> None:
    """Two pictures in one start, with the stages fused or apart, and with random back-pressure, or
    without and as many cycles as predicted."""
    net = network(kind, seed)
    apart, stalls = seed % 4 == 2, seed if seed % 2 else None
    images = random_images(net, 2, seed)
    report, counters, _, program = check_network(
        net, shape, images, tmp_path, stages_apart=apart, seed=stalls
    )
    assert report.exact, str(report)
    assert report.tensors == 1 + len(net.maps) + len(program.host["maps"])
    assert counters.images_done == 2
    if stalls is None:
        cycles = predict(program, images=2).cycles
        # A run of one layer is little more than its start and end.
        assert cycles == pytest.approx(counters.cycles, rel=TOLERANCE, abs=60)


@pytest.fixture(scope="module")
def net() -> QNetwork:
    """A network of several outputs: read by others, branches of a concatenation, joined."""
    net = network("bypass", 5)
    assert len(net.maps) == 4
    return net


def test_batches_streams_and_coroutines(net: QNetwork, tmp_path: Path) -> None:
    """Three starts of at most two pictures; integers and real values, by name."""
    images = random_images(net, 5, 1)
    program = parse_program(compile_network(net, PYNQ_Z2).blob)
    expected = golden.run(net, images)
    assert tuple(m.name for m in program.output.maps) == net.maps
    board = SimulatedBoard(PYNQ_Z2, library=build_library(PYNQ_Z2))
    overlay = str(write_overlay(tmp_path, PYNQ_Z2))
    with simulated(board), Firebrick(overlay, program, clock=board, max_batch=2) as engine:
        batch = engine.run_batch(images)
        assert batch.starts == (0, 0, 1, 1, 2) and len(batch) == 5
        streamed = [frame.result for frame in engine.stream(list(images), batch=2)]

        async def run_all():
            alone = await engine.run_async(images[3])
            return alone, [f.result async for f in engine.stream_async(list(images))]

        alone, frames = asyncio.run(run_all())
    for results in (list(batch), streamed, frames):
        for index, result in enumerate(results):
            wanted = {name: expected.tensors[name][index] for name in net.maps}
            report = compare(result.maps, wanted)
            assert report.exact and report.tensors == len(net.maps), str(report)
            real = np.concatenate([result.values[name].reshape(-1) for name in net.maps])
            np.testing.assert_array_equal(real, expected.logits[index])
            assert not len(result.probabilities) and result.top_k(5) == []
    assert compare(alone.maps, batch[3].maps).exact
    for name, values in batch.values.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values[1], batch[1].values[name])


def test_outputs_lie_apart_and_within_what_is_reserved(net: QNetwork) -> None:
    program = compile_network(net, PYNQ_Z2)
    parsed = parse_program(program.blob)
    places = sorted({(spec.offset, spec.bytes) for spec in parsed.output.maps})
    end = 0
    for offset, size in places:
        assert offset % 128 == 0 and end <= offset
        end = offset + size
    assert end <= parsed.output.bytes
    writers = [g.fields for g in program.groups if g.fields["dst_space"] == d.OUTPUT_SPACE]
    assert writers and all(f["src_space"] != d.OUTPUT_SPACE for f in writers)
