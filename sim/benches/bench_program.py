"""Bench of `fb_program`: header checks, descriptors, and the rings of weights and biases."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Group, group_seed
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.descriptors import legal_fields
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

ERROR = {name: code for code, name, _ in d.ERRORS}
ADDRESS = 0x1230080
# So many cycles, and one for each channel, the last block's biases are still read after its group
# has been executed.
STILL_READ = 12
# So many cycles a block's last weights are still read after it has been issued.
WEIGHTS_READ = 6
GROUP_BITS = d.DESCRIPTOR_BEATS * 64


class Bench:
    """A program in memory, its reader, the two users of descriptors, and the array's frees."""

    def __init__(self, dut: Any) -> None:
        given = bench_parameters()
        self.dut = dut
        self.pixels, self.channels = int(given["Pixels"]), int(given["Channels"])
        self.word_bytes = int(given["WordBytes"])
        self.pump = int(given.get("Pump", 1))
        self.weight_bytes = self.channels * self.pump
        self.weight_words, self.bias_pairs = int(given["WeightWords"]), int(given["BiasPairs"])
        self.shape = EngineShape(
            pixels=self.pixels,
            channels=self.channels,
            act_words=given["ActWords"],
            weight_words=self.weight_words,
            bias_pairs=self.bias_pairs,
            pool_channels=given["PoolChannels"],
            pool_line_words=given["PoolLineWords"],
            sums=given["Sums"],
            pump=self.pump,
        )

    def random_groups(self, count: int) -> list[Group]:
        """Groups with random descriptors; sizes up to what the engine takes."""
        groups = []
        for index in range(count):
            fields = legal_fields(self.shape) | {"group_last": int(index == count - 1)}
            pairs, words = fields["bias_pairs"], fields["weight_words"]
            payload = random.randbytes(8 * pairs + self.weight_bytes * words)
            groups.append(Group(f"group {index}", fields, payload))
        return groups

    def program(self, groups: list[Group], **changes: int) -> bytes:
        """A right program of `groups`, but for `changes` to its header."""
        seal = random.getrandbits(32)
        stream = sealed(groups, seal)
        return self.header(stream, **{"groups": len(groups), "seal": seal, **changes}) + stream

    def header(self, stream: bytes, **changes: int) -> bytes:
        """A right header for this engine but for `changes`, which its CRC includes."""
        values = {
            "magic": d.PROGRAM_MAGIC,
            "version": d.FORMAT_VERSION,
            "pixels": self.pixels,
            "channels": self.channels,
            "acc_bits": 24,
            "word_bytes": self.word_bytes,
            "pump": self.pump,
            "stream_bytes": len(stream),
            "hash_lo": random.getrandbits(64),
            "hash_hi": random.getrandbits(64),
            "host_bytes": random.getrandbits(32),
            **changes,
        }
        body = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, values)
        if "header_crc" not in changes:
            values["header_crc"] = zlib.crc32(body[: (d.HEADER_BEATS - 1) * 8])
        return d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, values)

    async def reset(self) -> None:
        dut = self.dut
        for port in (dut.start_i, dut.cmd_ready_i, dut.data_valid_i, dut.planner_ready_i):
            port.value = 0
        dut.loader_ready_i.value = dut.addend_ready_i.value = 0
        dut.free_i.value = dut.used_i.value = 0
        await reset(dut)

    async def run(
        self,
        blob: bytes,
        groups: list[Group],
        images: int = 1,
        data_gap: float = 0.2,
        free_gap: int = 10,
        end: int | None = None,
    ) -> int:
        """Run the program to its end or error and check all that it does on the way.

        `groups` are those of `blob` that may be handed over and loaded; `free_gap` is the longest
        time in cycles that the array works on a group. Returns the error code, 0 if none.
        """
        dut = self.dut
        given: dict[str, int] = {"planner": 0, "loader": 0, "addend": 0}
        sequence = groups * images
        descriptors, payloads = [], []
        place = d.HEADER_BEATS * 8
        for g in groups:
            payload = place + GROUP_BITS // 8
            descriptors.append(int.from_bytes(blob[place:payload], "little"))
            place = payload + len(g.payload)
            payloads.append(blob[payload:place])
        commands = [(ADDRESS, d.HEADER_BEATS)]
        stream_beats = int.from_bytes(blob[16:20], "little") // 8
        commands += [(ADDRESS + 64, stream_beats)] * images
        beats: list[bytes] = []
        written: dict[str, int] = {"weight": 0, "bias": 0}
        freed = {"weight": 0, "bias": 0}
        pairs = list(zip(groups, payloads, strict=True)) * images
        total = {
            "weight": [p[8 * g.fields["bias_pairs"] :] for g, p in pairs],
            "bias": [p[: 8 * g.fields["bias_pairs"]] for g, p in pairs],
        }
        expected = {name: b"".join(parts) for name, parts in total.items()}
        size = {"weight": self.weight_bytes, "bias": 8}
        depth = {"weight": self.weight_words, "bias": self.bias_pairs}
        loaded_at: list[int] = []  # weight words at each group's end
        for g in sequence:
            loaded_at.append((loaded_at[-1] if loaded_at else 0) + g.fields["weight_words"])
        done, busy = 0, 0  # groups that the array has executed, cycles that the next one takes
        used = 0  # weight words that no later block reads
        for name, value in (
            ("program_addr_i", ADDRESS),
            ("program_end_i", ADDRESS + len(blob) if end is None else end),
            ("images_i", images),
            ("cmd_ready_i", 0),
            ("free_i", 0),
            ("used_i", 0),
            ("planner_ready_i", 0),
            ("loader_ready_i", 0),
            ("addend_ready_i", 0),
            ("data_valid_i", 0),
            ("start_i", 1),
        ):
            getattr(dut, name).value = value
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0
        await RisingEdge(dut.clk_i)
        quiet = cycle = 0
        releases: list[tuple[int, dict[str, int]]] = []
        reading: list[tuple[int, int]] = []
        # One of the three takes its groups late, when all of a group's payload has been read.
        late = random.choice((None, *given))
        taking = {name: 0.004 if name == late else 0.2 for name in given}
        while True:
            command = random.random() < 0.5
            dut.cmd_ready_i.value = int(command)
            give = bool(beats) and random.random() >= data_gap
            dut.data_valid_i.value = int(give)
            dut.data_i.value = (
                int.from_bytes(beats[0], "little") if give else random.getrandbits(64)
            )
            ready = {name: random.random() < taking[name] for name in given}
            dut.planner_ready_i.value = int(ready["planner"])
            dut.loader_ready_i.value = int(ready["loader"])
            dut.addend_ready_i.value = int(ready["addend"])
            # A group is executed some time after all of its weights have come.
            free = done < len(sequence) and busy == 0 and written["weight"] >= loaded_at[done]
            free = free and min(given.values()) > done
            dut.free_i.value = int(free)
            # Within a group blocks are issued whose weights are there, and used up or not.
            here = done < len(sequence) and min(given.values()) > done
            issued = free or (here and random.random() < 0.1)
            if free:
                used = loaded_at[done]
            elif issued and random.random() < 0.5:
                used = random.randint(used, min(written["weight"], loaded_at[done]))
            dut.used_i.value = int(issued)
            dut.weights_used_i.value = used & 0xFFFF if issued else random.getrandbits(16)
            dut.free_bias_pairs_i.value = (
                sequence[done].fields["bias_pairs"] if free else random.getrandbits(12)
            )
            await RisingEdge(dut.clk_i)
            quiet += 1
            if dut.error_o.value == 1:
                return int(dut.error_code_o.value)
            if command and dut.cmd_valid_o.value == 1:
                asked = (int(dut.cmd_addr_o.value), int(dut.cmd_beats_o.value))
                assert commands and asked == commands.pop(0), "a wrong read"
                start = asked[0] - ADDRESS
                part = blob[start : start + 8 * asked[1]]
                assert not beats
                beats = [part[i : i + 8] for i in range(0, len(part), 8)]
            if give and dut.data_ready_o.value == 1:
                beats.pop(0)
                quiet = 0
            for name in given:
                if ready[name] and getattr(dut, f"{name}_valid_o").value == 1:
                    assert given[name] < len(sequence), f"{name}: a group too many"
                    want = descriptors[given[name] % len(groups)]
                    port = dut.planner_group_o if name == "planner" else dut.group_o
                    assert int(port.value) == want, f"{name}: group {given[name]}"
                    given[name] += 1
            # What counts as loaded must have been written in an earlier cycle.
            assert int(dut.weights_loaded_o.value) <= written["weight"]
            for name in written:
                if getattr(dut, f"{name}_wr_en_o").value == 0:
                    continue
                index = written[name]
                assert index - freed[name] < depth[name], f"{name} {index} overwrites"
                address = int(getattr(dut, f"{name}_wr_addr_o").value)
                data = int(getattr(dut, f"{name}_wr_data_o").value)
                assert address == index % depth[name]
                part = expected[name][index * size[name] : (index + 1) * size[name]]
                assert data == int.from_bytes(part, "little"), f"{name} {index}"
                written[name] += 1
            if releases and releases[0][0] == cycle:
                freed["bias"] += releases.pop(0)[1]["bias_pairs"]
            while reading and reading[0][0] <= cycle:
                freed["weight"] = reading.pop(0)[1]
            cycle += 1
            if issued:
                reading.append((cycle + WEIGHTS_READ, used))
            if free:
                releases.append((cycle + self.channels + STILL_READ, sequence[done].fields))
                done += 1
                busy = random.randint(1, free_gap)
            elif busy:
                busy -= 1
            finished = dut.all_loaded_o.value == 1
            ended = not beats and not commands
            if finished:
                assert ended, "done with something left to read"
                if done == len(sequence):
                    break
            # The late one may take its time: 6,000 cycles are no chance.
            assert quiet < 6000 + 2 * free_gap, "the program hangs"
        assert set(given.values()) == {len(sequence)}
        assert int(dut.groups_o.value) == len(sequence)
        assert written["weight"] * self.weight_bytes == len(expected["weight"])
        assert written["bias"] * 8 == len(expected["bias"])
        assert int(dut.weights_loaded_o.value) == written["weight"]
        return 0


