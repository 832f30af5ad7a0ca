"""What can go wrong with the driver, on the simulated board: an error of its own with what to do,
and an engine that then gives right answers.  Streams prepare pictures while the engine computes."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.host import errors, layout, sources
from firebrick.host.definition import ERRORS
from firebrick.host.driver import Firebrick
from firebrick.host.program import Program, parse_program
from firebrick.host.sources import Picture
from firebrick.hw import definition as d
from firebrick.hw.compiler import program as hw_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.quantize.pictures.preprocess import load_image
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim import pynq_standin
from firebrick.sim.board import Channel, SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images

SHAPE = EngineShape()
STALL_CYCLES = 5000
TIMEOUT = 0.002  # seconds of simulated time: 300,000 cycles
IMAGES = 4
RECIPE = Recipe(31, 37, 3, 3, 2, 0, 20, (Pool(3, True), Fire(8, 20, 24)), 40, 1)


@dataclass(frozen=True, eq=False)
class Case:
    """A compiled network with pictures and the golden sums, int64 [IMAGES, classes]."""

    net: QNetwork
    compiled: hw_program.Program
    images: np.ndarray
    sums: np.ndarray


@pytest.fixture(scope="module")
def case() -> Case:
    net = replace(build(RECIPE, 21), classes=tuple(f"class {i}" for i in range(40)))
    images = random_images(net, IMAGES, 22)
    return Case(net, compile_network(net, SHAPE), images, golden.run(net, images, []).sums)


@dataclass(frozen=True, eq=False)
class Bench:
    case: Case
    board: SimulatedBoard
    engine: Firebrick
    overlay: Path

    def check(self, index: int = 0) -> None:
        """The engine is usable: its answer to a picture is right."""
        totals = self.engine.run(self.case.images[index]).totals
        np.testing.assert_array_equal(totals, self.case.sums[index])

    @property
    def scratch_bytes(self) -> int:
        return self.engine.program.scratch_bytes

    def busy(self) -> bool:
        return bool(self.engine._engine.read("STATUS") & 1)

    def ddr(self, buffer: str) -> np.ndarray:
        start = self.engine._buffers.address(buffer) - self.board.memory_base
        return self.board.memory[start : start + self.engine._buffers[buffer].size]

    def poke(self, at: int, value: int) -> None:
        """Change the program in the board's memory; the header's checksum is made right again
        where a field of it changes."""
        memory = self.ddr("program")
        memory[at] = value
        if at < 56:
            memory[56:60] = np.frombuffer(
                zlib.crc32(memory[:56].tobytes()).to_bytes(4, "little"), np.uint8
            )


@pytest.fixture
def bench(case: Case, tmp_path: Path) -> Iterator[Bench]:
    """A driver; when it is closed, no memory may be in use."""
    overlay = write_overlay(tmp_path, SHAPE)
    program = parse_program(case.compiled.blob, "network.fbp")
    board = SimulatedBoard(SHAPE, library=build_library(SHAPE))
    with simulated(board):
        with Firebrick(
            overlay, program, clock=board, timeout=TIMEOUT, stall_cycles=STALL_CYCLES
        ) as engine:
            yield Bench(case, board, engine, overlay)
        assert not pynq_standin._current().allocator.used


# ------------------------------------------------------------------------------ every error code


def _fault(bench: Bench, buffer: str, reads: bool) -> None:
    bench.board.add_fault(bench.engine._buffers.address(buffer), 8, reads=reads, writes=not reads)


def _crafted(**values: int) -> Callable[[Bench], None]:
    """A program whose first group has other values, with all checksums right."""

    def craft(bench: Bench) -> None:
        compiled = bench.case.compiled
        first, *others = compiled.groups
        changed = replace(first, fields={**first.fields, **values})
        groups = [changed, *others]
        blob = hw_program.assemble("", SHAPE, groups, compiled.host, bench.scratch_bytes).blob
        memory = bench.ddr("program")
        memory[:] = np.frombuffer(blob[: memory.size], np.uint8)

    return craft


def _unaligned(bench: Bench) -> None:
    """A driver that sets an address between the words."""
    engine = bench.engine._engine

    def write(name: str, value: int) -> None:
        type(engine).write(engine, name, value + 8 * (name == "INPUT_ADDR"))

    vars(engine)["write"] = write


def _clock_lost(bench: Bench) -> None:
    """The clock goes when the engine has just been started."""
    engine = bench.engine._engine

    def write(name: str, value: int) -> None:
        type(engine).write(engine, name, value)
        if name == "CONTROL" and value & 1:
            bench.board.run(100)
            bench.board.lose_clock()

    vars(engine)["write"] = write


def _damage(at: int) -> Callable[[Bench], None]:
    def damage(bench: Bench) -> None:
        bench.ddr("program")[at] ^= 0x10

    return damage


FAULTS: dict[str, Callable[[Bench], None]] = {
    "MAGIC": lambda bench: bench.poke(0, 0),
    "VERSION": lambda bench: bench.poke(4, 0x7F),
    "SHAPE": lambda bench: bench.poke(8, 28),
    "HEADER_CRC": _damage(16),
    "DESCRIPTOR_CRC": _damage(64),
    "PAYLOAD_CRC": _damage(64 + d.DESCRIPTOR_BEATS * d.BEAT_BYTES),
    "PROGRAM_READ": lambda bench: _fault(bench, "program", True),
    "MAP_READ": lambda bench: _fault(bench, "input 0", True),
    "MAP_WRITE": lambda bench: _fault(bench, "output 0", False),
    "TIMEOUT": lambda bench: bench.board.hang(Channel.READ_ADDRESS),
    "CAPACITY": _crafted(in_end=2 * SHAPE.act_words - 1),
    "ALIGNMENT": _unaligned,
    "GROUPS": _crafted(group_last=1),
    "BOUNDS": _crafted(dst_offset=1 << 24),
    "FIELDS": _crafted(segment_words=0),
    "CLOCK": _clock_lost,
}


def test_every_code_has_a_fault() -> None:
    assert set(FAULTS) == {name for name, _ in ERRORS.values()} - {"NONE"}


@pytest.mark.parametrize("name", FAULTS)
def test_error_codes(bench: Bench, name: str) -> None:
    """The engine reports it, the driver says what it means; then it runs again."""
    program = bench.ddr("program")
    good = program.copy()
    FAULTS[name](bench)
    expected = type(errors.engine_error(_code(name), 0, "", ""))
    with pytest.raises((errors.EngineError, errors.NoAnswerError)) as caught:
        bench.engine.run(bench.case.images[0])
    cause = caught.value
    if isinstance(cause, errors.NoAnswerError):
        # The memory still does not answer, so the soft reset that follows does not end.
        assert name == "TIMEOUT" and not cause.reset_done
        assert isinstance(cause.__cause__, errors.StalledError)
        cause = cause.__cause__
    assert isinstance(cause, errors.EngineError)
    assert expected is not errors.EngineError and type(cause) is expected
    assert cause.name == name
    assert ERRORS[cause.code][1] in str(caught.value)
    assert "network.fbp" in str(caught.value)
    with pytest.raises(errors.StateError, match="no run has ended well"):
        bench.engine.maps()

    program[:] = good
    bench.board.hang(0)
    bench.board.clear_faults()
    vars(bench.engine._engine).pop("write", None)
    bench.engine.reset()
    bench.check(1)


def _code(name: str) -> int:
    return next(code for code, (known, _) in ERRORS.items() if known == name)


# ------------------------------------------------------------------------------- pictures of files


def test_a_file_is_prepared_as_the_program_says(bench: Bench, tmp_path: Path) -> None:
    """The compiled program carries how: the pixels are those of the quantizer's preprocessing."""
    noise = np.random.default_rng(5).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(noise).save(folder / "noise.png")
    expected = load_image(folder / "noise.png", bench.case.net.preprocessing)
    (frame,) = bench.engine.stream(sources.folder(folder, bench.engine.program))
    assert frame.name == "noise.png"
    np.testing.assert_array_equal(frame.pixels.transpose(2, 0, 1), expected)
    sums = golden.run(bench.case.net, expected[None], []).sums[0]
    np.testing.assert_array_equal(frame.result.totals, sums)
    assert bench.engine.program.classes == bench.case.net.classes


