"""The network cut into groups: :func:`group`.

A Fire module whose squeeze map nobody else reads is one group, the addition of a bypass and the max
pooling behind it included.  Where only the squeeze layer of the next module reads its results, they
stay on the chip, and the group ends in that layer: a chain.  The first convolution with its pooling
is another group; the classifier becomes as many as its weights need.  What fits no such pattern is
a group of its own; a lone max pooling or addition follows a 1x1 convolution with the identity,
which the array computes exactly.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from firebrick.hw import definition as d
from firebrick.hw.compiler.loading import loading
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.rows import in_rows
from firebrick.hw.compiler.steps import (
    Addition,
    Step,
    as_conv,
    ceil_div,
    identity,
    module_name,
    refusal,
)
from firebrick.hw.compiler.storage import Storage
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QAdd, QConcat, QConv, QGlobalSum, QMaxPool, QNetwork, QNode


@dataclass(frozen=True)
class Grouper:
    """What every decision about groups depends on; ``unfused`` are squeeze layers of Fire modules
    that do not fit the activation memory in one group, ``unchained`` those that it has no room for
    behind the module before.  ``made`` are the squeeze layers that are another group's tail."""

    net: QNetwork
    shape: EngineShape
    patterns: Patterns
    storage: Storage
    unfused: Set[str]
    unchained: Set[str]
    made: set[str] = field(default_factory=set)

    def of_addition(self, node: QAdd) -> tuple[list[Step], list[QNode]]:
        """Groups of an addition that no operand's group makes, and the nodes taken along."""
        source = node.inputs[0]
        pool = None if self.patterns.apart else self.patterns.only_reader(node.output, QMaxPool)
        target, first = self.storage.target((pool or node).output)
        form = self.storage.rows(source)
        conv = identity(node, self.net.tensors[source])
        conv = in_rows(conv, form, form, self.net.tensors[source].shape[1:], self.shape)
        step = Step(node.name, source, None, [conv], pool, target, first, _addition(node, 0))
        return self._pieces(step), [pool] if pool else []

    def of_pooling(self, node: QMaxPool) -> list[Step]:
        target, first = self.storage.target(node.output)
        conv = identity(node, self.net.tensors[node.input])
        return self._pieces(Step(node.name, node.input, None, [conv], node, target, first))

    def of_classifier(self, node: QGlobalSum) -> list[Step]:
        _, height, width = self.net.tensors[node.input].shape
        form = self.storage.rows(node.input)
        conv = as_conv(node, self.net.input)
        conv = in_rows(conv, form, form, (height, width), self.shape)
        return self._pieces(Step(node.name, node.input, None, [conv], None, None))

    def of_fire(self, node: QConv) -> tuple[Step, list[QNode]] | None:
        """The group of the Fire module whose squeeze layer is ``node``; None if it is none, or if
        the module does not fit the engine's memories.

        Where the next module's squeeze layer alone reads the results it is this group's tail, and
        its map is the one that is stored.
        """
        if self.patterns.apart or node.name in self.unfused:
            return None
        fire = self.patterns.fire(node)
        if fire is None:
            return None
        expands, concat = fire
        added, pool = self.patterns.behind(concat.output)
        made = node.name in self.made
        step = Step(
            module_name([node.name, *(e.name for e in expands)]),
            node.output if made else node.input,
            None if made else as_conv(node, self.net.input),
            [as_conv(e, self.net.input) for e in expands],
            pool,
            None,
            add=self._own_addition(added),
            chained=node.name if made else "",
        )
        # What does not fit is taken apart, and its branches are pooled one by one: a lone
        # pooling would cost as much as a convolution of all its channels.
        if not self._fits(step):
            return None
        last = self._chain(step, concat) or pool or added or concat
        step.target, step.first_channel = self.storage.target(last.output)
        return step, [n for n in (*expands, concat, added, pool) if n]

    def _chain(self, step: Step, concat: QConcat) -> QConv | None:
        """Give a Fire module's group its tail, if it can have one: the next squeeze layer."""
        behind = self.patterns.next_fire(concat)
        if behind is None or behind[0].name in {*self.unfused, *self.unchained}:
            return None
        squeeze, expands, joined = behind
        # What fills the last set of the ring's words is computed in the last block, if it has room.
        outputs = step.main_outputs
        last = (step.main[-1].outputs - 1) % self.shape.channels + 1
        if last + self.storage.words(outputs) - outputs > self.shape.channels:
            return None
        tail = as_conv(squeeze, self.net.input)
        # What is behind the chain must do with the memory of its tail's map.
        main = [as_conv(e, self.net.input) for e in expands]
        module = Step("", "", tail, main, self.patterns.behind(joined.output)[1], None)
        if not self._fits(replace(step, tail=tail)) or not self._fits(module):
            return None
        step.tail = tail
        self.made.add(squeeze.name)
        return squeeze

    def of_convolution(self, node: QConv) -> tuple[list[Step], list[QNode]]:
        """Groups of a convolution by itself, with what follows it, and the nodes taken along."""
        joined, added, pool = self.patterns.tail(node)
        target, first = self.storage.target((pool or added or node).output)
        addition = self._own_addition(added)
        if joined is not None:
            branch = self.storage.slices[node.output][1]
            first += branch
            addition = replace(addition, first=branch) if addition else None
        conv = in_rows(
            as_conv(node, self.net.input),
            self.storage.rows(node.input),
            self.storage.rows(node.output),
            self.net.tensors[node.output].shape[1:],
            self.shape,
        )
        step = Step(node.name, node.input, None, [conv], pool, target, first, addition)
        return self._pieces(step), [n for n in (joined, added, pool) if n]

    def _own_addition(self, node: QAdd | None) -> Addition | None:
        return _addition(node, self.patterns.own[node.name]) if node else None

    def _fits(self, step: Step) -> bool:
        """Whether a group's weights and pooled channels fit the engine's memories."""
        c = self.shape.channels
        words = sum(conv.words(self.shape) for conv in step.convolutions)
        pairs = sum(conv.blocks(c) * c // 2 for conv in step.convolutions)
        return (
            words <= self.shape.weight_words - 2
            and pairs <= self.shape.bias_pairs - 2
            and self._pool_fits(step.pool, step.main_outputs)
        )

    def _pool_fits(self, pool: QMaxPool | None, channels: int) -> bool:
        if pool is None:
            return True
        line = self._pooled_line(pool) * channels
        return channels <= self.shape.pool_channels and line <= self.shape.pool_line_words

    def _pooled_line(self, pool: QMaxPool) -> int:
        """Words of a pooled line in a channel, with what an odd tile at its end would begin where
        windows start a column ahead of the map."""
        tiles = self.storage.tiles(self.net.tensors[pool.input].shape[2])
        return (tiles - 1 + pool.padding) // 2 + 1

    def _pieces(self, step: Step) -> list[Step]:
        """A single convolution cut into groups whose weights fit; the group itself if it fits."""
        conv = step.main[0]
        sizes = [blocks * self.shape.channels for blocks in self._sizes(step)]
        pieces: list[Step] = []
        first = 0
        while first < conv.outputs:
            last = min(first + sizes[len(pieces) % len(sizes)], conv.outputs)
            whole = (first, last) == (0, conv.outputs)
            name = step.name if whole else f"{step.name}[{len(pieces)}]"
            pieces.append(replace(_part(step, first, last), name=name))
            first = last
        return pieces

    def _sizes(self, step: Step) -> tuple[int, ...]:
        """Blocks of the groups that a convolution is cut into, in turn.

        Where it does not fit whole, any two neighbours fit together, so that the weights of one
        load while the other computes; unless a row is computed sooner than it is read once more.
        """
        conv = step.main[0]
        most = self._piece_blocks(step)
        cycles = conv.cycles(self.shape.pump)
        both = (self.shape.weight_words - 2) // cycles
        if step.target is None or most >= conv.blocks(self.shape.channels) or both < 2:
            return (most,)
        sizes = min(most, ceil_div(both, 2)), min(most, both // 2)
        source = self.storage.source(step.source)
        rows = 1 if conv.fold == d.FOLD_STORED else conv.ring_step * (2 if conv.skips else 1)
        beats = rows * source.row_words * self.shape.word_bytes // d.BEAT_BYTES
        computed = ceil_div(source.tiles, conv.stride) * sizes[1] * cycles
        return sizes if computed >= 2 * beats else (most,)

    def _piece_blocks(self, step: Step) -> int:
        """Blocks of output channels that a group of one convolution can have."""
        conv = step.main[0]
        c = self.shape.channels
        cycles = conv.cycles(self.shape.pump)
        weight_limit = (self.shape.weight_words - 2) // cycles
        if step.target is None:
            # Classifier weights are used once a row: small groups let the next ones load meanwhile.
            # Larger groups read the map fewer times, which counts where a ring holds one row only,
            # which then loads while the array waits, and where a pumped array is through with a
            # group before the next one's rows could be read.
            rows = self.shape.act_words // loading(self.storage.source(step.source), conv).row_words
            share = self.shape.weight_words // (4 if rows >= 4 and self.shape.pump == 1 else 2)
            weight_limit = min(weight_limit, max(1, share // cycles))
        limits = [weight_limit, (self.shape.bias_pairs - 2) // (c // 2)]
        if step.target is None:
            limits.append(self.shape.sums // c)
        if step.pool:
            limits.append(self.shape.pool_channels // c)
            limits.append(self.shape.pool_line_words // (c * self._pooled_line(step.pool)))
        blocks = min(limits)
        if blocks < 1:
            raise refusal(
                self.net.name,
                conv.layer,
                f"one block of {c} channels needs {cycles} weight words, {c // 2} bias pairs"
                f"{' and a line of pooled words' if step.pool else ''}; the engine has "
                f"{self.shape.weight_words}, {self.shape.bias_pairs} and "
                f"{self.shape.pool_line_words}: use an engine with larger memories",
            )
        return blocks


def group(
    net: QNetwork,
    shape: EngineShape,
    patterns: Patterns,
    storage: Storage,
    unfused: Set[str],
    unchained: Set[str],
) -> list[Step]:
    """The groups of ``net`` in execution order, an even number of them if the last can be halved.

    Gives the maps that groups write their places in ``storage``.  Raises CompileError, naming the
    layer and the limit, where not even one block of a layer fits the engine.
    """
    grouper = Grouper(net, shape, patterns, storage, unfused, unchained)
    steps: list[Step] = []
    done: set[int] = set()
    for node in patterns.order():
        if id(node) in done:
            continue
        taken: list[QNode] = []
        if isinstance(node, QConcat):
            storage.place(node.output)
        elif isinstance(node, QAdd):
            found, taken = grouper.of_addition(node)
            steps += found
        elif isinstance(node, QMaxPool):
            steps += grouper.of_pooling(node)
        elif isinstance(node, QGlobalSum):
            steps += grouper.of_classifier(node)
        elif fire := grouper.of_fire(node):
            steps.append(fire[0])
            taken = fire[1]
        else:
            found, taken = grouper.of_convolution(node)
            steps += found
        done |= {id(n) for n in taken}
    return _even(steps, shape.channels)


def _addition(node: QAdd, own: int) -> Addition:
    other = 1 - own
    return Addition(node.name, node.inputs[other], node.left[own], node.left[other], node.shift)


def _part(step: Step, first: int, end: int) -> Step:
    """Channels [first, end) of a group of one convolution."""
    add = replace(step.add, first=step.add.first + first) if step.add else None
    main = [step.main[0].slice(first, end)]
    return replace(step, main=main, first_channel=step.first_channel + first, add=add)


def _even(steps: list[Step], channels: int) -> list[Step]:
    """An even number of groups, if the last one can be halved: then two input rings do."""
    last = steps[-1]
    conv = last.main[0]
    single = last.convolutions == [conv]
    if len(steps) % 2 == 0 or not single or conv.outputs <= channels:
        return steps
    half = conv.blocks(channels) // 2 * channels
    halves = [
        replace(_part(last, first, end), name=f"{last.name}{suffix}")
        for suffix, first, end in (("a", 0, half), ("b", half, conv.outputs))
    ]
    return [*steps[:-1], *halves]
