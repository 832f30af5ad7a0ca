"""Programs that no compiler wrote, on the simulated engine: each is refused with its error."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from firebrick.host import errors
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.sim.board import SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.engine_check import SMALL
from firebrick.sim.overlay import write_overlay
from firebrick.sim.random_networks import Fire, Pool, Recipe, build, random_images

# Four groups: first layer with a pool, two modules, classifier.
RECIPE = Recipe(21, 25, 3, 3, 2, 0, 12, (Pool(3, True), Fire(4, 9, 8), Fire(5, 8, 9)), 11, 1)
HEADER_BYTES = d.HEADER_BEATS * d.BEAT_BYTES


def parts_of(program: Program) -> list[bytes]:
    """The stream's groups, each with its payload."""
    sizes = [len(g.encode()) for g in program.groups]
    starts = [HEADER_BYTES + sum(sizes[:n]) for n in range(len(sizes) + 1)]
    return [program.blob[a:b] for a, b in itertools.pairwise(starts)]


def resealed(header: bytes, **values: int) -> bytes:
    """``header`` with other values and a right checksum."""
    fields = d.unpack(d.HEADER_LAYOUT, header) | values
    body = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, {**fields, "header_crc": 0})
    return body[:56] + struct.pack("<Q", zlib.crc32(body[:56]))


class Swapper:
    """A board whose program in memory is replaced behind the driver's back."""

    def __init__(self, board: SimulatedBoard, engine: Firebrick, program: Program) -> None:
        self.board, self.engine, self.program = board, engine, program
        self.image = random_images(build(RECIPE, 3), 1, 5)[0]
        self.expected = engine.run(self.image).totals

    def run(self, stream: list[bytes], **header: int) -> None:
        """Run with another stream; its length and ``header`` go into the header."""
        data = b"".join(stream)
        head = self.program.blob[:HEADER_BYTES]
        head = resealed(head, **{"stream_bytes": len(data), **header})
        buffer = self.engine._buffers["program"]
        room = np.zeros(buffer.size, np.uint8)
        raw = np.frombuffer((head + data)[: buffer.size], np.uint8)
        room[: raw.size] = raw
        before = np.array(buffer)
        buffer[:] = room
        buffer.flush()
        try:
            self.engine.run(self.image)
        finally:
            buffer[:] = before
            buffer.flush()

    def check(self) -> None:
        """The next run, of the right program, is right."""
        np.testing.assert_array_equal(self.engine.run(self.image).totals, self.expected)


@pytest.fixture(scope="module")
def swapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swapper]:
    program = compile_network(build(RECIPE, 3), SMALL)
    board = SimulatedBoard(SMALL, library=build_library(SMALL))
    overlay = write_overlay(tmp_path_factory.mktemp("overlay"), SMALL)
    with (
        simulated(board),
        Firebrick(overlay, parse_program(program.blob), clock=board, stall_cycles=2000) as engine,
    ):
        yield Swapper(board, engine, program)


@pytest.fixture(scope="module")
def twin() -> list[bytes]:
    """Groups of another network of the same architecture."""
    return parts_of(compile_network(build(RECIPE, 4), SMALL))


def test_another_programs_groups(swapper: Swapper, twin: list[bytes]) -> None:
    parts = parts_of(swapper.program)
    assert [len(p) for p in parts] == [len(p) for p in twin]
    assert len(parts) >= 4
    for at in range(len(parts)):
        with pytest.raises(errors.CorruptProgramError, match=r"DESCRIPTOR_CRC.*another program's"):
            swapper.run([*parts[:at], twin[at], *parts[at + 1 :]])
    with pytest.raises(errors.CorruptProgramError, match="DESCRIPTOR_CRC"):
        swapper.run(twin)
    swapper.check()


def test_groups_out_of_their_place(swapper: Swapper) -> None:
    parts = parts_of(swapper.program)
    count = len(parts)
    for a, b in itertools.combinations(range(count), 2):
        swapped = list(parts)
        swapped[a], swapped[b] = parts[b], parts[a]
        with pytest.raises(errors.CorruptProgramError, match="DESCRIPTOR_CRC"):
            swapper.run(swapped)
    for at in range(count - 1):
        with pytest.raises(errors.CorruptProgramError, match="DESCRIPTOR_CRC"):
            swapper.run([*parts[:at], *parts[at + 1 :]], groups=count - 1)
    swapper.check()


def test_too_few_and_too_many_groups(swapper: Swapper) -> None:
    parts = parts_of(swapper.program)
    count = len(parts)
    for stream, header in (
        (parts[:-1], {"groups": count - 1}),
        (parts, {"groups": count - 1}),
        (parts, {"groups": count + 1}),
        (parts, {"groups": 0}),
        ([*parts, bytes(128)], {}),
        (parts, {"stream_bytes": sum(map(len, parts)) - 8}),
        (parts, {"stream_bytes": 0}),
    ):
        # What is longer than the program that the driver loaded also leaves its buffer.
        with pytest.raises(errors.RefusedProgramError, match=r"GROUPS|BOUNDS"):
            swapper.run(stream, **header)
        swapper.check()


def test_streams_that_end_within_a_descriptor(swapper: Swapper) -> None:
    """Refused as soon as that is known, not when the time is up."""
    parts = parts_of(swapper.program)
    for stream in ([parts[0][:64]], [parts[0], parts[1][:64]], [*parts[:2], parts[2][:120]]):
        with pytest.raises(errors.RefusedProgramError, match="GROUPS"):
            swapper.run(stream)
        swapper.check()


def test_nothing_of_a_run_is_left_for_the_next(
    swapper: Swapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program whose stream goes on behind its last group leaves no beats in the reader: the next
    start, without a reset in between, is right."""
    parts = parts_of(swapper.program)
    engine = swapper.engine._engine
    write = engine.write

    def roomy(name: str, value: int) -> None:
        write(name, value + 4096 if name == "PROGRAM_END" else value)

    monkeypatch.setattr(engine, "soft_reset", lambda: True)
    monkeypatch.setattr(engine, "write", roomy)
    for size in (8, 64, 4096):
        with pytest.raises(errors.RefusedProgramError, match="GROUPS"):
            swapper.run([*parts, bytes(size)])
        swapper.check()
