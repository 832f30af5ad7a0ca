"""Patterns of a network that one group can compute: Fire modules, additions, what lies behind.

:class:`Patterns` only reads the network; nothing here knows of memory or of an engine's shape.
"""

from __future__ import annotations

from firebrick.hw.compiler.steps import UNPADDED
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QMaxPool,
    QNetwork,
    QNode,
    inputs_of,
)


class Patterns:
    """``own`` says, for each addition that a group can make itself, which operand it computes.

    With ``apart`` every stage is a group of its own, and no group adds or pools behind another;
    without ``chains`` no Fire module hands its results to the next one on the chip.
    """

    def __init__(self, net: QNetwork, apart: bool, chains: bool = True) -> None:
        self.net = net
        self.apart = apart
        self.chains = chains
        self.readers: dict[str, list] = {}
        for node in net.nodes:
            for name in inputs_of(node):
                self.readers.setdefault(name, []).append(node)
        self.makers = {node.output: node for node in net.nodes}
        # A branch of a concatenation is a part of another tensor.
        self.joined = {
            name for node in net.nodes if isinstance(node, QConcat) for name in node.inputs
        }
        owns = {n.name: self._own_operand(n) for n in net.nodes if isinstance(n, QAdd)}
        self.own = {} if apart else {k: v for k, v in owns.items() if v is not None}

    def only_reader(self, tensor: str, kind: type):
        """The one node that reads ``tensor`` if it is a ``kind``, else None."""
        readers = self.readers.get(tensor, [])
        return readers[0] if len(readers) == 1 and isinstance(readers[0], kind) else None

    def fire(self, node: QConv) -> tuple[list[QConv], QConcat] | None:
        """The expand layers and the concatenation behind a squeeze layer, if it is one."""
        if node.input == self.net.input or node.weights.shape[2:] != (1, 1) or node.stride != 1:
            return None
        expands = self.readers.get(node.output, [])
        if len(expands) != 2 or not all(isinstance(e, QConv) and e.stride == 1 for e in expands):
            return None
        concats = [self.only_reader(e.output, QConcat) for e in expands]
        if concats[0] is None or concats[0] is not concats[1]:
            return None
        expands = sorted(expands, key=lambda e: concats[0].inputs.index(e.output))
        kernels = [e.weights.shape[2:] for e in expands]
        if len(concats[0].inputs) != 2 or any(k not in ((1, 1), (3, 3)) for k in kernels):
            return None
        return expands, concats[0]

    def next_fire(self, concat: QConcat) -> tuple[QConv, list[QConv], QConcat] | None:
        """The squeeze layer of another Fire module that alone reads what ``concat`` joins, with its
        expand layers and their concatenation, if it can read it on the chip and they can read its
        map from memory."""
        node = self.only_reader(concat.output, QConv)
        fire = self.fire(node) if node is not None and self.chains else None
        if node is None or fire is None or node.padding != UNPADDED:
            return None
        if concat.output in self.net.maps or node.output in self.net.maps:
            return None
        # The last pass that reads rows of the memory frees them; those on the chip have one sign.
        kernels = [expand.weights.shape[2] for expand in fire[0]]
        signs = {branch.relu for branch in self.branches(concat) or []}
        return (node, *fire) if kernels[1] >= kernels[0] and len(signs) == 1 else None

    def branches(self, concat: QConcat) -> list[QConv] | None:
        """The convolutions that a concatenation joins, if it joins nothing else."""
        makers = [self.makers[name] for name in concat.inputs if name != self.net.input]
        convs = [m for m in makers if isinstance(m, QConv)]
        return convs if len(convs) == len(concat.inputs) else None

    def _makers_of(self, tensor: str) -> list[QConv | QConcat]:
        """The nodes that make ``tensor`` for one reader alone, in execution order: a convolution,
        or convolutions, the squeeze layer that they share, and their concatenation."""
        node = self.makers.get(tensor)
        if len(self.readers[tensor]) != 1:
            return []
        if isinstance(node, QConv):
            return [node]
        branches = self.branches(node) if isinstance(node, QConcat) else None
        if branches is None or any(len(self.readers[b.output]) != 1 for b in branches):
            return []
        assert isinstance(node, QConcat)
        squeeze = self.makers.get(branches[0].input)
        if isinstance(squeeze, QConv) and (fire := self.fire(squeeze)) and fire[1] is node:
            return [squeeze, *branches, node]
        return [*branches, node]

    def _own_operand(self, node: QAdd) -> int | None:
        """Which operand the group that adds computes itself: a Fire module's output rather than a
        convolution's, the later one of two; None if both are needed elsewhere too."""
        order = {id(n): i for i, n in enumerate(self.net.nodes)}
        ranks = []
        for index, name in enumerate(node.inputs):
            nodes = self._makers_of(name)
            if nodes and name not in self.joined:
                ranks.append((isinstance(nodes[-1], QConcat), order[id(nodes[-1])], index))
        return max(ranks)[2] if ranks else None

    def order(self) -> list[QNode]:
        """The nodes in the order of their groups: what an addition's group computes waits for the
        other operand, whose layers may come later in the network."""
        waiting: dict[int, list[QConv | QConcat]] = {}
        deferred: set[int] = set()
        for node in self.net.nodes:
            if isinstance(node, QAdd) and node.name in self.own:
                nodes = self._makers_of(node.inputs[self.own[node.name]])
                waiting[id(node)] = nodes
                deferred |= {id(n) for n in nodes}
        order: list[QNode] = []
        for node in self.net.nodes:
            if id(node) not in deferred:
                order += [*waiting.get(id(node), []), node]
        return order

    def behind(self, tensor: str) -> tuple[QAdd | None, QMaxPool | None]:
        """The addition that ``tensor`` is the group's own operand of, and the pooling behind."""
        add = self.only_reader(tensor, QAdd)
        if add is not None and add.inputs.index(tensor) != self.own.get(add.name):
            add = None
        return add, self.only_reader(add.output if add else tensor, QMaxPool)

    def tail(self, node: QConv) -> tuple[QConcat | None, QAdd | None, QMaxPool | None]:
        """What the group of ``node`` does behind it: addition and pooling, by themselves or, which
        gives the same, of ``node``'s branch of a concatenation of convolutions."""
        if self.apart:
            return None, None, None
        add, pool = self.behind(node.output)
        if add or pool:
            return None, add, pool
        concat = self.only_reader(node.output, QConcat)
        if concat is None or self.branches(concat) is None:
            return None, None, None
        add, pool = self.behind(concat.output)
        return (concat if add or pool else None), add, pool
