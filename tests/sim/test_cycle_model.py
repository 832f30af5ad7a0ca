"""The cycle model against the counters of the simulated engine."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from firebrick.host.compare import compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Counters, Profile
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.model import cycles as cycle_model
from firebrick.hw.model.cycles import predict
from firebrick.hw.model.prediction import Prediction
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize import golden
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.board import MemoryTiming, SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.engine_check import check_network
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import (
    V1_0,
    V1_1,
    Fire,
    Pool,
    Recipe,
    build,
    random_images,
    random_narrow,
    random_network,
    random_strides,
)

TOLERANCE = 0.03


def hold(
    net: QNetwork,
    shape: EngineShape,
    folder: Path,
    *,
    images: int = 1,
    apart: bool = False,
) -> tuple[Prediction, Counters, Profile | None]:
    """Simulate and predict; bit-exact, and cycles within the tolerance."""
    report, counters, profile, program = check_network(
        net, shape, random_images(net, images, 1), folder, stages_apart=apart
    )
    assert report.exact, str(report)
    predicted = predict(program, MemoryTiming(), images)
    assert predicted.active == counters.active
    assert predicted.cycles == pytest.approx(counters.cycles, rel=TOLERANCE)
    return predicted, counters, profile


def test_the_memory_is_the_boards() -> None:
    assert [(f.name, f.default) for f in fields(MemoryTiming)] == [
        (f.name, f.default) for f in fields(cycle_model.MemoryTiming)
    ]


@pytest.mark.parametrize("recipe", [V1_0, V1_1], ids=["v1.0", "v1.1"])
def test_squeezenet(recipe, tmp_path: Path) -> None:
    """The whole run, every group, and every cause of idle cycles."""
    predicted, counters, profile = hold(build(recipe, 1), PYNQ_Z2, tmp_path)
    assert profile is not None
    for group, measured in zip(predicted.groups, profile.groups, strict=True):
        assert group.cycles == pytest.approx(measured.cycles, rel=TOLERANCE), group.name
    for cause, cycles in counters.stalls.items():
        # A thousandth of the run for each cause.
        assert predicted.stalls[cause] == pytest.approx(cycles, abs=counters.cycles / 1000), cause


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
def test_random_network(seed: int, apart: bool, tmp_path: Path) -> None:
    hold(random_network(seed), PYNQ_Z2, tmp_path, apart=apart)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
def test_random_network_with_bypass(seed: int, apart: bool, tmp_path: Path) -> None:
    hold(random_network(seed, bypass=True), PYNQ_Z2, tmp_path, apart=apart, images=1 + seed % 2)


@pytest.mark.parametrize("shape", [PYNQ_Z2, pumped(PYNQ_Z2, 2), EngineShape(8, 8)], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_random_network_with_strides(seed: int, shape: EngineShape, tmp_path: Path) -> None:
    hold(random_strides(seed), shape, tmp_path, images=1 + seed % 2)


RACE = EngineShape(16, 32)
# Networks that read two rows in one in every way; the smallest array writes those of a word of one
# beat more slowly than they come.
TWO_ROWS = [
    *((EngineShape(8, 8), seed) for seed in (0, 4, 8)),
    *((PYNQ_Z2, seed) for seed in (6, 8)),
    *((pumped(PYNQ_Z2, 2), seed) for seed in (6, 8)),
    *((RACE, seed) for seed in (0, 9)),
]
MORE_TWO_ROWS = [
    (shape, seed)
    for shape in (PYNQ_Z2, pumped(PYNQ_Z2, 2), RACE, pumped(RACE, 2))
    for seed in range(12)
    if (shape, seed) not in TWO_ROWS
]


@pytest.mark.parametrize(
    ("shape", "seed"),
    [*TWO_ROWS, *(pytest.param(*case, marks=pytest.mark.nightly) for case in MORE_TWO_ROWS)],
    ids=str,
)
def test_random_network_of_two_rows_in_one(shape: EngineShape, seed: int, tmp_path: Path) -> None:
    hold(random_narrow(seed, shape.pixels, shape.channels), shape, tmp_path, images=1 + seed % 2)


@pytest.mark.parametrize("shape", [PYNQ_Z2, pumped(PYNQ_Z2, 2)], ids=str)
@pytest.mark.parametrize(("first", "squeeze"), [(96, 16), (128, 8)])
def test_chained_modules(first: int, squeeze: int, shape: EngineShape, tmp_path: Path) -> None:
    """Rows that come in share a port with the results in front of a tail."""
    fires = (Fire(squeeze, 64, 64), Fire(squeeze, 64, 64))
    net = build(Recipe(40, 56, 3, 1, 1, 0, first, fires, 10), 1)
    predicted, counters, profile = hold(net, shape, tmp_path)
    assert predicted.cycles == pytest.approx(counters.cycles, rel=0.01)
    assert profile is not None
    for group, measured in zip(predicted.groups, profile.groups, strict=True):
        assert group.cycles == pytest.approx(measured.cycles, rel=TOLERANCE), group.name


def test_groups_that_fill_the_memory_of_biases(tmp_path: Path) -> None:
    """48 and 16 pairs of channels, one group's while the one before it computes: all 64 that there
    are, and the weights behind them come meanwhile, too."""
    pool, fire = Pool(2, False), Fire(32, 32, 32)
    net = build(Recipe(16, 16, 3, 3, 1, 1, 32, (pool, fire, pool, fire), 10), 1)
    predicted, counters, _ = hold(net, EngineShape(8, 32, bias_pairs=64), tmp_path)
    assert predicted.cycles == pytest.approx(counters.cycles, rel=0.01)


@pytest.mark.parametrize("seed", [4, 7])
def test_batch(seed: int, tmp_path: Path) -> None:
    hold(random_network(seed), PYNQ_Z2, tmp_path, images=4)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(EngineShape(14, 16), marks=pytest.mark.nightly),
        EngineShape(7, 32),
        pytest.param(EngineShape(14, 64), marks=pytest.mark.nightly),
        EngineShape(8, 8),
    ],
    ids=str,
)
def test_other_shape(shape: EngineShape, tmp_path: Path) -> None:
    """Networks limited by the array, by weights, by rows and by their results."""
    for seed in (1, 4, 6, 7, 9):
        hold(random_network(seed), shape, tmp_path, apart=seed == 7)


@pytest.mark.parametrize(
    "timing",
    [MemoryTiming(0, 0, 100, 0, 0), MemoryTiming(bytes_per_cycle=6), MemoryTiming(read_latency=80)],
    ids=["perfect", "narrow", "far"],
)
@pytest.mark.parametrize(("seed", "bypass"), [(3, False), (7, False), (9, False), (7, True)])
def test_other_memory(seed: int, bypass: bool, timing: MemoryTiming, tmp_path: Path) -> None:
    net = random_network(seed, bypass)
    program = compile_network(net, PYNQ_Z2)
    overlay = write_overlay(tmp_path)
    board = SimulatedBoard(PYNQ_Z2, timing=timing)
    with (
        simulated(board),
        Firebrick(str(overlay), parse_program(program.blob), clock=board) as engine,
    ):
        counters = engine.run_batch(random_images(net, 1, seed)).counters[0]
    assert predict(program, timing).cycles == pytest.approx(counters.cycles, rel=TOLERANCE)


PUMPED = pumped(PYNQ_Z2, 2)


@pytest.mark.parametrize("recipe", [V1_0, V1_1], ids=["v1.0", "v1.1"])
def test_pumped_squeezenet(recipe, tmp_path: Path) -> None:
    """Two K steps a cycle: bit-exact, within a hundredth, every cycle charged to a cause."""
    predicted, counters, profile = hold(build(recipe, 1), PUMPED, tmp_path)
    assert profile is not None
    assert predicted.cycles == pytest.approx(counters.cycles, rel=0.01)
    assert counters.active + sum(counters.stalls.values()) == counters.cycles
    for cause, cycles in counters.stalls.items():
        assert predicted.stalls[cause] == pytest.approx(cycles, abs=counters.cycles / 500), cause


@pytest.mark.parametrize(
    ("seed", "shape", "timing"),
    [
        (0, PUMPED, MemoryTiming(bytes_per_cycle=21)),
        (1, PUMPED, MemoryTiming()),
        (2, PUMPED, MemoryTiming(read_latency=80)),
        (3, PUMPED, MemoryTiming(0, 0, 100, 0, 0)),
        (4, pumped(EngineShape(7, 16), 2), MemoryTiming()),
        pytest.param(
            *(5, pumped(EngineShape(14, 16), 2), MemoryTiming(bytes_per_cycle=21)),
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            *(6, pumped(EngineShape(7, 32), 2), MemoryTiming()), marks=pytest.mark.nightly
        ),
        (7, pumped(EngineShape(8, 8), 2), MemoryTiming()),
        (8, pumped(EngineShape(8, 8), 2), MemoryTiming(bytes_per_cycle=21)),
        (9, pumped(EngineShape(7, 16), 2), MemoryTiming(bytes_per_cycle=21)),
    ],
    ids=lambda value: str(value) if isinstance(value, EngineShape) else None,
)
def test_pumped_shapes_and_memories(
    seed: int, shape: EngineShape, timing: MemoryTiming, tmp_path: Path
) -> None:
    """Each network twice, in the second start with random back-pressure: bit-exact."""
    net = random_network(seed, bypass=seed % 3 == 2)
    images = random_images(net, 2, seed)
    program = compile_network(net, shape, stages_apart=seed % 4 == 3)
    parsed = parse_program(program.blob)
    expected = golden.run(net, images, keep=[m.name for m in parsed.maps])
    overlay = write_overlay(tmp_path, shape)
    for stalls in (None, seed + 1):
        board = SimulatedBoard(shape, stalls, timing=timing, library=build_library(shape))
        with simulated(board), Firebrick(str(overlay), parsed, clock=board) as engine:
            batch = engine.run_batch(images)
            report = compare({"sums": batch.totals}, {"sums": expected.sums})
            report += compare(engine.maps(), {n: v[-1] for n, v in expected.tensors.items()})
        assert report.exact, str(report)
        if stalls is None:
            cycles = predict(program, timing, len(images)).cycles
            assert cycles == pytest.approx(batch.counters[0].cycles, rel=TOLERANCE)
