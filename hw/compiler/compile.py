"""The compiler: a quantized network becomes a program for an engine of a given shape.

A network is cut into *groups*.  A Fire module whose squeeze map nobody else reads is one group,
the addition of a bypass and the max pooling behind it included; the first convolution with its
pooling is another; the classifier becomes as many groups as its weights need.  What fits no such
pattern, and every node when ``stages_apart`` is asked for, is a group of its own that reads from
and writes to memory; a lone max pooling or addition follows a 1x1 convolution with the identity,
which the array computes exactly.

An addition is made by the group that computes one of its operands, if nobody else reads that; the
other operand is read from memory.

The rows of a group are loaded while the one before it runs.  Where the activation memory is too
small for that, a *pause* comes between the two: a group of one word that nobody reads.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import asdict, dataclass, replace

import numpy as np

from firebrick.hw import definition as d
from firebrick.hw.compiler import memory_plan
from firebrick.hw.compiler.memory_plan import Need, Place
from firebrick.hw.compiler.packing import pack_biases, pack_weights, phase_taps
from firebrick.hw.compiler.program import Group, Program, assemble
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import (
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QNode,
    QTensor,
    inputs_of,
)

ALIGNMENT = 128
# Bits of a class's sum over the map.
SUM_BITS = 40
# The stored word that a pause reads, and the one that it writes.
PAUSE = "pause"
PAUSE_SOURCE = "pause/source"
# A pause costs the time in which a ring is filled, so only groups of more rows gain by one.
PAUSE_ROWS = 8
# How many groups back a group can wait for the one that makes its source.
WAIT_BACK_MAX = 255
# Rows of a squeeze map that are kept: three that a 3x3 kernel reads, one that is written.
MID_ROWS = 4


class CompileError(FirebrickError):
    """A network that this engine cannot run; the message names the layer and the limit."""


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True)
class Conv:
    """One convolution as the array runs it: output channels [first, first + O) of ``layer``."""

    layer: str
    weights: np.ndarray  # int8 [O, I, kh, kw]
    bias: np.ndarray
    shift: np.ndarray
    stride: int
    pad: int
    relu: bool

    @property
    def outputs(self) -> int:
        return self.weights.shape[0]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def steps(self) -> int:
        """K steps of a block."""
        return int(np.prod(self.weights.shape[1:]))

    def blocks(self, channels: int) -> int:
        return _ceil_div(self.outputs, channels)

    def words(self, channels: int) -> int:
        """Weight words of all blocks."""
        return self.blocks(channels) * self.steps

    def slice(self, first: int, last: int) -> Conv:
        return Conv(
            self.layer,
            self.weights[first:last],
            self.bias[first:last],
            self.shift[first:last],
            self.stride,
            self.pad,
            self.relu,
        )


@dataclass(frozen=True)
class Addition:
    """A stored map that a group adds to its results, from channel ``first`` of ``other`` on:
    (own << own_left + other << other_left) >> shift."""

    layer: str
    other: str
    own_left: int
    other_left: int
    shift: int
    first: int = 0


@dataclass
class Step:
    """A group before it has a place in memory: the tensors it reads and writes, its passes."""

    name: str
    source: str
    squeeze: Conv | None
    main: list[Conv]
    pool: QMaxPool | None
    target: str | None  # None: global sums
    first_channel: int = 0
    add: Addition | None = None

    @property
    def is_pause(self) -> bool:
        return self.source == PAUSE_SOURCE

    @property
    def least_rows(self) -> int:
        """Source rows that must be in memory at once."""
        return 1 if self.squeeze else max(conv.kernel[0] for conv in self.main)


@dataclass(frozen=True)
class Stored:
    """Where a tensor lives: ``channels`` counts phases apart, ``width`` is one phase's."""

    name: str
    space: int
    offset: int
    channels: int
    height: int
    width: int
    tiles: int
    signed: bool

    @property
    def row_words(self) -> int:
        return self.tiles * self.channels


def _module_name(layers: list[str]) -> str:
    """What the names of a Fire module's layers have in common, or the first one's."""
    common = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*layers, strict=False))
    return "".join(letters[0] for letters in common).rstrip("/_-. ") or layers[0]


def _as_conv(node: QConv | QGlobalSum, pad: int) -> Conv:
    shift = node.shift if isinstance(node, QConv) else np.zeros(len(node.bias), np.int32)
    return Conv(node.name, node.weights, node.bias, shift, node.stride, pad, node.relu)


def _identity(node: QMaxPool | QAdd, tensor: QTensor) -> Conv:
    """A 1x1 convolution that hands its input on unchanged."""
    n = tensor.shape[0]
    zeros = np.zeros(n, np.int32)
    eye = np.eye(n, dtype=np.int8).reshape(n, n, 1, 1)
    return Conv(node.name, eye, zeros, zeros, 1, 0, not tensor.signed)


