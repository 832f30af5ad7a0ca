"""Where tensors live in the board's memory: the input's rows, and one place a stored map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firebrick.host.program import stored_size
from firebrick.hw import definition as d
from firebrick.hw.compiler.packing import fetch
from firebrick.hw.compiler.steps import PAUSE, PAUSE_SOURCE, ceil_div, refusal
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QConcat, QConv, QGlobalSum, QNetwork, inputs_of

ALIGNMENT = 128


@dataclass(frozen=True)
class Stored:
    """Where a tensor lives: a tile is ``words`` words, one for each of its ``channels`` (phases
    counted apart) and what fills the last set of a pumped array; ``width`` is one phase's.  All as
    it is stored: ``rows`` says whether that is two rows in one."""

    name: str
    space: int
    offset: int
    channels: int
    height: int
    width: int
    tiles: int
    signed: bool
    words: int
    rows: int = d.ROWS_SINGLE

    @property
    def row_words(self) -> int:
        return self.tiles * self.words


def first_layer(net: QNetwork) -> QConv | QGlobalSum:
    """The one convolution that reads the network's input; CompileError where there is none."""
    readers = [node for node in net.nodes if net.input in inputs_of(node)]
    first = readers[0] if len(readers) == 1 else None
    if not isinstance(first, QConv | QGlobalSum):
        raise refusal(net.name, net.input, "the network's input must feed exactly one convolution")
    return first


class Storage:
    """The stored tensors by name; a tensor gets its place when it is first asked for.

    A branch of a concatenation is stored as a range of the concatenation's channels.
    """

    def __init__(self, net: QNetwork, shape: EngineShape, forms: Mapping[str, int]) -> None:
        self.net = net
        self.shape = shape
        self.forms = forms
        self.slices: dict[str, tuple[str, int]] = {}
        self.stored: dict[str, Stored] = {}
        self.scratch_bytes = 0
        self.output_bytes = 0
        for node in net.nodes:
            if isinstance(node, QConcat):
                first = 0
                for name in node.inputs:
                    self.slices[name] = (node.output, first)
                    first += net.tensors[name].shape[0]
        self._place_input(first_layer(net))

    def rows(self, name: str) -> int:
        """How the rows of a tensor are stored: ROWS_SINGLE, ROWS_PAIRED or ROWS_FOLDED."""
        return self.forms.get(name, d.ROWS_SINGLE)

    def tiles(self, width: int) -> int:
        """Words that a row of ``width`` pixels has in a channel."""
        return ceil_div(width, self.shape.pixels)

    def words(self, channels: int) -> int:
        """Words that a tile of ``channels`` channels has."""
        return ceil_div(channels, self.shape.pump) * self.shape.pump

    def bytes(self, stored: Stored) -> int:
        return stored.height * stored.row_words * self.shape.word_bytes

    def place(self, name: str) -> Stored:
        """The stored tensor of this name, given its place when it is first asked for."""
        if name not in self.stored:
            tensor = self.net.tensors[name]
            rows = self.rows(name)
            channels, height, width = stored_size(tensor.shape, rows)
            is_output = name in self.net.maps
            stored = Stored(
                name,
                d.OUTPUT_SPACE if is_output else d.SCRATCH_SPACE,
                self.output_bytes if is_output else self.scratch_bytes,
                channels,
                height,
                width,
                self.tiles(width),
                tensor.signed,
                self.words(channels),
                rows,
            )
            self.stored[name] = stored
            size = ceil_div(self.bytes(stored), ALIGNMENT) * ALIGNMENT
            if is_output:
                self.output_bytes += size
            else:
                self.scratch_bytes += size
        return self.stored[name]

    def target(self, name: str) -> tuple[str, int]:
        """Stored tensor and first channel that hold tensor ``name``."""
        first = 0
        while name in self.slices:
            name, offset = self.slices[name]
            first += offset
        self.place(name)
        return name, first

    def source(self, name: str) -> Stored:
        """The stored tensor that a group reads."""
        if name in self.slices:
            raise refusal(self.net.name, name, "a branch of a concatenation is read by itself")
        return self.place(name)

    def place_pause(self) -> None:
        """The word that a pause writes; the one that it reads is the input's first."""
        if PAUSE in self.stored:
            return
        row = (1, 1, self.shape.pixels, 1, False, self.words(1))
        self.stored[PAUSE_SOURCE] = Stored(PAUSE_SOURCE, d.INPUT_SPACE, 0, *row)
        self.stored[PAUSE] = Stored(PAUSE, d.SCRATCH_SPACE, self.scratch_bytes, *row)
        self.scratch_bytes += ALIGNMENT

    def _place_input(self, first: QConv | QGlobalSum) -> None:
        """The padded input, the columns of each phase of a strided first layer by themselves."""
        tensor = self.net.tensors[self.net.input]
        channels, height, width = tensor.shape
        top, left, bottom, right = first.padding
        height, width = height + top + bottom, ceil_div(width + left + right, first.stride)
        walk = fetch(channels, first.weights.shape[2:], first.stride, self.shape.pump)
        self.stored[self.net.input] = Stored(
            self.net.input,
            d.INPUT_SPACE,
            0,
            channels * first.stride,
            height,
            width,
            self.tiles(width),
            tensor.signed,
            walk.planes,
        )
