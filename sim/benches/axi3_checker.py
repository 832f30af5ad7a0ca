"""The rules of AXI3 as a checker that looks at one port, cycle by cycle.

:class:`Axi3Checker` takes the values of a port's signals at every rising clock edge and raises
:class:`Axi3Violation` in the cycle in which a rule is broken. It does not know which side is the
design and which the bench: both are held to the rules. :func:`watch` feeds it from a simulation.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIXED, INCR, WRAP = 0, 1, 2
EXCLUSIVE_OKAY = 1
MAX_LEN = 15
PAGE = 4096
PAYLOAD = {
    "aw": ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos"),
    "w": ("id", "data", "strb", "last"),
    "b": ("id", "resp"),
    "ar": ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos"),
    "r": ("id", "data", "resp", "last"),
}
# A B channel is looked at before W and AW: an answer may not come in the cycle of what it answers.
ORDER = ("b", "r", "ar", "aw", "w")

Beat = dict[str, int]
Cycle = Mapping[str, tuple[bool, bool, Beat]]
"""Of every channel: valid, ready, and the payload, which counts where valid is true."""


class Axi3Violation(AssertionError):
    """A port broke a rule of AXI3."""


@dataclass
class Burst:
    """A burst that was announced, and how many of its beats have been seen."""

    id: int
    addr: int
    len: int
    size: int
    burst: int
    beats: int = 0

    def address(self, beat: int) -> int:
        """Address of beat ``beat`` (AXI3 specification, section 4.4)."""
        step = 1 << self.size
        if self.burst == FIXED or beat == 0:
            return self.addr
        address = self.addr // step * step + beat * step
        if self.burst == WRAP:
            block = step * (self.len + 1)
            base = self.addr // block * block
            address = base + (address - base) % block
        return address

    def strobes(self, beat: int, data_bytes: int) -> int:
        """Byte lanes that beat ``beat`` may use."""
        address = self.address(beat)
        step = 1 << self.size
        first = address % data_bytes
        last = address // step * step % data_bytes + step
        return (1 << last) - (1 << first)


@dataclass
class Axi3Checker:
    """Checks one port of ``data_bytes`` bytes.

    ``constants`` are signals with one allowed value ("awcache": 3). ``finish`` is to be called at
    the end: nothing may be left unanswered. ``seen`` counts what went by: bursts by channel and
    kind, answers by code.
    """

    name: str
    data_bytes: int
    constants: Mapping[str, int] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.cycles = 0
        self._waiting: dict[str, Beat] = {}
        self._writes: deque[Burst] = deque()  # announced, data incomplete, in order
        self._data: deque[Beat] = deque()  # data before its address, which AXI3 allows
        self._answers: defaultdict[int, deque[Burst]] = defaultdict(deque)  # by ID
        self._reads: defaultdict[int, deque[Burst]] = defaultdict(deque)

    def clock(self, cycle: Cycle) -> None:
        """One rising edge. Channels that the port does not have may be missing."""
        for channel in ORDER:
            if channel not in cycle:
                continue
            valid, ready, beat = cycle[channel]
            self._check_stable(channel, valid, beat)
            if valid and channel not in self._waiting:
                # Rules that hold from the moment in which a beat is shown.
                getattr(self, f"_show_{channel}")(beat)
            if valid and ready:
                self._waiting.pop(channel, None)
                getattr(self, f"_take_{channel}")(beat)
            elif valid:
                self._waiting[channel] = dict(beat)
        self.cycles += 1

    def finish(self) -> None:
        """The end: every burst is complete and answered."""
        if self._data:
            self._fail(f"{len(self._data)} beats of data without an address")
        left = len(self._writes)
        left += sum(len(q) for queues in (self._answers, self._reads) for q in queues.values())
        if left:
            self._fail(f"{left} bursts are not complete or not answered")
        if self._waiting:
            self._fail(f"still waiting for ready: {', '.join(self._waiting)}")

    def _fail(self, message: str) -> None:
        raise Axi3Violation(f"{self.name}, cycle {self.cycles}: {message}")

    def _check_stable(self, channel: str, valid: bool, beat: Beat) -> None:
        held = self._waiting.get(channel)
        if held is None:
            return
        if not valid:
            self._fail(f"{channel}valid withdrawn before {channel}ready")
        changed = [n for n in PAYLOAD[channel] if n in held and beat[n] != held[n]]
        if changed:
            self._fail(f"{channel}{changed[0]} changed before {channel}ready")

    def _check_address(self, channel: str, beat: Beat) -> None:
        for signal, value in self.constants.items():
            name = signal.removeprefix(channel)
            if name != signal and name in beat and beat[name] != value:
                self._fail(f"{signal} is {beat[name]:#x}, not {value:#x}")
        if beat["len"] > MAX_LEN:
            self._fail(f"{channel}len is {beat['len']}: a burst has at most 16 beats")
        if 1 << beat["size"] > self.data_bytes:
            self._fail(f"{channel}size is {beat['size']}: the port has {self.data_bytes} bytes")
        step, beats = 1 << beat["size"], beat["len"] + 1
        match beat["burst"]:
            case 0 | 1:
                pass
            case 2:
                if beats not in (2, 4, 8, 16):
                    self._fail(f"wrapping burst of {beats} beats")
                if beat["addr"] % step:
                    self._fail(f"wrapping burst from {beat['addr']:#x}, not aligned to {step}")
            case _:
                self._fail(f"{channel}burst is 3")
        if beat["burst"] == INCR:
            last = beat["addr"] // step * step + step * beats - 1
            if beat["addr"] // PAGE != last // PAGE:
                self._fail(f"burst from {beat['addr']:#x} to {last:#x} crosses 4 KB")

    @staticmethod
    def _burst(beat: Beat) -> Burst:
        return Burst(beat["id"], beat["addr"], beat["len"], beat["size"], beat["burst"])

    def _check_response(self, channel: str, beat: Beat) -> None:
        if beat["resp"] == EXCLUSIVE_OKAY:
            self._fail(f"{channel}resp is EXOKAY, nothing exclusive was asked")

    # What can be checked when a beat is first shown, is; data needs its address.
    def _show_aw(self, beat: Beat) -> None:
        self._check_address("aw", beat)

    def _take_aw(self, beat: Beat) -> None:
        self._writes.append(self._burst(beat))
        self.seen[f"aw{beat['burst']}"] += 1
        self._match_data()

    def _show_w(self, beat: Beat) -> None:
        pass

    def _take_w(self, beat: Beat) -> None:
        self._data.append(dict(beat))
        self.seen["w"] += 1
        self._match_data()

    def _match_data(self) -> None:
        """Data comes in the order of the addresses: nothing here interleaves bursts."""
        while self._data and self._writes:
            beat, burst = self._data.popleft(), self._writes[0]
            if beat["id"] != burst.id:
                self._fail(f"wid is {beat['id']:#x}, the burst's awid {burst.id:#x}")
            if bool(beat["last"]) != (burst.beats == burst.len):
                self._fail(f"wlast is {beat['last']} in beat {burst.beats + 1} of {burst.len + 1}")
            allowed = burst.strobes(burst.beats, self.data_bytes)
            if beat["strb"] & ~allowed:
                self._fail(f"wstrb is {beat['strb']:#x}, the beat's lanes are {allowed:#x}")
            burst.beats += 1
            if beat["last"]:
                self._answers[burst.id].append(self._writes.popleft())

    def _show_b(self, beat: Beat) -> None:
        self._check_response("b", beat)
        if not self._answers[beat["id"]]:
            self._fail(f"answer to ID {beat['id']:#x}, no write of which is complete")

    def _take_b(self, beat: Beat) -> None:
        self._answers[beat["id"]].popleft()
        self.seen[f"b{beat['resp']}"] += 1

    def _show_ar(self, beat: Beat) -> None:
        self._check_address("ar", beat)

    def _take_ar(self, beat: Beat) -> None:
        self._reads[beat["id"]].append(self._burst(beat))
        self.seen[f"ar{beat['burst']}"] += 1

    def _show_r(self, beat: Beat) -> None:
        self._check_response("r", beat)
        if not self._reads[beat["id"]]:
            self._fail(f"data of ID {beat['id']:#x}, which has asked for none")
        burst = self._reads[beat["id"]][0]
        if bool(beat["last"]) != (burst.beats == burst.len):
            self._fail(f"rlast is {beat['last']} in beat {burst.beats + 1} of {burst.len + 1}")

    def _take_r(self, beat: Beat) -> None:
        queue = self._reads[beat["id"]]
        queue[0].beats += 1
        self.seen[f"r{beat['resp']}"] += 1
        if beat["last"]:
            queue.popleft()


async def watch(checker: Axi3Checker, entity: Any, prefix: str, clock: Any) -> None:
    """Feed ``checker`` from the signals ``<prefix>_awvalid`` ... of ``entity``, for ever.

    Signals that the port does not have (QOS, say) are left out; channels without a valid too.
    """
    from cocotb.triggers import RisingEdge

    def signal(name: str) -> Any:
        return getattr(entity, f"{prefix}_{name}", None)

    channels: dict[str, tuple[Any, Any, dict[str, Any]]] = {}
    for channel, names in PAYLOAD.items():
        valid, ready = signal(f"{channel}valid"), signal(f"{channel}ready")
        if valid is not None and ready is not None:
            payload = {n: signal(channel + n) for n in names}
            present = {n: handle for n, handle in payload.items() if handle is not None}
            channels[channel] = (valid, ready, present)
    edge = RisingEdge(clock)
    while True:
        await edge
        cycle = {}
        for channel, (valid, ready, payload) in channels.items():
            shown = valid.value == 1
            beat = {n: int(h.value) for n, h in payload.items()} if shown else {}
            cycle[channel] = (shown, ready.value == 1, beat)
        checker.clock(cycle)
