"""How strided convolutions find the columns of a map that is stored as any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.loading import Loading, loading
from firebrick.hw.compiler.packing import pack_weights
from firebrick.hw.compiler.program import Program
from firebrick.hw.compiler.steps import as_conv
from firebrick.hw.compiler.storage import Storage
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.qnetwork import QConv, QNetwork
from firebrick.sim.random_networks import Fire, Recipe, build, random_strides

SYMMETRIC, KERAS = (1, 1, 1, 1), (0, 0, 1, 1)
# conv1's map has 20 channels, 28 rows and 54 columns: four tiles of 14.
RECIPE = Recipe(28, 54, 3, 3, 1, 1, 20, (Fire(9, 16, 24),), 10)


def strided(kernel: str, padding: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QNetwork:
    """A network whose squeeze layer or 3x3 layer has a stride of 2, its sizes left as they were."""
    net = build(RECIPE, 1)
    name = {"1x1": "fire0/squeeze", "3x3": "fire0/expand3x3"}[kernel]
    nodes = tuple(replace(n, stride=2, padding=padding) if n.name == name else n for n in net.nodes)
    return replace(net, nodes=nodes)


def load(net: QNetwork, shape: EngineShape) -> Loading:
    """How the source of its strided layer is loaded."""
    node = next(n for n in net.nodes if isinstance(n, QConv) and n.stride == 2)
    return loading(Storage(net, shape, {}).place(node.input), as_conv(node, net.input))


def test_two_stored_tiles_become_one_with_both_phases() -> None:
    # The squeeze map has 9 channels.
    assert load(strided("3x3", KERAS), PYNQ_Z2) == Loading(28, 2, 18, 2, odd_first=False)
    assert load(strided("3x3", SYMMETRIC), PYNQ_Z2) == Loading(28, 2, 18, 2, odd_first=True)
    # Of a pumped array each phase has whole sets of words.
    assert load(strided("3x3", KERAS), pumped(PYNQ_Z2, 2)).tile_words == 20
    narrow = EngineShape(20, 8)
    assert load(strided("3x3", KERAS), narrow).tiles == 2  # of three
    assert load(strided("3x3", KERAS), EngineShape(32, 8)).tiles == 1


def test_a_single_pixel_reads_one_phase_of_every_second_row() -> None:
    found = load(strided("1x1"), PYNQ_Z2)
    assert found == Loading(14, 2, 20, 1, odd_first=False, skip=True)
    assert found.row_words == 40


def test_other_layers_load_rows_as_they_are() -> None:
    net = build(RECIPE, 1)
    conv = next(n for n in net.nodes if n.name == "fire0/squeeze")
    assert isinstance(conv, QConv)
    found = loading(Storage(net, PYNQ_Z2, {}).place("conv1"), as_conv(conv, net.input))
    assert found == Loading(28, 4, 20)


def groups_with_phases(program: Program) -> list[dict[str, int]]:
    return [g.fields for g in program.groups if g.fields["load_phases"]]


@pytest.mark.parametrize("shape", [PYNQ_Z2, EngineShape(7, 8, act_words=8192)], ids=str)
def test_no_pixel_is_computed_to_be_thrown_away(shape: EngineShape) -> None:
    """K steps of a strided layer are those of its outputs' tiles, and a quarter of its input's."""
    for seed in range(20):
        net = random_strides(seed)
        program = compile_network(net, shape)
        layers = {la["name"]: la for g in program.host["groups"] for la in g["layers"]}
        for node in net.nodes:
            if not (isinstance(node, QConv) and node.stride == 2):
                continue
            outputs, height, width = net.tensors[node.output].shape
            blocks = -(-outputs // shape.channels)
            steps = max(node.weights[0].size, shape.channels)
            tiles = -(-width // shape.pixels)
            ideal = height * tiles * blocks * steps
            assert layers[node.name]["ideal_cycles"] <= ideal
            assert layers[node.name]["macs"] <= height * width * node.weights.size


def test_descriptors_tell_stored_rows_from_those_of_the_ring() -> None:
    seen = set()
    for seed in range(20):
        for fields in groups_with_phases(compile_network(random_strides(seed), PYNQ_Z2)):
            if fields.get("half_first") or fields.get("half_last"):
                continue  # of rows in pairs, see test_rows.py
            phases, skip = fields["load_phases"], fields["load_skip"]
            tiles = fields["load_row_words"] // fields["load_tile_words"]
            assert fields["src_tile_words"] == phases * fields["load_tile_words"]
            assert fields["src_row_words"] == -(-tiles // 2) * fields["src_tile_words"]
            assert fields["p1_stride"] == phases == (1 if skip else 2)
            assert fields["p1_phase1"] == fields["load_tile_words"]
            assert fields["load_odd"] == fields["p1_left"]
            seen.add((phases, fields["load_odd"], fields["p1_pad"]))
    assert {(1, 0, 0), (2, 0, 0), (2, 1, 1), (2, 0, 1), (2, 1, 0)} == seen


def test_weights_of_phases_in_whole_sets() -> None:
    """An odd channel has a partner of zero weights in each of the two phases."""
    weights = np.arange(1, 28, dtype=np.int8).reshape(1, 3, 3, 3)
    words = pack_weights(weights, 2, 8, pump=2, whole_sets=True)
    # Cycles of a kernel row: two taps of two pairs, one tap of two pairs.
    row = words[0, :6, :, 0]
    first = weights[0, :, 0]
    expected = [
        *((first[0, 0], first[1, 0]), (first[0, 2], first[1, 2])),
        *((first[2, 0], 0), (first[2, 2], 0)),
        *((first[0, 1], first[1, 1]), (first[2, 1], 0)),
    ]
    np.testing.assert_array_equal(row, expected)
