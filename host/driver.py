"""Driver of the Firebrick engine on a PYNQ board.

    with Firebrick("firebrick.bit", "network.fbp") as engine:
        result = engine.run(picture)
        for name, probability in result.top_k(5): ...

        for frame in engine.stream(sources.folder("photos", engine.program)):
            print(frame.name, frame.result.top_k(1), frame.latency)

Where the network ends in feature maps, ``result.maps`` and ``result.values`` hold them by name.

It talks to the engine through pynq alone (Overlay, allocate, interrupts); ``import pynq`` happens
when a :class:`Firebrick` is made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from . import layout
from .board import import_pynq
from .buffers import ALIGNMENT, Buffers
from .clock import Clock, SystemClock
from .errors import (
    BusyError,
    DriverError,
    EngineError,
    ImageError,
    NoAnswerError,
    SettingError,
    SourceError,
    StateError,
    engine_error,
)
from .fit import check_fit, check_system
from .ip import Engine, open_overlay
from .profiling import read_profile
from .program import Program, load_program
from .results import Batch, Counters, EngineInfo, Frame, Profile, Result, scores
from .sources import Feed, Picture, named
from .waiting import Waiting, event_loop

START = 1
BUSY, DONE, ERROR = 1, 2, 4
INTERRUPTS = 3
DEFAULT_TIMEOUT = 10.0
STALL_CYCLES = 1 << 20
MAX_IMAGES = 65535
MAX_REGISTER = 0xFFFF_FFFF
SLOTS = 2
COUNTERS = (
    "ACTIVE",
    "STALL_WEIGHTS",
    "STALL_INPUT",
    "STALL_OUTPUT",
    "STALL_DRAIN",
    "STALL_SWITCH",
    "READ_BEATS_MAPS",
    "READ_BEATS_PROGRAM",
    "WRITE_BEATS",
    "IMAGES_DONE",
    "GROUP",
)


T = TypeVar("T")
Wait = Callable[[float], Awaitable[None]]


@dataclass(eq=False)
class _Load:
    """Pictures in the input buffer of a slot, ready to start; times in seconds of the clock."""

    slot: int
    pictures: tuple[Picture, ...]
    asked: float
    ready: float
    started: float = 0.0


@dataclass(frozen=True, eq=False)
class _Part:
    """What a start's pictures gave: sums int64 [pictures, classes], maps by name."""

    sums: np.ndarray
    maps: dict[str, np.ndarray]
    counters: Counters | None


