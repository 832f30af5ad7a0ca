"""The memory side of the cycle model: program, rows, maps to add and results as a fluid.

See :mod:`hw.model.cycles`, whose blocks wait for what these streams have moved.
"""

from __future__ import annotations

from collections import deque

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Program
from firebrick.hw.memory_timing import Timing
from firebrick.hw.model.latencies import (
    ADDEND_FIFO,
    ADDEND_GROUP,
    BEAT_TO_ADDEND,
    BEAT_TO_ROW,
    BEAT_TO_WEIGHT,
    BURST_BEATS,
    BURST_TURNAROUND,
    COMMAND_LATENCY,
    DESCRIPTOR_TO_GROUP,
    GROUP_TO_DESCRIPTOR,
    PORT_SLACK,
    READER_BURSTS,
    READER_FIFO,
    RESPONSE_TO_ROW,
    ROW_COMMAND,
    START_TO_STREAM,
)

_DESCRIPTOR, _BIASES, _WEIGHTS, _DONE = range(4)  # what the program stream holds next
EPS = 1e-6
ROUNDING = 1e-4  # beats that rounding may leave of a row
NEVER = float("inf")


class Streams:
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
        self.weight_beats = shape.weight_bytes // 8
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
        self.weight_frees: deque[tuple[float, int]] = deque()  # (time, weight words)
        self.pair_frees: deque[tuple[float, int]] = deque()  # (time, bias pairs)
        self.planner_took: deque[float] = deque()
        self.taken = 0  # descriptors that the planner has taken
        self.described = 0  # descriptors read
        self.group_seen: list[float] = []
        self.weight_start: list[float] = []  # stream position of each group's first weight
        self.p_target = NEVER
        self.p_asked = 0.0  # position of maps to add that a descriptor waits for

        # Rows.
        self.l_seq = -1  # group that the loader works on
        self.l_ask = 0.0
        self.asked = self.rows = 0
        self.l_rows = 0
        self.l_step = 1  # rows of the map that a stored one holds
        self.l_rate = 1.0  # beats a cycle at which rows go to their ring
        self.flight: deque[list[float]] = deque()  # [first beat's time, beats left]
        self.in_flight = 0.0
        self.behind = 0.0  # beats between the bus and the ring
        self.loading: deque[float] = deque()  # beats of the rows asked for that are not in the ring
        # Times in which results take the rings' write port: [from, to].
        self.ring_writes: deque[list[float]] = deque()
        self.freed: deque[tuple[float, int, bool]] = deque()  # (time, rows, group end)
        self.freed_rows = 0
        self.issue_seq = 0

        # Maps to add: positions count beats since start; (group, first, end, beats of a row).
        self.a_groups: list[tuple[int, float, float, float]] = []
        # Position from which on all of a group's map, or of the last one's before it, is asked for.
        self.a_asked: list[float] = []
        position = asked = 0.0
        for seq in range(self.total):
            f = self.fields[seq % self.groups]
            if f.get("add_enable"):
                row = f["tiles"] * f["segment_words"] * self.word_beats
                self.a_groups.append((seq, position, position + row * f["rows"], row))
                position += row * f["rows"]
                # The reader has taken the last tile, and what is on its way lies behind that.
                on_its_way = f["segment_words"] * self.word_beats + COMMAND_LATENCY + self.latency
                asked = position - on_its_way
            self.a_asked.append(asked)
        self.a_room = shape.fifo_words * self.word_beats + ADDEND_FIFO
        self.a_index = 0  # group that is being fetched
        self.a_allowed = 0.0  # position up to which rows are in memory
        self.a_fetched = self.a_popped = 0.0
        self.a_pops: deque[tuple[float, int]] = deque()  # (time, beats)
        self.a_ready = 0.0
        self.a_target = NEVER

        # Results.
        self.chunks: deque[list] = deque()  # [time, beats, row end, group end]
        self.moved = 0.0
        self.w_target = NEVER
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
                self.p_kind, self.p_end, self.p_limit = _DONE, NEVER, -1.0
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
            # One that the planner has not taken waits in a register of its own.
            ready = self.taken >= self.p_seq - 1 and self.l_seq >= self.p_seq - 1
            self.p_asked = self.a_asked[self.p_seq - 2] if self.p_seq > 1 else 0.0
            self.p_limit = self.p_end if ready and self.a_fetched >= self.p_asked - EPS else -1.0
        elif self.p_kind == _BIASES:
            f = self.fields[self.p_seq % self.groups]
            # Two fewer hold fb_program back, which takes two more meanwhile.
            room = self.pair_free + self.shape.bias_pairs
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
                    return NEVER
                if self.l_seq + 1 >= min(self.total, self.described):
                    return NEVER
                seen = self.group_seen[self.l_seq + 1]
                if seen > now + EPS:
                    return seen
                self.l_seq += 1
                f = self.fields[self.l_seq % self.groups]
                self.l_rows = f["src_rows"]
                fold = f.get("load_fold", d.FOLD_NONE)
                self.l_step = 2 if fold == d.FOLD_STORED else 1
                # A word of two rows is written twice, and one of two phases.
                twice = self.l_step == 2 or f.get("load_phases") == 2
                self.l_rate = min(1.0, self.word_beats / 2) if twice else 1.0
                self.asked = self.rows = 0
                self.l_ask = now + 4
                if self.p_kind == _DESCRIPTOR:
                    self._limit()
            ahead = self.l_seq - self.issue_seq
            if ahead > 1:
                return NEVER
            f = self.fields[self.l_seq % self.groups]
            if self.asked - (0 if ahead else self.freed_rows) >= f["in_rows"]:
                return NEVER
            if f.get("wait_enable"):
                lag = self.written_seq - (self.l_seq - f["wait_back"])
                row = self.asked * (2 if f.get("load_skip") else 1) // self.l_step
                if lag < 0 or (lag == 0 and self.written_rows <= row):
                    return NEVER
            if self.in_flight > (READER_BURSTS - 1) * BURST_BEATS:
                return NEVER
            if self.l_ask > now + EPS:
                return self.l_ask
            beats = f["load_row_words"] * self.word_beats
            bursts = -(-beats // BURST_BEATS)
            self.flight.append([now + COMMAND_LATENCY + self.latency, beats])
            self.in_flight += beats
            self.loading.append(beats)
            self.asked += self.l_step
            self.l_ask = now + ROW_COMMAND + 2 * min(bursts, READER_BURSTS)

    def to_ring(self, at: float, words: int) -> None:
        """From ``at`` on, ``words`` results take the write port that rows come in by."""
        writes = self.ring_writes
        if writes and at <= writes[-1][1]:
            writes[-1][1] = at + words
        else:
            # The first words that wait find room in front of the port.
            writes.append([at + PORT_SLACK * self.word_beats, at + words])

    # --------------------------------------------------------------------------- maps to add
    def _allow(self) -> float:
        """Bring up to date how far maps to add may be fetched; the time at which to look again."""
        due = self.now + EPS
        while self.a_pops and self.a_pops[0][0] <= due:
            self.a_popped += self.a_pops.popleft()[1]
        allowed, again = self.a_allowed, NEVER
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
            if self.a_fetched >= self.a_allowed - EPS:
                self.a_ready = self.now + fresh + COMMAND_LATENCY + self.latency
            self.a_allowed = allowed
        if self.a_pops and self.a_popped + self.a_room < self.a_allowed:
            again = min(again, self.a_pops[0][0])
        return again

    # ------------------------------------------------------------------------------- the fluid
    def step(self, limit: float) -> None:
        """Move on to the next event, at most to ``limit``."""
        now = self.now
        due = now + EPS
        while self.weight_frees and self.weight_frees[0][0] <= due:
            self.weight_free += self.weight_frees.popleft()[1]
            self._limit()
        while self.pair_frees and self.pair_frees[0][0] <= due:
            self.pair_free += self.pair_frees.popleft()[1]
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
        while self.p_kind != _DONE and self.consumed >= self.p_end - EPS:
            self._next_stage()
        next_ask = self._ask()

        room = min(self.image_end, self.consumed + READER_FIFO) - self.fetched
        fetch = room > EPS and self.p_ready <= due
        flight, chunks = self.flight, self.chunks
        read = bool(flight) and flight[0][0] <= due
        write = bool(chunks) and chunks[0][0] <= due
        add_room = 0.0
        end = min(limit, next_ask)
        if self.a_groups:
            end = min(end, self._allow())
            add_room = min(self.a_allowed, self.a_popped + self.a_room) - self.a_fetched
        add = add_room > EPS and self.a_ready <= due
        writes = self.ring_writes
        while writes and writes[0][1] <= due:
            writes.popleft()
        port_taken = bool(writes) and writes[0][0] <= due
        rate = self.rates[(fetch or add) + read + write]
        read_rate = min(rate, self.read_cap)
        port_rate = read_rate / 2 if fetch and add else read_rate
        arrive = read_rate if read else 0.0
        load = self.l_rate if self.behind > EPS else min(arrive, self.l_rate)
        if port_taken or not self.loading:
            load = 0.0
        backlog = self.fetched - self.consumed
        consume = 0.0
        if self.p_limit > self.consumed + EPS and self.p_pause <= due:
            consume = 1.0 if backlog > EPS else port_rate if fetch else 0.0

        if consume:
            left = min(self.p_limit, self.p_end, self.p_target) - self.consumed
            if left > EPS:
                end = min(end, now + left / consume)
            if backlog > EPS and (not fetch or port_rate < 1.0):
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
            if self.a_target > self.a_fetched + EPS:
                end = min(end, now + (self.a_target - self.a_fetched) / port_rate)
            if self.p_asked > self.a_fetched + EPS:
                end = min(end, now + (self.p_asked - self.a_fetched) / port_rate)
        elif add_room > EPS:
            end = min(end, self.a_ready)
        if read:
            end = min(end, now + flight[0][1] / read_rate)
            spare = self.in_flight - (READER_BURSTS - 1) * BURST_BEATS
            if spare > EPS:
                end = min(end, now + spare / read_rate)
        elif flight:
            end = min(end, flight[0][0])
        if load:
            end = min(end, now + self.loading[0] / load)
            if load > arrive:
                end = min(end, now + self.behind / (load - arrive))
        if writes and (read or self.behind > EPS):
            end = min(end, writes[0][port_taken])
        if write:
            end = min(end, now + chunks[0][1] / rate)
            if self.w_target > self.moved + EPS:
                end = min(end, now + (self.w_target - self.moved) / rate)
        elif chunks:
            end = min(end, chunks[0][0])
        for queue in (self.weight_frees, self.pair_frees, self.freed, self.acks):
            if queue:
                end = min(end, queue[0][0])
        if self.planner_took:
            end = min(end, self.planner_took[0])

        if end == NEVER:
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
            waits = self.a_fetched < self.p_asked - EPS
            self.a_fetched += span * port_rate
            if waits:
                self._limit()
        if read:
            flight[0][1] -= arrived
            self.in_flight -= arrived
            self.behind += arrived
            if flight[0][1] <= EPS:
                self.behind += flight.popleft()[1]
        if load:
            loaded = span * load
            self.behind -= loaded
            self.loading[0] -= loaded
            if self.loading[0] <= ROUNDING:
                self.behind -= self.loading.popleft()
                self.rows += self.l_step
        if write:
            chunk = chunks[0]
            chunk[1] -= moved
            self.moved += moved
            if chunk[1] <= EPS:
                chunks.popleft()
                if chunk[2]:
                    self.last_ack = end + self.write_latency + RESPONSE_TO_ROW
                    self.acks.append((self.last_ack, chunk[3]))

    def run(self, until: float) -> None:
        """Come up to date."""
        while self.now < until - EPS:
            self.step(until)

    # ------------------------------------------------------------------------- what blocks need
    def wait_weights(self, position: float, at: float) -> float:
        """First cycle from ``at`` on in which the stream is loaded up to ``position``."""
        self.run(at - BEAT_TO_WEIGHT)
        if self.consumed < position - EPS:
            self.p_target = position
            while self.consumed < position - EPS:
                self.next_event()
            self.p_target = NEVER
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
        if self.a_fetched < position - EPS:
            self.a_target = position
            while self.a_fetched < position - EPS:
                self.next_event()
            self.a_target = NEVER
            return max(at, self.now + BEAT_TO_ADDEND)
        return at

    def wait_moved(self, beats: float, at: float) -> float:
        """First cycle from ``at`` on in which ``beats`` beats of results have been written."""
        self.run(at)
        if self.moved < beats - EPS:
            self.w_target = beats
            while self.moved < beats - EPS:
                self.next_event()
            self.w_target = NEVER
            return max(at, self.now)
        return at

    def wait_group(self, seq: int, at: float) -> float:
        """First cycle from ``at`` on in which the descriptor of group ``seq`` is there."""
        while len(self.group_seen) <= seq:
            self.next_event()
        return max(at, self.group_seen[seq])

    def next_event(self) -> None:
        """Move on to the next event; RuntimeError if there is none."""
        self.step(NEVER)
