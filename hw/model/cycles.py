"""Cycles that a program takes, calculated without running it.

The model follows the hardware at the grain at which it waits: a block of K steps at a time
through planner and issuer (hw/rtl/fb_planner.sv, fb_issuer.sv); rows, weights, maps to add and
results as four streams that share the memory.

*Blocks.* The planner needs a few cycles between two blocks, more where a pass, tile, row or group
begins; it hands a block over once weights, rows, words to add and room for the results are there
and the issuer, where two blocks can wait, has room; the issuer runs its K steps without a pause,
the last ones of two blocks at least C cycles apart:

    push  = max(planner, start of the block before the one before + 1, what the block needs)
    start = max(push + 1, finish of the block before + max(0, C - K))
    finish = start + K

*Rows.* Squeeze rows, which run ahead, main rows, and the tail rows of a chained group take turns as
the planner has them; a block that reads a ring on the chip waits for the last result of its row.

*Memory.* A fluid: each of the program, row and result ports that has something to move moves
min(1, B / 8n) beats a cycle where n of them do and the memory moves B bytes a cycle, less the
share of time that refreshing takes; program and maps to add halve the program port between them.
The program stream stops where the weight memory is full, where two descriptors have not been taken
by the planner, and where one has not by the others; rows wait for room in their ring and for the
rows of the group that writes them; maps to add wait for those too, and for room in their FIFO;
results wait for their blocks.  The memory is only brought up to date when a block may have to wait,
so that predictions take milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Program
from firebrick.hw.memory_timing import MemoryTiming, Timing
from firebrick.hw.model.latencies import (
    ADDER,
    BURST_BEATS,
    FINISH_TO_ADDEND,
    FINISH_TO_BUS,
    FINISH_TO_PORT,
    FINISH_TO_RING,
    FREE_BIASES,
    FREE_WEIGHTS,
    SEGMENTS,
    WRITER_FIFO,
)
from firebrick.hw.model.prediction import (
    GroupPrediction,
    LayerPrediction,
    Prediction,
    summed,
)
from firebrick.hw.model.streams import Streams


@dataclass(frozen=True)
class _Pass:
    """One pass of a group over a tile: its blocks and where its waits are charged."""

    layer: int
    steps: int
    blocks: int
    last: int
    kh: int
    pad: int
    stride: int
    mid: bool
    weights: int


def _passes(fields: dict[str, int]) -> dict[int, _Pass]:
    found: dict[int, _Pass] = {}
    for k in range(d.PASSES):
        if fields.get(f"p{k}_enable"):
            values = {
                name: d.pass_value(fields, k, name)
                for name in ("steps", "blocks", "last", "kh", "pad", "stride", "weights")
            }
            mid = bool(d.pass_value(fields, k, "mid"))
            found[k] = _Pass(layer=len(found), mid=mid, **values)
    return found


@dataclass(frozen=True)
class _Row:
    """A row of one stage: squeeze row, main row or tail row ``index`` of ``count``.

    It needs source rows from ``source`` on of the input ring (both rows of a folded one), or rows
    of a ring on the chip, whose rows so far were complete at the times ``ring``.  Its results go to
    memory or, if not ``stored``, to such a ring.
    """

    passes: list[_Pass]
    index: int
    count: int
    source: int
    ring: list[float]
    stored: bool

    @property
    def last(self) -> bool:
        """The last row that uses the stage's weights."""
        return self.index == self.count - 1