# ----------------------------------------------------------------------------------- bad pictures


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 37, 31), np.uint8), "3x37x31, the network takes 3x31x37"),
        (np.zeros((31, 37), np.uint8), "31x37, the network takes 3x31x37"),
        (np.zeros((3, 31, 37), np.float32), "float32, the network takes uint8"),
        (None, "object, the network takes uint8"),
    ],
)
def test_wrong_picture(bench: Bench, wrong: np.ndarray, message: str) -> None:
    with pytest.raises(errors.ImageError, match=f"picture 0: .*{message}"):
        bench.engine.run(wrong)
    stream = bench.engine.stream([bench.case.images[0], wrong])
    np.testing.assert_array_equal(next(stream).result.totals, bench.case.sums[0])
    with pytest.raises(errors.ImageError, match=f"picture 1: .*{message}"):
        next(stream)
    bench.check()


def test_no_memory_for_a_batch(case: Case, tmp_path: Path) -> None:
    """A large batch finds none; a single picture still runs."""
    overlay = write_overlay(tmp_path, SHAPE)
    program = parse_program(case.compiled.blob)
    board = SimulatedBoard(SHAPE, library=build_library(SHAPE), memory_bytes=1 << 19)
    many = np.repeat(case.images[:1], 4096, axis=0)
    with simulated(board):
        with Firebrick(overlay, program, clock=board, max_batch=4096) as engine:
            with pytest.raises(errors.AllocationError, match="take a smaller batch"):
                engine.run_batch(many)
            np.testing.assert_array_equal(engine.run(case.images[2]).totals, case.sums[2])
        assert not pynq_standin._current().allocator.used
        taken = pynq_standin.allocate((300 << 10,), np.uint8)
        with pytest.raises(errors.AllocationError, match="free other buffers"):
            Firebrick(overlay, replace_scratch(case, 200 << 10), clock=board)
        taken.freebuffer()
        assert not pynq_standin._current().allocator.used


