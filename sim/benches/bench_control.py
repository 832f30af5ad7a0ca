"""Bench of `fb_control`: registers, a run from start to end, errors, counters, profile."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from firebrick.hw import definition as d
from firebrick.sim.benches.runner import bench_parameters, reset, start_clock

OFFSET = {r.name: r.offset for r in d.REGISTERS}
ERROR = {name: code for code, name, _ in d.ERRORS}
BUSY, DONE, FAILED, RESETTING = 1, 2, 4, 8
START, SOFT_RESET = 1, 2
SETUP = {
    "IRQ_ENABLE": 2,
    "PROGRAM_ADDR": 32,
    "INPUT_ADDR": 32,
    "OUTPUT_ADDR": 32,
    "SCRATCH_ADDR": 32,
    "IMAGES": 16,
    "INPUT_STRIDE": 32,
    "OUTPUT_STRIDE": 32,
    "TIMEOUT": 32,
    "PROGRAM_END": 32,
    "INPUT_END": 32,
    "OUTPUT_END": 32,
    "SCRATCH_END": 32,
}
# What ends a run, the most important first: a cause of several that come at once.
CAUSES = (
    ("error_program_read_i", "PROGRAM_READ"),
    ("error_map_read_i", "MAP_READ"),
    ("error_map_write_i", "MAP_WRITE"),
    ("error_program_i", "PAYLOAD_CRC"),
    ("error_bounds_i", "BOUNDS"),
    ("error_fields_i", "FIELDS"),
)
EVENTS = (
    "active_i",
    "pacing_i",
    "wait_ring_i",
    "wait_weights_i",
    "wait_input_i",
    "wait_output_i",
    "beat_program_i",
    "beat_read_i",
    "beat_write_i",
    "group_done_i",
    "image_done_i",
)


class Bench:
    """The register bus and the engine around the module."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut

    async def start(self) -> None:
        dut = self.dut
        for name in (*EVENTS, *(port for port, _ in CAUSES), "wr_en_i", "rd_en_i"):
            getattr(dut, name).value = 0
        dut.error_program_code_i.value = ERROR["PAYLOAD_CRC"]
        dut.masters_idle_i.value = 1
        dut.all_loaded_i.value = 1
        dut.clock_lost_i.value = 0
        dut.groups_i.value = dut.written_seq_i.value = 0
        start_clock(dut)
        await reset(dut)
        await ClockCycles(dut.clk_i, 3)

    async def write(self, name: str, value: int) -> None:
        dut = self.dut
        dut.wr_en_i.value, dut.wr_addr_i.value, dut.wr_data_i.value = 1, OFFSET[name], value
        await RisingEdge(dut.clk_i)
        dut.wr_en_i.value = 0
        dut.wr_data_i.value = random.getrandbits(32)

    async def read_at(self, offset: int) -> int:
        """The register bus: data 3 cycles after the request."""
        dut = self.dut
        dut.rd_en_i.value, dut.rd_addr_i.value = 1, offset
        await RisingEdge(dut.clk_i)
        dut.rd_en_i.value = 0
        dut.rd_addr_i.value = random.getrandbits(13)
        await ClockCycles(dut.clk_i, 3)
        return int(dut.rd_data_o.value)

    async def read(self, name: str) -> int:
        return await self.read_at(OFFSET[name])

    async def setup(self, **changes: int) -> None:
        """Registers of a right run, with changes."""
        values = {
            "IRQ_ENABLE": 3,
            "PROGRAM_ADDR": 128 * random.getrandbits(20),
            "INPUT_ADDR": 128 * random.getrandbits(20),
            "OUTPUT_ADDR": 128 * random.getrandbits(20),
            "SCRATCH_ADDR": 128 * random.getrandbits(20),
            "IMAGES": random.randint(1, 65535),
            "INPUT_STRIDE": 128 * random.getrandbits(20),
            "OUTPUT_STRIDE": 128 * random.getrandbits(20),
            "TIMEOUT": 100000,
        }
        for name, value in {**values, **changes}.items():
            await self.write(name, value)

    async def launch(self) -> None:
        """Start; the engine has work to do then."""
        self.dut.all_loaded_i.value = 0
        await self.write("CONTROL", START)
        await RisingEdge(self.dut.clk_i)
        assert self.dut.start_o.value == 1
        await RisingEdge(self.dut.clk_i)
        assert self.dut.start_o.value == 0

    async def settle(self) -> None:
        await ClockCycles(self.dut.clk_i, 4)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def registers(dut: Any) -> None:
    """What can be written reads back and reaches its port; what cannot stays."""
    bench = Bench(dut)
    await bench.start()
    assert await bench.read("IMAGES") == 1
    given = bench_parameters()
    logs = {name: value.bit_length() - 1 for name, value in given.items()}
    constants = {
        "ID": d.ENGINE_ID,
        "VERSION": d.FORMAT_VERSION,
        "DEFINITION": d.DEFINITION,
        "SHAPE": given["Pixels"]
        | given["Channels"] << 8
        | given["AccBits"] << 16
        | given["WordBytes"] << 24
        | given["Pump"] << 30,
        "CAPACITY": logs["ActWords"]
        | logs["WeightWords"] << 8
        | logs["BiasPairs"] << 16
        | logs["Sums"] << 24,
        "POOL_CAPACITY": logs["PoolChannels"] | logs["PoolLineWords"] << 8,
        "STATUS": 0,
        "ERROR": 0,
        "CONTROL": 0,
    }
    values = {name: random.getrandbits(bits) for name, bits in SETUP.items()}
    for name in random.sample(sorted(values), len(values)):
        await bench.write(name, random.getrandbits(32) & ~((1 << SETUP[name]) - 1) | values[name])
    for name in (*constants, "CYCLES_LO", "GROUP"):
        if name == "CONTROL":
            continue
        await bench.write(name, random.getrandbits(32))
    expected = constants | values
    for name in random.sample(sorted(expected), len(expected)):
        assert await bench.read(name) == expected[name], name
    for name in SETUP:
        if name not in ("IRQ_ENABLE", "TIMEOUT"):
            assert int(getattr(dut, f"{name.lower()}_o").value) == values[name]
    assert dut.irq_o.value == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def finished_runs(dut: Any) -> None:
    """A run ends when all groups are written; done, interrupt, acknowledge, enable."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(6):
        enable = random.randint(0, 3)
        await bench.setup(IRQ_ENABLE=enable)
        groups = random.randint(1, 60000)
        dut.groups_i.value, dut.written_seq_i.value = groups, groups - 1
        await bench.launch()
        assert dut.core_rst_no.value == 1
        assert await bench.read("STATUS") == BUSY
        await bench.write("CONTROL", START)  # has no effect while it runs
        await bench.settle()
        assert dut.start_o.value == 0
        # Nor have writes to what describes the run.
        for name in SETUP:
            if name not in ("IRQ_ENABLE", "TIMEOUT"):
                before = await bench.read(name)
                await bench.write(name, before ^ 1 << random.randrange(SETUP[name]))
                assert await bench.read(name) == before, name
        dut.all_loaded_i.value = 1
        await bench.settle()
        assert await bench.read("STATUS") == BUSY
        # It is done when nothing of it is left in masters and core.
        dut.masters_idle_i.value = 0
        dut.written_seq_i.value = groups
        await bench.settle()
        assert dut.abort_o.value == 1 and dut.core_rst_no.value == 0 and dut.irq_o.value == 0
        assert await bench.read("STATUS") == BUSY
        dut.masters_idle_i.value = 1
        await bench.settle()
        assert dut.core_rst_no.value == 1
        assert await bench.read("STATUS") == DONE
        assert await bench.read("ERROR") & 0xFF == ERROR["NONE"]
        assert dut.irq_o.value == enable & 1
        assert await bench.read("IRQ_STATUS") == 1
        await bench.write("IRQ_STATUS", 2)
        assert await bench.read("IRQ_STATUS") == 1
        await bench.write("IRQ_STATUS", 1)
        await bench.settle()
        assert dut.irq_o.value == 0 and await bench.read("IRQ_STATUS") == 0
        assert await bench.read("STATUS") == DONE
        assert dut.abort_o.value == 0
    # A soft reset while a run is being cleared: it is not done.
    await bench.launch()
    dut.all_loaded_i.value = 1
    dut.written_seq_i.value = groups
    dut.masters_idle_i.value = 0
    await bench.settle()
    await bench.write("CONTROL", SOFT_RESET)
    dut.masters_idle_i.value = 1
    await bench.settle()
    assert await bench.read("STATUS") == 0 and await bench.read("IRQ_STATUS") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def errors(dut: Any) -> None:
    """The first cause counts, of several at once the most important; the masters finish."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(40):
        await bench.setup()
        await bench.launch()
        groups = random.randint(0, 5)
        for _ in range(groups):
            dut.group_done_i.value = 1
            await RisingEdge(dut.clk_i)
            dut.group_done_i.value = 0
            await ClockCycles(dut.clk_i, 10)
        chosen = sorted(random.sample(range(len(CAUSES)), random.randint(1, 3)))
        dut.masters_idle_i.value = 0
        for index in chosen:
            getattr(dut, CAUSES[index][0]).value = 1
        await RisingEdge(dut.clk_i)
        for port, _ in CAUSES:
            getattr(dut, port).value = 0
        await bench.settle()
        assert dut.abort_o.value == 1 and dut.core_rst_no.value == 0 and dut.irq_o.value == 1
        # What still comes while the masters finish changes nothing.
        getattr(dut, random.choice(CAUSES)[0]).value = 1
        await RisingEdge(dut.clk_i)
        for port, _ in CAUSES:
            getattr(dut, port).value = 0
        assert await bench.read("STATUS") == FAILED | RESETTING
        assert await bench.read("ERROR") == ERROR[CAUSES[chosen[0]][1]] | groups << 8
        assert await bench.read("IRQ_STATUS") == 2
        dut.masters_idle_i.value = 1
        await bench.settle()
        assert dut.abort_o.value == 0 and dut.core_rst_no.value == 1
        assert await bench.read("STATUS") == FAILED
        await bench.write("IRQ_STATUS", 3)
        await bench.settle()
        assert dut.irq_o.value == 0
        assert await bench.read("ERROR") & 0xFF == ERROR[CAUSES[chosen[0]][1]]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def setup_errors(dut: Any) -> None:
    """Addresses and strides that are not multiples of 128, and no image: an error at once."""
    bench = Bench(dut)
    await bench.start()
    names = [name for name in SETUP if name.endswith(("_ADDR", "_STRIDE"))]
    changes = [{name: 128 * 77 + (1 << random.randrange(7))} for name in names] + [{"IMAGES": 0}]
    for change in changes:
        await bench.setup(**change)
        await bench.launch()
        await bench.settle()
        assert await bench.read("STATUS") == FAILED, change
        assert await bench.read("ERROR") & 0xFF == ERROR["ALIGNMENT"], change
        await bench.write("IRQ_STATUS", 3)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def timeout(dut: Any) -> None:
    """A run without progress ends when the time-out has passed; any progress starts it anew."""
    bench = Bench(dut)
    await bench.start()
    for port in ("active_i", "beat_program_i", "beat_read_i", "beat_write_i"):
        await bench.setup(TIMEOUT=100)
        await bench.launch()
        for _ in range(5):
            await ClockCycles(dut.clk_i, 90)
            getattr(dut, port).value = 1
            await RisingEdge(dut.clk_i)
            getattr(dut, port).value = 0
        cycles = 0
        while dut.irq_o.value == 0:
            await RisingEdge(dut.clk_i)
            cycles += 1
            assert cycles < 120, "no time-out"
        assert cycles >= 100
        await bench.settle()
        assert await bench.read("ERROR") & 0xFF == ERROR["TIMEOUT"]
        await bench.write("IRQ_STATUS", 2)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def soft_reset(dut: Any) -> None:
    """In any state: the core is held in reset until the masters are idle, then all is clear."""
    bench = Bench(dut)
    await bench.start()
    for state in ("idle", "running", "stopping", "failed", "done") * 2:
        await bench.setup()
        dut.groups_i.value, dut.written_seq_i.value = 5, 4
        if state != "idle":
            await bench.launch()
        if state in ("stopping", "failed"):
            dut.masters_idle_i.value = int(state == "failed")
            dut.error_map_read_i.value = 1
            await RisingEdge(dut.clk_i)
            dut.error_map_read_i.value = 0
        if state == "done":
            dut.all_loaded_i.value = 1
            dut.written_seq_i.value = 5
        await bench.settle()
        dut.masters_idle_i.value = 0
        # Start together with the reset is not a start.
        await bench.write("CONTROL", SOFT_RESET | random.randint(0, 1))
        for _ in range(4):
            await RisingEdge(dut.clk_i)
            assert dut.start_o.value == 0
        assert dut.abort_o.value == 1 and dut.core_rst_no.value == 0
        await bench.write("CONTROL", START)  # too early
        for _ in range(random.randint(0, 20)):
            await RisingEdge(dut.clk_i)
            assert dut.core_rst_no.value == 0 and dut.start_o.value == 0
        assert await bench.read("STATUS") == RESETTING, state
        dut.masters_idle_i.value = 1
        await bench.settle()
        assert dut.abort_o.value == 0 and dut.core_rst_no.value == 1 and dut.irq_o.value == 0
        for name in ("STATUS", "ERROR", "IRQ_STATUS"):
            assert await bench.read(name) & 0xFF == 0, f"{name} after a reset when {state}"


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def counters_and_profile(dut: Any) -> None:
    """Every cycle is charged once, by priority; records hold the counters at each group's end."""
    bench = Bench(dut)
    await bench.start()
    stalls = {
        "wait_weights_i": "STALL_WEIGHTS",
        "wait_input_i": "STALL_INPUT",
        "wait_output_i": "STALL_OUTPUT",
    }
    beats = {
        "beat_program_i": "READ_BEATS_PROGRAM",
        "beat_read_i": "READ_BEATS_MAPS",
        "beat_write_i": "WRITE_BEATS",
    }
    for run in range(4):
        # Two runs end inside of their first image: the next one's records begin anew all the same.
        short = run < 2
        await bench.setup()
        dut.groups_i.value, dut.written_seq_i.value = 1, 0
        dut.all_loaded_i.value = 0
        await bench.write("CONTROL", START)
        await RisingEdge(dut.clk_i)
        assert dut.start_o.value == 1
        counts = dict.fromkeys((r.name for r in d.REGISTERS if r.offset >= 0x80), 0)
        groups = 100 if short else random.randint(1, 5)  # of the program
        records: dict[int, list[int]] = {}
        executed, since = 0, 0
        for _ in range(300 if short else 1500):
            # Causes of waiting exclude each other in the planner; pacing and activity may overlap.
            events = dict.fromkeys(EVENTS, 0)
            events["active_i"] = int(random.random() < 0.4)
            events["pacing_i"] = int(random.random() < 0.1)
            waiting = random.choice((None, "wait_ring_i", *stalls))
            if waiting:
                events[waiting] = 1
            for name in beats:
                events[name] = random.randint(0, 1)
            # Groups end at least the cycles of a record apart.
            events["group_done_i"] = int(since > d.PROFILE_WORDS + 2 and random.random() < 0.1)
            since = 0 if events["group_done_i"] else since + 1
            last = events["group_done_i"] and executed % groups == groups - 1
            events["image_done_i"] = int(last)
            for name, value in events.items():
                getattr(dut, name).value = value
            await RisingEdge(dut.clk_i)
            if events["group_done_i"]:
                records[executed % groups] = [counts[name] for name in d.PROFILE_FIELDS]
                executed += 1
            counts["CYCLES_LO"] += 1
            if events["active_i"]:
                counts["ACTIVE"] += 1
            elif events["pacing_i"] or events["wait_ring_i"]:
                counts["STALL_DRAIN"] += 1
            elif waiting:
                counts[stalls[waiting]] += 1
            else:
                counts["STALL_SWITCH"] += 1
            for name, register in beats.items():
                counts[register] += events[name]
            counts["GROUP"] += events["group_done_i"]
            counts["IMAGES_DONE"] += events["image_done_i"]
        # The run's end; its last cycles count as switching.
        for name in EVENTS:
            getattr(dut, name).value = 0
        dut.all_loaded_i.value = 1
        dut.written_seq_i.value = 1
        await RisingEdge(dut.clk_i)
        counts["CYCLES_LO"] += 1
        counts["STALL_SWITCH"] += 1
        await ClockCycles(dut.clk_i, 2 * d.PROFILE_WORDS)
        assert await bench.read("STATUS") == DONE
        for name, value in counts.items():
            assert await bench.read(name) == value, f"run {run}, {name}"
        assert (
            sum(v for n, v in counts.items() if n.startswith(("ACTIVE", "STALL")))
            == (counts["CYCLES_LO"])
        )
        for group, record in records.items():
            place = d.PROFILE_BASE + 4 * d.PROFILE_WORDS * group
            actual = [await bench.read_at(place + 4 * k) for k in range(d.PROFILE_WORDS)]
            assert actual == record, f"run {run}, record {group}"
        await bench.write("IRQ_STATUS", 3)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def lost_clock(dut: Any) -> None:
    """A reset that a lost clock is the reason of leaves its error, which a soft reset clears."""
    bench = Bench(dut)
    await bench.start()
    assert await bench.read("STATUS") == 0
    dut.clock_lost_i.value = 1
    # Looked at in reset only.
    await ClockCycles(dut.clk_i, 20)
    assert await bench.read("STATUS") == 0 and await bench.read("ERROR") == 0
    await reset(dut)
    await ClockCycles(dut.clk_i, 5)
    assert await bench.read("STATUS") == FAILED
    assert await bench.read("ERROR") == ERROR["CLOCK"]
    assert dut.irq_o.value == 0
    await bench.write("CONTROL", SOFT_RESET)
    await ClockCycles(dut.clk_i, 5)
    assert await bench.read("STATUS") == 0 and await bench.read("ERROR") == 0
