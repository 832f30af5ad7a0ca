"""Groups encoded for the engine: descriptor fields and payloads, by :func:`encode`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.compiler import memory_plan
from firebrick.hw.compiler.fitting import MID_ROWS
from firebrick.hw.compiler.loading import Loading, loading
from firebrick.hw.compiler.memory_plan import Need, Place
from firebrick.hw.compiler.packing import pack_biases, pack_weights
from firebrick.hw.compiler.program import Group
from firebrick.hw.compiler.steps import Addition, Conv, Step, refusal
from firebrick.hw.compiler.storage import Storage, Stored, first_layer
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QNetwork

# How many groups back a group can wait for the one that makes its source.
WAIT_BACK_MAX = 255


def encode(
    net: QNetwork, shape: EngineShape, steps: list[Step], needs: Sequence[Need], storage: Storage
) -> list[Group]:
    """Descriptors and payloads of ``steps``; CompileError where a field or memory is too small."""
    found = describe(net, shape, steps, needs, storage)
    return [
        Group(step.name, values, _payload(step, shape))
        for step, values in zip(steps, found, strict=True)
    ]


def describe(
    net: QNetwork, shape: EngineShape, steps: list[Step], needs: Sequence[Need], storage: Storage
) -> list[dict[str, int]]:
    """Descriptors of ``steps`` without what only their payloads tell; CompileError where a field
    or memory is too small."""
    places = memory_plan.plan(list(needs), shape.act_words)
    encoder = _Encoder(net, shape, steps, storage)
    return [encoder.fields(number, place) for number, place in enumerate(places)]


@dataclass(frozen=True)
class _Extent:
    """Rows and columns of a group's results: ``rows`` of ``width`` columns are computed,
    ``out_rows`` of ``out_width`` written; ``last_emit`` tells whether the last pooled row reaches
    over the edge."""

    rows: int
    width: int
    height: int
    out_rows: int
    out_width: int
    last_emit: int


class _Encoder:
    def __init__(
        self, net: QNetwork, shape: EngineShape, steps: list[Step], storage: Storage
    ) -> None:
        self.net = net
        self.shape = shape
        self.steps = steps
        self.storage = storage
        self.writers: dict[str, int] = {}

    def fields(self, number: int, place: Place) -> dict[str, int]:
        """Descriptor of group ``number``; groups are asked for in their order."""
        step = self.steps[number]
        source = self.storage.source(step.source)
        loaded = loading(source, step.convolutions[0])
        extent = self._extent(step, source)
        tiles = self.storage.tiles(extent.width)
        values = {
            "src_offset": source.offset,
            "src_space": source.space,
            "load_row_words": source.row_words,
            "load_tile_words": source.words,
            "load_phases": loaded.phases,
            "load_odd": int(loaded.odd_first),
            "load_skip": int(loaded.skip),
            **self._two_rows(step.main[0]),
            "src_row_words": loaded.row_words,
            "src_tile_words": loaded.tile_words,
            "src_tiles": loaded.tiles,
            "src_last_tile": (tiles - 1) * loaded.tile_words,
            "group_last": int(number == len(self.steps) - 1),
            "rows": extent.rows,
            "tiles": tiles,
            "last_pixels": extent.width - (tiles - 1) * self.shape.pixels,
            "out_rows": extent.out_rows,
            "in_rows": place.in_rows - step.main[0].fold,
            "in_base": place.in_base,
            "in_end": place.in_base + place.in_rows * loaded.row_words,
            **self._waiting(number),
            **self._source_rows(step, loaded, extent, place, tiles),
            **self._results(step, extent, tiles),
        }
        if step.add:
            values |= self._addition(step.add, number)
        values |= self._passes(step, source)
        try:
            d.check(d.DESCRIPTOR_LAYOUT, values)
        except ValueError as error:
            text = f"too large for the program format: {error}"
            raise refusal(self.net.name, step.main[0].layer, text) from error
        if step.target is not None:
            self.writers[step.target] = number
        return values

    def _extent(self, step: Step, source: Stored) -> _Extent:
        conv = step.main[0]
        if step.squeeze:
            height, width = source.height, source.width
        elif conv.two:
            height, width = conv.two.size
        else:
            kh, kw = conv.kernel
            top, left, bottom, right = conv.padding
            columns = self._picture_width() if step.source == self.net.input else source.width
            height = (source.height + top + bottom - kh) // conv.stride + 1
            width = (columns + left + right - kw) // conv.stride + 1
        if step.pool:
            k = step.pool.kernel
            _, out_rows, out_width = self.net.tensors[step.pool.output].shape
            last = 2 * (out_rows - 1) + k - step.pool.padding
            return _Extent(
                min(height, last), width, height, out_rows, out_width, int(last > height)
            )
        if step.target is None:
            return _Extent(height, width, height, 1, 1, 0)
        return _Extent(height, width, height, height, width, 0)

    def _two_rows(self, conv: Conv) -> dict[str, int]:
        """What tells a group of two rows in one from others."""
        if conv.two is None:
            return {}
        first, last = conv.halves
        return {
            "half_first": int(first),
            "half_last": int(last),
            "load_fold": conv.fold,
            "load_reach": conv.reach,
            "odd_rows": int(conv.two.odd),
        }

    def _picture_width(self) -> int:
        """Columns of the input with its padding."""
        _, left, _, right = first_layer(self.net).padding
        return self.net.tensors[self.net.input].shape[2] + left + right

    def _waiting(self, number: int) -> dict[str, int]:
        """Which earlier group's rows a group waits for."""
        step = self.steps[number]
        if step.source not in self.writers:
            return {}
        back = number - self.writers[step.source]
        if back <= WAIT_BACK_MAX:
            return {"wait_enable": 1, "wait_back": back}
        # Rows are loaded at most one group ahead, so a group that is not the next behind
        # another one of the same map finds it whole.
        if not any(earlier.source == step.source for earlier in self.steps[: number - 1]):
            raise refusal(
                self.net.name,
                step.main[0].layer,
                f"its input was written {back} groups before; at most {WAIT_BACK_MAX} are "
                "supported: use an engine with larger memories, which needs fewer groups",
            )
        return {}

    def _addition(self, add: Addition, number: int) -> dict[str, int]:
        other = self.storage.source(add.other)
        # What is fetched for a group waits for rows of an earlier one.  Results of so few groups
        # can be on their way that those further back are in memory anyway.
        back = number - self.writers[add.other]
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
            "add_tile_words": other.words,
            "add_last_tile": (other.tiles - 1) * other.words,
        }

    def _source_rows(
        self, step: Step, loaded: Loading, extent: _Extent, place: Place, tiles: int
    ) -> dict[str, int]:
        """Rows that are read, and the ring of the squeeze map."""
        tail = self._tail_ring(step, place, tiles)
        if step.squeeze is None:
            below = max(conv.kernel[0] - conv.top + conv.reach for conv in step.main)
            last = (extent.rows - 1) * step.main[0].ring_step + below
            if step.main[0].fold == d.FOLD_STORED:
                last += last % 2
            return {"src_rows": min(loaded.rows, last)} | tail
        below = max((c.kernel[0] - 1 - c.top) for c in step.main)
        rows = min(extent.height, extent.rows + below)
        mid_tile = self.storage.words(step.squeeze.outputs)
        return {
            "src_rows": rows,
            "mid_total": rows,
            "lead": 2,
            "mid_base": place.mid_base,
            "mid_row_words": tiles * mid_tile,
            "mid_end": place.mid_base + MID_ROWS * tiles * mid_tile,
            "mid_tile_words": mid_tile,
            "mid_last_tile": (tiles - 1) * mid_tile,
        } | tail

    def _tail_ring(self, step: Step, place: Place, tiles: int) -> dict[str, int]:
        """The ring between passes 1 and 2 and the tail."""
        if step.tail is None:
            return {}
        words = self.storage.words(step.main_outputs)
        return {
            "tail_base": place.tail_base,
            "tail_row_words": tiles * words,
            "tail_tile_words": words,
            "tail_last_tile": (tiles - 1) * words,
        }

    def _results(self, step: Step, extent: _Extent, tiles: int) -> dict[str, int]:
        """What becomes of the results: sums, rows of a map, or pooled rows."""
        outputs = sum(conv.outputs for conv in step.written)
        if step.target is None:
            return {
                "mode": d.MODE_SUM,
                "dst_space": d.OUTPUT_SPACE,
                "dst_offset": 8 * step.first_channel,
                "segment_words": outputs,
                "out_tiles": 1,
            }
        target = self.storage.stored[step.target]
        values = {
            "mode": d.MODE_POOL if step.pool else d.MODE_DIRECT,
            "dst_space": target.space,
            "dst_offset": target.offset + step.first_channel * self.shape.word_bytes,
            "dst_row_words": target.row_words,
            "dst_tile_words": target.words,
            "dst_last_tile": (target.tiles - 1) * target.words,
            "segment_words": outputs,
            "out_signed": int(target.signed),
            "out_tiles": target.tiles,
            "out_last_pixels": extent.out_width - (target.tiles - 1) * self.shape.pixels,
        }
        if step.pool:
            values |= {
                "pool_kernel3": int(step.pool.kernel == 3),
                "pool_last_emit": extent.last_emit,
                "pool_last_tile": (tiles - 1 + step.pool.padding) // 2 * outputs,
                "pool_padded": step.pool.padding,
            }
        return values

    def _passes(self, step: Step, source: Stored) -> dict[str, int]:
        """Fields of the squeeze and expand passes."""
        c = self.shape.channels
        values: dict[str, int] = {}
        weight_words = bias_pairs = 0
        convs = [(0, step.squeeze)] if step.squeeze else []
        convs += [(i + 1, conv) for i, conv in enumerate(step.main)]
        convs += [(d.TAIL, step.tail)] if step.tail else []
        for index, conv in convs:
            assert conv is not None
            maker = step.main[0] if index == d.TAIL else step.squeeze if index > 0 else None
            # What passes through a ring has been saturated to uint8 by ReLUs, or to int8.
            signed = not maker.relu if maker else source.signed
            fields = _pass(conv, signed, maker is not None, self.shape)
            if conv is step.squeeze or (step.tail and conv is step.main[-1]):
                # What fills the last set of a ring's words is computed: zeros.
                count = conv.outputs if conv is step.squeeze else step.main_outputs
                fields["last"] += self.storage.words(count) - count
            fields |= {"weights": weight_words, "bias": bias_pairs}
            values |= {
                f"p{index}_{name}": value
                for name, value in fields.items()
                if index != d.TAIL or name not in d.TAIL_CONSTANTS
            }
            weight_words += conv.words(self.shape)
            bias_pairs += conv.blocks(c) * c // 2
        return values | {"weight_words": weight_words, "bias_pairs": bias_pairs}


