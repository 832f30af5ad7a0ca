"""Networks of Fire modules in a row, and which of their groups end in the next squeeze layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Program
from firebrick.quantize.qnetwork import QConcat, QConv, QNetwork
from firebrick.sim.random_networks import Fire, Pool, Recipe, build

FIRES = (Fire(5, 9, 13), Fire(3, 7, 6), Fire(4, 11, 5))


def _network(height: int, width: int, *body: Fire | Pool, relu: bool = True) -> QNetwork:
    recipe = Recipe(height, width, 2, 3, 1, 0, 6, body or FIRES, 7, relu=relu)
    return build(recipe, 17 * height + width)


def _without_relu(net: QNetwork, *layers: str) -> QNetwork:
    """``net`` with int8 instead of uint8 behind these convolutions."""
    nodes = tuple(
        replace(node, relu=False) if isinstance(node, QConv) and node.name in layers else node
        for node in net.nodes
    )
    signed = {name: replace(net.tensors[name], signed=True) for name in layers}
    return replace(net, nodes=nodes, tensors=net.tensors | signed)


def _swapped(net: QNetwork, *concats: str) -> QNetwork:
    """``net`` with the 3x3 layers' channels first in these concatenations."""
    nodes = tuple(
        replace(node, inputs=node.inputs[::-1])
        if isinstance(node, QConcat) and node.name in concats
        else node
        for node in net.nodes
    )
    return replace(net, nodes=nodes)


def _ending_in(net: QNetwork, *maps: str) -> QNetwork:
    return replace(net, nodes=net.nodes[:-1], maps=maps)


# Each with the groups that have a tail.
NETWORKS: dict[str, tuple[Callable[[], QNetwork], set[str]]] = {
    "plain": (lambda: _network(9, 19), {"fire0", "fire1"}),
    "pooled": (lambda: _network(10, 25, *FIRES, Pool(3, True)), {"fire0", "fire1"}),
    "pooled between": (lambda: _network(11, 20, *FIRES[:2], Pool(2, False), FIRES[2]), {"fire0"}),
    "wide": (lambda: _network(7, 71), {"fire0", "fire1"}),
    "one tile": (lambda: _network(8, 7), {"fire0", "fire1"}),
    "one row": (lambda: _network(3, 33), {"fire0", "fire1"}),
    "two rows": (lambda: _network(4, 24), {"fire0", "fire1"}),
    "three rows": (lambda: _network(5, 30), {"fire0", "fire1"}),
    "bypass": (lambda: _network(8, 18, *FIRES[:2], replace(FIRES[2], bypass=True)), {"fire0"}),
    "bypasses": (lambda: _network(8, 18, *(replace(f, bypass=True) for f in FIRES)), set()),
    "signed": (lambda: _network(9, 22, relu=False), {"fire0", "fire1"}),
    "signed between": (
        lambda: _without_relu(_network(9, 21), "fire1/squeeze", "fire2/squeeze"),
        {"fire0", "fire1"},
    ),
    # Without a squeeze layer of its own, the last pass must be the one that needs most rows.
    "3x3 first": (lambda: _swapped(_network(8, 23), "fire1/concat"), {"fire1"}),
    "3x3 first in the first": (
        lambda: _swapped(_network(8, 23), "fire0/concat"),
        {"fire0", "fire1"},
    ),
    "map of a module": (
        lambda: _ending_in(_network(8, 17), "fire2/concat", "fire1/concat"),
        {"fire0"},
    ),
    "map of a squeeze layer": (
        lambda: _ending_in(_network(8, 17), "fire1/squeeze", "fire2/concat"),
        set(),
    ),
    "many channels": (
        lambda: _network(6, 20, Fire(20, 40, 33), Fire(17, 16, 3), Fire(33, 5, 40)),
        {"fire0", "fire1"},
    ),
}


def tails(program: Program) -> set[str]:
    """Names of the groups that end in the next module's squeeze layer."""
    return {group.name for group in program.groups if group.fields.get("p3_enable")}


def moved_bytes(program: Program) -> int:
    """Bytes of maps that the groups read and write, without sums and what is added."""
    words = 0
    for fields in (group.fields for group in program.groups):
        # Of two rows in one both come with the stored one.
        rows = fields["src_rows"] // (2 if fields.get("load_fold") == d.FOLD_STORED else 1)
        words += rows * fields["load_row_words"] * max(fields.get("load_phases", 0), 1)
        words += fields.get("out_rows", 0) * fields.get("dst_row_words", 0)
    return words * program.shape.word_bytes