def replace_scratch(case: Case, size: int) -> Program:
    """The program, asking for ``size`` bytes of scratch memory."""
    program = parse_program(case.compiled.blob)
    return replace(program, header={**program.header, "scratch_bytes": size})


# ------------------------------------------------------------------------------- busy, late, closed


def test_a_run_while_busy_does_not_disturb(bench: Bench) -> None:
    async def job() -> np.ndarray:
        first = asyncio.ensure_future(bench.engine.run_async(bench.case.images[1]))
        while not bench.busy():
            await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(errors.BusyError, match="wait for its end"):
                await bench.engine.run_async(bench.case.images[2])
        with pytest.raises(errors.BusyError):
            next(bench.engine.stream([bench.case.images[2]]))
        thread = threading.Thread(target=lambda: refused.append(_refused(bench)))
        thread.start()
        thread.join()
        return (await first).totals

    refused: list[bool] = []
    np.testing.assert_array_equal(asyncio.run(job()), bench.case.sums[1])
    assert refused == [True]
    bench.check(2)


def _refused(bench: Bench) -> bool:
    try:
        bench.engine.run(bench.case.images[0])
    except errors.BusyError:
        return True
    return False


@pytest.mark.parametrize("how", ["cancel", "time-out", "wait_for"])
def test_an_asynchronous_run_that_is_given_up(bench: Bench, how: str) -> None:
    """The memory stops answering; neither the engine's nor the driver's time-out is near."""
    bench.engine.stall_cycles = 1 << 30
    bench.engine.timeout = 0.0005 if how == "time-out" else 1e6
    bench.board.hang(Channel.WRITE_RESPONSE)

    async def job() -> None:
        run = bench.engine.run_async(bench.case.images[0])
        if how == "time-out":
            with pytest.raises(errors.NoAnswerError, match=r"no answer within 0\.0005 s"):
                await run
        elif how == "wait_for":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(run, 0.05)
        else:
            task = asyncio.ensure_future(run)
            while not bench.busy():
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(job())
    bench.board.hang(0)
    bench.engine.timeout = TIMEOUT
    bench.engine.reset()
    bench.check(3)


def test_a_closed_driver(bench: Bench) -> None:
    stream = bench.engine.stream(bench.case.images)
    next(stream)
    assert bench.busy()
    bench.engine.close()
    assert not bench.busy()
    assert not pynq_standin._current().allocator.used
    for use in (
        lambda: next(stream),
        lambda: bench.engine.run(bench.case.images[0]),
        lambda: next(bench.engine.stream(bench.case.images)),
        lambda: asyncio.run(bench.engine.run_async(bench.case.images[0])),
        bench.engine.maps,
        bench.engine.counters,
        bench.engine.profile,
        bench.engine.reset,
    ):
        with pytest.raises(errors.StateError, match="closed"):
            use()
    bench.engine.close()
    # The board itself is as good as before.
    program = parse_program(bench.case.compiled.blob)
    with Firebrick(bench.overlay, program, clock=bench.board) as engine:
        totals = engine.run(bench.case.images[3]).totals
    np.testing.assert_array_equal(totals, bench.case.sums[3])


