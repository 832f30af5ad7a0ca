"""Bench of `fb_read_join`: two masters and a memory that answers in order."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

MASTERS = ("a", "b")
Burst = tuple[int, int]  # address, beats less one


class Bench:
    """Masters that keep an address until it is taken, and a memory that is fast or slow."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.bursts = int(bench_parameters().get("Bursts", 16))

    async def start(self) -> None:
        dut = self.dut
        for name in MASTERS:
            getattr(dut, f"{name}_arvalid_i").value = 0
        dut.axi_arready_i.value = dut.axi_rvalid_i.value = dut.axi_rlast_i.value = 0
        await reset(dut)

    async def run(self, count: dict[str, int], gaps: dict[str, float], memory: float) -> int:
        """Each master reads `count` bursts; the most addresses of the other that one waited for."""
        dut = self.dut
        left = dict(count)
        shown: dict[str, Burst | None] = dict.fromkeys(MASTERS)
        due: dict[str, int] = dict.fromkeys(MASTERS, 0)  # beats on their way
        flight: dict[str, int] = dict.fromkeys(MASTERS, 0)
        answers: list[tuple[str, int]] = []  # owner, beats left
        waited = dict.fromkeys(MASTERS, 0)
        longest = quiet = 0
        held: Burst | None = None
        while any(left.values()) or any(due.values()) or any(shown.values()):
            for name in MASTERS:
                room = flight[name] < self.bursts // 2
                if shown[name] is None and left[name] and room and random.random() >= gaps[name]:
                    shown[name] = (random.randrange(0, 1 << 32, 8), random.randrange(16))
                    left[name] -= 1
                burst = shown[name]
                getattr(dut, f"{name}_arvalid_i").value = int(burst is not None)
                address, length = burst or (random.getrandbits(32), random.getrandbits(8))
                getattr(dut, f"{name}_araddr_i").value = address
                getattr(dut, f"{name}_arlen_i").value = length
            take = random.random() >= memory
            give = bool(answers) and random.random() >= memory
            dut.axi_arready_i.value = int(take)
            dut.axi_rvalid_i.value = int(give)
            dut.axi_rlast_i.value = int(answers[0][1] == 1) if give else random.getrandbits(1)
            await RisingEdge(dut.clk_i)
            got = {name: int(getattr(dut, f"{name}_rvalid_o").value) for name in MASTERS}
            assert got == {name: int(give and answers[0][0] == name) for name in MASTERS}
            ready = [n for n in MASTERS if getattr(dut, f"{n}_arready_o").value == 1 and shown[n]]
            valid = dut.axi_arvalid_o.value == 1
            assert valid == any(shown.values())
            if valid:
                burst = (int(dut.axi_araddr_o.value), int(dut.axi_arlen_o.value))
                assert burst in shown.values() and held in (None, burst), "an address changed"
                held = None if take else burst
                assert ready == ([n for n in MASTERS if shown[n] == burst] if take else [])
                for name in ready:
                    answers.append((name, burst[1] + 1))
                    due[name] += burst[1] + 1
                    flight[name] += 1
                    shown[name] = None
                    waited[name] = 0
                    other = MASTERS[1 - MASTERS.index(name)]
                    waited[other] += int(shown[other] is not None)
                    longest = max(longest, waited[other])
            if give:
                name, beats = answers[0]
                due[name] -= 1
                flight[name] -= int(beats == 1)
                answers[0] = (name, beats - 1)
                if beats == 1:
                    answers.pop(0)
            quiet = 0 if give or ready else quiet + 1
            assert quiet < 500, "nothing moves"
        return longest


@cocotb.test()
async def two_masters(dut: Any) -> None:
    """Both at all paces: every beat reaches its master, and none waits for two of the other's."""
    bench = Bench(dut)
    start_clock(dut)
    for gap_a, gap_b, memory in (
        (0, 0, 0),
        (0.5, 0.5, 0.5),
        (0, 0.9, 0.3),
        (0.9, 0, 0),
        (0, 0, 0.8),
    ):
        await bench.start()
        longest = await bench.run({"a": 150, "b": 150}, {"a": gap_a, "b": gap_b}, memory)
        assert longest <= 2


@cocotb.test()
async def one_master(dut: Any) -> None:
    """The other does not ask: each has the port to itself."""
    bench = Bench(dut)
    start_clock(dut)
    for name in MASTERS:
        await bench.start()
        count = {other: 100 * int(other == name) for other in MASTERS}
        await bench.run(count, dict.fromkeys(MASTERS, 0.0), 0.0)


@cocotb.test()
async def beats_of_before_a_reset(dut: Any) -> None:
    """What a memory still owes to the time before a reset reaches neither master."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.start()
    for _ in range(100):
        dut.axi_rvalid_i.value = random.randint(0, 1)
        dut.axi_rlast_i.value = random.randint(0, 1)
        await RisingEdge(dut.clk_i)
        assert dut.a_rvalid_o.value == dut.b_rvalid_o.value == 0
    dut.axi_rvalid_i.value = 0
    await RisingEdge(dut.clk_i)
    await bench.run({"a": 50, "b": 50}, {"a": 0.3, "b": 0.3}, 0.2)