class _Compiler:
    def __init__(self, net: QNetwork, shape: EngineShape, stages_apart: bool) -> None:
        self.net = net
        self.shape = shape
        self.apart = stages_apart
        self.readers: dict[str, list] = {}
        for node in net.nodes:
            for name in inputs_of(node):
                self.readers.setdefault(name, []).append(node)
        self.makers = {node.output: node for node in net.nodes}
        # Squeeze layers of Fire modules that do not fit the activation memory in one group.
        self.unfused: set[str] = set()
        # Pauses behind a group, and groups whose rings hold no row more than they must.
        self.pauses: Counter[str] = Counter()
        self.modest: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        # A branch of a concatenation is stored as a range of the concatenation's channels.
        self.slices: dict[str, tuple[str, int]] = {}
        self.stored: dict[str, Stored] = {}
        self.scratch_bytes = 0

    # ------------------------------------------------------------------------------- checks
    def _fail(self, layer: str, text: str) -> CompileError:
        return CompileError(f"{self.net.name}, layer {layer}: {text}")

    def _check_conv(self, node: QConv | QGlobalSum) -> None:
        """Accumulator range from the weights themselves, and the kernels that the array knows."""
        source = self.net.tensors[node.input]
        largest = 128 if source.signed else 255
        weights = node.weights.astype(np.int64)
        if np.abs(weights).max(initial=0) > 127:
            raise self._fail(node.name, "a weight is -128; weights are within [-127, 127]")
        bound = np.abs(node.bias.astype(np.int64)) + largest * np.abs(weights).sum(axis=(1, 2, 3))
        limit = 1 << (self.shape.acc_bits - 1)
        if bound.max(initial=0) >= limit:
            channel = int(bound.argmax())
            raise self._fail(
                node.name,
                f"channel {channel} can reach {int(bound[channel])} in the accumulator, whose "
                f"{self.shape.acc_bits} bits end at {limit - 1}: quantize its weights with a "
                "smaller exponent",
            )
        if isinstance(node, QGlobalSum):
            total = int(bound.max()) * source.shape[1] * source.shape[2]
            if total >= 1 << (SUM_BITS - 1):
                raise self._fail(
                    node.name,
                    f"channel {int(bound.argmax())}'s sum over {source.shape[1]}x{source.shape[2]} "
                    f"positions can reach {total}, whose {SUM_BITS} bits end at "
                    f"{(1 << (SUM_BITS - 1)) - 1}: use a smaller input or more poolings",
                )
        if isinstance(node, QConv) and (node.shift.min() < 0 or node.shift.max() > 31):
            raise self._fail(node.name, "a shift is outside 0..31")
        kh, kw = node.weights.shape[2:]
        from_input = node.input == self.net.input
        if from_input:
            taps = phase_taps(kw, node.stride)
            if node.stride > 2 or kh > 15 or max(taps) > 4 or min(taps) < 1:
                raise self._fail(
                    node.name,
                    f"a first convolution of {kh}x{kw} with stride {node.stride}; supported are "
                    "up to 15 rows, and columns up to 4 (stride 1) or 2 to 8 (stride 2)",
                )
            if kh > 1 and node.weights.shape[1] * kw < 3:
                raise self._fail(
                    node.name,
                    f"a kernel of {kh}x{kw} on {node.weights.shape[1]} channel: a kernel row must "
                    "have at least 3 weights",
                )
            return
        plain = (kh, kw) == (1, 1) and (isinstance(node, QGlobalSum) or not any(node.padding))
        same = (kh, kw) == (3, 3) and tuple(node.padding) == (1, 1, 1, 1)
        if node.stride != 1 or not (plain or same):
            raise self._fail(
                node.name,
                f"a convolution of {kh}x{kw}, stride {node.stride}, padding {node.padding}; "
                "behind the first layer supported are 1x1 without padding and 3x3 with padding 1, "
                "both with stride 1",
            )

    # ------------------------------------------------------------------------------ grouping
    def _only_reader(self, tensor: str, kind: type):
        readers = self.readers.get(tensor, [])
        return readers[0] if len(readers) == 1 and isinstance(readers[0], kind) else None

    def _fire(self, node: QConv) -> tuple[list[QConv], QConcat] | None:
        """The expand layers and the concatenation behind a squeeze layer, if it is one."""
        if node.input == self.net.input or node.weights.shape[2:] != (1, 1):
            return None
        expands = self.readers.get(node.output, [])
        if len(expands) != 2 or not all(isinstance(e, QConv) for e in expands):
            return None
        concats = [self._only_reader(e.output, QConcat) for e in expands]
        if concats[0] is None or concats[0] is not concats[1]:
            return None
        expands.sort(key=lambda e: concats[0].inputs.index(e.output))
        kernels = [e.weights.shape[2:] for e in expands]
        if len(concats[0].inputs) != 2 or any(k not in ((1, 1), (3, 3)) for k in kernels):
            return None
        return expands, concats[0]

    def _tiles(self, width: int) -> int:
        return _ceil_div(width, self.shape.pixels)

    def _pool_fits(self, pool: QMaxPool | None, channels: int) -> bool:
        if pool is None:
            return True
        width = self.net.tensors[pool.input].shape[2]
        line = _ceil_div(self._tiles(width), 2) * channels
        return channels <= self.shape.pool_channels and line <= self.shape.pool_line_words

    def _fits(self, step: Step) -> bool:
        """Whether a group's weights and pooled channels fit the engine's memories."""
        convs = [*([step.squeeze] if step.squeeze else []), *step.main]
        c = self.shape.channels
        words = sum(conv.words(c) for conv in convs)
        pairs = sum(conv.blocks(c) * c // 2 for conv in convs)
        main = sum(conv.outputs for conv in step.main)
        return (
            words <= self.shape.weight_words - 2
            and pairs <= self.shape.bias_pairs - 2
            and self._pool_fits(step.pool, main)
        )

    def _need(self, step: Step) -> Need:
        """What a group needs of the activation memory."""
        source = self._source(step.source)
        mid_words = 0
        if step.squeeze is not None:
            mid_words = MID_ROWS * self._tiles(source.width) * step.squeeze.outputs
        rows = step.least_rows
        if step.squeeze is None and step.name not in self.modest and source.height >= PAUSE_ROWS:
            # The rows of the next output row load while this one is computed.  (A squeeze row is
            # free as soon as it is squeezed, and the next one loads while the array expands.)
            rows = min(rows + step.main[0].stride, source.height)
        return Need(step.name, source.row_words, rows, source.height, mid_words)

    def _check_add(self, node: QAdd) -> None:
        if self.net.input in node.inputs:
            raise self._fail(
                node.name,
                "adds the network's input; only maps that a layer before it computes can be added",
            )
        if min(node.left) != 0 or max(node.left) > 7 or not 0 <= node.shift <= 15:
            raise self._fail(
                node.name,
                f"left shifts {node.left} and right shift {node.shift}; supported are a left shift "
                "of up to 7 of one operand and a right shift of up to 15",
            )

    def _branches(self, concat: QConcat) -> list[QConv] | None:
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
        branches = self._branches(node) if isinstance(node, QConcat) else None
        if branches is None or any(len(self.readers[b.output]) != 1 for b in branches):
            return []
        assert isinstance(node, QConcat)
        squeeze = self.makers.get(branches[0].input)
        if isinstance(squeeze, QConv) and (fire := self._fire(squeeze)) and fire[1] is node:
            return [squeeze, *branches, node]
        return [*branches, node]

    def _own_operand(self, node: QAdd) -> int | None:
        """Which operand the group that adds computes itself: a Fire module's output rather than a
        convolution's, the later one of two; None if both are needed elsewhere too."""
        order = {id(n): i for i, n in enumerate(self.net.nodes)}
        ranks = []
        for index, name in enumerate(node.inputs):
            nodes = self._makers_of(name)
            if nodes and name not in self.slices:
                ranks.append((isinstance(nodes[-1], QConcat), order[id(nodes[-1])], index))
        return max(ranks)[2] if ranks else None

    def _addition(self, node: QAdd, own: int) -> Addition:
        other = 1 - own
        return Addition(node.name, node.inputs[other], node.left[own], node.left[other], node.shift)

    def _order(self) -> list[QNode]:
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

    def _behind(self, tensor: str) -> tuple[QAdd | None, QMaxPool | None]:
        """The addition that ``tensor`` is the group's own operand of, and the pooling behind."""
        add = self._only_reader(tensor, QAdd)
        if add is not None and add.inputs.index(tensor) != self.own.get(add.name):
            add = None
        return add, self._only_reader(add.output if add else tensor, QMaxPool)

    def _tail(self, node: QConv) -> tuple[QConcat | None, QAdd | None, QMaxPool | None]:
        """What the group of ``node`` does behind it: addition and pooling, by themselves or, which
        gives the same, of ``node``'s branch of a concatenation of convolutions."""
        if self.apart:
            return None, None, None
        add, pool = self._behind(node.output)
        if add or pool:
            return None, add, pool
        concat = self._only_reader(node.output, QConcat)
        if concat is None or self._branches(concat) is None:
            return None, None, None
        add, pool = self._behind(concat.output)
        return (concat if add or pool else None), add, pool

    def _pieces(self, step: Step) -> list[Step]:
        """A single convolution cut into groups whose weights fit; the group itself if it fits."""
        conv = step.main[0]
        c = self.shape.channels
        weight_limit = (self.shape.weight_words - 2) // conv.steps
        if step.target is None:
            # Classifier weights are used once a row: small groups let the next ones load meanwhile.
            # Where a ring holds one row only, which then loads while the array waits, larger
            # groups read the map fewer times.
            rows = self.shape.act_words // self._source(step.source).row_words
            share = self.shape.weight_words // (4 if rows >= 4 else 2)
            weight_limit = min(weight_limit, max(1, share // conv.steps))
        limits = [weight_limit, (self.shape.bias_pairs - 2) // (c // 2)]
        if step.target is None:
            limits.append(self.shape.sums // c)
        if step.pool:
            limits.append(self.shape.pool_channels // c)
            width = self.net.tensors[step.pool.input].shape[2]
            limits.append(self.shape.pool_line_words // (c * _ceil_div(self._tiles(width), 2)))
        blocks = min(limits)
        if blocks < 1:
            raise self._fail(
                conv.layer,
                f"one block of {c} channels needs {conv.steps} weight words, {c // 2} bias pairs"
                f"{' and a line of pooled words' if step.pool else ''}; the engine has "
                f"{self.shape.weight_words}, {self.shape.bias_pairs} and "
                f"{self.shape.pool_line_words}: use an engine with larger memories",
            )
        pieces: list[Step] = []
        size = blocks * c
        for first in range(0, conv.outputs, size):
            part = conv.slice(first, min(first + size, conv.outputs))
            name = step.name if conv.outputs <= size else f"{step.name}[{len(pieces)}]"
            pieces.append(
                Step(
                    name,
                    step.source,
                    None,
                    [part],
                    step.pool,
                    step.target,
                    step.first_channel + first,
                    replace(step.add, first=step.add.first + first) if step.add else None,
                )
            )
        return pieces

    def steps(self) -> list[Step]:
        """Cut the network into groups, in execution order."""
        self._forget()
        for node in self.net.nodes:
            if isinstance(node, QConcat):
                first = 0
                for name in node.inputs:
                    if len(self.readers[name]) > 1 or name in self.slices:
                        raise self._fail(
                            node.name, f"{name} is read by more than this concatenation"
                        )
                    self.slices[name] = (node.output, first)
                    first += self.net.tensors[name].shape[0]
            elif isinstance(node, QAdd):
                self._check_add(node)
            elif isinstance(node, QConv | QGlobalSum):
                self._check_conv(node)
        self._place_input()
        owns = {n.name: self._own_operand(n) for n in self.net.nodes if isinstance(n, QAdd)}
        self.own = {} if self.apart else {k: v for k, v in owns.items() if v is not None}
        steps: list[Step] = []
        done: set[int] = set()
        for node in self._order():
            if id(node) in done:
                continue
            if isinstance(node, QAdd):
                source = node.inputs[0]
                pool = None if self.apart else self._only_reader(node.output, QMaxPool)
                target, first = self._target((pool or node).output)
                conv = _identity(node, self.net.tensors[source])
                add = self._addition(node, 0)
                steps += self._pieces(
                    Step(node.name, source, None, [conv], pool, target, first, add)
                )
                done |= {id(pool)} if pool else set()
                continue
            if isinstance(node, QConcat):
                self._place(node.output)
                continue
            if isinstance(node, QMaxPool):
                tensor = self.net.tensors[node.input]
                target, first = self._target(node.output)
                conv = _identity(node, tensor)
                steps += self._pieces(
                    Step(node.name, node.input, None, [conv], node, target, first)
                )
                continue
            if isinstance(node, QGlobalSum):
                conv = _as_conv(node, 1 if node.weights.shape[2] == 3 else 0)
                steps += self._pieces(Step(node.name, node.input, None, [conv], None, None))
                continue
            fire = None if self.apart or node.name in self.unfused else self._fire(node)
            if fire:
                expands, concat = fire
                added, pool = self._behind(concat.output)
                step = Step(
                    _module_name([node.name, *(e.name for e in expands)]),
                    node.input,
                    _as_conv(node, 0),
                    [_as_conv(e, e.weights.shape[2] // 2) for e in expands],
                    pool,
                    None,
                    add=self._addition(added, self.own[added.name]) if added else None,
                )
                # What does not fit is taken apart, and its branches are pooled one by one: a lone
                # pooling would cost as much as a convolution of all its channels.
                if self._fits(step):
                    last = pool or added or concat
                    step.target, step.first_channel = self._target(last.output)
                    steps.append(step)
                    done |= {id(n) for n in (*expands, concat, added, pool) if n}
                    continue
            pad = 0 if node.input == self.net.input else node.weights.shape[2] // 2
            joined, added, pool = self._tail(node)
            target, first = self._target((pool or added or node).output)
            addition = self._addition(added, self.own[added.name]) if added else None
            if joined is not None:
                branch = self.slices[node.output][1]
                first += branch
                addition = replace(addition, first=branch) if addition else None
            done |= {id(n) for n in (joined, added, pool) if n}
            convs = [_as_conv(node, pad)]
            steps += self._pieces(
                Step(node.name, node.input, None, convs, pool, target, first, addition)
            )
        return steps

    def _even(self, steps: list[Step]) -> list[Step]:
        """An even number of groups, if the last one can be halved: then two input rings do."""
        last = steps[-1]
        c = self.shape.channels
        if len(steps) % 2 == 0 or last.main[0].outputs <= c:
            return steps
        conv = last.main[0]
        half = conv.blocks(c) // 2 * c
        halves = [
            Step(
                f"{last.name}{suffix}",
                last.source,
                None,
                [conv.slice(first, end)],
                None,
                None,
                last.first_channel + first,
            )
            for suffix, first, end in (("a", 0, half), ("b", half, conv.outputs))
        ]
        return [*steps[:-1], *halves]

    # ------------------------------------------------------------------------------- memory
    def _place_input(self) -> None:
        tensor = self.net.tensors[self.net.input]
        readers = self.readers.get(self.net.input, [])
        first = readers[0] if len(readers) == 1 else None
        if not isinstance(first, QConv | QGlobalSum):
            raise self._fail(
                self.net.input, "the network's input must feed exactly one convolution"
            )
        channels, height, width = tensor.shape
        top, left, bottom, right = first.padding
        self.phases = first.stride
        self.first = first
        height, width = height + top + bottom, _ceil_div(width + left + right, first.stride)
        self.stored[self.net.input] = Stored(
            self.net.input,
            d.INPUT_SPACE,
            0,
            channels * first.stride,
            height,
            width,
            self._tiles(width),
            tensor.signed,
        )

    def _bytes(self, stored: Stored) -> int:
        return stored.height * stored.row_words * self.shape.word_bytes

    def _place(self, name: str) -> Stored:
        """The stored tensor of this name, given its place when it is first asked for."""
        if name not in self.stored:
            tensor = self.net.tensors[name]
            channels, height, width = tensor.shape
            stored = Stored(
                name,
                d.SCRATCH_SPACE,
                self.scratch_bytes,
                channels,
                height,
                width,
                self._tiles(width),
                tensor.signed,
            )
            self.stored[name] = stored
            self.scratch_bytes += _ceil_div(self._bytes(stored), ALIGNMENT) * ALIGNMENT
        return self.stored[name]

    def _target(self, name: str) -> tuple[str, int]:
        """Stored tensor and first channel that hold tensor ``name``."""
        first = 0
        while name in self.slices:
            name, offset = self.slices[name]
            first += offset
        self._place(name)
        return name, first

    def _source(self, name: str) -> Stored:
        if name in self.slices:
            raise self._fail(name, "a branch of a concatenation is read by itself")
        return self._place(name)

    # -------------------------------------------------------------------------- descriptors
    def _pass(
        self, index: int, conv: Conv, source: Stored, mid: bool, channels: int
    ) -> dict[str, int]:
        taps = phase_taps(conv.kernel[1], conv.stride)
        left = conv.pad > 0
        words = [3 if left else min(t, 2) for t in taps]
        values = {
            "channels": channels,
            "phase1": channels // len(taps),
            "steps": conv.steps,
            "blocks": conv.blocks(self.shape.channels),
            "last": conv.outputs - (conv.blocks(self.shape.channels) - 1) * self.shape.channels,
            "kh": conv.kernel[0],
            "enable": 1,
            "mid": int(mid),
            "stride": conv.stride,
            "pad": conv.pad,
            "taps0": taps[0],
            "taps1": taps[-1],
            "words0": words[0],
            "words1": words[-1],
            "left": int(left),
            "relu": int(conv.relu),
            # What passes through the squeeze ring has been saturated to uint8 by its ReLU.
            "src_signed": int(source.signed),
        }
        return {f"p{index}_{k}": v for k, v in values.items()}

    def encode(self, steps: list[Step]) -> list[Group]:
        """Descriptors and payloads; raises CompileError where a field or memory is too small."""
        places = memory_plan.plan([self._need(step) for step in steps], self.shape.act_words)
        writers: dict[str, int] = {}
        groups = []
        for number, (step, place) in enumerate(zip(steps, places, strict=True)):
            source = self._source(step.source)
            groups.append(self._group(step, number, source, place, writers, steps))
            if step.target is not None:
                writers[step.target] = number
        return groups

    def _group(
        self,
        step: Step,
        number: int,
        source: Stored,
        place: Place,
        writers: dict[str, int],
        steps: list[Step],
    ) -> Group:
        shape = self.shape
        layer = step.main[0].layer
        first_main = step.main[0]
        if step.squeeze:
            height, width = source.height, source.width
        else:
            kh, kw = first_main.kernel
            pad = first_main.pad
            height = (source.height + 2 * pad - kh) // first_main.stride + 1
            taps = phase_taps(kw, first_main.stride)
            width = source.width if pad else source.width - taps[0] + 1
            if first_main.stride == 2:
                width = (self._picture_width() - kw) // 2 + 1
        outputs = sum(c.outputs for c in step.main)
        rows, last_emit = height, 0
        out_height, out_width = height, width
        if step.pool:
            k = step.pool.kernel
            _, out_height, out_width = self.net.tensors[step.pool.output].shape
            rows = min(height, 2 * (out_height - 1) + k)
            last_emit = int(2 * (out_height - 1) + k > height)
        elif step.target is None:
            out_height, out_width = 1, 1
        tiles = self._tiles(width)
        below = max((c.kernel[0] - 1 - c.pad) for c in step.main)
        values: dict[str, int] = {
            "src_offset": source.offset,
            "src_space": source.space,
            "src_row_words": source.row_words,
            "src_tile_words": source.channels,
            "src_tiles": source.tiles,
            "src_last_tile": (tiles - 1) * source.channels,
            "group_last": int(number == len(steps) - 1),
            "rows": rows,
            "tiles": tiles,
            "last_pixels": width - (tiles - 1) * shape.pixels,
            "out_rows": out_height,
        }
        if step.source in writers:
            back = number - writers[step.source]
            # Rows are loaded at most one group ahead, so a group that is not the next behind
            # another one of the same map finds it whole.
            whole = any(earlier.source == step.source for earlier in steps[: number - 1])
            if back <= WAIT_BACK_MAX:
                values |= {"wait_enable": 1, "wait_back": back}
            elif not whole:
                raise self._fail(
                    layer,
                    f"its input was written {back} groups before; at most {WAIT_BACK_MAX} are "
                    "supported: use an engine with larger memories, which needs fewer groups",
                )

        if step.add:
            values |= self._addition_fields(step.add, number, writers)

        payload_bias, payload_weights = [], []
        weight_words = bias_pairs = 0
        convs = [(0, step.squeeze)] if step.squeeze else []
        convs += [(i + 1, c) for i, c in enumerate(step.main)]
        squeeze_signed = step.squeeze is not None and not step.squeeze.relu
        for index, conv in convs:
            assert conv is not None
            mid = index > 0 and step.squeeze is not None
            channels = step.squeeze.outputs if mid and step.squeeze else source.channels
            fields = self._pass(index, conv, source, mid, channels)
            if mid:
                fields[f"p{index}_src_signed"] = int(squeeze_signed)
            fields[f"p{index}_weights"] = weight_words
            fields[f"p{index}_bias"] = bias_pairs
            values |= fields
            weight_words += conv.words(shape.channels)
            bias_pairs += conv.blocks(shape.channels) * shape.channels // 2
            payload_weights.append(pack_weights(conv.weights, conv.stride, shape.channels))
            payload_bias.append(pack_biases(conv.bias, conv.shift, shape.channels))
        values |= {"weight_words": weight_words, "bias_pairs": bias_pairs}

        if step.squeeze:
            mid_tile = step.squeeze.outputs
            src_rows = min(height, rows + below)
            values |= {
                "src_rows": src_rows,
                "mid_total": src_rows,
                "lead": 2,
                "mid_base": place.mid_base,
                "mid_row_words": tiles * mid_tile,
                "mid_end": place.mid_base + MID_ROWS * tiles * mid_tile,
                "mid_tile_words": mid_tile,
                "mid_last_tile": (tiles - 1) * mid_tile,
            }
        else:
            values["src_rows"] = min(
                source.height,
                (rows - 1) * first_main.stride + first_main.kernel[0] - first_main.pad,
            )
        values |= {
            "in_rows": place.in_rows,
            "in_base": place.in_base,
            "in_end": place.in_base + place.in_rows * source.row_words,
        }

        if step.target is None:
            values |= {
                "mode": d.MODE_SUM,
                "dst_space": d.OUTPUT_SPACE,
                "dst_offset": 8 * step.first_channel,
                "segment_words": outputs,
                "out_tiles": 1,
            }
        else:
            target = self.stored[step.target]
            values |= {
                "mode": d.MODE_POOL if step.pool else d.MODE_DIRECT,
                "dst_space": target.space,
                "dst_offset": target.offset + step.first_channel * shape.word_bytes,
                "dst_row_words": target.row_words,
                "dst_tile_words": target.channels,
                "dst_last_tile": (target.tiles - 1) * target.channels,
                "segment_words": outputs,
                "out_signed": int(target.signed),
                "out_tiles": target.tiles,
                "out_last_pixels": out_width - (target.tiles - 1) * shape.pixels,
            }
            if step.pool:
                values |= {
                    "pool_kernel3": int(step.pool.kernel == 3),
                    "pool_last_emit": last_emit,
                    "pool_last_tile": (tiles - 1) // 2 * outputs,
                }
        payload = b"".join(b.astype("<u4").tobytes() for b in payload_bias)
        payload += b"".join(w.tobytes() for w in payload_weights)
        group = Group(step.name, values, payload)
        try:
            group.encode()
        except ValueError as error:
            raise self._fail(layer, f"too large for the program format: {error}") from error
        return group

    def _addition_fields(
        self, add: Addition, number: int, writers: dict[str, int]
    ) -> dict[str, int]:
        other = self._source(add.other)
        # What is fetched for a group waits for rows of an earlier one.  Results of so few groups
        # can be on their way that those further back are in memory anyway.
        back = number - writers[add.other]
        waits = back <= WAIT_BACK_MAX
        return {
            "add_enable": 1,
            "add_left": max(add.own_left, add.other_left),
            "add_shifts_own": int(add.own_left > 0),
            "add_shift": add.shift,
            "add_signed": int(other.signed),
            "add_wait_enable": int(waits),
            "add_wait_back": back if waits else 0,
            "add_offset": other.offset + add.first * self.shape.word_bytes,
            "add_tile_words": other.channels,
            "add_last_tile": (other.tiles - 1) * other.channels,
        }

    def _picture_width(self) -> int:
        _, left, _, right = self.first.padding
        return self.net.tensors[self.net.input].shape[2] + left + right

    # ------------------------------------------------------------------------- host section
    def _host(self, steps: list[Step], groups: list[Group]) -> dict:
        net, shape = self.net, self.shape
        channels, height, width = net.tensors[net.input].shape
        last = net.nodes[-1]
        assert isinstance(last, QGlobalSum)
        pad_value = getattr(self.first, "pad_value", None)
        addend, _ = border(last, net.tensors[last.input])
        exponents = net.tensors[last.input].exponent + last.weight_exponent
        return {
            "name": net.name,
            "shape": {**asdict(shape), "word_bytes": shape.word_bytes},
            "input": {
                "name": net.input,
                "channels": channels,
                "height": height,
                "width": width,
                "padding": list(self.first.padding),
                "pad_value": [0] * channels if pad_value is None else [int(v) for v in pad_value],
                "phases": self.phases,
                "bytes": self._bytes(self.stored[net.input]),
            },
            "output": {
                "name": last.output,
                "classes": len(last.bias),
                "bytes": 8 * len(last.bias),
                "addend": [int(v) for v in addend],
                "positions": last.positions,
                "exponents": [int(v) for v in exponents],
            },
            "maps": [
                {
                    "name": s.name,
                    "offset": s.offset,
                    "channels": s.channels,
                    "height": s.height,
                    "width": s.width,
                    "signed": s.signed,
                    "exponent": net.tensors[s.name].exponent,
                    "bytes": self._bytes(s),
                }
                for s in self.stored.values()
                if s.space == d.SCRATCH_SPACE and s.name != PAUSE
            ],
            "groups": [
                {"name": step.name, "layers": self._layers(step, group)}
                for step, group in zip(steps, groups, strict=True)
            ],
            "preprocessing": asdict(net.preprocessing),
            "classes": list(net.classes),
        }

    def _layers(self, step: Step, group: Group) -> list[dict]:
        """MACs of each layer's valid outputs, and the cycles of an array that never waits; a pause
        does no work."""
        if step.is_pause:
            return [{"name": PAUSE, "macs": 0, "ideal_cycles": 0}]
        c = self.shape.channels
        layers = []
        for conv in [*([step.squeeze] if step.squeeze else []), *step.main]:
            rows = group.fields["mid_total"] if conv is step.squeeze else group.fields["rows"]
            tiles = group.fields["tiles"]
            width = (tiles - 1) * self.shape.pixels + group.fields["last_pixels"]
            layers.append(
                {
                    "name": conv.layer,
                    "macs": rows * width * conv.outputs * conv.steps,
                    "ideal_cycles": rows * tiles * conv.blocks(c) * max(conv.steps, c),
                }
            )
        return layers

    def _fitting_steps(self) -> list[Step]:
        """Groups that fit the activation memory: where a Fire module does not, its squeeze map
        goes through memory.  Raises CompileError where that is not enough."""
        while True:
            steps = self._even(self.steps())
            if len(steps) < 2:
                layer = steps[0].name
                raise self._fail(layer, "a network of one layer: nothing to run it ahead of")
            steps = self._with_pauses(steps)
            needs = [self._need(step) for step in steps]
            conflict = memory_plan.conflict(needs, self.shape.act_words)
            if conflict is None:
                return steps
            number = conflict.number
            step, after = steps[number], steps[(number + 1) % len(steps)]
            last = next(s for s in reversed(steps) if not s.is_pause)
            if len(steps) % 2 and number == len(steps) - 2 and self.pauses[last.name] < 2:
                # With an even number of groups the first one's rows are not there as well.
                self.pauses[last.name] += 1
                continue
            if not step.is_pause and not after.is_pause:
                self.pauses[step.name] += 1
                continue
            together = memory_plan.together(len(needs), number)
            crowded = [steps[g].name for g in together if needs[g].least > steps[g].least_rows]
            if crowded:
                self.modest.update(crowded)
            elif step.squeeze is not None:
                self.unfused.add(step.squeeze.layer)
            else:
                most = max(together, key=lambda g: needs[g].least * needs[g].row_words)
                need = needs[most]
                raise self._fail(
                    steps[most].main[0].layer,
                    f"{need.least} rows of its input are {need.least * need.row_words} words of "
                    f"{self.shape.pixels} pixels, {conflict.words} with what is in memory beside "
                    f"them; the activation memory has {self.shape.act_words}: use a smaller input "
                    "or an engine with more",
                )

    def _with_pauses(self, steps: list[Step]) -> list[Step]:
        """``steps`` with a pause behind those that need one."""
        found = []
        for step in steps:
            found.append(step)
            found += [self._pause() for _ in range(self.pauses[step.name])]
        return found

    def _pause(self) -> Step:
        """A group that multiplies the first word of the input by one."""
        if PAUSE not in self.stored:
            pixels = self.shape.pixels
            self.stored[PAUSE_SOURCE] = Stored(
                PAUSE_SOURCE, d.INPUT_SPACE, 0, 1, 1, pixels, 1, False
            )
            self.stored[PAUSE] = Stored(
                PAUSE, d.SCRATCH_SPACE, self.scratch_bytes, 1, 1, pixels, 1, False
            )
            self.scratch_bytes += ALIGNMENT
        zero = np.zeros(1, np.int32)
        one = Conv(PAUSE, np.ones((1, 1, 1, 1), np.int8), zero, zero, 1, 0, True)
        return Step(PAUSE, PAUSE_SOURCE, None, [one], None, PAUSE)

    def program(self) -> Program:
        steps = self._fitting_steps()
        groups = self.encode(steps)
        return assemble(
            self.net.name, self.shape, groups, self._host(steps, groups), self.scratch_bytes
        )


def border(node: QGlobalSum, source: QTensor) -> tuple[np.ndarray, int]:
    """What the outputs that see only padding add to each class's sum, int64 [O], and their number.

    A 1x1 convolution with padding p has (H + 2p)(W + 2p) outputs, of which H * W see the map;
    the others are relu(bias), so the hardware need not compute them.  Any other convolution is
    computed whole: zeros.
    """
    if node.weights.shape[2:] != (1, 1):
        return np.zeros(len(node.bias), np.int64), 0
    outside = node.positions - source.shape[1] * source.shape[2]
    bias = node.bias.astype(np.int64)
    return outside * (np.maximum(bias, 0) if node.relu else bias), outside


def compile_network(net: QNetwork, shape: EngineShape, stages_apart: bool = False) -> Program:
    """Compile ``net`` for an engine of ``shape``.

    With ``stages_apart`` every stage is a group of its own, so that maps that otherwise stay on
    chip (squeeze maps, maps before pooling) are written to memory too.  Raises
    :class:`CompileError`, naming the layer and the limit, if the engine cannot run the network.
    """
    if not net.nodes or not isinstance(net.nodes[-1], QGlobalSum):
        raise CompileError(f"{net.name}: the last layer must be a classifier with global average")
    return _Compiler(net, shape, stages_apart).program()
