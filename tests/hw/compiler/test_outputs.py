"""Maps that leave the engine: which are copied, and that the copy is the map."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.outputs import ready_for_outputs
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import golden
from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.qnetwork import QConv, QNetwork, inputs_of
from firebrick.sim.random_networks import (
    ending_in_maps,
    map_heads,
    random_images,
    random_network,
    random_sums,
)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [random_network, random_sums])
def test_copies_are_the_maps(make, seed: int) -> None:
    """By the golden model: a network of copies is a network like any other."""
    net = ending_in_maps(make(seed), 1 + seed % 4, seed)
    ready, outputs = ready_for_outputs(net)
    read = {name for node in ready.nodes for name in inputs_of(node)}
    assert not read & set(ready.maps) and {o.stored for o in outputs} == set(ready.maps)
    images = random_images(net, 1, seed)
    expected, found = golden.run(net, images), golden.run(ready, images)
    for name, output in zip(net.maps, outputs, strict=True):
        assert output.tensor == net.tensors[name]
        values = found.tensors[output.stored][:, output.first :][:, : output.tensor.shape[0]]
        np.testing.assert_array_equal(values, expected.tensors[name])


def fire_network(*maps: str) -> QNetwork:
    """Two Fire modules that end in ``maps``."""
    net = next(
        net
        for net in (random_network(seed) for seed in range(50))
        if {"fire0/concat", "fire1/concat"} <= set(net.tensors)
        and "fire2/concat" not in net.tensors
    )
    return ending_in_maps(net, 0, 0) if not maps else QNetwork(
        net.name, net.input, net.tensors, net.nodes[:-1], net.preprocessing, maps=maps
    )  # fmt: skip


def test_what_nobody_reads_is_written_where_it_belongs() -> None:
    net = fire_network("fire1/concat")
    assert ready_for_outputs(net)[0] is net
    program = compile_network(net, PYNQ_Z2)
    *others, last = (group.fields for group in program.groups)
    assert last["dst_space"] == d.OUTPUT_SPACE and last["p1_enable"] and last["p2_enable"]
    assert all(fields["dst_space"] == d.SCRATCH_SPACE for fields in others)
    assert "fire1/concat" not in [entry["name"] for entry in program.host["maps"]]


def test_what_others_read_is_copied_behind_its_layer() -> None:
    net = fire_network("fire0/expand3x3", "fire1/concat")
    ready, _ = ready_for_outputs(net)
    assert ready.maps == ("fire0/expand3x3 (output)", "fire1/concat")
    names = [node.name for node in ready.nodes]
    assert names[names.index("fire0/expand3x3 (output)") - 1] == "fire0/concat"
    program = compile_network(net, PYNQ_Z2)
    assert [m["name"] for m in program.host["output"]["maps"]] == [
        "fire0/expand3x3",
        "fire1/concat",
    ]
    spaces = {group.name: group.fields["dst_space"] for group in program.groups}
    assert (
        spaces["fire0/expand3x3 (output)"] == d.OUTPUT_SPACE and spaces["fire0"] != d.OUTPUT_SPACE
    )


def test_heads_of_one_map_share_blocks() -> None:
    net = map_heads(3, (33, 12, 5))
    check_qnetwork(net)
    ready, outputs = ready_for_outputs(net)
    assert [output.first for output in outputs] == [0, 0, 33, 45]
    assert [output.tensor.name for output in outputs] == list(net.maps)
    last = ready.nodes[-1]
    assert isinstance(last, QConv) and len(last.bias) == 50
    images = random_images(net, 2, 1)
    expected, found = golden.run(net, images), golden.run(ready, images)
    for output in outputs:
        values = found.tensors[output.stored][:, output.first :][:, : output.tensor.shape[0]]
        np.testing.assert_array_equal(values, expected.tensors[output.tensor.name])
    program = compile_network(net, PYNQ_Z2)
    described = {m["name"]: m for m in program.host["output"]["maps"]}
    assert list(described) == list(net.maps)
    assert {described[f"head{n}"]["offset"] for n in range(3)} == {described["head0"]["offset"]}
    assert [described[f"head{n}"]["exponent"] for n in range(3)] == [
        net.tensors[f"head{n}"].exponent for n in range(3)
    ]
