"""Programs: their structure, their refusals, and the order of weights."""

from __future__ import annotations

import itertools
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.bench.residual import resnet18
from firebrick.host.program import parse_program
from firebrick.host.version import VERSION
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.compiler.host_section import border
from firebrick.hw.compiler.outline import outline
from firebrick.hw.compiler.packing import ROW_CYCLES_MIN, fetch, pack_biases, pack_weights
from firebrick.hw.compiler.program import Program, group_seed
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.model.compiled import predict_outline
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.qnetwork import QAdd, QConcat, QConv, QGlobalSum, QNetwork
from firebrick.sim.random_networks import (
    V1_0,
    V1_0_COMPLEX,
    V1_0_SIMPLE,
    V1_1,
    Fire,
    Pool,
    Recipe,
    build,
    random_network,
)

SMALL_RECIPE = Recipe(24, 26, 3, 3, 2, 0, 20, (Pool(3, True), Fire(8, 16, 24)), 10)


def ideal(program) -> int:
    return sum(la["ideal_cycles"] for g in program.host["groups"] for la in g["layers"])


@pytest.mark.parametrize(("recipe", "cycles"), [(V1_0, 1_979_448), (V1_1, 873_856)])
def test_ideal_cycles_of_the_published_networks(recipe: Recipe, cycles: int) -> None:
    assert ideal(compile_network(build(recipe, 1), PYNQ_Z2)) == cycles


def test_fire_modules_and_pools_are_fused() -> None:
    program = compile_network(build(V1_0, 1), PYNQ_Z2)
    names = [g.name for g in program.groups]
    assert names[:3] == ["conv1", "fire1", "fire2"]
    stored = [m["name"] for m in program.host["maps"]]
    assert "fire1/squeeze" not in stored
    assert "conv1" not in stored
    assert "pool0" in stored
    apart = compile_network(build(V1_0, 1), PYNQ_Z2, stages_apart=True)
    assert {"fire1/squeeze", "conv1", "fire3/concat"} <= {m["name"] for m in apart.host["maps"]}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("apart", [False, True])
def test_stream_is_what_the_header_says(seed: int, apart: bool) -> None:
    """Header, descriptors and payloads parse back, every CRC is right, rings are disjoint."""
    program = compile_network(random_network(seed), PYNQ_Z2, apart)
    blob = program.blob
    header = d.unpack(d.HEADER_LAYOUT, blob[: d.HEADER_BEATS * 8])
    assert header["magic"] == d.PROGRAM_MAGIC
    assert header["header_crc"] == zlib.crc32(blob[: (d.HEADER_BEATS - 1) * 8])
    at = d.HEADER_BEATS * 8
    end = at + header["stream_bytes"]
    groups = []
    while at < end:
        descriptor = blob[at : at + d.DESCRIPTOR_BEATS * 8]
        group = d.unpack(d.DESCRIPTOR_LAYOUT, descriptor)
        seed = group_seed(header["seal"], len(groups))
        assert group["descriptor_crc"] == zlib.crc32(descriptor[:-8], seed)
        at += len(descriptor)
        size = group["bias_pairs"] * 8 + group["weight_words"] * PYNQ_Z2.channels
        assert group["payload_crc"] == zlib.crc32(blob[at : at + size])
        at += size
        groups.append(group)
    assert at == end
    assert len(groups) == header["groups"]
    assert len(blob) == end + header["host_bytes"]
    json.loads(blob[end:])
    assert [g["group_last"] for g in groups] == [0] * (len(groups) - 1) + [1]
    # A run of several images goes round: the first group follows the last.
    for one, two in zip(groups, groups[1:] + groups[:1], strict=True):
        rings = [(one["in_base"], one["in_end"]), (two["in_base"], two["in_end"])]
        if one["p0_enable"]:
            rings.append((one["mid_base"], one["mid_end"]))
        if one["p3_enable"]:
            rings.append((one["tail_base"], one["tail_base"] + 2 * one["tail_row_words"]))
        assert max(end for _, end in rings) <= PYNQ_Z2.act_words
        for a, b in itertools.combinations(rings, 2):
            assert a[1] <= b[0] or b[1] <= a[0], rings


