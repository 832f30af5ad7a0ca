"""A sweep's points are what the compiler and the plain models say of one network at a time."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest

from firebrick.hw.boards.board import load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.explore.designs import designs
from firebrick.hw.explore.engines import all_boards, array_shapes, engine, engines, with_memories
from firebrick.hw.explore.sweep import BOUNDS, Job, Measured, Speed, expand, measure, pairs_of
from firebrick.hw.model.cycles import predict
from firebrick.hw.model.resources import lacking, predict_resources
from firebrick.quantize.architectures import SqueezeNetConfig, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.report.figures import macs, parameters

SMALL = SqueezeNetConfig(
    modules=3, base_expand=24, incr_expand=16, first_filters=16, classes=10,
    pool_after=("conv1", "fire2"), input_size=(33, 35), bypass="simple",
)  # fmt: skip
TOO_LARGE = replace(SMALL, input_size=(20, 9000))


def test_a_job_says_what_compiler_and_plain_model_say() -> None:
    net = build(SMALL, np.random.default_rng(3))
    images = np.random.default_rng(4).integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
    qnet = quantize_network(
        net, for_network(preprocessing("torchvision"), net), images, effort="plain"
    )
    boards = [load_board(name) for name in ("pynq-z2", "cora-z7-07s", "zybo-z7-10")]
    wanted = [engine(board, board.shape) for board in boards]
    wanted.append(engine(boards[0], with_memories(boards[0].chip, 7, 16, 2)))
    pairs = pairs_of(wanted)
    found = Measured.of(json.loads(json.dumps(measure(Job(SMALL, pairs)))))
    assert (found.parameters, found.macs) == (parameters(net), macs(net))
    assert found.float_bytes == 4 * found.parameters
    assert len(pairs) == 4
    for (shape, timing), speed in zip(pairs, found.speeds, strict=True):
        predicted = predict(compile_network(qnet, shape), timing)
        assert speed.cycles == predicted.cycles
        assert speed.spent[0] == predicted.active
        assert sum(speed.spent) == pytest.approx(predicted.cycles, abs=5)
        assert speed.bound in BOUNDS


def test_what_cannot_run_says_why() -> None:
    board = load_board("cora-z7-07s")
    pairs = pairs_of([engine(board, board.shape)])
    found = Measured.of(measure(Job(TOO_LARGE, pairs)))
    assert re.search(r"layer conv1: .* the engine has", found.speeds[0].refusal)
    assert not found.speeds[0].cycles


def test_points_are_networks_times_engines() -> None:
    board = load_board("pynq-z2")
    too_much = engine(board, with_memories(board.chip, 16, 64))
    fits = engine(board, board.shape)
    twin = engine(load_board("pynq-z1"), board.shape)
    assert too_much.lacking and not fits.lacking
    assert len(pairs_of([fits, twin, too_much])) == 1
    chosen = designs()[:2]
    measured = [Measured(1, 448 * n, 4, 5, (Speed(100 * n, (90 * n,) * 5),)) for n in (1, 2)]
    points = expand(chosen, [fits, twin, too_much], measured)
    assert [p.speed.cycles for p in points] == [100, 100, 0, 200, 200, 0]
    assert [p.fits for p in points] == [True, True, False] * 2
    assert points[0].frames_per_second == 1e6 and points[0].use == 0.01
    assert "routed" in points[2].limit and points[2].frames_per_second is None


def test_jobs_travel() -> None:
    board = load_board("pynq-z2")
    job = Job(SMALL, pairs_of([engine(board, board.shape)]))
    assert pickle.loads(pickle.dumps(job)) == job


def test_every_boards_own_engine_fits_and_comes_first() -> None:
    for board in all_boards():
        found = engines(board)
        assert found[0].is_the_boards and not found[0].lacking
        assert sum(e.is_the_boards for e in found) == 1
        assert any(e.lacking for e in found) and len(found) <= len(array_shapes()) + 1
        # Each array with one and with two K steps a cycle; no pumped one fits the smallest chip.
        assert {e.pump for e in found} == {1, 2}
        fitting = {1} if board.chip.name == "xc7z007s" else {1, 2}
        assert {e.pump for e in found if not e.lacking} == fitting
        for other in found[1:]:
            assert bool(other.lacking) == bool(
                lacking(predict_resources(other.shape), board.chip.resources)
            )


def test_designs_are_the_papers_and_each_is_a_network_of_its_own() -> None:
    found = designs()
    assert len({(d.study, d.value) for d in found}) == len(found)
    told = {d.config.name: d.top5 for d in found if d.top5 is not None}
    assert told == {
        "SR 0.125": 80.3, "SR 0.75": 86.0, "SR 1": 86.0, "50% 3x3": 85.6,
        "SR 0.5": 85.6, "99% 3x3": 85.6, "no bypass, SR 0.5": 85.6, "no bypass, SR 0.125": 80.3,
        "simple bypass, SR 0.125": 82.5,
        "complex bypass, SR 0.125": 82.0,
    }  # fmt: skip
    ratios = [d.value for d in found if d.study == "squeeze ratio"]
    assert min(ratios) <= 0.125 and max(ratios) == 1.0
    shares = [d.value for d in found if d.study == "share of 3x3 filters"]
    assert (min(shares), max(shares)) == (0.01, 0.99)