def _payload(step: Step, shape: EngineShape) -> bytes:
    """Biases and weights of all passes in the array's order."""
    convs = step.convolutions
    c, pump = shape.channels, shape.pump
    biases = [pack_biases(conv.bias, conv.shift, c) for conv in convs]
    weights = [
        pack_weights(conv.weights, conv.phases, c, pump, conv.deals, conv.halves) for conv in convs
    ]
    payload = b"".join(b.astype("<u4").tobytes() for b in biases)
    return payload + b"".join(w.tobytes() for w in weights)


def _pass(conv: Conv, signed: bool, mid: bool, shape: EngineShape) -> dict[str, int]:
    """Fields of one pass."""
    width = shape.channels
    walk = conv.fetch(shape.pump)
    taps = walk.taps
    # The left neighbour's word is one of the first phase.
    left = conv.left > 0
    words = [min(taps[0], 3 if left else 2), min(taps[-1], 3 if left and len(taps) == 1 else 2)]
    return {
        "channels": walk.planes,
        "phase1": walk.phase1,
        "steps": conv.cycles(shape.pump),
        "blocks": conv.blocks(width),
        "last": conv.outputs - (conv.blocks(width) - 1) * width,
        "kh": conv.kernel[0],
        "enable": 1,
        "mid": int(mid),
        "stride": conv.step,
        "pad": conv.top,
        "taps0": taps[0],
        "taps1": taps[-1],
        "words0": words[0],
        "words1": words[-1],
        "left": int(left),
        "relu": int(conv.relu),
        "src_signed": int(signed),
    }
