"""The real engine on the simulated board, through the real driver: answers, errors, recovery."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from firebrick.host import errors
from firebrick.host.compare import compare
from firebrick.host.driver import Firebrick
from firebrick.host.program import Program, parse_program
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.sim.board import Channel, SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images

SHAPE = EngineShape()
STALL_CYCLES = 5000
TIMEOUT = 0.002  # seconds of simulated time: 300,000 cycles
IMAGES = 3
# Every kind of group: strided first layer with a pool, a bypass with and without a convolution,
# a module without, classifier.
BODY = (Pool(3, True), Fire(8, 20, 24, True), Fire(9, 23, 21, True), Fire(9, 33, 31))
RECIPE = Recipe(31, 37, 3, 3, 2, 0, 20, BODY, 40, 1)


@dataclass(frozen=True, eq=False)
class Case:
    """A compiled network with pictures and its golden answers."""

    program: Program
    images: np.ndarray
    expected: golden.GoldenResult


@pytest.fixture(scope="module")
def case() -> Case:
    net = build(RECIPE, 11)
    program = parse_program(compile_network(net, SHAPE).blob)
    images = random_images(net, IMAGES, 12)
    return Case(program, images, golden.run(net, images, [m.name for m in program.maps]))


@pytest.fixture(scope="module")
def library() -> Path:
    return build_library(SHAPE)


@dataclass(frozen=True, eq=False)
class Bench:
    case: Case
    board: SimulatedBoard
    engine: Firebrick

    def address(self, buffer: str) -> int:
        return int(self.engine._buffers[buffer].physical_address)

    def ddr(self, buffer: str) -> np.ndarray:
        start = self.address(buffer) - self.board.memory_base
        return self.board.memory[start : start + self.engine._buffers[buffer].size]

    def check(self, index: int = 0) -> None:
        """Run one picture and compare its answer and every feature map."""
        result = self.engine.run(self.case.images[index])
        expected = self.case.expected
        report = compare({"totals": result.totals}, {"totals": expected.sums[index]})
        report += compare(
            self.engine.maps(), {name: t[index] for name, t in expected.tensors.items()}
        )
        assert report.exact, str(report)
        assert report.tensors == 1 + len(self.case.program.maps)


@pytest.fixture
def bench(case: Case, library: Path, tmp_path: Path) -> Iterator[Bench]:
    yield from make_bench(case, library, tmp_path, None)


def make_bench(case: Case, library: Path, folder: Path, seed: int | None) -> Iterator[Bench]:
    overlay = write_overlay(folder, SHAPE)
    board = SimulatedBoard(SHAPE, seed, library=library)
    with (
        simulated(board),
        Firebrick(
            overlay, case.program, clock=board, timeout=TIMEOUT, stall_cycles=STALL_CYCLES
        ) as engine,
    ):
        yield Bench(case, board, engine)


# --------------------------------------------------------------------------------- answers


def test_every_map_and_answer_is_exact(bench: Bench) -> None:
    for index in range(IMAGES):
        bench.check(index)


def test_many_pictures_in_one_start(bench: Bench) -> None:
    batch = bench.engine.run_batch(bench.case.images)
    assert len(batch.counters) == 1
    assert batch.counters[0].images_done == IMAGES
    np.testing.assert_array_equal(batch.totals, bench.case.expected.sums)
    np.testing.assert_allclose(batch.logits, bench.case.expected.logits, rtol=1e-12)
    last = {name: t[-1] for name, t in bench.case.expected.tensors.items()}
    assert compare(bench.engine.maps(), last).exact


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_back_pressure_changes_nothing_but_time(
    case: Case, library: Path, tmp_path: Path, seed: int
) -> None:
    for bench in make_bench(case, library, tmp_path, seed):
        bench.check()
        batch = bench.engine.run_batch(case.images)
        np.testing.assert_array_equal(batch.totals, case.expected.sums)


def test_counters_and_profile_add_up(bench: Bench) -> None:
    before = bench.board.statistics()
    counters = bench.engine.run(bench.case.images[0]).counters
    after = bench.board.statistics()
    assert counters.read_beats_maps == after.maps_read_beats - before.maps_read_beats
    assert counters.read_beats_program == after.program_read_beats - before.program_read_beats
    assert counters.write_beats == after.write_beats - before.write_beats
    assert counters.active + sum(counters.stalls.values()) == counters.cycles
    assert counters.group == len(bench.case.program.groups)
    profile = bench.engine.profile()
    assert sum(g.cycles for g in profile.groups) + profile.tail_cycles == counters.cycles
    # A record is taken in the cycle of a group's last K step, before that one is counted.
    assert sum(g.active for g in profile.groups) == counters.active - 1
    for group in profile.groups:
        assert group.active + sum(group.stalls.values()) == group.cycles


# ------------------------------------------------------------------------- damaged programs


def sealed(header: bytes) -> bytes:
    return header[:56] + struct.pack("<Q", zlib.crc32(header[:56]))


@pytest.mark.parametrize(
    ("at", "value", "name"),
    [
        (0, 0x00, "MAGIC"),
        (4, 0x7F, "VERSION"),
        (8, 28, "SHAPE"),
        (9, 16, "SHAPE"),
        (10, 20, "SHAPE"),
    ],
)
def test_header_of_another_engine_is_refused(bench: Bench, at: int, value: int, name: str) -> None:
    memory = bench.ddr("program")
    good = memory[:64].copy()
    header = bytearray(good.tobytes())
    header[at] = value
    memory[:64] = np.frombuffer(sealed(bytes(header)), np.uint8)
    with pytest.raises(errors.RefusedProgramError, match=name):
        bench.engine.run(bench.case.images[0])
    memory[:64] = good
    bench.check()


def corruptions() -> list[tuple[str, int, str]]:
    """What, byte from the start of the stream, code."""
    header, descriptor = -64, d.DESCRIPTOR_BEATS * d.BEAT_BYTES
    return [
        ("header", header + 16, "HEADER_CRC"),
        ("header's checksum", header + 56, "HEADER_CRC"),
        ("first descriptor", 0, "DESCRIPTOR_CRC"),
        ("descriptor's end", descriptor - 17, "DESCRIPTOR_CRC"),
        ("descriptor's checksum", descriptor - 4, "DESCRIPTOR_CRC"),
        ("first bias", descriptor, "PAYLOAD_CRC"),
        ("a weight", descriptor + 500, "PAYLOAD_CRC"),
    ]


@pytest.mark.parametrize(("what", "at", "name"), corruptions())
def test_corrupted_program_in_memory(bench: Bench, what: str, at: int, name: str) -> None:
    memory = bench.ddr("program")
    memory[64 + at] ^= 0x10
    with pytest.raises(errors.CorruptProgramError, match=name) as caught:
        bench.engine.run(bench.case.images[0])
    assert caught.value.group == 0
    memory[64 + at] ^= 0x10
    bench.check()


def test_corruption_at_the_programs_end_is_found(bench: Bench) -> None:
    memory = bench.ddr("program")
    memory[-3] ^= 0x01
    with pytest.raises(errors.CorruptProgramError, match="PAYLOAD_CRC"):
        bench.engine.run(bench.case.images[0])
    memory[-3] ^= 0x01
    bench.check()


# ------------------------------------------------------------------------------ AXI errors


@pytest.mark.parametrize(
    ("buffer", "at", "name"),
    [
        ("program", 0, "PROGRAM_READ"),
        ("program", 600, "PROGRAM_READ"),
        ("input 0", 0, "MAP_READ"),
        ("input 0", 2000, "MAP_READ"),
        ("output 0", 8, "MAP_WRITE"),
    ],
)
def test_axi_error_response(bench: Bench, buffer: str, at: int, name: str) -> None:
    bench.board.add_fault(bench.address(buffer) + at, 1)
    with pytest.raises(errors.MemoryAccessError, match=name):
        bench.engine.run(bench.case.images[0])
    bench.board.clear_faults()
    bench.check()


@pytest.mark.parametrize(("reads", "name"), [(True, "MAP_READ"), (False, "MAP_WRITE")])
def test_axi_error_on_a_feature_map(bench: Bench, reads: bool, name: str) -> None:
    spec = bench.case.program.maps[1]
    bench.board.add_fault(
        bench.address("scratch") + spec.offset + spec.bytes // 2, 1, reads=reads, writes=not reads
    )
    with pytest.raises(errors.MemoryAccessError, match=name) as caught:
        bench.engine.run(bench.case.images[0])
    assert caught.value.group > 0
    bench.board.clear_faults()
    bench.check(1)


@pytest.mark.parametrize("part", [0.0, 0.4, 1.0])
def test_axi_error_on_a_map_to_add(bench: Bench, part: float) -> None:
    """What the convolution of a bypass made is only ever read to be added: a feature map's error,
    although it comes on the program's port."""
    spec = next(m for m in bench.case.program.maps if m.name == "fire1/bypass")
    at = bench.address("scratch") + spec.offset + int(part * (spec.bytes - 8))
    bench.board.add_fault(at, 1, writes=False)
    with pytest.raises(errors.MemoryAccessError, match="MAP_READ") as caught:
        bench.engine.run(bench.case.images[0])
    names = [g.name for g in bench.case.program.groups]
    assert caught.value.group in (names.index("fire1") - 1, names.index("fire1"))
    bench.board.clear_faults()
    bench.check(2)


