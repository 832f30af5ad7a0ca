"""Cycles that a program takes, calculated without running it.

The model follows the hardware at the grain at which it waits: a block of K steps at a time
through planner and issuer (hw/rtl/fb_planner.sv, fb_issuer.sv); rows, weights, maps to add and
results as four streams that share the memory.

*Blocks.* The planner needs a few cycles between two blocks, more where a pass, tile, row or group
begins; it hands a block over once weights, rows, words to add and room for the results are there
and the issuer has taken the block before; the issuer runs its K steps without a pause, the last
ones of two blocks at least C cycles apart:

    push  = max(planner, start of the block before, what the block needs)
    start = max(push + 1, finish of the block before + max(0, C - K))
    finish = start + K

*Memory.* A fluid: each of the program, row and result ports that has something to move moves
min(1, B / 8n) beats a cycle where n of them do and the memory moves B bytes a cycle, less the
share of time that refreshing takes; program and maps to add halve the program port between them.
The program stream stops where the weight memory is full and where a descriptor has not been
taken; rows wait for room in their ring and for the rows of the group that writes them; maps to
add wait for those too, and for room in their FIFO; results wait for their blocks.  The memory is
only brought up to date when a block may have to wait, so that predictions take milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Program
from firebrick.hw.memory_timing import MemoryTiming, Timing

CAUSES = ("weights", "input", "output", "drain", "switch")

READER_BURSTS = 8  # outstanding bursts of a reader
BURST_BEATS = 16
READER_FIFO = 512  # beats that a reader fetches ahead of its consumer
WRITER_FIFO = 64  # beats between result FIFO and memory
ADDEND_FIFO = 128  # beats of a map to add between memory and the FIFO of words

# Cycles between two events: sums of the latencies that the modules state, those that involve a
# bus (streams, rows, results) as simulation shows them.
START_TO_STREAM = 104  # start to the first beat of the stream, with a read latency of 40
COMMAND_LATENCY = 5  # command to a reader to its address on the bus
BEAT_TO_WEIGHT = 7  # beat on the bus to its weights counting as loaded
BEAT_TO_ROW = 7  # a row's last beat on the bus to the row counting as loaded
FINISH_TO_RING = 19  # last K step to a squeeze row counting as written, without P and channels
FINISH_TO_BUS = 44  # last K step to the block's first result on the bus, without P
BEAT_TO_ADDEND = 8  # a beat on the bus to the planner seeing the word to add that it completes
FINISH_TO_ADDEND = 17  # last K step to the block's first word to add leaving its FIFO, without P
ADDEND_GROUP = 3  # a group being seen to the first command for the map that it adds
ADDER = 7  # cycles that results take longer from the first group on that adds
RESPONSE_TO_ROW = 5  # write response to a row counting as written
BURST_TURNAROUND = 10  # a reader's last free burst to its next first beat, without the latency
ROW_COMMAND = 4  # from one row's command to the next, besides 2 for each burst
GROUP_TO_DESCRIPTOR = 3  # a group's last beat to the next descriptor's first
DESCRIPTOR_TO_GROUP = 8  # a descriptor's last beat on the bus to the planner seeing it
FREE_DELAY = 34  # a group's end to its weights being free, without C
SEGMENTS = 9  # segments between planner and memory: those in the FIFO and in the writer
END_OF_RUN = 2  # the last row counting as written to the end

_DESCRIPTOR, _BIASES, _WEIGHTS, _DONE = range(4)  # what the program stream holds next
_EPS = 1e-6
_NEVER = float("inf")


@dataclass
class LayerPrediction:
    """A layer's K steps, and the idle cycles before its blocks."""

    name: str
    active: float = 0.0
    idle: float = 0.0

    @property
    def cycles(self) -> int:
        return round(self.active + self.idle)


@dataclass
class GroupPrediction:
    """What one group costs: from the end of the group before to its own last K step."""

    name: str
    layers: list[LayerPrediction]
    cycles: int = 0
    active: int = 0
    stalls: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))


@dataclass
class Prediction:
    """Cycles from start to the interrupt; ``groups`` sums over all images of the start.

    ``tail_cycles`` pass from the last K step until everything is written.
    """

    cycles: int
    active: int
    stalls: dict[str, int]
    groups: list[GroupPrediction]
    tail_cycles: int


