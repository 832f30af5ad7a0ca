"""An AXI3 master in Python: any burst, any ID, many under way, pauses on every channel."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import Event, RisingEdge

from firebrick.sim.benches.axi3_checker import INCR

WORD = 2  # log2 of the bytes of a beat


@dataclass
class Write:
    """A write burst; ``beats`` holds (data, strobes) of every one, in the lanes of its address."""

    addr: int
    beats: list[tuple[int, int]]
    id: int = 0
    size: int = WORD
    burst: int = INCR
    wid: int | None = None  # None: that of the burst, as it must be
    last: int | None = None  # the beat with WLAST; None: the last one
    resp: int = -1
    done: Event = field(default_factory=Event)


@dataclass
class Read:
    """A read burst; ``data`` and ``resps`` are filled, a beat an entry."""

    addr: int
    len: int = 0
    id: int = 0
    size: int = WORD
    burst: int = INCR
    data: list[int] = field(default_factory=list)
    resps: list[int] = field(default_factory=list)
    done: Event = field(default_factory=Event)


class Axi3Master:
    """Drives the channels ``<prefix>_aw...`` and so on of ``entity``, 32 bits wide.

    ``pause`` is the share of cycles in which a channel rests.
    """

    def __init__(self, entity: Any, prefix: str, clock: Any) -> None:
        self._entity, self._prefix = entity, prefix
        self._edge = RisingEdge(clock)
        self.pause = 0.0
        self._aw: Queue[Write] = Queue()
        self._w: Queue[Write] = Queue()
        self._ar: Queue[Read] = Queue()
        self._writes: defaultdict[int, deque[Write]] = defaultdict(deque)
        self._reads: defaultdict[int, deque[Read]] = defaultdict(deque)
        for name in ("awvalid", "wvalid", "arvalid", "bready", "rready"):
            self._signal(name).value = 0
        for name in (
            "awlock",
            "awcache",
            "awprot",
            "awqos",
            "arlock",
            "arcache",
            "arprot",
            "arqos",
        ):
            if hasattr(entity, f"{prefix}_{name}"):
                self._signal(name).value = 0

    def run(self) -> None:
        """Let the channels go. After reset: before, what the slave shows has no meaning."""
        channels = (
            self._send_aw(),
            self._send_w(),
            self._send_ar(),
            self._take_b(),
            self._take_r(),
        )
        for channel in channels:
            cocotb.start_soon(channel)

    def start(self, access: Write | Read) -> Event:
        """Queue a burst; the event is set when it is answered."""
        if isinstance(access, Write):
            self._writes[access.id].append(access)
            self._aw.put_nowait(access)
            # A master does not wait for an address to be taken before it shows data.
            self._w.put_nowait(access)
        else:
            self._reads[access.id].append(access)
            self._ar.put_nowait(access)
        return access.done

    async def write(self, addr: int, value: int, **options: Any) -> int:
        """Write one word; its response."""
        access = Write(addr, [(value, 0xF)], **options)
        await self.start(access).wait()
        return access.resp

    async def read(self, addr: int, **options: Any) -> tuple[int, int]:
        """Read one word: data and response."""
        access = Read(addr, **options)
        await self.start(access).wait()
        return access.data[0], access.resps[0]

    def _signal(self, name: str) -> Any:
        return getattr(self._entity, f"{self._prefix}_{name}")

    def _rests(self) -> Iterator[None]:
        while random.random() < self.pause:
            yield

    async def _beat(self, channel: str, **payload: int) -> None:
        """Show one beat until it is taken."""
        for _ in self._rests():
            await self._edge
        for name, value in payload.items():
            self._signal(channel + name).value = value
        self._signal(f"{channel}valid").value = 1
        ready = self._signal(f"{channel}ready")
        await self._edge
        while ready.value == 0:
            await self._edge
        self._signal(f"{channel}valid").value = 0
        for name in payload:  # what is not shown has no meaning
            handle = self._signal(channel + name)
            handle.value = random.getrandbits(len(handle))

    async def _send_aw(self) -> None:
        while True:
            a = await self._aw.get()
            count = len(a.beats) - 1
            await self._beat("aw", id=a.id, addr=a.addr, len=count, size=a.size, burst=a.burst)

    async def _send_w(self) -> None:
        while True:
            a = await self._w.get()
            last = len(a.beats) - 1 if a.last is None else a.last
            for index, (data, strobes) in enumerate(a.beats):
                wid = a.id if a.wid is None else a.wid
                await self._beat("w", id=wid, data=data, strb=strobes, last=int(index == last))

    async def _send_ar(self) -> None:
        while True:
            a = await self._ar.get()
            await self._beat("ar", id=a.id, addr=a.addr, len=a.len, size=a.size, burst=a.burst)

    async def _take(self, channel: str) -> dict[str, int]:
        """The next beat of an answering channel."""
        ready, valid = self._signal(f"{channel}ready"), self._signal(f"{channel}valid")
        while True:
            ready.value = int(random.random() >= self.pause)
            await self._edge
            if valid.value == 1 and ready.value == 1:
                names = ("id", "resp") if channel == "b" else ("id", "data", "resp", "last")
                return {name: int(self._signal(channel + name).value) for name in names}

    async def _take_b(self) -> None:
        while True:
            beat = await self._take("b")
            access = self._writes[beat["id"]].popleft()
            access.resp = beat["resp"]
            access.done.set()

    async def _take_r(self) -> None:
        while True:
            beat = await self._take("r")
            access = self._reads[beat["id"]][0]
            access.data.append(beat["data"])
            access.resps.append(beat["resp"])
            if beat["last"]:
                self._reads[beat["id"]].popleft().done.set()