def test_address_without_memory(bench: Bench) -> None:
    """A decode error, as for a physical address outside of the DDR."""
    engine = bench.engine
    end = bench.board.memory_base + len(bench.board.memory)
    for register, value in (
        ("PROGRAM_ADDR", end),
        ("INPUT_ADDR", bench.address("input 0")),
        ("OUTPUT_ADDR", bench.address("output 0")),
        ("SCRATCH_ADDR", bench.address("scratch")),
        ("PROGRAM_END", end + 4096),
        ("IMAGES", 1),
        ("IRQ_ENABLE", 3),
        ("CONTROL", 1),
    ):
        engine._engine.write(register, value)
    assert bench.board.run(10_000, until_irq=True) < 10_000
    assert engine._error().name == "PROGRAM_READ"
    bench.check()


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("PROGRAM_ADDR", 64),
        ("INPUT_ADDR", 8),
        ("OUTPUT_ADDR", 127),
        ("SCRATCH_ADDR", 1),
        ("INPUT_STRIDE", 8),
        ("OUTPUT_STRIDE", 8),
        ("IMAGES", 0),
    ],
)
def test_unusable_registers_are_refused(
    bench: Bench, register: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = bench.engine._engine.write

    def changed(name: str, number: int) -> None:
        write(name, (0 if name == "IMAGES" else number + value) if name == register else number)

    monkeypatch.setattr(bench.engine._engine, "write", changed)
    with pytest.raises(errors.SetupError, match="ALIGNMENT"):
        bench.engine.run(bench.case.images[0])
    monkeypatch.undo()
    bench.check()


# ------------------------------------------------------------------------ hangs and resets


@pytest.mark.parametrize("channel", list(Channel)[:5])
def test_memory_that_stops_answering(bench: Bench, channel: Channel) -> None:
    """The engine reports it, and works again after a soft reset once the memory does."""
    bench.board.hang(channel)
    with pytest.raises((errors.StalledError, errors.NoAnswerError)) as caught:
        bench.engine.run(bench.case.images[0])
    assert "TIMEOUT" in str(caught.value)
    bench.board.hang(0)
    bench.engine.reset()
    bench.check()


def test_drivers_own_timeout(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's time-out is longer than the driver's: the driver gives up and resets it."""
    bench.engine.stall_cycles = 1 << 30
    bench.engine.timeout = 0.0001
    bench.board.hang(Channel.READ_ADDRESS)
    with pytest.raises(errors.NoAnswerError, match=r"no answer within 0\.0001 s"):
        bench.engine.run(bench.case.images[0])
    bench.board.hang(0)
    bench.engine.reset()
    bench.engine.timeout = TIMEOUT
    bench.check()


@pytest.mark.parametrize("seed", range(4))
def test_soft_reset_in_the_middle_of_a_run(
    case: Case, library: Path, tmp_path: Path, seed: int
) -> None:
    """At random moments, with and without back-pressure; no protocol rule is broken either."""
    rng = np.random.default_rng(seed)
    for bench in make_bench(case, library, tmp_path, seed if seed % 2 else None):
        cycles = bench.engine.run(case.images[0]).cycles
        for _ in range(8):
            bench.engine._engine.write("CONTROL", 1)
            bench.board.run(int(rng.integers(1, cycles)))
            bench.engine.reset()
        bench.check(2)


def test_keyboard_interrupt_stops_the_engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        bench.board.run(3000)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.engine._waiting, "blocking", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.engine.run(bench.case.images[0])
    assert bench.engine._engine.read("STATUS") == 0
    monkeypatch.undo()
    bench.check()


def test_hard_reset_in_the_middle_of_a_run(bench: Bench) -> None:
    bench.engine._engine.write("CONTROL", 1)
    bench.board.run(2000)
    bench.board.reset()
    bench.check()


def test_reads_in_flight_survive_a_hard_reset(bench: Bench) -> None:
    """Their beats come to an engine that did not ask for them; it drops them."""
    rng = np.random.default_rng(6)
    came = 0
    for _ in range(12):
        bench.engine._engine.write("CONTROL", 1)
        bench.board.run(int(rng.integers(30, 4000)))
        before = bench.board.statistics()
        bench.board.reset(in_flight=True)
        assert bench.engine._engine.read("STATUS") == 0
        # Far less than loading an overlay takes.
        bench.board.run(1000)
        after = bench.board.statistics()
        came += after.maps_read_beats - before.maps_read_beats
        came += after.program_read_beats - before.program_read_beats
        assert after.maps_read_bursts == before.maps_read_bursts
        bench.check()
    assert came > 100


def test_nothing_is_written_outside_of_the_buffers(bench: Bench) -> None:
    from firebrick.sim import pynq_standin

    bench.engine.run_batch(bench.case.images)
    pynq_standin._current().allocator.check()
    program = bench.ddr("program")
    np.testing.assert_array_equal(program, np.frombuffer(bench.case.program.loadable, np.uint8))
