"""Bench of `fb_axi3_slave`: bursts of every kind against a model of two windows of registers."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.sim.benches.axi3_checker import FIXED, INCR, PAYLOAD, WRAP, Axi3Checker, Burst, watch
from firebrick.sim.benches.axi3_master import Axi3Master, Read, Write
from firebrick.sim.benches.axi_memory import PortView
from firebrick.sim.benches.runner import reset, start_clock

OKAY, SLVERR, DECERR = 0, 2, 3
WINDOWS = ((d.ENGINE_BASE, d.REGISTER_BYTES), (d.INTC_BASE, d.INTC_BYTES))
BAD = 0xC00  # a window's slave answers with an error from this offset on
ID_BITS = 12
# What the module has no ports for.
ABSENT = ("lock", "cache", "prot", "qos")
PORTS = tuple(
    (channel + name, "o" if answers != (name == "ready") else "i")
    for channel, names in PAYLOAD.items()
    for answers in (channel in ("b", "r"),)
    for name in (*(n for n in names if n not in ABSENT), "valid", "ready")
)


def decode(address: int) -> int | None:
    """Number of the window that holds ``address``."""
    hits = [w for w, (base, size) in enumerate(WINDOWS) if base <= address < base + size]
    return hits[0] if hits else None


class Bench:
    """Master, checker, and the windows' slaves with a memory each.

    Attributes:
        words: content of the windows by address; what is not there reads as its own address.
        accesses: how many reached a window.
    """

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.view = PortView(dut, "axi", PORTS, {})
        self.master = Axi3Master(self.view, "axi", dut.clk_i)
        self.checker = Axi3Checker("GP0", 4)
        self.words: dict[int, int] = {}
        self.expected: dict[int, int] = {}
        self.accesses = 0
        self.edge = RisingEdge(dut.clk_i)

    async def start(self, checked: bool = True) -> None:
        start_clock(self.dut)
        await reset(self.dut)
        self.serve(checked)

    def serve(self, checked: bool = True) -> None:
        """Let master, windows and checker go."""
        self.master.run()
        cocotb.start_soon(self._serve_writes())
        cocotb.start_soon(self._serve_reads())
        if checked:
            cocotb.start_soon(watch(self.checker, self.view, "axi", self.dut.clk_i))

    def _ready(self) -> int:
        return random.choice((0, 3, 3))

    async def _serve_writes(self) -> None:
        dut = self.dut
        dut.lite_bvalid_i.value = 0
        while True:
            aw: tuple[int, int] | None = None
            w: tuple[int, int, int] | None = None
            while aw is None or w is None:
                aw_ready, w_ready = (self._ready() * (x is None) for x in (aw, w))
                dut.lite_awready_i.value, dut.lite_wready_i.value = aw_ready, w_ready
                await self.edge
                if hit := int(dut.lite_awvalid_o.value) & aw_ready:
                    aw = hit, int(dut.lite_awaddr_o.value)
                if hit := int(dut.lite_wvalid_o.value) & w_ready:
                    w = hit, int(dut.lite_wdata_o.value), int(dut.lite_wstrb_o.value)
            dut.lite_awready_i.value = dut.lite_wready_i.value = 0
            (hit, address), (w_hit, value, strobes) = aw, w
            assert hit == w_hit and strobes == 0xF and address % 4 == 0
            response = self._access(hit, address)
            if response == OKAY:
                self.words[address] = value
            for _ in range(random.choice((0, 0, 1, 5))):
                await self.edge
            place = hit >> 1
            # The other window's answer is noise.
            dut.lite_bresp_i.value = (
                random.getrandbits(2) << 2 * (1 - place) | response << 2 * place
            )
            dut.lite_bvalid_i.value = hit
            await self.edge
            while not int(dut.lite_bready_o.value) & hit:
                await self.edge
            dut.lite_bvalid_i.value = 0

    async def _serve_reads(self) -> None:
        dut = self.dut
        dut.lite_rvalid_i.value = 0
        while True:
            hit = 0
            while not hit:
                ready = self._ready()
                dut.lite_arready_i.value = ready
                await self.edge
                hit = int(dut.lite_arvalid_o.value) & ready
            dut.lite_arready_i.value = 0
            address = int(dut.lite_araddr_o.value)
            assert address % 4 == 0
            response = self._access(hit, address)
            for _ in range(random.choice((0, 0, 1, 5))):
                await self.edge
            place = hit >> 1
            word = self.words.get(address, address)
            dut.lite_rdata_i.value = random.getrandbits(32) << 32 * (1 - place) | word << 32 * place
            dut.lite_rresp_i.value = (
                random.getrandbits(2) << 2 * (1 - place) | response << 2 * place
            )
            dut.lite_rvalid_i.value = hit
            await self.edge
            while not int(dut.lite_rready_o.value) & hit:
                await self.edge
            dut.lite_rvalid_i.value = 0

    def _access(self, hit: int, address: int) -> int:
        """The response of the window of one-hot number ``hit``."""
        self.accesses += 1
        window = decode(address)
        assert window is not None and hit == 1 << window, f"{address:#x} came to {hit:#b}"
        return SLVERR if (address - WINDOWS[window][0]) % 0x1000 >= BAD else OKAY

    # ------------------------------------------------------------------------ what should come
    def response(self, address: int) -> int:
        window = decode(address)
        if window is None:
            return DECERR
        return SLVERR if (address - WINDOWS[window][0]) % 0x1000 >= BAD else OKAY

    def expect_write(self, access: Write) -> int:
        """Apply the burst to the expected content; its response."""
        burst = Burst(access.id, access.addr, len(access.beats) - 1, access.size, access.burst)
        worst = OKAY
        for index, (value, strobes) in enumerate(access.beats):
            address = burst.address(index) & ~3
            response = self.response(address)
            if response != DECERR and strobes != 0xF:
                response = SLVERR if strobes else OKAY
            elif response == OKAY:
                self.expected[address] = value
            worst |= response
        return worst

    def check_read(self, access: Read) -> None:
        burst = Burst(access.id, access.addr, access.len, access.size, access.burst)
        assert len(access.data) == len(access.resps) == access.len + 1
        for index, (value, response) in enumerate(zip(access.data, access.resps, strict=True)):
            address = burst.address(index) & ~3
            assert response == self.response(address), f"response of {address:#x}: {response}"
            if response == OKAY:
                assert value == self.expected.get(address, address), f"data of {address:#x}"


def random_address(size: int, low: int, high: int) -> int:
    """An address in or around the windows, of which offsets in [low, high) of every 2 KB."""
    base, length = random.choice(WINDOWS)
    start = random.choice((base, base, base, base - 0x1000, base + length))
    block = random.randrange(0, length, 0x800) if start == base else 0
    return start + block + random.randrange(low, high) // 4 * 4 + random.randrange(0, 4, 1 << size)


def random_burst(low: int, high: int) -> dict[str, int]:
    """Address, length, size and kind of a legal burst."""
    size = random.choice((2, 2, 2, 1, 0))
    kind = random.choice((FIXED, INCR, INCR, INCR, WRAP))
    length = random.choice((2, 4, 8, 16)) if kind == WRAP else random.choice((1, 1, 2, 4, 7, 16))
    address = random_address(size, low, high)
    if kind == INCR:
        if random.random() < 0.2:
            address += random.randrange(1 << size)  # an unaligned start
        length = min(length, (0x1000 - address % 0x1000 + (1 << size) - 1) >> size)
    return {"addr": address, "len": length - 1, "size": size, "burst": kind}


def random_write(low: int, high: int) -> Write:
    b = random_burst(low, high)
    burst = Burst(0, b["addr"], b["len"], b["size"], b["burst"])
    beats = []
    for index in range(b["len"] + 1):
        lanes = burst.strobes(index, 4)
        strobes = random.choice((lanes, lanes, lanes, lanes & random.getrandbits(4)))
        beats.append((random.getrandbits(32), strobes))
    return Write(b["addr"], beats, random.getrandbits(ID_BITS), b["size"], b["burst"])


def random_read(low: int, high: int) -> Read:
    b = random_burst(low, high)
    return Read(b["addr"], b["len"], random.getrandbits(ID_BITS), b["size"], b["burst"])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_bursts(dut: Any) -> None:
    """All kinds, sizes, lengths and IDs, back to back, both directions at once."""
    bench = Bench(dut)
    await bench.start()
    for pause in (0.0, 0.3, 0.7):
        bench.master.pause = pause
        # Reads come from other addresses than what is being written at the same time.
        for written in (0, 0x400):
            writes = [random_write(written, written + 0x300) for _ in range(40)]
            reads = [random_read(0x400 - written, 0x700 - written) for _ in range(40)]
            expected = [bench.expect_write(w) for w in writes]
            for pair in zip(writes, reads, strict=True):
                for access in pair:
                    bench.master.start(access)
            for write, response in zip(writes, expected, strict=True):
                await write.done.wait()
                assert write.resp == response, f"{write}: expected {response}"
            for read in reads:
                await read.done.wait()
                bench.check_read(read)
    assert bench.words == bench.expected
    bench.checker.finish()
    seen = bench.checker.seen
    for kind in ("aw0", "aw1", "aw2", "ar0", "ar1", "ar2", "b0", "b2", "b3", "r0", "r2", "r3"):
        assert seen[kind] >= 3, f"{kind}: {seen[kind]}"


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def what_is_offered_in_reset_waits(dut: Any) -> None:
    """Nothing is taken in reset, so that nothing is lost: it is answered afterwards."""
    bench = Bench(dut)
    start_clock(dut)
    dut.rst_ni.value = 0
    for _ in range(2):
        await bench.edge
    bench.serve(checked=False)
    write = Write(d.ENGINE_BASE + 0x10, [(42, 0xF)], id=9)
    read = Read(d.INTC_BASE, id=10)
    done = [bench.master.start(access) for access in (write, read)]
    for _ in range(6):
        await bench.edge
    dut.rst_ni.value = 1
    for event in done:
        await event.wait()
    assert write.resp == OKAY and bench.words == {d.ENGINE_BASE + 0x10: 42}
    assert read.resps == [OKAY]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def copies_like_memcpy(dut: Any) -> None:
    """Bursts of 4, 8 and 16 words up and down the window, written and read back."""
    bench = Bench(dut)
    await bench.start()
    at = 0
    accesses: list[Write] = []
    while at < BAD:
        words = min(random.choice((4, 8, 16)), (BAD - at) // 4)
        beats = [(random.getrandbits(32), 0xF) for _ in range(words)]
        accesses.append(Write(d.ENGINE_BASE + at, beats, id=len(accesses) % 8))
        at += 4 * words
    for access in accesses:
        assert bench.expect_write(access) == OKAY
        bench.master.start(access)
    for access in accesses:
        await access.done.wait()
        assert access.resp == OKAY
    reads = [Read(d.ENGINE_BASE + offset, 15, id=7) for offset in range(0, BAD, 64)]
    for read in reads:
        bench.master.start(read)
    for read in reads:
        await read.done.wait()
        assert read.resps == [OKAY] * 16
        bench.check_read(read)
    bench.checker.finish()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def what_axi3_forbids(dut: Any) -> None:
    """Broken bursts are answered with an error, reach no window, and the next access is right."""
    bench = Bench(dut)
    await bench.start(checked=False)
    word = (1, 0xF)
    broken: list[Write | Read] = [
        Write(d.ENGINE_BASE, [word], id=3, wid=4),
        Write(d.ENGINE_BASE, [word] * 3, last=0),
        Write(d.ENGINE_BASE, [word] * 2, last=7),
        Write(d.ENGINE_BASE, [word] * 4, burst=3),
        Write(d.INTC_BASE, [word] * 2, size=3),
        Read(d.ENGINE_BASE, 3, burst=3),
        Read(d.INTC_BASE, 2, size=3),
    ]
    for access in broken:
        before = bench.accesses
        await bench.master.start(access).wait()
        if isinstance(access, Write):
            assert access.resp == SLVERR, access
        else:
            assert access.resps == [SLVERR] * (access.len + 1) and not any(access.data)
        wrong_beats = 1 if isinstance(access, Write) and access.last is not None else 0
        # Of a burst whose WLAST is wrong, the beats in which it is right are written.
        assert wrong_beats or bench.accesses == before, access
        assert await bench.master.write(d.ENGINE_BASE + 0x10, 42, id=9) == OKAY
        assert await bench.master.read(d.ENGINE_BASE + 0x10, id=10) == (42, OKAY)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def every_edge_of_the_windows(dut: Any) -> None:
    """First and last words belong to a window, their neighbours outside do not."""
    bench = Bench(dut)
    await bench.start()
    for base, size in WINDOWS:
        for address, mapped in (
            (base - 4, False),
            (base, True),
            (base + size - 4, True),
            (base + size, False),
            (base ^ 0x4000_0000, False),
            (base | 0x0010_0000 if not base & 0x0010_0000 else base + 0x0020_0000, False),
        ):
            _, response = await bench.master.read(address)
            assert (response != DECERR) == mapped, f"{address:#x}: {response}"
            response = await bench.master.write(address, 1)
            assert (response != DECERR) == mapped, f"{address:#x}: {response}"
    bench.checker.finish()