class _Memory:
    """The three streams, up to the time ``now``.

    Attributes ``p_...`` are the program stream's, ``l_...`` the row loader's, ``w_...`` the
    results'. Queues hold what the array has done and the streams have not come to yet, with its
    time first. ``seq`` counts groups from the start of the run over all its images.
    """

    def __init__(self, program: Program, timing: Timing, images: int) -> None:
        shape = program.shape
        self.fields = [g.fields for g in program.groups]
        self.groups = len(self.fields)
        self.total = self.groups * images
        self.shape = shape
        self.word_beats = shape.word_bytes // 8
        self.weight_beats = shape.channels // 8
        self.latency = timing.read_latency
        self.write_latency = timing.write_latency
        busy = timing.refresh_cycles / timing.refresh_interval if timing.refresh_interval else 0.0
        beats = timing.bytes_per_cycle / 8
        self.rates = [1.0, *(min(1.0, beats / n) * (1 - busy) for n in (1, 2, 3))]
        bursts = min(READER_BURSTS, timing.max_outstanding)
        self.read_cap = bursts * BURST_BEATS / (timing.read_latency + BURST_TURNAROUND)
        self.now = 0.0

        # Program: consumed is the position of fb_program, fetched that of the bus.
        self.consumed = self.fetched = self.image_end = 0.0
        self.p_ready = START_TO_STREAM + 2 * (timing.read_latency - 40.0)
        self.p_pause = 0.0
        self.p_seq = -1
        self.p_kind = _WEIGHTS
        self.p_end = 0.0  # position at which this kind ends
        self.p_limit = 0.0  # position up to which there is room
        self.pairs_before = 0
        self.weight_free = self.pair_free = 0
        self.frees: deque[tuple[float, int, int]] = deque()  # (time, weight words, bias pairs)
        self.planner_took: deque[float] = deque()
        self.taken = 0  # descriptors that the planner has taken
        self.described = 0  # descriptors read
        self.group_seen: list[float] = []
        self.weight_start: list[float] = []  # stream position of each group's first weight
        self.p_target = _NEVER

        # Rows.
        self.l_seq = -1  # group that the loader works on
        self.l_ask = 0.0
        self.asked = self.rows = 0
        self.l_rows = 0
        self.flight: deque[list[float]] = deque()  # [first beat's time, beats left]
        self.in_flight = 0.0
        self.freed: deque[tuple[float, int, bool]] = deque()  # (time, rows, group end)
        self.freed_rows = 0
        self.issue_seq = 0

        # Maps to add: positions count beats since start; (group, first, end, beats of a row).
        self.a_groups: list[tuple[int, float, float, float]] = []
        position = 0.0
        for seq in range(self.total):
            f = self.fields[seq % self.groups]
            if f.get("add_enable"):
                row = f["tiles"] * f["segment_words"] * self.word_beats
                self.a_groups.append((seq, position, position + row * f["rows"], row))
                position += row * f["rows"]
        self.a_room = shape.fifo_words * self.word_beats + ADDEND_FIFO
        self.a_index = 0  # group that is being fetched
        self.a_allowed = 0.0  # position up to which rows are in memory
        self.a_fetched = self.a_popped = 0.0
        self.a_pops: deque[tuple[float, int]] = deque()  # (time, beats)
        self.a_ready = 0.0
        self.a_target = _NEVER

        # Results.
        self.chunks: deque[list] = deque()  # [time, beats, row end, group end]
        self.moved = 0.0
        self.w_target = _NEVER
        self.acks: deque[tuple[float, bool]] = deque()  # (time, group end)
        self.written_seq = self.written_rows = 0
        self.last_ack = 0.0
        self._next_stage()

    # ------------------------------------------------------------------------------- program
    def _next_stage(self) -> None:
        """Descriptor, biases, weights of one group after the other."""
        if self.p_kind == _WEIGHTS:
            self.p_seq += 1
            if self.p_seq == self.total:
                self.p_kind, self.p_end, self.p_limit = _DONE, _NEVER, -1.0
                return
            if self.p_seq % self.groups == 0:
                beats = 0
                for f in self.fields:
                    self.weight_start.append(
                        self.consumed + beats + d.DESCRIPTOR_BEATS + f["bias_pairs"]
                    )
                    beats += d.DESCRIPTOR_BEATS + f["bias_pairs"]
                    beats += f["weight_words"] * self.weight_beats
                self.image_end = self.consumed + beats
                if self.p_seq:
                    self.p_ready = self.now + BEAT_TO_WEIGHT + COMMAND_LATENCY + self.latency
            self.p_kind = _DESCRIPTOR
            self.p_end = self.consumed + d.DESCRIPTOR_BEATS
            self.p_pause = self.now + GROUP_TO_DESCRIPTOR
        elif self.p_kind == _DESCRIPTOR:
            self.p_kind = _BIASES
            self.described += 1
            self.group_seen.append(self.now + DESCRIPTOR_TO_GROUP)
            self.p_end = self.consumed + self.fields[self.p_seq % self.groups]["bias_pairs"]
            self.p_pause = self.now + 2
        else:
            self.p_kind = _WEIGHTS
            f = self.fields[self.p_seq % self.groups]
            self.pairs_before += f["bias_pairs"]
            self.p_end = self.consumed + f["weight_words"] * self.weight_beats
        self._limit()

    def _limit(self) -> None:
        """How far the program may be consumed."""
        if self.p_kind == _DESCRIPTOR:
            ready = self.taken >= self.p_seq and self.l_seq >= self.p_seq - 1
            self.p_limit = self.p_end if ready else -1.0
        elif self.p_kind == _BIASES:
            f = self.fields[self.p_seq % self.groups]
            room = self.pair_free + self.shape.bias_pairs - 2
            left = self.pairs_before + f["bias_pairs"] - room
            self.p_limit = self.p_end - max(0, left)
        elif self.p_kind == _WEIGHTS:
            room = self.weight_free + self.shape.weight_words - 2
            self.p_limit = self.p_end - max(0, self._weights_end() - room) * self.weight_beats

    def _weights_end(self) -> int:
        """Weight words of the run up to the end of this group."""
        per_image = sum(f["weight_words"] for f in self.fields)
        seq = self.p_seq
        part = sum(f["weight_words"] for f in self.fields[: seq % self.groups + 1])
        return seq // self.groups * per_image + part

    # ---------------------------------------------------------------------------------- rows
    def _ask(self) -> float:
        """Ask for rows as far as they may be; the time at which to look again."""
        while True:
            now = self.now
            if self.l_seq < 0 or self.asked == self.l_rows:
                if self.l_seq >= 0 and self.rows < self.l_rows:
                    return _NEVER
                if self.l_seq + 1 >= min(self.total, self.described):
                    return _NEVER
                seen = self.group_seen[self.l_seq + 1]
                if seen > now + _EPS:
                    return seen
                self.l_seq += 1
                self.l_rows = self.fields[self.l_seq % self.groups]["src_rows"]
                self.asked = self.rows = 0
                self.l_ask = now + 4
                if self.p_kind == _DESCRIPTOR:
                    self._limit()
            ahead = self.l_seq - self.issue_seq
            if ahead > 1:
                return _NEVER
            f = self.fields[self.l_seq % self.groups]
            if self.asked - (0 if ahead else self.freed_rows) >= f["in_rows"]:
                return _NEVER
            if f.get("wait_enable"):
                lag = self.written_seq - (self.l_seq - f["wait_back"])
                if lag < 0 or (lag == 0 and self.written_rows <= self.asked):
                    return _NEVER
            if self.in_flight > (READER_BURSTS - 1) * BURST_BEATS:
                return _NEVER
            if self.l_ask > now + _EPS:
                return self.l_ask
            beats = f["src_row_words"] * self.word_beats
            bursts = -(-beats // BURST_BEATS)
            self.flight.append([now + COMMAND_LATENCY + self.latency, beats])
            self.in_flight += beats
            self.asked += 1
            self.l_ask = now + ROW_COMMAND + 2 * min(bursts, READER_BURSTS)

    # --------------------------------------------------------------------------- maps to add
    def _allow(self) -> float:
        """Bring up to date how far maps to add may be fetched; the time at which to look again."""
        due = self.now + _EPS
        while self.a_pops and self.a_pops[0][0] <= due:
            self.a_popped += self.a_pops.popleft()[1]
        allowed, again = self.a_allowed, _NEVER
        fresh = 0
        while self.a_index < len(self.a_groups):
            seq, first, end, row = self.a_groups[self.a_index]
            if len(self.group_seen) <= seq:
                break
            if self.group_seen[seq] > due:
                again = self.group_seen[seq]
                break
            f = self.fields[seq % self.groups]
            rows = f["rows"]
            if f.get("add_wait_enable"):
                lag = self.written_seq - (seq - f["add_wait_back"])
                rows = 0 if lag < 0 else min(rows, self.written_rows) if lag == 0 else rows
            fresh = ADDEND_GROUP if allowed <= first else 0
            allowed = first + rows * row
            if allowed < end:
                break
            self.a_index += 1
        if allowed > self.a_allowed:
            if self.a_fetched >= self.a_allowed - _EPS:
                self.a_ready = self.now + fresh + COMMAND_LATENCY + self.latency
            self.a_allowed = allowed
        if self.a_pops and self.a_popped + self.a_room < self.a_allowed:
            again = min(again, self.a_pops[0][0])
        return again

    # ------------------------------------------------------------------------------- the fluid
    def step(self, limit: float) -> None:
        """Move on to the next event, at most to ``limit``."""
        now = self.now
        due = now + _EPS
        while self.frees and self.frees[0][0] <= due:
            _, words, pairs = self.frees.popleft()
            self.weight_free += words
            self.pair_free += pairs
            self._limit()
        while self.planner_took and self.planner_took[0] <= due:
            self.planner_took.popleft()
            self.taken += 1
            self._limit()
        while self.freed and self.freed[0][0] <= due:
            _, rows, group_end = self.freed.popleft()
            if group_end:
                self.freed_rows = 0
                self.issue_seq += 1
            else:
                self.freed_rows += rows
        while self.acks and self.acks[0][0] <= due:
            _, group_end = self.acks.popleft()
            if group_end:
                self.written_seq += 1
                self.written_rows = 0
            else:
                self.written_rows += 1
        while self.p_kind != _DONE and self.consumed >= self.p_end - _EPS:
            self._next_stage()
        next_ask = self._ask()

        room = min(self.image_end, self.consumed + READER_FIFO) - self.fetched
        fetch = room > _EPS and self.p_ready <= due
        flight, chunks = self.flight, self.chunks
        read = bool(flight) and flight[0][0] <= due
        write = bool(chunks) and chunks[0][0] <= due
        add_room = 0.0
        end = min(limit, next_ask)
        if self.a_groups:
            end = min(end, self._allow())
            add_room = min(self.a_allowed, self.a_popped + self.a_room) - self.a_fetched
        add = add_room > _EPS and self.a_ready <= due
        rate = self.rates[(fetch or add) + read + write]
        read_rate = min(rate, self.read_cap)
        port_rate = read_rate / 2 if fetch and add else read_rate
        backlog = self.fetched - self.consumed
        consume = 0.0
        if self.p_limit > self.consumed + _EPS and self.p_pause <= due:
            consume = 1.0 if backlog > _EPS else port_rate if fetch else 0.0

        if consume:
            left = min(self.p_limit, self.p_end, self.p_target) - self.consumed
            if left > _EPS:
                end = min(end, now + left / consume)
            if backlog > _EPS and (not fetch or port_rate < 1.0):
                end = min(end, now + backlog / (1.0 - (port_rate if fetch else 0.0)))
        elif self.p_pause > due:
            end = min(end, self.p_pause)
        if fetch:
            if consume < port_rate:
                end = min(end, now + room / (port_rate - consume))
            end = min(end, now + max(self.image_end - self.fetched, 1.0) / port_rate)
        elif self.p_ready > due:
            end = min(end, self.p_ready)
        if add:
            end = min(end, now + add_room / port_rate)
            if self.a_target > self.a_fetched + _EPS:
                end = min(end, now + (self.a_target - self.a_fetched) / port_rate)
        elif add_room > _EPS:
            end = min(end, self.a_ready)
        if read:
            end = min(end, now + flight[0][1] / read_rate)
            spare = self.in_flight - (READER_BURSTS - 1) * BURST_BEATS
            if spare > _EPS:
                end = min(end, now + spare / read_rate)
        elif flight:
            end = min(end, flight[0][0])
        if write:
            end = min(end, now + chunks[0][1] / rate)
            if self.w_target > self.moved + _EPS:
                end = min(end, now + (self.w_target - self.moved) / rate)
        elif chunks:
            end = min(end, chunks[0][0])
        for queue in (self.frees, self.freed, self.acks):
            if queue:
                end = min(end, queue[0][0])
        if self.planner_took:
            end = min(end, self.planner_took[0])

        if end == _NEVER:
            raise RuntimeError(
                f"the model waits for ever at cycle {now:.0f}: program stream at group "
                f"{self.p_seq}, rows of group {self.l_seq}, {self.written_seq} groups written"
            )
        span = end - now
        self.now = end
        moved = span * rate
        arrived = span * read_rate
        self.consumed += span * consume
        if fetch:
            self.fetched += span * port_rate
        if add:
            self.a_fetched += span * port_rate
        if read:
            flight[0][1] -= arrived
            self.in_flight -= arrived
            if flight[0][1] <= _EPS:
                flight.popleft()
                self.rows += 1
        if write:
            chunk = chunks[0]
            chunk[1] -= moved
            self.moved += moved
            if chunk[1] <= _EPS:
                chunks.popleft()
                if chunk[2]:
                    self.last_ack = end + self.write_latency + RESPONSE_TO_ROW
                    self.acks.append((self.last_ack, chunk[3]))

    def run(self, until: float) -> None:
        """Come up to date."""
        while self.now < until - _EPS:
            self.step(until)

    # ------------------------------------------------------------------------- what blocks need
    def wait_weights(self, position: float, at: float) -> float:
        """First cycle from ``at`` on in which the stream is loaded up to ``position``."""
        self.run(at - BEAT_TO_WEIGHT)
        if self.consumed < position - _EPS:
            self.p_target = position
            while self.consumed < position - _EPS:
                self.next_event()
            self.p_target = _NEVER
            return max(at, self.now + BEAT_TO_WEIGHT)
        return at

    def wait_rows(self, seq: int, rows: int, at: float) -> float:
        """First cycle from ``at`` on in which ``rows`` rows of group ``seq`` are loaded."""
        self.run(at - BEAT_TO_ROW)
        waited = False
        while self.l_seq < seq or (self.l_seq == seq and self.rows < rows):
            self.next_event()
            waited = True
        return max(at, self.now + BEAT_TO_ROW) if waited else at

    def wait_addends(self, position: float, at: float) -> float:
        """First cycle from ``at`` on in which maps to add are there up to ``position``."""
        self.run(at - BEAT_TO_ADDEND)
        if self.a_fetched < position - _EPS:
            self.a_target = position
            while self.a_fetched < position - _EPS:
                self.next_event()
            self.a_target = _NEVER
            return max(at, self.now + BEAT_TO_ADDEND)
        return at

    def wait_moved(self, beats: float, at: float) -> float:
        """First cycle from ``at`` on in which ``beats`` beats of results have been written."""
        self.run(at)
        if self.moved < beats - _EPS:
            self.w_target = beats
            while self.moved < beats - _EPS:
                self.next_event()
            self.w_target = _NEVER
            return max(at, self.now)
        return at

    def wait_group(self, seq: int, at: float) -> float:
        """First cycle from ``at`` on in which the descriptor of group ``seq`` is there."""
        while len(self.group_seen) <= seq:
            self.next_event()
        return max(at, self.group_seen[seq])

    def next_event(self) -> None:
        """Move on to the next event; RuntimeError if there is none."""
        self.step(_NEVER)


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
    for k in range(3):
        if fields.get(f"p{k}_enable"):
            values = {
                name: fields.get(f"p{k}_{name}", 0)
                for name in ("steps", "blocks", "last", "kh", "pad", "stride", "weights")
            }
            found[k] = _Pass(layer=len(found), mid=bool(fields.get(f"p{k}_mid")), **values)
    return found


class _Engine:
    """Planner, issuer and what is charged for idle cycles, over all groups of a start."""

    def __init__(self, program: Program, timing: Timing, images: int) -> None:
        self.shape = program.shape
        self.memory = _Memory(program, timing, images)
        self.groups = [
            GroupPrediction(g["name"], [LayerPrediction(layer["name"]) for layer in g["layers"]])
            for g in program.host["groups"]
        ]
        self.planner = 1.0  # cycle in which the planner could hand over its next block
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
        last = self.finish
        while memory.chunks:
            memory.next_event()
        cycles = round(memory.last_ack) + END_OF_RUN
        stalls = {c: sum(g.stalls[c] for g in self.groups) for c in CAUSES}
        stalls["switch"] += cycles - last
        return Prediction(
            cycles,
            sum(g.active for g in self.groups),
            {c: round(v) for c, v in stalls.items()},
            self.groups,
            cycles - round(last),
        )

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
        squeeze = passes.get(0)
        main = [passes[k] for k in (1, 2) if k in passes]
        ahead = row = in_row = 0
        ring_rows: list[float] = []  # times at which squeeze rows are complete
        rows, total, lead = f["rows"], f.get("mid_total", 0), f.get("lead", 0)
        while row < rows:
            if squeeze and ahead < total and ahead <= row + lead:
                self._row(seq, group, f, [squeeze], weight_base, weight_last, in_row, ring_rows)
                delay = FINISH_TO_RING + self.shape.pixels + squeeze.last
                ring_rows.append(self.finish + delay)
                ahead += 1
                in_row += 1
                memory.freed.append((self.finish + 1, 1, False))
                advance = 1
            else:
                self._row(seq, group, f, main, weight_base, weight_last, in_row, ring_rows, row)
                advance = 1
                last = main[-1]
                if not squeeze:
                    in_row += last.stride
                    free = last.stride - (last.pad if row == 0 else 0)
                    if row + 1 < rows:
                        memory.freed.append((self.finish + 1, free, False))
                    advance = last.stride
                row += 1
            # RowEnd, Advance, then Row, Tile, PassLoad, PassInit, BlockPrep or Next, Idle
            self.planner += 1 + max(advance, 1) + (6 if row < rows else 2)
        memory.freed.append((self.finish + 1, 0, True))
        at = self.finish + FREE_DELAY + self.shape.channels
        memory.frees.append((at, f["weight_words"], f["bias_pairs"]))

    def _writes(self, f: dict[str, int], row: int, tile: int) -> bool:
        """Whether results of this tile of a main row go to memory."""
        last = row == f["rows"] - 1
        if f["mode"] == d.MODE_SUM:
            return last and tile == 0
        if f["mode"] == d.MODE_DIRECT:
            return True
        edge = last and bool(f["pool_last_emit"])
        if f["pool_kernel3"]:
            emit = (row > 0 and row % 2 == 0) or (row % 2 == 1 and edge)
        else:
            emit = row % 2 == 1 or edge
        return emit and tile % 2 == 0 and tile // 2 < f["out_tiles"]

    def _row(
        self,
        seq: int,
        group: GroupPrediction,
        f: dict[str, int],
        passes: list[_Pass],
        weight_base: float,
        weight_last: float,
        in_row: int,
        ring_rows: list[float],
        row: int = -1,
    ) -> None:
        """Blocks of one row; ``row`` is negative for a squeeze row."""
        memory, channels = self.memory, self.shape.channels
        fifo = self.shape.fifo_words * memory.word_beats + WRITER_FIFO - BURST_BEATS
        sums = f["mode"] == d.MODE_SUM
        beats_of = 1 if sums else memory.word_beats
        to_bus = FINISH_TO_BUS + self.shape.pixels + self.adder
        adds = row >= 0 and bool(f.get("add_enable"))
        to_addend = FINISH_TO_ADDEND + self.shape.pixels
        stalls = group.stalls
        planner, start, finish = self.planner, self.start, self.finish
        weights_here = memory.consumed >= weight_last and memory.now <= planner
        for tile in range(f["tiles"] - 1, -1, -1):
            writes = row >= 0 and self._writes(f, row, tile)
            for p in passes:
                steps = p.steps
                gap = max(0, channels - steps)
                layer = group.layers[p.layer]
                position = weight_base + p.weights * memory.weight_beats
                need = min((row if p.mid else in_row) + p.kh - p.pad, f["src_rows"])
                for block in range(p.blocks):
                    push = planner
                    if start > push:
                        push = start
                    after_weights = push
                    position += steps * memory.weight_beats
                    if not weights_here:
                        after_weights = memory.wait_weights(position, push)
                    after_input = after_ring = after_output = after_weights
                    if block == 0:
                        if p.mid:
                            ready = ring_rows[min(need, f["mid_total"]) - 1]
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
                            max(planner, start),
                            after_weights,
                            after_input,
                            after_ring,
                            after_output,
                        )
                        layer.idle += begin - finish
                    start = begin
                    finish = begin + steps
                    planner = push + 2
                    if adds:
                        at = finish + to_addend + words
                        memory.a_pops.append((at, words * memory.word_beats))
                    layer.active += steps
                    group.active += steps
                    if writes:
                        row_end = tile == 0 and p is passes[-1] and block == p.blocks - 1
                        group_end = row_end and row == f["rows"] - 1
                        memory.chunks.append([finish + to_bus, beats, row_end, group_end])
                planner += 2  # PassLoad, PassInit
            planner += 1  # Tile
        # The last block's push: the caller adds what the end of a row costs.
        self.planner, self.start, self.finish = planner - 5, start, finish

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