class Firebrick:
    """An engine with a program loaded, ready to run pictures.

    ``overlay`` is the path of a `.bit` (its `.hwh` beside it) or an Overlay that is loaded
    already; ``program`` a path or a :class:`~host.program.Program`. ``timeout`` is how many
    seconds a start may take, ``stall_cycles`` after how many cycles without progress the engine
    itself gives up. ``max_batch`` limits the pictures of one start, and so the memory.
    ``waits_by`` says how the end of the last run (before the first: of the next) was noticed:
    "interrupt", or "polling" with the reason; see :mod:`host.waiting`.

    Raises :class:`BoardError`, :class:`MissingFileError`, :class:`ProgramError`,
    :class:`MismatchError`, :class:`SettingError` or :class:`AllocationError`. Every run may raise
    :class:`EngineError` (one of its classes) or :class:`NoAnswerError`; both leave the engine reset
    and ready, unless the message says otherwise. While one run is under way - a started coroutine,
    a stream that is not used up - every other raises :class:`BusyError`.
    """

    def __init__(
        self,
        overlay: Any,
        program: str | os.PathLike[str] | Program,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        stall_cycles: int = STALL_CYCLES,
        max_batch: int = 64,
        clock: Clock | None = None,
        use_interrupt: bool = True,
    ) -> None:
        pynq = import_pynq()
        self._open = True
        self._under_way: str | None = None
        self._claim = threading.Lock()
        self._images_of_last_run = 0
        self._last: Counters | None = None
        self.program = program if isinstance(program, Program) else load_program(program)
        self.timeout = _within("timeout", timeout, 0, float("inf"), "seconds")
        self.stall_cycles = int(_within("stall_cycles", stall_cycles, 1, MAX_REGISTER, "cycles"))
        self.max_batch = int(_within("max_batch", max_batch, 1, MAX_IMAGES, "pictures"))
        self.clock: Clock = clock or SystemClock()
        self._buffers = Buffers(pynq, self.program.source)
        self._packer = layout.InputPacker(
            self.program.input, self.program.pixels, self.program.word_bytes
        )
        loop = event_loop()
        path = isinstance(overlay, (str, os.PathLike))
        self.overlay = open_overlay(pynq, os.fspath(overlay)) if path else overlay
        self._engine = Engine(pynq, self.overlay, self.clock)
        self.engine: EngineInfo = self._engine.info
        check_system(pynq, self.overlay, self._engine.description)
        check_fit(self.program, self.engine)
        self._waiting = Waiting(
            self.clock,
            self._engine.interrupt if use_interrupt else None,
            loop,
            "asked for" if not use_interrupt else self._engine.why_no_interrupt,
            running=self._running,
            ended=lambda: self._open and not self._engine.read("STATUS") & BUSY,
            give_up=self._give_up,
        )
        try:
            self._engine.reset()
            blob = np.frombuffer(self.program.loadable, np.uint8)
            buffer = self._buffers.reserve("program", blob.size)
            buffer[:] = blob
            buffer.flush()
            self._buffers.reserve("scratch", max(self.program.scratch_bytes, ALIGNMENT))
            self._reserve(0, 1)
        except BaseException:
            self.close()
            raise

    # ---------------------------------------------------------------------------- set-up

    def _reserve(self, slot: int, images: int) -> None:
        """Input and output memory of a slot for ``images`` pictures."""
        name = f"input {slot}"
        if not self._buffers.holds(name, self._input_stride * images):
            # The bytes that no pixel of a picture is written to stay zero from now on.
            self._buffers.reserve(name, self._input_stride * images)[:] = 0
        self._buffers.reserve(f"output {slot}", self._output_stride * images)

    @property
    def waits_by(self) -> str:
        """How the end of the last run was noticed; see :class:`Waiting`."""
        return self._waiting.by

    @property
    def _input_stride(self) -> int:
        return -(-self.program.input.bytes // ALIGNMENT) * ALIGNMENT

    @property
    def _output_stride(self) -> int:
        return -(-self.program.output.bytes // ALIGNMENT) * ALIGNMENT

    def close(self) -> None:
        """Stop the engine and give all memory back; closing twice does nothing."""
        if not self._open:
            return
        self._open = False
        try:
            # Memory that the engine may still write to must not be freed under it.
            self._stop()
        finally:
            self._buffers.free()

    def __enter__(self) -> Firebrick:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stop(self) -> None:
        """Never leave an engine running that writes to our buffers."""
        if len(self._buffers) and self._engine.read("STATUS") & BUSY:
            self._engine.soft_reset()

    def _begin(self, what: str) -> None:
        """Claim the engine for one run; raises :class:`StateError` or :class:`BusyError`."""
        with self._claim:
            self._require_idle()
            self._under_way = what

    def _require_open(self) -> None:
        if not self._open:
            raise StateError("the driver is closed")

    def _require_idle(self) -> None:
        self._require_open()
        if self._under_way is not None:
            raise BusyError(
                f"{self._under_way} is under way: wait for its end, or close it, before the next"
            )

    def reset(self) -> None:
        """Soft reset; the program stays loaded. Raises :class:`NoAnswerError`."""
        self._require_idle()
        self._engine.reset()

    # ------------------------------------------------------------------------------ runs

    def run(self, image: np.ndarray) -> Result:
        """Answer for one picture, uint8 [C, H, W] or [H, W, C]."""
        return self.run_batch([image])[0]

    def run_batch(self, images: Sequence[np.ndarray] | np.ndarray) -> Batch:
        """Answers for many pictures, up to ``max_batch`` of them in one start of the engine.

        Raises :class:`ImageError` before anything runs where a picture is wrong.
        """
        return at_once(self._run(images, "a run", self._waiting.blocking))

    async def run_async(self, image: np.ndarray) -> Result:
        """As :meth:`run`, for an event loop: others run while the engine computes."""
        return (await self.run_batch_async([image]))[0]

    async def run_batch_async(self, images: Sequence[np.ndarray] | np.ndarray) -> Batch:
        """As :meth:`run_batch`, for an event loop. Cancelling it resets the engine."""
        return await self._run(images, "an asynchronous run", self._waiting.cooperative)

    async def _run(self, images: Sequence[np.ndarray] | np.ndarray, what: str, wait: Wait) -> Batch:
        """Runs of all pictures, one start after the other, each waited for by ``wait``."""
        chunks = self._chunks(images)
        self._begin(what)
        try:
            parts = []
            for chunk in chunks:
                load = self._fill(0, chunk, self.clock.now())
                self._launch(load)
                await wait(self.timeout)
                self._finished(load)
                parts.append(_Part(*self._collect(load), self._last))
        finally:
            self._end()
        return self._batch(parts)

    def stream(self, source: Iterable[Picture | np.ndarray], batch: int = 1) -> Iterator[Frame]:
        """Answers for the pictures of ``source``, in order, ``batch`` of them in one start.

        While the engine computes, the next pictures are fetched, cut into words and written to
        a second buffer; it then starts on them before the first answers are handed out. Whatever
        ends the source early - its own exception, which comes as :class:`SourceError`, or a wrong
        picture, :class:`ImageError` - is raised after the answers for all pictures before it.
        A source that is a generator, like a camera's, is closed at the end, however that comes.
        ``asked``, ``ready``, ``started`` and ``done`` of a :class:`Frame` tell where its time went.
        """
        frames = self._stream(Feed(source), batch, self._waiting.blocking)
        try:
            while True:
                try:
                    frame = at_once(frames.__anext__())
                except StopAsyncIteration:
                    return
                yield frame
        finally:
            at_once(frames.aclose())

    async def stream_async(
        self,
        source: Iterable[Picture | np.ndarray] | AsyncIterable[Picture | np.ndarray],
        batch: int = 1,
    ) -> AsyncIterator[Frame]:
        """As :meth:`stream`, for an event loop: others run while the engine computes.  ``source``
        may be an asynchronous iterable."""
        frames = self._stream(Feed(source), batch, self._waiting.cooperative)
        try:
            async for frame in frames:
                yield frame
        finally:
            await frames.aclose()

    async def _stream(self, feed: Feed, batch: int, wait: Wait) -> AsyncGenerator[Frame, None]:
        """Frames of all pictures of ``feed``, each start waited for by ``wait``."""
        _within("batch", batch, 1, self.max_batch, "pictures, max_batch of the driver")
        self._begin("a stream")
        failure: list[Exception] = []
        try:
            load = await self._next(0, feed, batch, failure)
            if load is not None:
                self._launch(load)
            while load is not None:
                following = await self._next((load.slot + 1) % SLOTS, feed, batch, failure)
                await wait(self.timeout)
                self._finished(load)
                counters, done = self._last, self.clock.now()
                if following is not None:
                    self._launch(following)
                # Taken apart while the engine computes: the other slot's answers.
                part = _Part(*self._collect(load), counters)
                for frame in self._frames(load, part, done):
                    yield frame
                load = following
                self._require_open()
        finally:
            self._end()
            await feed.close()
        if failure:
            raise failure[0]

    def _chunks(self, images: Sequence[np.ndarray] | np.ndarray) -> list[tuple[Picture, ...]]:
        """The pictures of each start; raises :class:`ImageError` where one is wrong."""
        self._require_idle()
        try:
            pictures = tuple(named(images))
        except TypeError:
            raise ImageError(
                f"pictures come as a list or an array of them, not as {type(images).__name__}"
            ) from None
        if not pictures:
            raise ImageError("no pictures to run")
        for picture in pictures:
            self._check(picture)
        size = self.max_batch
        return [pictures[i : i + size] for i in range(0, len(pictures), size)]

    def _check(self, picture: Picture) -> None:
        try:
            layout.to_channels_first(picture.pixels, self.program.input)
        except ImageError as error:
            raise ImageError(f"{picture.name}: {error}") from None

    async def _next(
        self, slot: int, feed: Feed, batch: int, failure: list[Exception]
    ) -> _Load | None:
        """The next pictures of a stream, in the buffers of ``slot``; None at its end.

        Why it ended early goes into ``failure``: what was fetched before is still to be run.
        """
        asked = self.clock.now()
        fetched: list[Picture] = []
        while not failure and len(fetched) < batch:
            try:
                picture = await feed.next()
                if picture is None:
                    break
                self._check(picture)
            except DriverError as error:
                failure.append(error)
            except Exception as error:
                wrapped = SourceError(f"the source of pictures failed: {error!r}")
                wrapped.__cause__ = error
                failure.append(wrapped)
            else:
                fetched.append(picture)
        return self._fill(slot, tuple(fetched), asked) if fetched else None

    def _fill(self, slot: int, pictures: tuple[Picture, ...], asked: float) -> _Load:
        """Write checked pictures to the input buffer of ``slot``."""
        count = len(pictures)
        self._reserve(slot, count)
        inputs = self._buffers[f"input {slot}"][: count * self._input_stride]
        places = np.asarray(inputs).reshape(count, -1)
        for place, picture in zip(places, pictures, strict=True):
            self._packer.pack_into(picture.pixels, place)
        inputs.flush()
        return _Load(slot, pictures, asked, self.clock.now())

    def _launch(self, load: _Load) -> None:
        """Start the engine on the pictures of ``load``."""
        self._last = None
        load.started = self.clock.now()
        count = len(load.pictures)
        # What the engine may read and write: the program says where in there, and is not trusted.
        for name, buffer, size in (
            ("PROGRAM", "program", len(self.program.loadable)),
            ("INPUT", f"input {load.slot}", count * self._input_stride),
            ("OUTPUT", f"output {load.slot}", count * self._output_stride),
            ("SCRATCH", "scratch", self._buffers["scratch"].size),
        ):
            start = self._buffers.address(buffer)
            self._engine.write(f"{name}_ADDR", start)
            self._engine.write(f"{name}_END", start + size)
        for name, value in (
            ("IMAGES", count),
            ("INPUT_STRIDE", self._input_stride),
            ("OUTPUT_STRIDE", self._output_stride),
            ("TIMEOUT", self.stall_cycles),
            ("IRQ_STATUS", INTERRUPTS),
            ("IRQ_ENABLE", INTERRUPTS),
            ("CONTROL", START),
        ):
            self._engine.write(name, value)

    def _running(self) -> bool:
        """False once the run has ended well; raises its error where it has not."""
        if not self._open:
            raise StateError("the driver was closed while a run was under way")
        status = self._engine.read("STATUS")
        if status & BUSY or not status & (DONE | ERROR):
            return True
        self._engine.write("IRQ_STATUS", INTERRUPTS)
        if status & ERROR:
            raise self._error()
        return False

    def _finished(self, load: _Load) -> None:
        """Keep the counters of a run that has ended."""
        self._last = self._read_counters()
        self._images_of_last_run = len(load.pictures)

    def _collect(self, load: _Load) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Sums of a run that has ended, int64 [pictures, classes], and the maps that the network
        ends in, by name [pictures, C, H, W]."""
        count = len(load.pictures)
        outputs = self._buffers[f"output {load.slot}"][: count * self._output_stride]
        outputs.invalidate()
        # One copy in order: pynq's buffers are not cached, byte by byte they are read slowly.
        data = np.array(outputs, subok=False)
        return layout.unpack_outputs(data.reshape(count, -1), self.program)

    def _end(self) -> None:
        """Give the engine free, stopped where it still runs: an exception, or a stream that was
        closed before its end."""
        self._under_way = None
        if self._open:
            self._stop()

    def _batch(self, parts: list[_Part]) -> Batch:
        sums = np.concatenate([part.sums for part in parts])
        totals, logits, probabilities = scores(sums, self.program)
        starts = tuple(i for i, part in enumerate(parts) for _ in range(len(part.sums)))
        counters = tuple(part.counters for part in parts if part.counters is not None)
        specs = self.program.output.maps
        return Batch(
            sums,
            totals,
            logits,
            probabilities,
            counters,
            starts,
            self.program.classes,
            {m.name: np.concatenate([part.maps[m.name] for part in parts]) for m in specs},
            {m.name: m.exponent for m in specs},
        )

    def _frames(self, load: _Load, part: _Part, done: float) -> Iterator[Frame]:
        results = self._batch([part])
        for picture, result in zip(load.pictures, results, strict=True):
            yield Frame(
                picture.name, picture.pixels, result, load.asked, load.ready, load.started, done
            )

    def _error(self) -> EngineError:
        word = self._engine.read("ERROR")
        code, group = word & 0xFF, word >> 8 & 0xFFFF
        groups = self.program.groups
        name = groups[group % len(groups)].name if groups else "none"
        error = engine_error(code, group, name, self.program.source)
        if not self._engine.soft_reset():
            raise NoAnswerError(
                f"{error}; the soft reset does not end: load the overlay again", reset_done=False
            ) from error
        return error

    def _give_up(self) -> None:
        group = self._engine.read("GROUP")
        reset_done = self._engine.soft_reset()
        raise NoAnswerError(
            f"{self.program.source}: no answer within {self.timeout:g} s (in group {group}); "
            + (
                "the engine has been reset"
                if reset_done
                else "the soft reset does not end either: load the overlay again"
            ),
            reset_done,
        )

    # --------------------------------------------------------------------------- results

    def _read_counters(self) -> Counters:
        read = self._engine.read
        cycles = read("CYCLES_HI") << 32 | read("CYCLES_LO")
        return Counters(cycles, *(read(name) for name in COUNTERS))

    def counters(self) -> Counters:
        """Counters of the last start; raises :class:`StateError` where there was none."""
        self._require_idle()
        if self._last is None:
            raise StateError("no run has ended well yet: there are no counters")
        return self._last

    def maps(self) -> dict[str, np.ndarray]:
        """Every feature map of the last picture that the program keeps in the scratch memory.

        Name to array [C, H, W], uint8 or int8. Raises :class:`StateError` before the first run.
        """
        self._require_idle()
        if self._last is None:
            raise StateError("no run has ended well yet: there are no feature maps")
        scratch = self._buffers["scratch"]
        scratch.invalidate()
        # One copy in order: pynq's buffers are not cached, byte by byte they are read slowly.
        data, program = np.array(scratch, subok=False), self.program
        return {
            spec.name: layout.unpack_map(data, spec, program.pixels, program.word_bytes)
            for spec in program.maps
        }

    def profile(self) -> Profile:
        """Cycles and stalls by group of the last start, which must have been of one picture.

        Raises :class:`StateError` for other starts, and where the program has more groups than
        the engine keeps records of.
        """
        counters = self.counters()
        if self._images_of_last_run != 1:
            raise StateError(
                f"the last start ran {self._images_of_last_run} pictures: only a start of one has "
                "a profile by group"
            )
        return read_profile(self._engine.ip, self.program, counters)


def at_once(step: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
    """The result of a coroutine that never suspends, without an event loop."""
    running = step.__await__()
    try:
        next(running)
    except StopIteration as done:
        return done.value
    raise AssertionError("a blocking run was suspended")


def _within(name: str, value: float, low: float, high: float, unit: str) -> float:
    """``value`` itself; raises :class:`SettingError` where it is not between ``low`` and ``high``,
    or not a number."""
    try:
        good = low <= value <= high
    except TypeError:
        good = False
    if not good:
        raise SettingError(f"{name} is {value!r}: it must be from {low} to {high} {unit}")
    return value
