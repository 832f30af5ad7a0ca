"""Maps whose rows are stored two in one, where that fills more of the array: :func:`forms`.

Of a map with at most half as many channels as the array, two rows are *paired*: the second one's
channels follow the first one's, and a convolution computes both, over one row more than its kernel
has.  Of a map half as wide as a tile, two rows are *folded*: they lie side by side in a tile.  What
is in memory is then a map of half the rows, and of twice the channels or the columns.

In: a quantized network and an engine's shape.  Out: the form of each map that is not stored row by
row, and by :func:`in_rows` what a convolution becomes between two forms.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np

from firebrick.hw import definition as d
from firebrick.hw.compiler.packing import ROW_CYCLES_MIN
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.steps import Conv, TwoRows, ceil_div
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QAdd, QConv, QGlobalSum, QNetwork, QNode

# What the descriptor's fields hold: rows that an output row may move on by, rows of a kernel.
STEP_MAX = 3
KERNEL_ROWS_MAX = 15


def forms(
    net: QNetwork, shape: EngineShape, patterns: Patterns, single: Set[str]
) -> dict[str, int]:
    """ROWS_FOLDED or ROWS_PAIRED for each map of ``net`` that is stored so; none of ``single`` is.

    Maps that are added, and those that a convolution with a stride of 1 reads and makes, have one
    form or none: what contradicts that is taken away until nothing does.
    """
    found: dict[str, int] = {}
    for form, fits in ((d.ROWS_FOLDED, _can_fold), (d.ROWS_PAIRED, _can_pair)):
        taken = {
            node.output
            for node in net.nodes
            if isinstance(node, QConv | QAdd)
            and node.output not in {*net.maps, *patterns.joined, *single, *found}
            and fits(net, shape, node)
        }
        while wrong := {t for t in taken if not _agrees(net, patterns, t, form, taken)}:
            taken -= wrong
        found |= dict.fromkeys(taken, form)
    return found


def _can_fold(net: QNetwork, shape: EngineShape, node: QConv | QAdd) -> bool:
    """Whether the results of ``node``, by their size, can be folded."""
    _, height, width = net.tensors[node.output].shape
    if shape.pixels % 2 or width != shape.pixels // 2 or height < 2:
        return False
    if isinstance(node, QAdd):
        return True
    # The driver stores the picture for single rows; a word of the ring is one stored word.
    columns = net.tensors[node.input].shape[2]
    return node.input != net.input and columns <= shape.pixels and node.stride <= 2


def _can_pair(net: QNetwork, shape: EngineShape, node: QConv | QAdd) -> bool:
    """Whether the results of ``node``, by their size, can be paired."""
    channels, height, _ = net.tensors[node.output].shape
    if 2 * channels > shape.channels or channels % shape.pump or height % 2 or height < 4:
        return False
    if isinstance(node, QAdd):
        return True
    rows = net.tensors[node.input].shape[1]
    _, inputs, kh, kw = node.weights.shape
    # Half a kernel row lasts as long as the issuer needs to find the next one.
    lasting = kw > 1 or inputs // shape.pump >= ROW_CYCLES_MIN
    return (node.stride == 1 or rows % 2 == 0) and kh <= KERNEL_ROWS_MAX - 1 and lasting


def _agrees(net: QNetwork, patterns: Patterns, tensor: str, form: int, taken: Set[str]) -> bool:
    """Whether ``tensor`` can have ``form`` where all of ``taken`` do: its maker and its readers."""
    maker = patterns.makers[tensor]
    readers = patterns.readers.get(tensor, [])
    assert isinstance(maker, QConv | QAdd)
    return (
        bool(readers)
        and _makes(net, maker, form, taken)
        and all(_reads(node, form, taken) for node in readers)
    )


def _makes(net: QNetwork, node: QConv | QAdd, form: int, taken: Set[str]) -> bool:
    if isinstance(node, QAdd):
        return all(name in taken for name in node.inputs)
    if node.input in taken:
        return form == d.ROWS_PAIRED or node.stride == 1
    if form == d.ROWS_FOLDED:
        # Of an odd number of rows the last one is computed beside one that is not there.
        _, rows, _ = net.tensors[node.output].shape
        last = node.stride * (rows - 1) + node.weights.shape[2] - node.padding[0]
        return rows % 2 == 0 or last <= net.tensors[node.input].shape[1]
    # Of single rows a pair is worth while if their kernels overlap.
    return node.stride == 1 and node.weights.shape[2] > 1


def _reads(node: QNode, form: int, taken: Set[str]) -> bool:
    if isinstance(node, QAdd):
        return node.output in taken
    if isinstance(node, QGlobalSum):
        return form == d.ROWS_FOLDED and node.weights.shape[2:] == (1, 1)
    if not isinstance(node, QConv):
        return False
    if node.output in taken:
        return True
    # Every second row: the rows of a pair are the kernel's and the one that is left out.
    return form == d.ROWS_PAIRED and node.stride == 2


def in_rows(
    conv: Conv, source: int, target: int, size: tuple[int, int], shape: EngineShape
) -> Conv:
    """``conv``, whose results have ``size`` (rows, columns), between maps of these forms."""
    if source == target == d.ROWS_SINGLE:
        return conv
    conv = _paired(conv, source == d.ROWS_PAIRED, target == d.ROWS_PAIRED, size)
    if target != d.ROWS_FOLDED:
        return conv
    assert conv.two is not None
    stored = source == d.ROWS_FOLDED
    folds = not stored or conv.kernel != (1, 1)
    two = replace(
        conv.two,
        size=(ceil_div(size[0], 2), shape.pixels),
        odd=size[0] % 2 == 1,
        fold=(d.FOLD_STORED if stored else d.FOLD_APART) if folds else d.FOLD_NONE,
        reach=conv.two.step if folds else 0,
    )
    return replace(conv, two=two)


def _paired(conv: Conv, takes: bool, gives: bool, size: tuple[int, int]) -> Conv:
    """``conv`` between maps of pairs of rows, or of single ones.

    Row a of a pair of results sees row s a + y - top of the source in row y of its kernel, counted
    from where the pair's sources begin; a stored row of a source of pairs holds two of those.
    """
    rows_in, rows_out = 1 + takes, 1 + gives
    stride = conv.stride if takes else conv.phases
    outputs, inputs, kh, kw = conv.weights.shape
    below = stride * (rows_out - 1) + kh - 1 - conv.top
    pad = ceil_div(conv.top, rows_in)
    stored_rows = below // rows_in + pad + 1
    weights = np.zeros((rows_out, outputs, rows_in, inputs, stored_rows, kw), np.int8)
    for out in range(rows_out):
        for y in range(kh):
            row = stride * out + y - conv.top
            weights[out, :, row % rows_in, :, row // rows_in + pad] = conv.weights[:, :, y]
    two = TwoRows(
        size=(size[0] // rows_out, size[1]),
        step=stride * rows_out // rows_in,
        halves=(takes and conv.top % 2 == 1, takes and below % 2 == 0),
        takes_pairs=takes,
        positions=size[0] * size[1],
        outputs=outputs,
        macs=conv.macs,
    )
    assert two.step <= STEP_MAX
    return replace(
        conv,
        weights=weights.reshape(rows_out * outputs, rows_in * inputs, stored_rows, kw),
        bias=np.tile(conv.bias, rows_out),
        shift=np.tile(conv.shift, rows_out),
        padding=(pad, *conv.padding[1:]),
        two=two,
    )
