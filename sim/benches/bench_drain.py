"""Bench of `fb_drain`: every channel's bias, shift and token in the cycle that the array needs."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.sim.benches.blocks import layout, pack
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

TOKEN_BITS = sum(bits for _, bits in layout("token_t"))


def signed(value: int, bits: int) -> int:
    """Two's complement number of `bits` bits."""
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(channels=[8, 32])
async def random_blocks(dut: Any, channels: int) -> None:
    """Blocks of 1 to C channels, ends C or more cycles apart, tokens up to 15 blocks ahead."""
    given = bench_parameters()
    pairs = int(given["BiasPairs"])
    latency, width = int(given["DrainLatency"]), int(given["AccBits"])
    memory = [random.getrandbits(64) for _ in range(pairs)]

    tokens = []
    for _ in range(200):
        token = {name: random.getrandbits(bits) for name, bits in layout("token_t")}
        token["channels"] = random.choice((channels, 1, random.randint(1, channels)))
        token["addr"] = random.randrange((1 << 13) - channels)
        token["chan"] = random.randrange((1 << 13) - channels)
        tokens.append(token)

    # Ends of the blocks, and when their tokens come: before the end, in order, one a cycle.
    ends: list[int] = []
    starts: list[int] = []
    cycle = 40
    for index in range(len(tokens)):
        cycle += channels + random.choice((0, 0, 1, random.randint(0, 3 * channels)))
        ends.append(cycle)
        earliest = starts[-1] + 1 if starts else 1
        if index >= 15:
            earliest = max(earliest, ends[index - 15] + latency)
        latest = cycle - 1
        starts.append(random.choice((earliest, latest, random.randint(earliest, latest))))

    expected = {}
    for end, token in zip(ends, tokens, strict=True):
        for channel in range(token["channels"]):
            pair = memory[(token["bias_addr"] + channel // 2) % pairs]
            entry = pair >> 32 * (channel % 2) & 0xFFFFFFFF
            moved = token | {"addr": token["addr"] + channel, "chan": token["chan"] + channel}
            expected[end + latency + channel] = (
                signed(entry & 0xFFFFFF, 24) & ((1 << width) - 1),
                entry >> 24 & 31,
                pack("token_t", moved),
                int(channel == token["channels"] - 1),
            )

    dut.token_valid_i.value = 0
    dut.last_i.value = 0
    start_clock(dut)
    await reset(dut)
    by_start = dict(zip(starts, tokens, strict=True))
    end_set = set(ends)
    reads: list[int | None] = [None, None]
    for cycle in range(ends[-1] + latency + channels + 5):
        coming = by_start.get(cycle)
        dut.token_valid_i.value = int(coming is not None)
        dut.token_i.value = pack("token_t", coming) if coming else random.getrandbits(TOKEN_BITS)
        dut.last_i.value = int(cycle in end_set)
        address = reads.pop(0)
        dut.bias_rd_data_i.value = random.getrandbits(64) if address is None else memory[address]
        await RisingEdge(dut.clk_i)
        reads.append(int(dut.bias_rd_addr_o.value) if dut.bias_rd_en_o.value == 1 else None)
        if dut.valid_o.value == 0:
            assert cycle not in expected, f"cycle {cycle}: nothing comes"
            continue
        actual = (
            int(dut.bias_o.value),
            int(dut.shift_o.value),
            int(dut.token_o.value),
            int(dut.channel_last_o.value),
        )
        assert actual == expected.get(cycle), f"cycle {cycle}"
