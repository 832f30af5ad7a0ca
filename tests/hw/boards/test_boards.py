"""Board files: what is read, and what is refused with which words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firebrick.hw.boards import CHIPS, board_names, load_board
from firebrick.hw.boards.board import FOLDER
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.quantize.errors import FirebrickError

PLAIN = (FOLDER / "pynq-z2.toml").read_text()


def write(folder: Path, text: str) -> Path:
    (folder / "some.toml").write_text(text)
    return folder


def test_every_board_is_read() -> None:
    names = board_names()
    assert {"pynq-z1", "pynq-z2", "zybo-z7-20", "arty-z7-20"} <= set(names)
    for name in names:
        board = load_board(name)
        assert board.name == name
        assert board.chip is CHIPS[board.part.partition("clg")[0]]
        assert board.memory.hp_bits == 64


def test_pynq_z2_has_the_published_data() -> None:
    board = load_board("pynq-z2")
    assert board.part == "xc7z020clg400-1"
    assert board.chip.resources.dsp48e1 == 220
    assert board.clock.io_pll_hz == 1_000_000_000
    assert board.clock.fclk0_hz == 100_000_000
    assert board.memory.bytes_per_second == 2_100_000_000


def test_its_memory_at_150_mhz_is_the_modelled_one() -> None:
    """What cycle model and simulated board take as the default is this board's memory."""
    assert load_board("pynq-z2").memory.timing(150e6) == MemoryTiming()


@pytest.mark.parametrize(
    ("asked", "given"), [(100, 100), (125, 125), (150, 1000 / 7), (142.857, 125), (3, 1000 / 336)]
)
def test_clock_is_the_highest_that_is_not_above(asked: float, given: float) -> None:
    clock = load_board("pynq-z2").clock
    if asked < 10:
        with pytest.raises(ValueError, match="frequency of FCLK0"):
            clock.at_most(asked * 1e6)
        return
    got = clock.at_most(asked * 1e6)
    assert got.fclk0_hz == pytest.approx(given * 1e6)
    assert all(1 <= divisor <= 63 for divisor in got.fclk0_divisors)


@pytest.mark.parametrize("asked", [0.0, -5.0, 0.1, 400.0])
def test_impossible_clock_is_refused(asked: float) -> None:
    with pytest.raises(FirebrickError, match=r"clock|FCLK0"):
        load_board("pynq-z2").with_clock(asked)


def test_thirds_of_a_megahertz_divide_as_whole_ones() -> None:
    clock = load_board("zybo-z7-20").clock
    assert clock.at_most(100e6).fclk0_divisors == (5, 2)


def test_unknown_board_names_the_known_ones() -> None:
    with pytest.raises(FirebrickError, match=r"'pynq-z3' is not known; .*pynq-z1, pynq-z2.* are"):
        load_board("pynq-z3")
    with pytest.raises(FirebrickError, match="is not known"):
        load_board("../boards/pynq-z2")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "PYNQ-Z2"', "", "field title is missing"),
        ('title = "PYNQ-Z2"', "title = 3", "field title is 3, not a text"),
        ("xc7z020clg400-1", "xc7z020", "a part is named chip, package and speed grade"),
        ("xc7z020clg400-1", "xc7z045ffg900-1", "known chips are xc7z007s, xc7z010, xc7z020"),
        ("xc7z020clg400-1", "xc7z020clg225-1", "comes as clg400 and clg484"),
        ('"official"', '"perhaps"', "pynq_image is 'perhaps'; it is one of official"),
        ("reference_mhz = 50.0", "reference_mhz = 5.0", "clock: reference_mhz is 5, outside 30"),
        ("reference_mhz = 50.0", "reference_mhz = true", "not a number"),
        ("io_pll_multiplier = 20", "io_pll_multiplier = 60", "outside 780 to 1600"),
        ("[5, 2]", "[5]", r"field clock.fclk0_divisors is \[5\], not a list of two integers"),
        ("[5, 2]", "[5.0, 2]", "not a list of two integers"),
        ("[5, 2]", "[64, 1]", "fclk0_divisors is 64, outside 1 to 63"),
        ("[5, 2]", "[63, 63]", "frequency of FCLK0 in MHz is 0.25"),
        ("bus_bits = 16", "bus_bits = 24", "memory: bus_bits is 24; a Zynq-7000 has 16 or 32"),
        ("hp_bits = 64", "hp_bits = 32", "hp_bits is 32; the engine's ports have 64"),
        ("megatransfers = 1050", "megatransfers = 1600", "megatransfers is 1600, outside"),
        ("megatransfers = 1050", 'megatransfers = "1050"', "not an integer"),
        ("[memory]", "[memories]", "field memory is missing"),
        ("pixels = 14", "pixels = 3", "engine: 3 pixels"),
        ("pixels = 14", "", "field engine.pixels is missing"),
        ("pixels = 14", "pixels = 14\nrows = 2", "field engine.rows is unknown; pixels"),
        ("pixels = 14", "pixels = 14\nact_words = 1000", "a memory's depth is a power of two"),
        ("[clock]", "[clock", "not a TOML file"),
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in PLAIN
    folder = write(tmp_path, PLAIN.replace(old, new))
    with pytest.raises(FirebrickError, match=words) as caught:
        load_board("some", folder)
    assert re.match(r"some\.toml: ", str(caught.value))
