"""Asynchronous runs and streams, against a fake engine behind the stand-in pynq."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from firebrick.host import errors, sources
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Frame
from firebrick.host.sources import Picture
from firebrick.sim import pynq_standin
from firebrick.sim.overlay import write_overlay
from tests.host.fake_engine import (
    CLOCK_HZ,
    RUN_CYCLES,
    SHAPE,
    FakeBoard,
    make_program,
    picture,
    stored_sum,
)


class Bench:
    """A driver on a fake board, and what happened in which order."""

    def __init__(self, folder: Path, use_interrupt: bool = True) -> None:
        self.board = FakeBoard(program=make_program())
        write_overlay(folder, SHAPE)
        pynq_standin.install(self.board)
        self.engine = Firebrick(
            folder / "firebrick.bit",
            parse_program(make_program().blob),
            clock=self.board,
            use_interrupt=use_interrupt,
        )

    def busy(self) -> bool:
        return self.board.registers["STATUS"] == 1

    def pictures(self, count: int, seen: list[bool]) -> Iterator[Picture]:
        """Pictures 0 to ``count`` - 1; notes whether the engine computed when one was asked for."""
        for number in range(count):
            seen.append(self.busy())
            yield Picture(f"p{number}", picture(number))

    def check(self, frames: list[Frame]) -> None:
        for number, frame in enumerate(frames):
            assert frame.name == f"p{number}"
            assert frame.result.sums[0] == stored_sum(self.engine, picture(number))


@pytest.fixture(params=[True, False], ids=["interrupt", "polling"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, request.param)
    try:
        yield bench
    finally:
        bench.engine.close()
        assert not pynq_standin._current().allocator.used
        pynq_standin.uninstall()


def test_how_it_waits_is_told(bench: Bench) -> None:
    expected = "interrupt" if bench.engine._waiting.interrupt else "polling (asked for)"
    assert bench.engine.waits_by == expected


def test_run_async(bench: Bench) -> None:
    async def job() -> int:
        result = await bench.engine.run_async(picture(4))
        return int(result.sums[0])

    assert asyncio.run(job()) == stored_sum(bench.engine, picture(4))


def test_others_run_while_the_engine_computes(bench: Bench) -> None:
    turns: list[bool] = []

    async def other() -> None:
        while True:
            turns.append(bench.busy())
            await asyncio.sleep(0)

    async def job() -> None:
        task = asyncio.ensure_future(other())
        await bench.engine.run_async(picture())
        task.cancel()

    asyncio.run(job())
    assert any(turns)


def test_a_second_run_is_refused_and_the_first_goes_on(bench: Bench) -> None:
    async def job() -> int:
        first = asyncio.ensure_future(bench.engine.run_async(picture(1)))
        await asyncio.sleep(0)
        with pytest.raises(errors.BusyError, match="an asynchronous run is under way"):
            await bench.engine.run_async(picture(2))
        with pytest.raises(errors.BusyError):
            bench.engine.run(picture(2))
        with pytest.raises(errors.BusyError):
            bench.engine.maps()
        with pytest.raises(errors.BusyError):
            bench.engine.reset()
        return int((await first).sums[0])

    assert asyncio.run(job()) == stored_sum(bench.engine, picture(1))
    assert bench.board.starts == 1


def test_cancelling_leaves_a_usable_engine(bench: Bench) -> None:
    bench.board.hang = True

    async def job() -> None:
        task = asyncio.ensure_future(bench.engine.run_async(picture()))
        while not bench.busy():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(job())
    assert not bench.busy()
    bench.board.hang = False
    assert bench.engine.run(picture(3)).sums[0] == stored_sum(bench.engine, picture(3))


def test_time_out_of_an_asynchronous_run(bench: Bench) -> None:
    bench.board.hang = True
    bench.engine.timeout = 0.01
    with pytest.raises(errors.NoAnswerError, match="the engine has been reset"):
        asyncio.run(bench.engine.run_async(picture()))
    bench.board.hang = False
    bench.engine.run(picture())


@pytest.mark.parametrize(("count", "batch"), [(0, 1), (1, 1), (5, 1), (5, 2), (4, 4), (3, 8)])
def test_stream(bench: Bench, count: int, batch: int) -> None:
    seen: list[bool] = []
    frames = list(bench.engine.stream(bench.pictures(count, seen), batch))
    assert len(frames) == count
    bench.check(frames)
    assert bench.board.starts == -(-count // batch)
    # All but the first start's pictures were fetched while the engine computed.
    assert seen == [number >= batch for number in range(count)]
    for frame in frames:
        assert frame.asked <= frame.ready <= frame.started < frame.done
        assert frame.computing >= RUN_CYCLES / CLOCK_HZ
        assert frame.latency >= frame.computing
        assert frame.preparing <= frame.latency - frame.computing


def test_next_start_comes_before_the_answers(bench: Bench) -> None:
    busy = [bench.busy() for _ in bench.engine.stream(bench.pictures(3, []))]
    assert busy == [True, True, False]


def test_stream_async(bench: Bench) -> None:
    async def job() -> list[Frame]:
        return [frame async for frame in bench.engine.stream_async(bench.pictures(4, []))]

    bench.check(asyncio.run(job()))


def test_stream_of_bare_arrays(bench: Bench) -> None:
    frames = list(bench.engine.stream([picture(0), picture(1)]))
    assert [frame.name for frame in frames] == ["picture 0", "picture 1"]


def failing(bench: Bench, error: Exception) -> Iterator[Picture]:
    yield from bench.pictures(3, [])
    raise error


def test_a_source_that_fails(bench: Bench) -> None:
    """Answers for what came before, then the error, and an engine that is ready."""
    frames = []
    with pytest.raises(errors.SourceError, match=r"source of pictures failed: ValueError\('lost'"):
        for frame in bench.engine.stream(failing(bench, ValueError("lost")), 2):
            frames.append(frame)
    assert len(frames) == 3
    bench.check(frames)
    bench.engine.run(picture())


def test_a_wrong_picture_in_a_stream(bench: Bench) -> None:
    wrong = [picture(0), np.zeros((3, 9, 10), np.uint8), picture(2)]
    frames = []
    with pytest.raises(errors.ImageError, match=r"picture 1: the picture is 3x9x10"):
        for frame in bench.engine.stream(wrong):
            frames.append(frame.name)
    assert frames == ["picture 0"]


def test_a_stream_that_is_closed_early(bench: Bench) -> None:
    stream = bench.engine.stream(bench.pictures(9, []))
    next(stream)
    assert bench.busy()
    with pytest.raises(errors.BusyError, match="a stream is under way"):
        bench.engine.run(picture())
    stream.close()
    assert not bench.busy()
    assert bench.engine.run(picture(3)).sums[0] == stored_sum(bench.engine, picture(3))


def test_an_asynchronous_source(bench: Bench) -> None:
    """Pictures that arrive while others run; the source is closed with the stream."""
    closed = []

    async def arriving() -> AsyncIterator[Picture]:
        try:
            for number in range(5):
                await asyncio.sleep(0)
                yield Picture(f"p{number}", picture(number))
        finally:
            closed.append(True)

    async def all_frames() -> list[Frame]:
        return [frame async for frame in bench.engine.stream_async(arriving(), batch=2)]

    async def two_frames() -> None:
        stream = bench.engine.stream_async(arriving())
        async for frame in stream:
            if frame.name == "p1":
                break
        await stream.aclose()

    frames = asyncio.run(all_frames())
    assert len(frames) == 5 and closed == [True]
    bench.check(frames)
    asyncio.run(two_frames())
    assert closed == [True, True]


def test_an_asynchronous_stream_that_is_closed_early(bench: Bench) -> None:
    async def job() -> None:
        stream: AsyncIterator[Frame] = bench.engine.stream_async(bench.pictures(9, []))
        await stream.__anext__()
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(job())
    assert not bench.busy()
    bench.engine.run(picture())


def test_an_engine_error_in_a_stream(bench: Bench) -> None:
    bench.board.fail = (11, 1)
    with pytest.raises(errors.EngineError):
        list(bench.engine.stream(bench.pictures(3, [])))
    bench.board.fail = None
    bench.check(list(bench.engine.stream(bench.pictures(3, []))))


def test_folder_source(bench: Bench, tmp_path: Path) -> None:
    from PIL import Image

    for number in (1, 0):
        Image.fromarray(picture(number).transpose(1, 2, 0)).save(tmp_path / f"p{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    frames = list(bench.engine.stream(sources.folder(tmp_path, bench.engine.program)))
    assert [frame.name for frame in frames] == ["p0.png", "p1.png"]
    assert frames[1].result.sums[0] == stored_sum(bench.engine, picture(1))


# ------------------------------------------------------------------------- how the end is noticed


def in_a_notebook(folder: Path, cell: Callable[[Bench], Awaitable[None]]) -> None:
    """Run ``cell`` on the loop on which its driver was made."""

    async def job() -> None:
        bench = Bench(folder)
        try:
            await cell(bench)
        finally:
            bench.engine.close()
            assert not pynq_standin._current().allocator.used
            pynq_standin.uninstall()

    asyncio.run(job())


def test_in_a_notebook_runs_wait_by_interrupt(tmp_path: Path) -> None:
    async def cell(bench: Bench) -> None:
        result = await bench.engine.run_async(picture(1))
        assert bench.engine.waits_by == "interrupt"
        assert result.sums[0] == stored_sum(bench.engine, picture(1))
        bench.check([frame async for frame in bench.engine.stream_async(bench.pictures(3, []))])
        assert bench.engine.waits_by == "interrupt"

    in_a_notebook(tmp_path, cell)


def test_a_run_that_blocks_a_notebook_polls_and_says_so(tmp_path: Path) -> None:
    async def cell(bench: Bench) -> None:
        assert bench.engine.run(picture(1)).sums[0] == stored_sum(bench.engine, picture(1))
        assert bench.engine.waits_by == (
            "polling (an event loop is running: await run_async for interrupts)"
        )
        await bench.engine.run_async(picture(1))
        assert bench.engine.waits_by == "interrupt"

    in_a_notebook(tmp_path, cell)


def test_on_another_event_loop_it_polls_and_says_so(bench: Bench) -> None:
    asyncio.run(bench.engine.run_async(picture()))
    told = (
        "asked for"
        if bench.engine._waiting.interrupt is None
        else "interrupts arrive on another event"
    )
    assert bench.engine.waits_by.startswith(f"polling ({told}")


def test_a_lost_interrupt_costs_no_time_out_and_is_told(tmp_path: Path) -> None:
    async def cell(bench: Bench) -> None:
        bench.board.silent_interrupt = True
        started = bench.board.now()
        await bench.engine.run_async(picture())
        assert bench.board.now() - started < bench.engine.timeout / 10
        assert bench.engine.waits_by == "polling (the interrupt did not come)"
        bench.board.silent_interrupt = False
        await bench.engine.run_async(picture())
        assert bench.engine.waits_by == "interrupt"

    in_a_notebook(tmp_path, cell)


def test_an_interrupt_that_pynq_cannot_wait_for(tmp_path: Path) -> None:
    """As pynq says it where another overlay was loaded; the engine is stopped."""

    async def refuse() -> None:
        raise RuntimeError("Interrupt invalidated by Overlay change")

    async def cell(bench: Bench) -> None:
        interrupt = bench.engine._waiting.interrupt
        bench.engine._waiting.interrupt = types.SimpleNamespace(wait=refuse)
        with pytest.raises(errors.StateError, match=r"invalidated by .* make the driver anew"):
            await bench.engine.run_async(picture())
        assert not bench.busy()
        bench.engine._waiting.interrupt = interrupt
        await bench.engine.run_async(picture())

    in_a_notebook(tmp_path, cell)


# --------------------------------------------------------------------------------- closed under way


def test_closing_the_driver_ends_a_stream(bench: Bench) -> None:
    """Nothing is allocated after the end either: see the fixture."""
    stream = bench.engine.stream(bench.pictures(9, []))
    next(stream)
    bench.engine.close()
    with pytest.raises(errors.StateError, match="closed"):
        next(stream)


def test_closing_the_driver_ends_an_asynchronous_run(bench: Bench) -> None:
    bench.board.hang = True

    async def job() -> None:
        task = asyncio.ensure_future(bench.engine.run_async(picture()))
        while not bench.busy():
            await asyncio.sleep(0)
        bench.engine.close()
        with pytest.raises(errors.StateError, match="closed while a run was under way"):
            await task

    asyncio.run(job())
    assert not bench.busy()


def test_the_source_is_closed_with_the_stream(bench: Bench) -> None:
    closed = []

    def source() -> Iterator[Picture]:
        try:
            yield from bench.pictures(9, [])
        finally:
            closed.append(True)

    stream = bench.engine.stream(pictures := source())
    next(stream)
    assert not closed
    stream.close()
    assert closed
    assert next(pictures, None) is None


def test_a_second_run_from_another_thread_is_refused(bench: Bench) -> None:
    refused: list[BaseException] = []

    def other() -> None:
        try:
            bench.engine.run(picture())
        except errors.BusyError as error:
            refused.append(error)

    for _ in bench.engine.stream(bench.pictures(2, [])):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 2
    assert bench.board.starts == 2


@pytest.mark.parametrize("batch", [0, -1, 65, None])
def test_a_batch_that_cannot_be_is_refused(bench: Bench, batch: int) -> None:
    message = "batch is .*: it must be from 1 to 64 pictures"
    with pytest.raises(errors.SettingError, match=message):
        next(bench.engine.stream([picture()], batch))
    with pytest.raises(errors.SettingError, match=message):
        asyncio.run(bench.engine.stream_async([picture()], batch).__anext__())  # type: ignore[arg-type]
    bench.engine.run(picture())


@pytest.mark.parametrize("wrong", [None, "cat.png", [[1, 2], [3]], np.zeros((9, 11, 3))])
def test_what_is_no_picture_is_named(bench: Bench, wrong: object) -> None:
    stream = bench.engine.stream([picture(0), wrong])  # type: ignore[list-item]
    next(stream)
    with pytest.raises(errors.ImageError, match="picture 1"):
        next(stream)
    with pytest.raises(errors.ImageError, match="picture 0"):
        bench.engine.run(wrong)  # type: ignore[arg-type]


def test_no_memory_for_a_stream(bench: Bench) -> None:
    """The second start of a stream finds none; the engine is stopped and usable."""
    spare = bench.board.memory
    bench.board.memory = spare[: 1 << 16]
    large = [picture(i) for i in range(64)]
    with pytest.raises(errors.AllocationError, match=r"contiguous memory .* smaller batch"):
        list(bench.engine.stream(large, 64))
    assert not bench.busy()
    assert bench.engine.run(picture(5)).sums[0] == stored_sum(bench.engine, picture(5))
    bench.board.memory = spare