class _Engine:
    """Planner, issuer and what is charged for idle cycles, over all groups of a start."""

    def __init__(self, program: Program, timing: Timing, images: int) -> None:
        self.shape = program.shape
        self.memory = Streams(program, timing, images)
        self.groups = [
            GroupPrediction(g["name"], [LayerPrediction(layer["name"]) for layer in g["layers"]])
            for g in program.host["groups"]
        ]
        self.planner = 1.0  # cycle in which the planner could hand over its next block
        self.room = 0.0  # cycle in which the issuer has room for the next block
        self.start = self.finish = 0.0
        self.reserved = 0  # beats of results since start
        self.segments: deque[int] = deque()  # beats up to the end of each segment under way
        self.added = 0  # beats of maps to add that blocks were promised since start
        self.adder = 0  # cycles that results lose to it

    def run(self) -> Prediction:
        memory = self.memory
        for seq in range(memory.total):
            before = self.finish
            self._group(seq, self.groups[seq % memory.groups])
            self.groups[seq % memory.groups].cycles += round(self.finish) - round(before)
        while memory.chunks:
            memory.next_event()
        return summed(self.groups, self.finish, memory.last_ack)

    def _group(self, seq: int, group: GroupPrediction) -> None:
        memory = self.memory
        f = memory.fields[seq % memory.groups]
        passes = _passes(f)
        seen = memory.wait_group(seq, self.planner)
        memory.planner_took.append(seen)
        self.planner = seen + 8  # Check, Init, Row, Tile, PassLoad, PassInit, BlockPrep
        weight_base = memory.weight_start[seq]
        weight_last = weight_base + f["weight_words"] * memory.weight_beats
        if f.get("add_enable"):
            self.adder = ADDER
        squeeze, tail = passes.get(0), passes.get(d.TAIL)
        main = [passes[k] for k in (1, 2) if k in passes]
        ahead = row = tail_row = in_row = 0
        ring_rows: list[float] = []  # times at which squeeze rows are complete
        tail_rows: list[float] = []  # times at which main rows in front of the tail are
        rows, total, lead = f["rows"], f.get("mid_total", 0), f.get("lead", 0)
        while (tail_row if tail else row) < rows:
            advance = 1
            if squeeze and ahead < total and ahead <= row + lead:
                next_row = _Row([squeeze], ahead, total, in_row, [], stored=False)
                self._row(seq, group, f, next_row, weight_base, weight_last)
                ring_rows.append(self._in_ring(squeeze))
                ahead += 1
                in_row += 1
                memory.freed.append((self.finish + 1, 1, False))
            elif tail and (row == rows or tail_row < row - 1):
                # That of the row before the one just computed; behind the last row both are due.
                next_row = _Row([tail], tail_row, rows, 0, tail_rows, stored=True)
                self._row(seq, group, f, next_row, weight_base, weight_last)
                tail_row += 1
            else:
                next_row = _Row(main, row, rows, in_row, ring_rows, stored=not tail)
                self._row(seq, group, f, next_row, weight_base, weight_last)
                if tail:
                    tail_rows.append(self._in_ring(main[-1]))
                if not squeeze:
                    pad = main[-1].pad
                    # A folded row is two rows of the map.
                    stride = main[-1].stride * (2 if f.get("load_fold") else 1)
                    in_row += stride
                    free = stride - (pad if row == 0 else 0)
                    if row < rows - 1:
                        memory.freed.append((self.finish + 1, free, False))
                    advance = 4 * stride - 3 if f.get("load_fold") else stride
                row += 1
            # RowEnd, Advance, then Row, Tile, PassLoad, PassInit, BlockPrep or Next, Idle
            more = (tail_row if tail else row) < rows
            self.planner += 1 + max(advance, 1) + (6 if more else 2)
        memory.freed.append((self.finish + 1, 0, True))
        at = self.finish + FREE_BIASES + self.shape.channels
        memory.pair_frees.append((at, f["bias_pairs"]))

    def _in_ring(self, last: _Pass) -> float:
        """Time at which the row just computed, whose last pass this is, is complete in its ring."""
        return self.finish + (FINISH_TO_RING + self.shape.pixels + last.last)

    def _writes(self, f: dict[str, int], row: int, tile: int) -> bool:
        """Whether results of this tile of a row go to memory, if those of any tile do."""
        last = row == f["rows"] - 1
        if f["mode"] == d.MODE_SUM:
            return last and tile == 0
        if f["mode"] == d.MODE_DIRECT:
            return True
        edge = last and bool(f["pool_last_emit"])
        padded = f.get("pool_padded", 0)
        odd = (row + padded) % 2 == 1
        if f["pool_kernel3"]:
            emit = (row > 0 and not odd) or (odd and edge)
        else:
            emit = odd or edge
        ends = (tile + padded) % 2 == 0 or tile == 0
        return emit and ends and (tile + padded) // 2 < f["out_tiles"]

    def _row(
        self,
        seq: int,
        group: GroupPrediction,
        f: dict[str, int],
        row: _Row,
        weight_base: float,
        weight_last: float,
    ) -> None:
        """Blocks of one row."""
        passes, last, index = row.passes, row.last, row.index
        memory, channels = self.memory, self.shape.channels
        fifo = self.shape.fifo_words * memory.word_beats + WRITER_FIFO - BURST_BEATS
        sums = f["mode"] == d.MODE_SUM
        beats_of = 1 if sums else memory.word_beats
        to_bus = FINISH_TO_BUS + self.shape.pixels + self.adder
        adds = row.stored and bool(f.get("add_enable"))
        to_addend = FINISH_TO_ADDEND + self.shape.pixels
        to_port = FINISH_TO_PORT + self.shape.pixels
        stalls = group.stalls
        reach = f.get("load_reach", 0)  # a group that folds has no rings on the chip
        planner, room, start, finish = self.planner, self.room, self.start, self.finish
        weights_here = memory.consumed >= weight_last and memory.now <= planner
        for tile in range(f["tiles"] - 1, -1, -1):
            writes = row.stored and self._writes(f, index, tile)
            for p in passes:
                steps = p.steps
                gap = max(0, channels - steps)
                layer = group.layers[p.layer]
                position = weight_base + p.weights * memory.weight_beats
                need = (index if p.mid else row.source) + p.kh - p.pad + reach
                # What is wanted below the last row is a row of zeros.
                need = min(need, len(row.ring) if p.mid else f["src_rows"])
                for block in range(p.blocks):
                    push = planner
                    if room > push:
                        push = room
                    after_weights = push
                    position += steps * memory.weight_beats
                    if not weights_here:
                        after_weights = memory.wait_weights(position, push)
                    after_input = after_ring = after_output = after_weights
                    if block == 0:
                        if p.mid:
                            ready = row.ring[need - 1]
                            if ready > after_ring:
                                after_ring = after_output = ready
                        elif memory.l_seq < seq or (memory.l_seq == seq and memory.rows < need):
                            after_input = memory.wait_rows(seq, need, after_weights)
                            after_ring = after_output = after_input
                    words = p.last if block == p.blocks - 1 else channels
                    if adds:
                        self.added += words * memory.word_beats
                        if memory.a_fetched < self.added or memory.now > after_input:
                            after_input = memory.wait_addends(self.added, after_input)
                            after_ring = after_output = max(after_ring, after_input)
                    if writes:
                        beats = words * beats_of
                        self.reserved += beats
                        needed = self.reserved - fifo
                        if block == 0 and p is passes[0]:
                            if len(self.segments) >= SEGMENTS:
                                needed = max(needed, self.segments.popleft())
                            self.segments.append(0)
                        self.segments[-1] = self.reserved
                        if needed > memory.moved:
                            after_output = memory.wait_moved(needed, after_ring)
                    push = after_output
                    begin = push + 1
                    pace = finish + gap
                    if pace > begin:
                        begin = pace
                    if begin > finish:
                        self._charge(
                            stalls,
                            finish,
                            begin,
                            max(planner, room),
                            after_weights,
                            after_input,
                            after_ring,
                            after_output,
                        )
                        layer.idle += begin - finish
                    room = start + 1
                    start = begin
                    finish = begin + steps
                    planner = push + 2
                    if last and tile == 0:
                        memory.weight_frees.append((finish + FREE_WEIGHTS, steps))
                    if adds:
                        at = finish + to_addend + words
                        memory.a_pops.append((at, words * memory.word_beats))
                    if not row.stored:
                        memory.to_ring(finish + to_port, words)
                    layer.active += steps
                    group.active += steps
                    if writes:
                        row_end = tile == 0 and p is passes[-1] and block == p.blocks - 1
                        group_end = row_end and last
                        memory.chunks.append([finish + to_bus, beats, row_end, group_end])
                planner += 2  # PassLoad, PassInit
            planner += 1  # Tile
        # The last block's push: the caller adds what the end of a row costs.
        self.planner, self.room = planner - 5, room
        self.start, self.finish = start, finish

    @staticmethod
    def _charge(
        stalls: dict[str, float],
        idle: float,
        begin: float,
        asked: float,
        weights: float,
        inputs: float,
        ring: float,
        output: float,
    ) -> None:
        """Share the idle cycles from ``idle`` to ``begin`` out among their causes, in the order
        in which the block got past them."""
        at = idle
        for cause, until in (
            ("switch", asked),
            ("weights", weights),
            ("input", inputs),
            ("drain", ring),
            ("output", output),
            ("switch", min(output + 1, begin)),
            ("drain", begin - 1),
            ("switch", begin),
        ):
            if until > at:
                stalls[cause] += until - at
                at = until


def predict(program: Program, memory: Timing | None = None, images: int = 1) -> Prediction:
    """Predict the cycles of one start of ``program`` over ``images`` images.

    Without ``memory`` it is the default one, :class:`MemoryTiming`.  Raises ValueError for
    less than one image, RuntimeError where the program would wait for ever.
    """
    if images < 1:
        raise ValueError(f"{images} images: a start runs one or more")
    return _Engine(program, memory or MemoryTiming(), images).run()