@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 7), st.integers(1, 2), st.data())
def test_weight_order(
    outputs: int, inputs: int, kernel: int, stride: int, data: st.DataObject
) -> None:
    """Words in the order of kernel row, phase, channel, tap - written out as loops."""
    stride = min(stride, kernel)
    seed = data.draw(st.integers(0, 1 << 30))
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (outputs, inputs, kernel, kernel), dtype=np.int8)
    words = pack_weights(weights, stride, 8)
    flat = words.reshape(-1, 8)
    expected = []
    for block in range(-(-outputs // 8)):
        for ky in range(kernel):
            for phase in range(stride):
                for channel in range(inputs):
                    for kx in range(phase, kernel, stride):
                        expected.append(
                            [
                                int(weights[o, channel, ky, kx]) if o < outputs else 0
                                for o in range(block * 8, block * 8 + 8)
                            ]
                        )
    assert flat.tolist() == expected


@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 7), st.integers(1, 2), st.data())
def test_weight_order_of_a_pumped_array(
    outputs: int, inputs: int, kernel: int, stride: int, data: st.DataObject
) -> None:
    """The issuer's walk over pairs of stored words, each with the weight of what it stores."""
    stride = min(stride, kernel)
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    weights = rng.integers(1, 128, (outputs, inputs, kernel, kernel), dtype=np.int8)
    walk = fetch(inputs, (kernel, kernel), stride, 2)
    words = pack_weights(weights, stride, 8, pump=2)
    blocks = -(-outputs // 8)
    assert words.shape == (blocks, kernel * walk.row_cycles, 2, 8)
    assert kernel == 1 or walk.row_cycles >= ROW_CYCLES_MIN
    assert walk.planes % 2 == walk.phase1 % 2 == 0
    used = np.zeros(weights.shape, int)
    for block in range(blocks):
        cycle = 0
        for ky in range(kernel):
            for first in range(0, walk.planes, 2):
                for tap in range(walk.taps[0] if first < walk.phase1 else walk.taps[-1]):
                    for lane in range(2):
                        phase, channel = divmod(first + lane, inputs)
                        kx = phase + stride * tap
                        for column in range(8):
                            found, o = words[block, cycle, lane, column], block * 8 + column
                            if o < outputs and phase < stride and kx < kernel:
                                assert found == weights[o, channel, ky, kx]
                                used[o, channel, ky, kx] += 1
                            else:
                                assert found == 0
                    cycle += 1
    assert (used == 1).all()


def test_bias_entries() -> None:
    entries = pack_biases(np.array([-1, 5]), np.array([31, 7]), 8)
    assert entries.tolist() == [31 << 24 | 0xFFFFFF, 7 << 24 | 5, 0, 0, 0, 0, 0, 0]


def test_border_of_a_padded_classifier() -> None:
    net = build(replace(SMALL_RECIPE, classifier_padding=1), 1)
    node = net.nodes[-1]
    assert isinstance(node, QGlobalSum)
    source = net.tensors[node.input]
    _, height, width = source.shape
    addend, outside = border(node, source)
    assert outside == 2 * (height + width) + 4
    assert addend.tolist() == [outside * max(0, int(b)) for b in node.bias]


def _change(net: QNetwork, name: str, **values) -> QNetwork:
    nodes = tuple(replace(n, **values) if n.name == name else n for n in net.nodes)
    return replace(net, nodes=nodes)


def test_accumulator_overflow_is_refused() -> None:
    net = build(SMALL_RECIPE, 1)
    conv = next(n for n in net.nodes if isinstance(n, QConv))
    bias = conv.bias.copy()
    bias[7] = (1 << 23) - 1
    with pytest.raises(CompileError, match=r"layer conv1: channel 7 can reach \d+ .* 24 bits"):
        compile_network(_change(net, "conv1", bias=bias), PYNQ_Z2)


def test_a_sum_that_could_overflow_is_refused() -> None:
    """Only a large map without any pooling reaches 40 bits."""
    wide = replace(SMALL_RECIPE, height=512, width=512, stride=1, body=(Fire(1, 1, 1),))
    net = build(wide, 1)
    bias = np.full(10, (1 << 22) - 1, np.int32)
    with pytest.raises(CompileError, match=r"layer conv10: channel \d's sum over 510x510 posi"):
        compile_network(_change(net, "conv10", bias=bias), PYNQ_Z2)


def test_weight_of_minus_128_is_refused() -> None:
    net = build(SMALL_RECIPE, 1)
    conv = next(n for n in net.nodes if isinstance(n, QConv))
    weights = conv.weights.copy()
    weights[0, 0, 0, 0] = -128
    with pytest.raises(CompileError, match="layer conv1: a weight is -128"):
        compile_network(_change(net, "conv1", weights=weights), PYNQ_Z2)


def test_unknown_kernel_is_refused() -> None:
    net = build(SMALL_RECIPE, 1)
    with pytest.raises(CompileError, match="layer fire1/expand3x3: a convolution of 3x3, stride 3"):
        compile_network(_change(net, "fire1/expand3x3", stride=3), PYNQ_Z2)
    with pytest.raises(
        CompileError, match=r"layer conv10: .* but for the classifier with stride 2"
    ):
        compile_network(_change(net, "conv10", stride=2), PYNQ_Z2)
    with pytest.raises(CompileError, match="layer fire1/squeeze: a convolution of 1x1, stride 2"):
        net = _change(net, "fire1/squeeze", stride=2, padding=(1, 1, 1, 1))
        compile_network(net, PYNQ_Z2)


def test_too_large_a_network_is_refused_by_layer_and_limit() -> None:
    tiny = EngineShape(14, 32, act_words=64)
    with pytest.raises(CompileError, match=r"layer conv1: 7 rows .* activation memory has 64"):
        compile_network(build(V1_0, 1), tiny)
    few = EngineShape(14, 32, weight_words=16)
    with pytest.raises(CompileError, match=r"layer conv1: one block of 32 channels needs 147"):
        compile_network(build(V1_0, 1), few)


def test_groups_are_split_where_weights_do_not_fit() -> None:
    half = EngineShape(14, 32, weight_words=4096)
    program = compile_network(build(V1_0, 1), half)
    assert all(g.fields["weight_words"] <= 4094 for g in program.groups)
    # The largest module no longer stays together: its squeeze map goes through memory.
    assert "fire10/squeeze" in [m["name"] for m in program.host["maps"]]


@pytest.mark.parametrize(("shape", "share"), [(PYNQ_Z2, 0.0), (pumped(PYNQ_Z2, 2), 0.1)], ids=str)
def test_neighbours_of_a_layer_in_pieces_fit_together(shape: EngineShape, share: float) -> None:
    """ResNet-18's layers of 256 filters do not fit whole: one piece's weights load while the other
    computes.  An array of two K steps is nearly as fast as the port that brings them."""
    found = outline(without_numbers(resnet18(np.random.default_rng(0))), shape)
    layer = [g for g in found.groups if g.name.startswith("layer3.1.b[")]
    assert sum(g.fields["segment_words"] for g in layer) == 256
    for one, other in itertools.pairwise(layer):
        assert one.fields["weight_words"] + other.fields["weight_words"] <= shape.weight_words - 2
    names = {g.name for g in layer[1:]}
    pieces = [g for g in predict_outline(found).groups if g.name in names]
    cycles = sum(g.cycles for g in pieces)
    assert sum(g.stalls["weights"] for g in pieces) <= share * cycles


def test_modules_too_large_for_one_group_pool_in_their_branches() -> None:
    """No identity convolution stands in for the pooling, which would cost N channels a pixel."""
    shape = replace(PYNQ_Z2, pixels=7, channels=16, act_words=8192)
    program = compile_network(build(V1_0, 1), shape)
    names = [g.name for g in program.groups]
    assert names.index("fire8/squeeze") < names.index("fire8/expand1x1")
    assert names.index("fire8/expand1x1") < names.index("fire8/expand3x3[0]")
    assert not any(name.startswith("pool") for name in names)
    maps = {m["name"] for m in program.host["maps"]}
    assert {"fire8/squeeze", "pool9"} <= maps
    assert "fire8/concat" not in maps
    modes = {g.name: g.fields["mode"] for g in program.groups}
    assert modes["fire8/expand1x1"] == modes["fire8/expand3x3[1]"] == d.MODE_POOL
    # The array's work is what it is on the larger engine, but for edges of tiles and blocks.
    assert ideal(program) < 1.01 * 4 * 1_979_448


def test_shapes_have_limits() -> None:
    with pytest.raises(ValueError, match="8, 16, 32 or 64"):
        EngineShape(14, 24)
    with pytest.raises(ValueError, match="power of two"):
        EngineShape(14, 32, act_words=3000)


# ------------------------------------------------------------------------------- additions


def adding(program: Program) -> dict[str, dict[str, int]]:
    """Descriptors of the groups that add a stored map."""
    return {g.name: g.fields for g in program.groups if g.fields.get("add_enable")}


def spliced(net: QNetwork, inputs: tuple[str, str]) -> QNetwork:
    """``net`` with one more addition, of these tensors, before its classifier."""
    *nodes, last = net.nodes
    assert isinstance(last, QGlobalSum)
    add = QAdd("extra", inputs, "extra", (0, 0), 1)
    tensor = replace(net.tensors[inputs[0]], name="extra")
    return replace(
        net,
        tensors={**net.tensors, "extra": tensor},
        nodes=(*nodes, add, replace(last, input="extra")),
    )


@pytest.mark.parametrize(("recipe", "bypasses"), [(V1_0_SIMPLE, 0), (V1_0_COMPLEX, 4)])
def test_a_bypass_is_part_of_its_modules_group(recipe: Recipe, bypasses: int) -> None:
    """A simple one costs the array nothing; a convolution in it runs before the module."""
    net = build(recipe, 1)
    program = compile_network(net, PYNQ_Z2)
    names = [g.name for g in program.groups]
    adds = [node for node in net.nodes if isinstance(node, QAdd)]
    found = adding(program)
    assert list(found) == [node.name.removesuffix("/add") for node in adds]
    assert [n for n in names if n.endswith("/bypass")] == [f"{m}/bypass" for m in found][
        : 2 * bypasses : 2
    ]
    for name in names:
        if name.endswith("/bypass"):
            module = name.removesuffix("/bypass")
            assert found[module]["add_wait_back"] == names.index(module) - names.index(name) == 1
    if not bypasses:
        assert ideal(program) == 1_979_448
    stored = {m["name"]: m for m in program.host["maps"]}
    for node in adds:
        # Module inputs and bypasses are stored, what is added to them never is.
        other = next(m for name, m in stored.items() if name in node.inputs)
        fields = found[node.name.removesuffix("/add")]
        assert fields["add_offset"] == other["offset"]
        assert fields["add_signed"] == other["signed"]
        assert f"{node.name.removesuffix('/add')}/concat" not in stored
        assert fields["add_left"] == max(node.left) and fields["add_shift"] == node.shift


@pytest.mark.parametrize("seed", range(8))
def test_stages_apart_add_by_themselves(seed: int) -> None:
    net = random_network(seed, bypass=True)
    program = compile_network(net, PYNQ_Z2, stages_apart=True)
    assert set(adding(program)) == {n.name for n in net.nodes if isinstance(n, QAdd)}
    assert {n.output for n in net.nodes[:-1]} - {m["name"] for m in program.host["maps"]} == {
        name for n in net.nodes if isinstance(n, QConcat) for name in n.inputs
    }


def test_operands_that_others_read_are_added_by_themselves() -> None:
    """Of two maps in memory one passes through the array unchanged."""
    net = build(replace(SMALL_RECIPE, body=(*SMALL_RECIPE.body, Fire(8, 20, 20))), 1)
    program = compile_network(spliced(net, ("fire2/concat", "fire1/concat")), PYNQ_Z2)
    assert list(adding(program)) == ["fire2"]
    twice = compile_network(spliced(net, ("fire2/concat", "fire2/concat")), PYNQ_Z2)
    assert list(adding(twice)) == ["extra"]
    assert adding(twice)["extra"]["p1_steps"] == 40
    assert adding(twice)["extra"]["add_offset"] == adding(twice)["extra"]["src_offset"]


def test_branches_of_a_module_too_large_for_one_group_add_their_channels() -> None:
    recipe = replace(SMALL_RECIPE, body=(Fire(8, 90, 90), Fire(40, 90, 90, bypass=True)))
    small = EngineShape(14, 16, weight_words=1024)
    program = compile_network(build(recipe, 1), small)
    found = adding(program)
    assert len(found) > 2 and all(name.startswith("fire1/expand") for name in found)
    first = min(f["add_offset"] for f in found.values())
    channels = sum(f["segment_words"] for f in found.values())
    assert channels == 180
    for fields in found.values():
        assert fields["add_offset"] - first == fields["dst_offset"] - min(
            f["dst_offset"] for f in found.values()
        )


def test_the_picture_cannot_be_added() -> None:
    net = build(SMALL_RECIPE, 1)
    with pytest.raises(CompileError, match="layer extra: adds the network's input"):
        compile_network(spliced(net, ("fire1/concat", "data")), PYNQ_Z2)


@pytest.mark.parametrize(("left", "shift"), [((1, 1), 0), ((8, 0), 0), ((0, 0), 16), ((0, 0), -1)])
def test_alignments_that_the_adder_does_not_know(left: tuple[int, int], shift: int) -> None:
    net = build(V1_0_SIMPLE, 1)
    nodes = tuple(
        replace(n, left=left, shift=shift) if isinstance(n, QAdd) else n for n in net.nodes
    )
    with pytest.raises(CompileError, match=r"layer fire2/add: left shifts .* supported are"):
        compile_network(replace(net, nodes=nodes), PYNQ_Z2)


def test_a_program_says_which_release_compiled_it() -> None:
    program = compile_network(random_network(3), PYNQ_Z2)
    assert parse_program(program.blob).made_by == VERSION
