"""The driver against a fake engine behind the stand-in pynq."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from firebrick.host import errors
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.hw.shape import EngineShape
from firebrick.sim import pynq_standin
from firebrick.sim.overlay import write_overlay
from tests.host.fake_engine import (
    RUN_CYCLES,
    SHAPE,
    FakeBoard,
    expected_map,
    make_program,
    picture,
    stored_sum,
)

Open = Callable[..., tuple[Firebrick, FakeBoard]]


@pytest.fixture
def open_driver(tmp_path: Path) -> Iterator[Open]:
    """Makes drivers on fake boards; keyword arguments go to the driver."""
    with ExitStack() as stack:

        def make(board: FakeBoard | None = None, **options: object) -> tuple[Firebrick, FakeBoard]:
            program = make_program()
            board = board or FakeBoard(program=program)
            write_overlay(tmp_path, board.shape)
            stack.enter_context(pynq_standin.installed(board))
            driver = Firebrick(
                tmp_path / "firebrick.bit", parse_program(program.blob), clock=board, **options
            )
            return stack.enter_context(driver), board

        yield make


@pytest.mark.parametrize("use_interrupt", [True, False])
def test_one_picture(open_driver: Open, use_interrupt: bool) -> None:
    driver, _ = open_driver(use_interrupt=use_interrupt)
    result = driver.run(picture())
    total = stored_sum(driver, picture())
    assert result.sums.dtype == np.int64
    np.testing.assert_array_equal(result.sums, [total, 2 * total, 3 * total])
    assert (result.totals - result.sums).tolist() == [5, -5, 0]
    logits = [
        (s + a) / 4 / 2**e
        for s, a, e in zip(result.sums.tolist(), [5, -5, 0], [9, 10, 11], strict=True)
    ]
    np.testing.assert_allclose(result.logits, logits, rtol=1e-15)
    np.testing.assert_allclose(result.probabilities.sum(), 1, rtol=1e-12)
    assert result.cycles == RUN_CYCLES
    best = result.top_k(2)
    assert [name for name, _ in best] == ["cat", "dog"]
    assert best[0][1] == result.probabilities[0]


def test_channels_last_gives_the_same(open_driver: Open) -> None:
    driver, _ = open_driver()
    a, b = driver.run(picture()), driver.run(picture().transpose(1, 2, 0))
    np.testing.assert_array_equal(a.sums, b.sums)


def test_batch_runs_in_as_few_starts_as_allowed(open_driver: Open) -> None:
    driver, board = open_driver(max_batch=3)
    images = [picture(i) for i in range(7)]
    batch = driver.run_batch(images)
    assert board.starts == 3
    assert len(batch) == 7
    assert len(batch.counters) == 3
    assert batch.cycles == 3 * RUN_CYCLES
    for image, result in zip(images, batch, strict=True):
        assert result.sums[0] == stored_sum(driver, image)
    with pytest.raises(IndexError):
        batch[7]


def test_maps_are_those_of_the_last_picture(open_driver: Open) -> None:
    driver, board = open_driver()
    driver.run_batch([picture(1), picture(2)])
    maps = driver.maps()
    total = stored_sum(driver, picture(2))
    assert list(maps) == ["squeeze", "expand"]
    for entry in board.host["maps"]:
        expected = expected_map(entry, total)
        assert maps[entry["name"]].dtype == expected.dtype
        np.testing.assert_array_equal(maps[entry["name"]], expected)


def test_profile_takes_differences(open_driver: Open) -> None:
    driver, _ = open_driver()
    driver.run(picture())
    profile = driver.profile()
    first, second = profile.groups
    assert (first.name, first.cycles, first.active) == ("conv1", 10_000, 9_000)
    assert (second.name, second.cycles, second.active) == ("fire2", 20_000, 11_000)
    assert second.stalls == {"weights": 7, "input": 5, "output": 3, "drain": 1, "switch": 6}
    assert (first.write_beats, second.write_beats) == (6, 54)
    assert (second.macs, second.ideal_cycles) == (3000, 60)
    assert profile.tail_cycles == RUN_CYCLES - 30_000
    driver.run_batch([picture(), picture()])
    with pytest.raises(errors.StateError, match="2 pictures"):
        driver.profile()


def test_nothing_to_read_before_a_run(open_driver: Open) -> None:
    driver, _ = open_driver()
    for ask in (driver.maps, driver.counters, driver.profile):
        with pytest.raises(errors.StateError, match="no run"):
            ask()


def test_wrong_picture_of_a_batch_is_named_before_anything_runs(open_driver: Open) -> None:
    driver, board = open_driver()
    with pytest.raises(errors.ImageError, match="picture 1"):
        driver.run_batch([picture(), picture()[:, 1:]])
    with pytest.raises(errors.ImageError, match="no pictures"):
        driver.run_batch([])
    assert board.starts == 0


# -------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("code", "error", "name"),
    [
        (1, errors.RefusedProgramError, "MAGIC"),
        (2, errors.RefusedProgramError, "VERSION"),
        (3, errors.RefusedProgramError, "SHAPE"),
        (4, errors.CorruptProgramError, "HEADER_CRC"),
        (5, errors.CorruptProgramError, "DESCRIPTOR_CRC"),
        (6, errors.CorruptProgramError, "PAYLOAD_CRC"),
        (7, errors.MemoryAccessError, "PROGRAM_READ"),
        (8, errors.MemoryAccessError, "MAP_READ"),
        (9, errors.MemoryAccessError, "MAP_WRITE"),
        (10, errors.StalledError, "TIMEOUT"),
        (11, errors.RefusedProgramError, "CAPACITY"),
        (12, errors.SetupError, "ALIGNMENT"),
        (99, errors.EngineError, "code 99"),
    ],
)
@pytest.mark.parametrize("use_interrupt", [True, False])
def test_engine_errors_have_a_class_and_name_the_group(
    open_driver: Open, code: int, error: type[errors.EngineError], name: str, use_interrupt: bool
) -> None:
    driver, board = open_driver(use_interrupt=use_interrupt)
    # The engine counts the groups of all pictures: group 3 is the second picture's second.
    board.fail = (code, 3)
    with pytest.raises(error, match="fire2") as caught:
        driver.run_batch([picture(), picture()])
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.name) == (code, name)
    assert (caught.value.group, caught.value.group_name) == (3, "fire2")
    with pytest.raises(errors.StateError):
        driver.maps()
    board.fail = None
    assert driver.run(picture()).sums[0] == stored_sum(driver, picture())


@pytest.mark.parametrize("use_interrupt", [True, False])
def test_hang_times_out_and_the_engine_stays_usable(open_driver: Open, use_interrupt: bool) -> None:
    driver, board = open_driver(use_interrupt=use_interrupt, timeout=0.01)
    board.hang = True
    started = board.now()
    with pytest.raises(errors.NoAnswerError, match=r"0\.01 s") as caught:
        driver.run(picture())
    assert caught.value.reset_done
    assert 0.01 <= board.now() - started < 0.02
    board.hang = False
    assert driver.run(picture()).sums[0] == stored_sum(driver, picture())


def test_stuck_reset_is_told(open_driver: Open) -> None:
    driver, board = open_driver(timeout=0.01)
    board.hang = board.stuck_reset = True
    with pytest.raises(errors.NoAnswerError, match="load the overlay again") as caught:
        driver.run(picture())
    assert not caught.value.reset_done
    with pytest.raises(errors.NoAnswerError, match="soft reset does not end"):
        driver.reset()


def test_lost_interrupt_is_found_by_the_status(open_driver: Open) -> None:
    driver, board = open_driver(timeout=0.01)
    board.silent_interrupt = True
    assert driver.run(picture()).sums[0] == stored_sum(driver, picture())


def test_program_overwritten_in_memory(open_driver: Open) -> None:
    driver, board = open_driver()
    address = driver._buffers["program"].physical_address - board.memory_base
    board.memory[address + 20] ^= 1
    with pytest.raises(errors.CorruptProgramError, match="HEADER_CRC"):
        driver.run(picture())


def test_inside_a_running_event_loop_the_driver_polls(open_driver: Open) -> None:
    driver, _ = open_driver()

    async def cell() -> int:
        return int(driver.run(picture()).sums[0])

    assert asyncio.run(cell()) == stored_sum(driver, picture())


# ---------------------------------------------------------------------------------- set-up


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        (EngineShape(8, 8, act_words=1024), "pixels = 7, the engine has 8"),
        (EngineShape(7, 16, act_words=1024), "channels = 8, the engine has 16"),
        (EngineShape(7, 8, 28, act_words=1024), "acc bits = 24, the engine has 28"),
        (EngineShape(7, 8, act_words=512), "act_words = 1024, this one has 512"),
        (EngineShape(7, 8, act_words=1024, sums=512), "sums = 1024, this one has 512"),
    ],
)
def test_program_for_another_engine(open_driver: Open, shape: EngineShape, what: str) -> None:
    with pytest.raises(errors.MismatchError, match=what):
        open_driver(FakeBoard(shape, make_program()))


def test_larger_memories_are_no_obstacle(open_driver: Open) -> None:
    board = FakeBoard(EngineShape(7, 8, act_words=4096), make_program())
    open_driver(board)[0].run(picture())


def test_wrong_identification(open_driver: Open) -> None:
    board = FakeBoard(SHAPE, make_program())
    board.id = 0xFFFFFFFF
    with pytest.raises(errors.MismatchError, match="0xffffffff"):
        open_driver(board)


def test_engine_of_another_version(open_driver: Open) -> None:
    board = FakeBoard(SHAPE, make_program())
    board.version += 1
    with pytest.raises(errors.MismatchError, match=f"engine has {board.version}"):
        open_driver(board)


def test_overlay_without_an_engine(tmp_path: Path) -> None:
    path = write_overlay(tmp_path, SHAPE, "other").with_suffix(".hwh")
    path.write_text(path.read_text().replace("firebrick:ip:firebrick_engine", "acme:ip:blinker"))
    with (
        pynq_standin.installed(FakeBoard()),
        pytest.raises(errors.MismatchError, match=r"holds no firebrick:ip:firebrick_engine"),
    ):
        Firebrick(tmp_path / "other.bit", parse_program(make_program().blob))


def test_no_memory_left(open_driver: Open) -> None:
    board = FakeBoard(program=make_program())
    board.memory = board.memory[:12288]
    with pytest.raises(errors.AllocationError, match="scratch"):
        open_driver(board)


def test_buffers_are_freed(tmp_path: Path) -> None:
    write_overlay(tmp_path, SHAPE)
    board = FakeBoard(program=make_program())
    with pynq_standin.installed(board):
        program = parse_program(make_program().blob)
        with Firebrick(tmp_path / "firebrick.bit", program, clock=board) as driver:
            driver.run_batch([picture()] * 3)
            assert pynq_standin._current().allocator.used
        assert not pynq_standin._current().allocator.used
        driver.close()
        with pytest.raises(errors.StateError, match="closed"):
            driver.run(picture())
        board.stuck_reset = True
        with pytest.raises(errors.NoAnswerError):
            Firebrick(tmp_path / "firebrick.bit", program, clock=board)
        assert not pynq_standin._current().allocator.used


def test_closing_while_running_stops_the_engine(open_driver: Open) -> None:
    driver, board = open_driver()
    driver._engine.write("IMAGES", 1)
    driver._engine.write("CONTROL", 1)
    assert board.registers["STATUS"] == 1
    driver.close()
    assert board.registers["STATUS"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", -1),
        ("timeout", "long"),
        ("stall_cycles", 0),
        ("stall_cycles", 1 << 32),
        ("max_batch", 0),
        ("max_batch", 65536),
    ],
)
def test_settings_out_of_range(open_driver: Open, name: str, value: object) -> None:
    with pytest.raises(errors.SettingError, match=f"{name} is "):
        open_driver(**{name: value})
    assert not pynq_standin._current().allocator.used


def test_pictures_that_are_no_list(open_driver: Open) -> None:
    driver, _ = open_driver()
    with pytest.raises(errors.ImageError, match="not as int"):
        driver.run_batch(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offset", "message"),
    [(64, "not at a multiple of 128 bytes"), (1 << 32, "reaches memory up to 0x100000000")],
)
def test_memory_at_an_address_that_the_engine_cannot_use(
    open_driver: Open, monkeypatch: pytest.MonkeyPatch, offset: int, message: str
) -> None:
    address = pynq_standin.PynqBuffer.device_address.fget
    monkeypatch.setattr(
        pynq_standin.PynqBuffer,
        "physical_address",
        property(lambda buffer: address(buffer) + offset),
    )
    with pytest.raises(errors.AllocationError, match=message):
        open_driver()
    assert not pynq_standin._current().allocator.used


@pytest.mark.parametrize("fail_at", range(4))
def test_a_constructor_that_fails_frees_all(
    open_driver: Open, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    """Whichever of its buffers it does not get."""
    allocate = pynq_standin.allocate
    made = []

    def limited(*arguments: object, **options: object) -> pynq_standin.PynqBuffer:
        if len(made) == fail_at:
            raise RuntimeError("Failed to allocate Memory!")
        made.append(allocate(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(pynq_standin, "allocate", limited)
    with pytest.raises(errors.AllocationError, match="Failed to allocate Memory"):
        open_driver()
    assert len(made) == fail_at
    assert not pynq_standin._current().allocator.used