# ---------------------------------------------------------------------------------------- streams


def recorded(bench: Bench, events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what happens in which order: packing, flushing, and what the engine does meanwhile."""
    pack, launch = layout.InputPacker.pack_into, bench.engine._launch
    flush, collect = pynq_standin.PynqBuffer.flush, bench.engine._collect

    def state() -> str:
        return "computing" if bench.busy() else "idle"

    def packed(self, image, out):  # type: ignore[no-untyped-def]
        pack(self, image, out)
        events.append(f"packed, {state()}")

    def flushed(self):  # type: ignore[no-untyped-def]
        flush(self)
        slot = next(
            n for n in (0, 1) if np.shares_memory(self, bench.engine._buffers[f"input {n}"])
        )
        events.append(f"flushed {slot}, {state()}")

    def launched(load):  # type: ignore[no-untyped-def]
        events.append(f"start {load.slot}")
        launch(load)

    def collected(load):  # type: ignore[no-untyped-def]
        events.append(f"answers {load.slot}")
        return collect(load)

    monkeypatch.setattr(layout.InputPacker, "pack_into", packed)
    monkeypatch.setattr(pynq_standin.PynqBuffer, "flush", flushed)
    monkeypatch.setattr(bench.engine, "_launch", launched)
    monkeypatch.setattr(bench.engine, "_collect", collected)


def prepared(slot: int, engine: str) -> list[str]:
    return [f"fetched, {engine}", f"packed, {engine}", f"flushed {slot}, {engine}"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["stream", "stream_async"])
def test_the_next_picture_is_prepared_while_the_engine_computes(
    bench: Bench, asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    recorded(bench, events, monkeypatch)

    def source() -> Iterator[Picture]:
        for number, image in enumerate(bench.case.images[:3]):
            events.append(f"fetched, {'computing' if bench.busy() else 'idle'}")
            yield Picture(f"photo {number}", image)

    async def collect() -> list:
        return [frame async for frame in bench.engine.stream_async(source())]

    frames = asyncio.run(collect()) if asynchronous else list(bench.engine.stream(source()))
    assert events == [
        *prepared(0, "idle"),
        "start 0",
        *prepared(1, "computing"),
        # Answers are taken apart while the engine computes the next ones.
        "start 1",
        "answers 0",
        *prepared(0, "computing"),
        "start 0",
        "answers 1",
        "answers 0",
    ]
    for number, frame in enumerate(frames):
        assert frame.name == f"photo {number}"
        np.testing.assert_array_equal(frame.result.totals, bench.case.sums[number])
        kernel = frame.result.cycles / bench.board.clock_hz
        assert kernel <= frame.computing <= frame.latency


def test_batches_in_a_stream(bench: Bench) -> None:
    frames = list(bench.engine.stream(bench.case.images, batch=3))
    np.testing.assert_array_equal([f.result.totals for f in frames], bench.case.sums)
    assert [f.result.counters.images_done for f in frames] == [3, 3, 3, 1]


def test_a_source_that_fails_in_the_middle(bench: Bench) -> None:
    def source() -> Iterator[np.ndarray]:
        yield from bench.case.images[:2]
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(errors.SourceError, match="the disk is gone"):
        for frame in bench.engine.stream(source()):
            found.append(frame.result.totals)
    np.testing.assert_array_equal(found, bench.case.sums[:2])
    bench.check()


def test_an_error_of_the_engine_in_the_middle_of_a_stream(bench: Bench) -> None:
    """In the second start, whose input cannot be read."""
    stream = bench.engine.stream(bench.case.images)
    bench.engine._reserve(1, 1)
    _fault(bench, "input 1", True)
    np.testing.assert_array_equal(next(stream).result.totals, bench.case.sums[0])
    with pytest.raises(errors.MemoryAccessError, match="MAP_READ"):
        next(stream)
    bench.board.clear_faults()
    found = [frame.result.totals for frame in bench.engine.stream(bench.case.images)]
    np.testing.assert_array_equal(found, bench.case.sums)