def sealed(groups: list[Group], seal: int) -> bytes:
    """The stream of a program with this seal."""
    return b"".join(g.encode(group_seed(seal, n)) for n, g in enumerate(groups))


def _flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def right_programs(dut: Any) -> None:
    """Random groups over several images, the array slow or fast, with gaps in the data or not."""
    bench = Bench(dut)
    start_clock(dut)
    await bench.reset()
    for images, data_gap, free_gap in ((1, 0.3, 1), (3, 0.0, 300), (2, 0.0, 1), (2, 0.7, 50)):
        groups = bench.random_groups(random.randint(1, 6))
        blob = bench.program(groups)
        assert await bench.run(blob, groups, images, data_gap, free_gap) == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def wrong_headers(dut: Any) -> None:
    """Each field's own error; the first one in the order magic, version, CRC, shape counts."""
    bench = Bench(dut)
    start_clock(dut)
    groups = bench.random_groups(1)
    stream = sealed(groups, 0)
    right = bench.header(stream, groups=1)
    cases = [
        ("MAGIC", bench.header(stream, magic=d.PROGRAM_MAGIC ^ 1 << random.randrange(32))),
        ("VERSION", bench.header(stream, version=d.FORMAT_VERSION + 1)),
        ("HEADER_CRC", bench.header(stream, header_crc=zlib.crc32(right[:56]) ^ 1 << 31)),
        ("HEADER_CRC", _flip(right, random.randrange(64 * 2, 64 * 7))),
        ("SHAPE", bench.header(stream, pixels=bench.pixels + 1)),
        ("SHAPE", bench.header(stream, channels=bench.channels * 2)),
        ("SHAPE", bench.header(stream, acc_bits=23)),
        ("SHAPE", bench.header(stream, pump=3 - bench.pump)),
        ("SHAPE", bench.header(stream, word_bytes=bench.word_bytes * 2)),
        ("MAGIC", bench.header(stream, magic=0, version=9, pixels=1)),
        ("VERSION", bench.header(stream, version=9, pixels=1, header_crc=0)),
        ("HEADER_CRC", bench.header(stream, pixels=1, header_crc=0)),
        ("GROUPS", bench.header(stream, groups=0)),
        ("GROUPS", bench.header(stream, groups=1, stream_bytes=0)),
        ("GROUPS", bench.header(stream, groups=1, stream_bytes=8 * d.DESCRIPTOR_BEATS - 8)),
        ("GROUPS", bench.header(stream, groups=1, stream_bytes=len(stream) + 4)),
        ("GROUPS", bench.header(stream, groups=1, stream_bytes=(1 << 27) + len(stream))),
        ("SHAPE", bench.header(stream, groups=0, pixels=bench.pixels + 1)),
    ]
    for name, header in cases:
        await bench.reset()
        assert await bench.run(header + stream, []) == ERROR[name], name
        await _halted(dut)
    await bench.reset()
    end = ADDRESS + len(right) + len(stream)
    assert await bench.run(right + stream, [], end=end - 1) == ERROR["BOUNDS"]
    await _halted(dut)
    await bench.reset()
    assert await bench.run(right + stream, groups, end=end) == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def wrong_stream(dut: Any) -> None:
    """A flipped bit in a group: its descriptor is not handed over, or its payload fails."""
    bench = Bench(dut)
    start_clock(dut)
    for _ in range(12):
        groups = bench.random_groups(3)
        bad = random.randrange(3)
        seal = random.getrandbits(32)
        parts = [g.encode(group_seed(seal, n)) for n, g in enumerate(groups)]
        in_descriptor = random.random() < 0.5
        start = 0 if in_descriptor else GROUP_BITS
        end = GROUP_BITS if in_descriptor else 8 * len(parts[bad])
        bit = random.randrange(start, end)
        if GROUP_BITS - 64 <= bit < GROUP_BITS - 32:
            bit += 32  # the last beat's padding is not part of the CRC
        parts[bad] = _flip(parts[bad], bit)
        stream = b"".join(parts)
        await bench.reset()
        good = groups[:bad] if in_descriptor else groups[: bad + 1]
        header = bench.header(stream, groups=3, seal=seal)
        code = await bench.run(header + stream, good)
        assert code == ERROR["DESCRIPTOR_CRC" if in_descriptor else "PAYLOAD_CRC"]
        await _halted(dut)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def groups_out_of_place(dut: Any) -> None:
    """Right groups that are not this program's, not in their place, too few or too many: every one
    is refused before its descriptor is handed over."""
    bench = Bench(dut)
    start_clock(dut)
    for _ in range(4):
        groups = bench.random_groups(4)
        seal = random.getrandbits(32)
        parts = [g.encode(group_seed(seal, n)) for n, g in enumerate(groups)]
        other = seal ^ 1 << random.randrange(32)
        foreign = [g.encode(group_seed(other, n)) for n, g in enumerate(groups)]
        at = random.randrange(4)
        a, b = sorted(random.sample(range(4), 2))
        swapped = list(parts)
        swapped[a], swapped[b] = parts[b], parts[a]
        # Sealed in its place, but with a group_last that is not true.
        ends = {**groups[1].fields, "group_last": 1}
        early = [parts[0], Group("", ends, groups[1].payload).encode(group_seed(seal, 1))]
        goes_on = {**groups[3].fields, "group_last": 0}
        endless = [*parts[:3], Group("", goes_on, groups[3].payload).encode(group_seed(seal, 3))]
        # Another length than its payload's, which the engine has room for.
        pairs = groups[2].fields["bias_pairs"]
        longer = {**groups[2].fields, "bias_pairs": pairs + 1 if pairs < 5 else pairs - 1}
        last = Group("", {**longer, "group_last": 1}, groups[2].payload)
        empty = {**groups[0].fields, "weight_words": 0}
        odd = random.choice(
            ({"rows": 0}, {"segment_words": 0}, {"in_end": bench.shape.act_words + 1})
        )
        broken = {**groups[at].fields, **odd}
        rule = "CAPACITY" if "in_end" in odd else "FIELDS"
        ruled = Group("", broken, groups[at].payload).encode(group_seed(seal, at))
        cases: list[tuple[str, list[bytes], int, dict[str, int]]] = [
            ("DESCRIPTOR_CRC", [*parts[:at], foreign[at], *parts[at + 1 :]], at, {}),
            ("DESCRIPTOR_CRC", foreign, 0, {}),
            ("DESCRIPTOR_CRC", swapped, a, {}),
            ("DESCRIPTOR_CRC", [*parts[:b], parts[a], *parts[b:]], b, {"groups": 5}),
            ("GROUPS", parts[:3], 2, {"groups": 3}),
            ("GROUPS", [*parts, parts[3]], 3, {}),
            ("GROUPS", parts, 3, {"groups": 5}),
            ("GROUPS", parts, 2, {"groups": 3}),
            ("GROUPS", [*early, *parts[2:]], 1, {}),
            ("GROUPS", early, 1, {}),
            ("GROUPS", endless, 3, {}),
            ("GROUPS", [*parts[:2], last.encode(group_seed(seal, 2))], 2, {"groups": 3}),
            ("GROUPS", [Group("", empty, b"").encode(group_seed(seal, 0)), *parts[1:]], 0, {}),
            (rule, [*parts[:at], ruled, *parts[at + 1 :]], at, {}),
        ]
        if at < 3:
            cases.append(("DESCRIPTOR_CRC", [*parts[:at], *parts[at + 1 :]], at, {}))
        for name, stream_parts, good, changes in cases:
            stream = b"".join(stream_parts)
            header = bench.header(stream, **{"groups": 4, "seal": seal, **changes})
            await bench.reset()
            code = await bench.run(header + stream, groups[:good])
            assert code == ERROR[name], (name, good, changes)
            await _halted(dut)


async def _halted(dut: Any) -> None:
    """Behind an error nothing is read, asked for or written any more."""
    dut.data_valid_i.value = 1
    dut.cmd_ready_i.value = 1
    for _ in range(50):
        await RisingEdge(dut.clk_i)
        assert dut.cmd_valid_o.value == 0 and dut.data_ready_o.value == 0
        assert dut.error_o.value == 0 and dut.all_loaded_o.value == 0
        assert dut.weight_wr_en_o.value == 0 and dut.bias_wr_en_o.value == 0
