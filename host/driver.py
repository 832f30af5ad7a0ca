"""Driver of the Firebrick engine on a PYNQ board.

    with Firebrick("firebrick.bit", "network.fbp") as engine:
        result = engine.run(picture)
        for name, probability in result.top_k(5): ...

It talks to the engine through pynq alone (Overlay, allocate, interrupts); ``import pynq`` happens
when a :class:`Firebrick` is made.
"""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from . import definition, layout
from .errors import (
    AllocationError,
    EngineError,
    ImageError,
    MismatchError,
    NoAnswerError,
    StateError,
    engine_error,
)
from .program import Program, load_program
from .results import Batch, Counters, EngineInfo, GroupProfile, Profile, Result, scores

ENGINE_TYPE = "firebrick:ip:firebrick_engine"
INTERRUPT_PIN = "irq_o"
ALIGNMENT = 128
START, SOFT_RESET = 1, 2
BUSY, DONE, ERROR, RESETTING = 1, 2, 4, 8
INTERRUPTS = 3
DEFAULT_TIMEOUT = 10.0
RESET_TIMEOUT = 0.005
POLL_SECONDS = 0.0005
RESET_POLL_SECONDS = 0.00001
STALL_CYCLES = 1 << 20
MAX_IMAGES = 65535
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


class Clock(Protocol):
    """Time as the driver measures it, in seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Firebrick:
    """An engine with a program loaded, ready to run pictures.

    ``overlay`` is the path of a `.bit` (its `.hwh` beside it) or an Overlay that is loaded
    already; ``program`` a path or a :class:`~host.program.Program`. ``timeout`` is how many
    seconds a start may take, ``stall_cycles`` after how many cycles without progress the engine
    itself gives up. ``max_batch`` limits the pictures of one start, and so the memory.

    Raises :class:`ProgramError`, :class:`MismatchError` or :class:`AllocationError`. Every run may
    raise :class:`EngineError` (one of its classes) or :class:`NoAnswerError`; both leave the
    engine reset and ready, unless the message says otherwise.
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
        import pynq

        self._pynq = pynq
        self._buffers: dict[str, Any] = {}
        self._open = True
        self.program = program if isinstance(program, Program) else load_program(program)
        self.timeout = timeout
        self.stall_cycles = int(stall_cycles)
        self.max_batch = max(1, min(int(max_batch), MAX_IMAGES))
        self.clock: Clock = clock or SystemClock()
        path = isinstance(overlay, (str, os.PathLike))
        self.overlay = pynq.Overlay(os.fspath(overlay)) if path else overlay
        self._ip = self._find_engine()
        self._interrupt = getattr(self._ip, INTERRUPT_PIN, None) if use_interrupt else None
        self.engine = self._identify()
        self._check_fit()
        self._images_of_last_run = 0
        self._last: Counters | None = None
        try:
            self._reset()
            self._load()
        except BaseException:
            self.close()
            raise

    # ---------------------------------------------------------------------------- set-up

    def _find_engine(self) -> Any:
        found = [
            name
            for name, ip in self.overlay.ip_dict.items()
            if str(ip["type"]).startswith(ENGINE_TYPE + ":")
        ]
        if not found:
            raise MismatchError(
                f"the overlay holds no {ENGINE_TYPE}, only "
                f"{', '.join(self.overlay.ip_dict) or 'nothing'}: load Firebrick's overlay"
            )
        return getattr(self.overlay, found[0])

    def _identify(self) -> EngineInfo:
        if self._read("ID") != definition.ENGINE_ID:
            raise MismatchError(
                f"the IP's identification reads {self._read('ID'):#010x}, an engine's is "
                f"{definition.ENGINE_ID:#010x}: wrong overlay, or no clock"
            )
        shape, capacity, pool = (self._read(r) for r in ("SHAPE", "CAPACITY", "POOL_CAPACITY"))

        def byte(word: int, index: int) -> int:
            return word >> 8 * index & 0xFF

        return EngineInfo(
            version=self._read("VERSION"),
            pixels=byte(shape, 0),
            channels=byte(shape, 1),
            acc_bits=byte(shape, 2),
            word_bytes=byte(shape, 3),
            act_words=1 << byte(capacity, 0),
            weight_words=1 << byte(capacity, 1),
            bias_pairs=1 << byte(capacity, 2),
            sums=1 << byte(capacity, 3),
            pool_channels=1 << byte(pool, 0),
            pool_line_words=1 << byte(pool, 1),
        )

    def _check_fit(self) -> None:
        engine, program = self.engine, self.program
        if engine.version != program.header["version"]:
            raise MismatchError(
                f"{program.source}: format version {program.header['version']}, the engine has "
                f"{engine.version}: compile the program again"
            )
        for field in ("pixels", "channels", "acc_bits", "word_bytes"):
            wanted, has = program.header[field], getattr(engine, field)
            if wanted != has:
                raise MismatchError(
                    f"{program.source}: compiled for {field.replace('_', ' ')} = {wanted}, the "
                    f"engine has {has}: compile it for this overlay ({engine})"
                )
        for field in (
            "act_words",
            "weight_words",
            "bias_pairs",
            "sums",
            "pool_channels",
            "pool_line_words",
        ):
            wanted, has = program.shape.get(field, 0), getattr(engine, field)
            if wanted > has:
                raise MismatchError(
                    f"{program.source}: compiled for an engine with {field} = {wanted}, this "
                    f"one has {has}: compile it for this overlay"
                )

    def _load(self) -> None:
        blob = np.frombuffer(self.program.loadable, np.uint8)
        buffer = self._allocate("program", blob.size)
        buffer[:] = blob
        buffer.flush()
        self._allocate("scratch", max(self.program.scratch_bytes, ALIGNMENT))
        self._reserve(1)

    def _reserve(self, images: int) -> None:
        """Input and output memory for ``images`` pictures."""
        for name, stride in (("input", self._input_stride), ("output", self._output_stride)):
            if name not in self._buffers or self._buffers[name].size < stride * images:
                self._free(name)
                self._allocate(name, stride * images)

    def _allocate(self, name: str, size: int) -> Any:
        try:
            buffer = self._pynq.allocate((size,), np.uint8)
        except (RuntimeError, MemoryError) as error:
            raise AllocationError(
                f"{self.program.source}: no {size} bytes of contiguous memory for the {name}: "
                f"{error}; free other buffers or take a smaller batch"
            ) from None
        self._buffers[name] = buffer
        if int(buffer.physical_address) % ALIGNMENT:
            raise AllocationError(
                f"the {name} buffer lies at {int(buffer.physical_address):#x}, not at a multiple "
                f"of {ALIGNMENT} bytes"
            )
        return buffer

    def _free(self, name: str) -> None:
        buffer = self._buffers.pop(name, None)
        if buffer is not None:
            buffer.freebuffer()

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
            if self._buffers and self._read("STATUS") & BUSY:
                # Memory that the engine may still write to must not be freed under it.
                self._soft_reset()
        finally:
            for name in list(self._buffers):
                self._free(name)

    def __enter__(self) -> Firebrick:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if not self._open:
            raise StateError("the driver is closed")

    # ------------------------------------------------------------------------- registers

    def _read(self, name: str) -> int:
        return int(self._ip.read(definition.REGISTERS[name][0]))

    def _write(self, name: str, value: int) -> None:
        self._ip.write(definition.REGISTERS[name][0], int(value))

    def _soft_reset(self) -> bool:
        """Soft reset; False where it did not end within ``RESET_TIMEOUT``."""
        self._write("CONTROL", SOFT_RESET)
        deadline = self.clock.now() + RESET_TIMEOUT
        while self._read("STATUS") & RESETTING:
            if self.clock.now() > deadline:
                return False
            self.clock.sleep(RESET_POLL_SECONDS)
        return True

    def _reset(self) -> None:
        if not self._soft_reset():
            raise NoAnswerError(
                "the engine's soft reset does not end: the memory port does not answer; load the "
                "overlay again",
                reset_done=False,
            )

    def reset(self) -> None:
        """Soft reset; the program stays loaded. Raises :class:`NoAnswerError`."""
        self._require_open()
        self._reset()

    # ------------------------------------------------------------------------------ runs

    def run(self, image: np.ndarray) -> Result:
        """Answer for one picture, uint8 [C, H, W] or [H, W, C]."""
        return self.run_batch([image])[0]

    def run_batch(self, images: Sequence[np.ndarray] | np.ndarray) -> Batch:
        """Answers for many pictures, up to ``max_batch`` of them in one start of the engine.

        Raises :class:`ImageError` before anything runs where a picture is wrong.
        """
        self._require_open()
        if len(images) == 0:
            raise ImageError("no pictures to run")
        program = self.program
        for number, image in enumerate(images):
            try:
                layout.to_channels_first(image, program.input)
            except ImageError as error:
                raise ImageError(f"picture {number}: {error}") from None
        chunks = [images[i : i + self.max_batch] for i in range(0, len(images), self.max_batch)]
        sums, counters = [], []
        for chunk in chunks:
            sums.append(self._start(chunk))
            assert self._last is not None
            counters.append(self._last)
        every = np.concatenate(sums)
        totals, logits, probabilities = scores(every, program)
        starts = tuple(i for i, chunk in enumerate(chunks) for _ in range(len(chunk)))
        return Batch(every, totals, logits, probabilities, tuple(counters), starts, program.classes)

    def _start(self, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """One start of the engine: sums int64 [len(images), classes]."""
        program, count = self.program, len(images)
        self._last = None
        self._reserve(count)
        inputs = self._buffers["input"][: count * self._input_stride]
        for place, image in zip(inputs.reshape(count, -1), images, strict=True):
            place[: program.input.bytes] = layout.pack_input(
                image, program.input, program.pixels, program.word_bytes
            )
        inputs.flush()
        self._write("PROGRAM_ADDR", self._buffers["program"].physical_address)
        self._write("INPUT_ADDR", self._buffers["input"].physical_address)
        self._write("OUTPUT_ADDR", self._buffers["output"].physical_address)
        self._write("SCRATCH_ADDR", self._buffers["scratch"].physical_address)
        self._write("IMAGES", count)
        self._write("INPUT_STRIDE", self._input_stride)
        self._write("OUTPUT_STRIDE", self._output_stride)
        self._write("TIMEOUT", self.stall_cycles)
        self._write("IRQ_STATUS", INTERRUPTS)
        self._write("IRQ_ENABLE", INTERRUPTS)
        self._write("CONTROL", START)
        try:
            self._wait()
        except BaseException:
            # Interrupted by the keyboard, or no answer: never leave an engine running that
            # writes to our buffers.
            if self._read("STATUS") & BUSY:
                self._soft_reset()
            raise
        self._last = self._counters()
        self._images_of_last_run = count
        outputs = self._buffers["output"][: count * self._output_stride]
        outputs.invalidate()
        rows = np.asarray(outputs).reshape(count, -1)[:, : 8 * program.output.classes]
        return np.ascontiguousarray(rows).view("<i8").astype(np.int64)

    def _wait(self) -> None:
        """Return when the run is done; raise its error, or :class:`NoAnswerError`."""
        deadline = self.clock.now() + self.timeout
        interrupt = self._interrupt
        loop = _event_loop() if interrupt is not None else None
        while (status := self._read("STATUS")) & BUSY or not status & (DONE | ERROR):
            if self.clock.now() > deadline:
                self._give_up()
            if loop is not None:
                loop.run_until_complete(self._interrupted(interrupt, deadline))
            else:
                self.clock.sleep(POLL_SECONDS)
        self._write("IRQ_STATUS", INTERRUPTS)
        if status & ERROR:
            raise self._error()

    async def _interrupted(self, interrupt: Any, deadline: float) -> None:
        """Wait for the interrupt or the deadline."""
        task = asyncio.ensure_future(interrupt.wait())
        try:
            while not task.done() and self.clock.now() <= deadline:
                await asyncio.wait({task}, timeout=POLL_SECONDS * 10)
        finally:
            if task.done():
                task.result()
            else:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _error(self) -> EngineError:
        word = self._read("ERROR")
        code, group = word & 0xFF, word >> 8 & 0xFFFF
        groups = self.program.groups
        name = groups[group % len(groups)].name if groups else "none"
        error = engine_error(code, group, name, self.program.source)
        if not self._soft_reset():
            raise NoAnswerError(
                f"{error}; the soft reset does not end: load the overlay again", reset_done=False
            ) from error
        return error

    def _give_up(self) -> None:
        group = self._read("GROUP")
        reset_done = self._soft_reset()
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

    def _counters(self) -> Counters:
        cycles = self._read("CYCLES_HI") << 32 | self._read("CYCLES_LO")
        return Counters(cycles, *(self._read(name) for name in COUNTERS))

    def counters(self) -> Counters:
        """Counters of the last start; raises :class:`StateError` where there was none."""
        self._require_open()
        if self._last is None:
            raise StateError("no run has ended well yet: there are no counters")
        return self._last

    def maps(self) -> dict[str, np.ndarray]:
        """Every feature map of the last picture that the program keeps in memory.

        Name to array [C, H, W], uint8 or int8. Raises :class:`StateError` before the first run.
        """
        self._require_open()
        if self._last is None:
            raise StateError("no run has ended well yet: there are no feature maps")
        scratch = self._buffers["scratch"]
        scratch.invalidate()
        data, program = np.asarray(scratch), self.program
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
        groups = self.program.groups
        if self._images_of_last_run != 1:
            raise StateError(
                f"the last start ran {self._images_of_last_run} pictures: only a start of one has "
                "a profile by group"
            )
        if len(groups) > definition.PROFILE_GROUPS:
            raise StateError(
                f"{len(groups)} groups, the engine keeps records of {definition.PROFILE_GROUPS}"
            )
        words = definition.PROFILE_WORDS
        base = definition.PROFILE_BASE
        records = np.array(
            [int(self._ip.read(base + 4 * i)) for i in range(len(groups) * words)], np.int64
        ).reshape(len(groups), words)
        # Records count since start, modulo 2^32.
        spent = np.diff(records, axis=0, prepend=0) % (1 << 32)
        names = definition.PROFILE_FIELDS
        prefix = "STALL_"
        profiles = []
        for group, row in zip(groups, spent.tolist(), strict=True):
            value = dict(zip(names, row, strict=True))
            stalls = {
                name[len(prefix) :].lower(): value[name]
                for name in names
                if name.startswith(prefix)
            }
            profiles.append(
                GroupProfile(
                    group.name,
                    group.layers,
                    value["CYCLES_LO"],
                    value["ACTIVE"],
                    stalls,
                    value["WRITE_BEATS"],
                )
            )
        tail = counters.cycles - sum(p.cycles for p in profiles)
        return Profile(tuple(profiles), tail, counters.cycles)


def _event_loop() -> asyncio.AbstractEventLoop | None:
    """The thread's event loop, the one that pynq hangs its interrupts on.

    None where it runs already (in a notebook's cell) or there is none: then the driver polls.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None
