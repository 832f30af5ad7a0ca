"""The whole engine, Verilated, against the golden model: every stored map and every answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.hw import definition as d
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.pictures.preprocess import load_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.engine_check import SMALL, check_network
from firebrick.sim.random_networks import (
    V1_1,
    Fire,
    Pool,
    Recipe,
    build,
    random_images,
    random_network,
    random_padded,
    random_strides,
    random_sums,
    tiny_recipe,
)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
def test_random_network(seed: int, apart: bool, tmp_path: Path) -> None:
    """Two images in one start; every other network with random back-pressure."""
    net = random_network(seed)
    stalls = seed + 1 if seed % 2 else None
    report, counters, _, _ = check_network(
        net, PYNQ_Z2, random_images(net, 2, seed), tmp_path, stages_apart=apart, seed=stalls
    )
    assert report.exact, str(report)
    assert counters.images_done == 2


@pytest.mark.parametrize("seed", range(100, 112))
def test_random_network_on_a_small_engine(seed: int, tmp_path: Path) -> None:
    net = random_network(seed)
    report, _, _, _ = check_network(
        net, SMALL, random_images(net, 2, seed), tmp_path, stages_apart=seed % 3 == 0, seed=seed
    )
    assert report.exact, str(report)


@pytest.mark.parametrize("seed", range(500, 512))
def test_tiny_network(seed: int, tmp_path: Path) -> None:
    """Few rows, few channels: a squeeze row is waited for to its last word."""
    net = build(tiny_recipe(np.random.default_rng(seed)), seed)
    report, _, _, program = check_network(net, SMALL, random_images(net, 2, seed), tmp_path)
    assert report.exact, str(report)
    fire = next(g.fields for g in program.groups if g.fields.get("p0_enable"))
    assert (fire["p0_steps"], fire["p0_blocks"], fire["p0_last"]) == (88, 1, 2)


@pytest.mark.parametrize("seed", range(300, 306))
@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
def test_random_network_with_bypass(seed: int, apart: bool, tmp_path: Path) -> None:
    """Additions in groups of modules, of convolutions and by themselves; on the engine that is
    made for the board and on a small one, whose queues of words to add are often empty."""
    net = random_network(seed, bypass=True)
    shape, stalls = (SMALL, seed) if seed % 2 else (PYNQ_Z2, seed if seed % 4 else None)
    images = random_images(net, 2, seed)
    report, counters, _, program = check_network(
        net, shape, images, tmp_path, stages_apart=apart, seed=stalls
    )
    assert report.exact, str(report)
    added = [g.fields for g in program.groups if g.fields.get("add_enable")]
    words = sum(f["rows"] * f["tiles"] * f["segment_words"] for f in added)
    stream = sum(len(g.encode()) for g in program.groups) // 8
    beats = d.HEADER_BEATS + 2 * (stream + words * shape.word_bytes // 8)
    assert words and counters.read_beats_program == beats


@pytest.mark.parametrize("seed", range(400, 404))
def test_any_two_maps_of_one_size_are_added(seed: int, tmp_path: Path) -> None:
    """Maps that others read too, one map with itself, sums of sums; pooled and not."""
    net = random_sums(seed)
    images = random_images(net, 2, seed)
    for apart in (False, True):
        report, _, _, _ = check_network(
            net, PYNQ_Z2, images, tmp_path, stages_apart=apart, seed=seed if seed % 2 else None
        )
        assert report.exact, str(report)


EIGHT = replace(SMALL, pixels=8)  # whose words are one beat, written twice


@pytest.mark.parametrize(
    "shape", [SMALL, EIGHT, pumped(SMALL, 2), PYNQ_Z2, pumped(PYNQ_Z2, 2)], ids=str
)
@pytest.mark.parametrize("seed", range(6))
def test_random_network_with_strides(seed: int, shape: EngineShape, tmp_path: Path) -> None:
    """Symmetric padding and Keras', 3x3 and 1x1, in groups with an addition and a pooling or apart;
    words of an odd number of pixels are dealt out in three parts."""
    net = random_strides(seed)
    apart, stalls = seed % 3 == 0, seed if seed % 2 else None
    images = random_images(net, 2, seed)
    report, _, _, _ = check_network(net, shape, images, tmp_path, stages_apart=apart, seed=stalls)
    assert report.exact, str(report)


@pytest.mark.parametrize(
    ("shape", "seed"),
    [
        (SMALL, 1),
        (PYNQ_Z2, 2),
        *(
            pytest.param(shape, seed, marks=pytest.mark.nightly)
            for shape in (SMALL, EIGHT, pumped(SMALL, 2), PYNQ_Z2, pumped(PYNQ_Z2, 2))
            for seed in range(3, 9)
        ),
    ],
    ids=str,
)
def test_random_network_with_padded_poolings(seed: int, shape: EngineShape, tmp_path: Path) -> None:
    """Windows that begin ahead of their map, behind convolutions, modules and additions or apart;
    maps of an odd and an even number of tiles, with a ReLU or not."""
    net = random_padded(seed)
    stalls = seed if seed % 2 else None
    images = random_images(net, 2, seed)
    for apart in (False, True):
        report, counters, _, program = check_network(
            net, shape, images, tmp_path, stages_apart=apart, seed=stalls
        )
        assert report.exact, str(report)
        assert any(g.fields.get("pool_padded") for g in program.groups)
        if stalls is None:
            cycles = predict(program, images=len(images)).cycles
            assert cycles == pytest.approx(counters.cycles, rel=0.03)


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize("seed", range(200, 204))
def test_modules_too_large_for_one_group(seed: int, bypass: bool, tmp_path: Path) -> None:
    """Their squeeze map goes to memory, blocks of their branches re-read it and pool apart."""
    rng = np.random.default_rng(seed)
    body: list[Fire | Pool] = []
    for _ in range(2):
        squeeze, one, three = (int(v) for v in rng.integers(24, 48, 3))
        body += [
            Fire(squeeze, one, three, bypass),
            Pool(int(rng.choice([2, 3])), bool(rng.integers(2))),
        ]
    height, width = (int(v) for v in rng.integers(26, 44, 2))
    relu = bool(rng.integers(2))
    recipe = Recipe(height, width, 3, 3, 1, 1, 20, tuple(body), 12, relu=relu)
    net = build(recipe, seed)
    images = random_images(net, 2, seed)
    stalls = seed if seed % 2 else None
    report, _, _, program = check_network(net, SMALL, images, tmp_path, seed=stalls)
    assert report.exact, str(report)
    for module, pool in (("fire0", "pool1"), ("fire2", "pool3")):
        writers = [g.fields["mode"] for g in program.groups if g.name.startswith(f"{module}/exp")]
        assert len(writers) >= 2 and set(writers) == {d.MODE_POOL}
        adds = {
            g.fields.get("add_enable", 0)
            for g in program.groups
            if g.name.startswith(f"{module}/exp")
        }
        assert adds == {int(bypass)}
        assert not any(g.name.startswith(pool) for g in program.groups)


def test_counters_charge_every_cycle_once(tmp_path: Path) -> None:
    net = random_network(3)
    _, counters, profile, program = check_network(net, PYNQ_Z2, random_images(net, 1, 3), tmp_path)
    assert profile is not None
    assert counters.active + sum(counters.stalls.values()) == counters.cycles
    assert counters.group == len(program.groups) == len(profile.groups)
    assert sum(g.cycles for g in profile.groups) + profile.tail_cycles == counters.cycles
    for group in profile.groups:
        assert group.active + sum(group.stalls.values()) == group.cycles
    stored = sum(m["bytes"] for m in program.host["maps"])
    assert counters.write_beats == (stored + program.host["output"]["bytes"]) / 8


def test_v1_1_reaches_its_budget(tmp_path: Path) -> None:
    """SqueezeNet v1.1 at 224x224 with random weights: bit-exact, in at most 930,000 cycles."""
    net = build(V1_1, 1)
    report, counters, _, program = check_network(net, PYNQ_Z2, random_images(net, 1, 1), tmp_path)
    assert report.exact, str(report)
    assert program.ideal_cycles == 873_856
    assert counters.cycles <= 930_000


@pytest.fixture(scope="module")
def squeezenet(shared_data: Path) -> tuple[QNetwork, np.ndarray]:
    """The trained SqueezeNet v1.0, quantized, and four photos."""
    model = shared_data / "squeezenet_v1.0_deep_compression.net"
    net, preprocessing = load_model(model)
    photos = load_images(sorted((shared_data / "imagenet" / "images").glob("*.jpg")), preprocessing)
    return quantize_network(net, preprocessing, photos[::16]), photos[:4]


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
def test_trained_squeezenet_v1_0(
    squeezenet: tuple[QNetwork, np.ndarray], apart: bool, tmp_path: Path
) -> None:
    """A photo through the trained network: every map of both programs, within the budget."""
    net, photos = squeezenet
    report, counters, _, program = check_network(
        net, PYNQ_Z2, photos[:1], tmp_path, stages_apart=apart
    )
    assert report.exact, str(report)
    if not apart:
        assert program.ideal_cycles == 1_979_448
        assert counters.cycles <= 2_100_000


def test_trained_squeezenet_v1_0_under_back_pressure(
    squeezenet: tuple[QNetwork, np.ndarray], tmp_path: Path
) -> None:
    net, photos = squeezenet
    report, _, _, _ = check_network(net, PYNQ_Z2, photos[1:2], tmp_path, seed=5)
    assert report.exact, str(report)
