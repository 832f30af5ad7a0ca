"""The modelled memory, measured and provoked by a DMA with the engine's ports (probe.sv)."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.sim import build
from firebrick.sim.board import (
    BusError,
    Channel,
    MemoryTiming,
    ProtocolError,
    SimulatedBoard,
    SimulationError,
)
from firebrick.sim.build import BuildError, Design, build_design

PROBE = Path(__file__).with_name("probe.sv")
CONTROL, STATUS, SOURCE, DESTINATION, BURSTS, BEATS, STREAMS, MISBEHAVIOUR = range(0, 32, 4)
CYCLES, SUM_MAPS, SUM_PROGRAM, ERRORS, REFUSED = 0x20, 0x24, 0x28, 0x2C, 0x3C
MAPS_READ, PROGRAM_READ, MAPS_WRITE = 1, 2, 4
EARLY_LAST, MOVING_ADDRESS, WITHDRAWN_ADDRESS, WRAPPING, NARROW, ASSERTION = range(1, 7)
NO_REFRESH = MemoryTiming(refresh_interval=0, refresh_cycles=0)
SHAPE = EngineShape()
WRITE_OFFSET = 0x100000


@pytest.fixture(scope="module")
def library() -> Path:
    return build_design(Design("probe", "probe", (PROBE,), assertions=True))


@pytest.fixture
def board(library: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(SHAPE, library=library, timing=NO_REFRESH) as board:
        yield board


def start(
    board: SimulatedBoard,
    streams: int,
    bursts: int = 1,
    beats: int = 16,
    source: int = 0,
    misbehaviour: int = 0,
) -> None:
    base = board.memory_base
    for register, value in (
        (SOURCE, base + source),
        (DESTINATION, base + WRITE_OFFSET),
        (BURSTS, bursts),
        (BEATS, beats),
        (STREAMS, streams),
        (MISBEHAVIOUR, misbehaviour),
        (CONTROL, 1),
    ):
        board.write_register(register, value)


def transfer(board: SimulatedBoard, streams: int, *args: int, limit: int = 200_000) -> int:
    """Run the streams to their end and return the cycles they took."""
    start(board, streams, *args)
    end = board.cycles + limit
    while board.read_register(STATUS):
        assert board.cycles < end, "the transfer does not end"
        board.run(100)
    return board.read_register(CYCLES)


# ---------------------------------------------------------------------------------- timing


@pytest.mark.parametrize("latency", [1, 40, 100])
def test_read_latency(library: Path, latency: int) -> None:
    timing = MemoryTiming(read_latency=latency, refresh_interval=0, refresh_cycles=0)
    with SimulatedBoard(SHAPE, library=library, timing=timing) as board:
        one, sixteen = transfer(board, MAPS_READ, 1, 1), transfer(board, MAPS_READ, 1, 16)
    assert one == latency + 1
    assert sixteen == latency + 16


def test_write_response_latency(board: SimulatedBoard) -> None:
    assert transfer(board, MAPS_WRITE, 1, 16) == 16 + MemoryTiming().write_latency


@pytest.mark.parametrize("streams", [MAPS_READ, PROGRAM_READ, MAPS_WRITE])
def test_one_direction_moves_a_beat_a_cycle(board: SimulatedBoard, streams: int) -> None:
    bursts = 500
    assert bursts * 16 <= transfer(board, streams, bursts, 16) <= bursts * 16 + 60


@pytest.mark.parametrize(
    "streams",
    [MAPS_READ | MAPS_WRITE, MAPS_READ | PROGRAM_READ, MAPS_READ | PROGRAM_READ | MAPS_WRITE],
)
@pytest.mark.parametrize("bytes_per_cycle", [8, 14, 20])
def test_all_directions_share_the_bandwidth(
    library: Path, streams: int, bytes_per_cycle: int
) -> None:
    timing = MemoryTiming(bytes_per_cycle=bytes_per_cycle, refresh_interval=0, refresh_cycles=0)
    bursts, count = 500, streams.bit_count()
    with SimulatedBoard(SHAPE, library=library, timing=timing) as board:
        cycles = transfer(board, streams, bursts, 16)
    moved = bursts * 16 * 8 * count
    possible = min(bytes_per_cycle, 8 * count)
    # The first beats wait for the latency, the last stream to end runs alone for a while.
    assert moved <= possible * (cycles + 2)
    assert moved >= possible * (cycles - 100) * 0.98


def test_short_bursts_are_limited_by_latency(board: SimulatedBoard) -> None:
    """One-beat bursts: at most ``max_outstanding`` beats in a read latency."""
    timing = MemoryTiming()
    cycles = transfer(board, MAPS_READ, 800, 1)
    expected = 800 / timing.max_outstanding * (timing.read_latency + 1)
    assert expected * 0.95 <= cycles <= expected * 1.1


def test_refresh_stops_all_traffic(library: Path) -> None:
    with SimulatedBoard(SHAPE, library=library) as board:
        with_refresh = transfer(board, MAPS_READ, 1000, 16)
        refreshed = board.statistics().refresh_cycles
    timing = MemoryTiming()
    lost = with_refresh - 16000
    assert refreshed > 0
    gaps = 16000 / (timing.refresh_interval - timing.refresh_cycles)
    assert abs(lost - gaps * timing.refresh_cycles) <= 2 * timing.refresh_cycles + 60


# ------------------------------------------------------------------------------------ data


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_data_arrives_whatever_the_back_pressure(library: Path, seed: int | None) -> None:
    rng = np.random.default_rng(seed or 0)
    data = rng.integers(0, 1 << 32, 2 * 16 * 60, dtype=np.uint32)
    with SimulatedBoard(SHAPE, seed, library=library) as board:
        board.memory[: data.nbytes] = data.view(np.uint8)
        transfer(board, MAPS_READ | PROGRAM_READ | MAPS_WRITE, 60, 16)
        expected = int(data.sum(dtype=np.uint64)) % (1 << 32)
        assert board.read_register(SUM_MAPS) == expected
        assert board.read_register(SUM_PROGRAM) == expected
        written = board.memory[WRITE_OFFSET : WRITE_OFFSET + data.nbytes].reshape(-1, 8)
        np.testing.assert_array_equal(
            written, np.arange(960).astype(np.uint8)[:, None].repeat(8, 1)
        )
        assert not board.memory[WRITE_OFFSET + data.nbytes :][:64].any()
        statistics = board.statistics()
    assert statistics.maps_read_beats == statistics.write_beats == 960
    assert statistics.program_read_bursts == statistics.write_bursts == 60


def test_same_seed_same_run(library: Path) -> None:
    def cycles(seed: int) -> int:
        with SimulatedBoard(SHAPE, seed, library=library) as board:
            return transfer(board, 7, 50, 16)

    assert cycles(5) == cycles(5)
    assert len({cycles(seed) for seed in range(4)}) > 1


def test_written_data_is_visible_only_with_its_response(board: SimulatedBoard) -> None:
    board.hang(Channel.WRITE_RESPONSE)
    start(board, MAPS_WRITE, 1, 16)
    board.run(500)
    assert not board.memory[WRITE_OFFSET : WRITE_OFFSET + 128].any()
    board.hang(0)
    board.run(500)
    assert board.memory[WRITE_OFFSET + 8 : WRITE_OFFSET + 128].all()


# ---------------------------------------------------------------------------------- faults


def test_error_response_for_one_address(board: SimulatedBoard) -> None:
    board.add_fault(board.memory_base + 300, 1)
    transfer(board, MAPS_READ, 4, 16)
    assert board.read_register(ERRORS) == 1
    board.clear_faults()
    transfer(board, MAPS_READ, 4, 16)
    assert board.read_register(ERRORS) == 0


def test_failed_write_leaves_the_memory_alone(board: SimulatedBoard) -> None:
    board.add_fault(board.memory_base + WRITE_OFFSET + 8, 8, reads=False)
    transfer(board, MAPS_WRITE, 2, 16)
    assert board.read_register(ERRORS) == 1
    assert not board.memory[WRITE_OFFSET + 8 : WRITE_OFFSET + 16].any()
    assert board.memory[WRITE_OFFSET + 16 : WRITE_OFFSET + 256].all()


def test_outside_of_the_memory_is_a_decode_error(board: SimulatedBoard) -> None:
    transfer(board, MAPS_READ, 2, 8, len(board.memory) - 64)
    assert board.read_register(ERRORS) == 8
    transfer(board, MAPS_READ, 1, 16, -128)
    assert board.read_register(ERRORS) == 16
    assert board.statistics().error_responses == 24


@pytest.mark.parametrize(
    ("channel", "streams"),
    [
        (Channel.READ_ADDRESS, MAPS_READ),
        (Channel.READ_DATA, PROGRAM_READ),
        (Channel.WRITE_ADDRESS, MAPS_WRITE),
        (Channel.WRITE_DATA, MAPS_WRITE),
        (Channel.WRITE_RESPONSE, MAPS_WRITE),
    ],
)
def test_hang_stops_the_channel_until_released(
    board: SimulatedBoard, channel: Channel, streams: int
) -> None:
    board.hang(channel)
    start(board, streams, 2, 16)
    assert board.run(5000) == 5000
    assert board.read_register(STATUS) == 1
    board.hang(0)
    board.run(200)
    assert board.read_register(STATUS) == 0


def test_run_until_interrupt(board: SimulatedBoard) -> None:
    assert board.run(1000, until_irq=True) == 1000
    start(board, MAPS_READ, 10, 16)
    assert board.run(100_000, until_irq=True) < 1000
    assert board.irq


@pytest.mark.parametrize("access", ["read", "write"])
def test_register_error_is_a_bus_error(board: SimulatedBoard, access: str) -> None:
    with pytest.raises(BusError, match=f"register {access} at 0x3c got an error response"):
        board.read_register(REFUSED) if access == "read" else board.write_register(REFUSED, 0)
    assert board.read_register(STATUS) == 0


# -------------------------------------------------------------------------------- protocol


@pytest.mark.parametrize(
    ("misbehaviour", "streams", "message"),
    [
        (EARLY_LAST, MAPS_WRITE, "wlast at beat 15 of 16"),
        (MOVING_ADDRESS, MAPS_READ, "read address withdrawn or changed"),
        (WITHDRAWN_ADDRESS, MAPS_READ, "read address withdrawn or changed"),
        (WRAPPING, MAPS_READ, "not incrementing"),
        (NARROW, MAPS_READ, "does not have 8-byte beats"),
        (ASSERTION, MAPS_READ, r"probe\.sv:\d+: assertion failed"),
    ],
)
def test_protocol_violation_raises(
    board: SimulatedBoard, misbehaviour: int, streams: int, message: str
) -> None:
    with pytest.raises(ProtocolError, match=message):
        start(board, streams, 100, 16, 0, misbehaviour)
        board.run(5000)
    with pytest.raises(ProtocolError, match=message):
        board.run(1)


@pytest.mark.parametrize(
    ("beats", "source", "message"),
    [
        (16, 4096 - 64, "crosses a 4 KB boundary"),
        (17, 0, "has 17 beats, more than 16"),
        (1, 4, "not aligned to 8 bytes"),
    ],
)
def test_burst_that_the_port_would_not_take(
    board: SimulatedBoard, beats: int, source: int, message: str
) -> None:
    with pytest.raises(ProtocolError, match=message):
        start(board, MAPS_READ, 1, beats, source)
        board.run(1000)


def test_a_burst_up_to_the_boundary_is_fine(board: SimulatedBoard) -> None:
    transfer(board, MAPS_READ, 64, 16, 4096 - 128)


def test_hard_reset_forgets_bursts_in_flight(board: SimulatedBoard) -> None:
    start(board, MAPS_READ | MAPS_WRITE, 50, 16)
    board.run(60)
    board.reset()
    assert board.read_register(STATUS) == 0
    assert transfer(board, MAPS_READ, 1, 1) == MemoryTiming().read_latency + 1


def test_closed_board_is_refused(library: Path) -> None:
    board = SimulatedBoard(SHAPE, library=library)
    board.close()
    board.close()
    with pytest.raises(Exception, match="closed"):
        board.run(1)


# ------------------------------------------------------------------------------------ build


def test_same_sources_are_built_once(library: Path) -> None:
    steps: list[str] = []
    again = build_design(
        Design("probe", "probe", (PROBE,), assertions=True), lambda what, *_: steps.append(what)
    )
    assert again == library
    assert not steps


def test_missing_compiler_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(FirebrickError, match="install g"):
        build_design(Design("probe", "probe", (PROBE,)))


def test_compiler_that_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "g++").touch(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "g++"))
    with pytest.raises(BuildError, match=r"g\+\+: Exec format error"):
        build_design(Design("probe", "probe", (PROBE,)))


def test_broken_source_names_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "BUILDS", tmp_path / "builds")
    source = tmp_path / "broken.sv"
    source.write_text("module broken (input wire a);\n  assign b = ;\nendmodule\n")
    with pytest.raises(BuildError, match=r"Verilator failed: .*broken\.sv:2") as caught:
        build_design(Design("broken", "broken", (source,)))
    assert "\n" not in str(caught.value)
    assert not [p for p in (tmp_path / "builds").iterdir() if p.is_dir()]


def test_memory_outlives_the_board_for_arrays_that_look_into_it(library: Path) -> None:
    """The board goes when the last of them goes; nothing is written where it was."""
    destroyed = []
    board = SimulatedBoard(SHAPE, library=library)
    view = board.memory[4096:8192].view("<u4")
    content = view
    while isinstance(content, np.ndarray):
        content = content.base
    weakref.finalize(
        content.obj if isinstance(content, memoryview) else content, destroyed.append, 1
    )
    del content
    board.close()
    view[:] = 0x1234_5678
    assert not destroyed and int(view.sum()) == 1024 * 0x1234_5678
    with pytest.raises(SimulationError, match="closed"):
        board.run(1)
    del view
    assert destroyed == [1]
