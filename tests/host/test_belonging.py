"""Overlay, program, driver and board must belong together; each mistake has its own message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firebrick.host import definition, errors, system
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.sim import pynq_standin
from firebrick.sim.bitstream import placeholder
from firebrick.sim.overlay import write_overlay
from tests.host.fake_engine import SHAPE, FakeBoard, make_program, picture


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    """A board with the stand-in of pynq; nothing may stay allocated after a refusal."""
    board = FakeBoard(program=make_program())
    with pynq_standin.installed(board):
        yield board
        assert not pynq_standin._current().allocator.used


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    return write_overlay(tmp_path, SHAPE)


def driver(overlay: Path, board: FakeBoard) -> Firebrick:
    return Firebrick(overlay, parse_program(make_program().blob), clock=board)


def change(overlay: Path, old: str, new: str) -> None:
    path = overlay.with_suffix(".hwh")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_all_belongs_together(board: FakeBoard, overlay: Path) -> None:
    with driver(overlay, board) as engine:
        engine.run(picture())


def test_no_hwh(board: FakeBoard, tmp_path: Path) -> None:
    with pytest.raises(errors.MissingFileError, match=r"none\.hwh: no such file; .*make bitstream"):
        driver(tmp_path / "none.bit", board)


def test_no_bit(board: FakeBoard, overlay: Path) -> None:
    data = overlay.read_bytes()
    overlay.unlink()
    with pytest.raises(errors.MissingFileError, match=r"firebrick\.bit: no such file; build it"):
        driver(overlay, board)
    overlay.write_bytes(b"")
    with pytest.raises(errors.MismatchError, match=r"does not start like a \.bit file"):
        driver(overlay, board)
    overlay.write_bytes(data)
    with driver(overlay, board) as engine:
        engine.run(picture())


def test_no_program(board: FakeBoard, overlay: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.ProgramError, match=r"none\.fbp: No such file"):
        Firebrick(overlay, tmp_path / "none.fbp", clock=board)


def test_pynq_cannot_read_the_hwh(board: FakeBoard, overlay: Path) -> None:
    change(overlay, 'BASEVALUE="0x43c00000"', 'BASEVALUE="here"')
    with pytest.raises(errors.MismatchError, match=r"pynq does not load it: ValueError"):
        driver(overlay, board)


@pytest.mark.parametrize(
    ("part", "found"), [("7z010", "xc7z010"), ("7z007s", "xc7z007s"), ("7z020", "xc7z020")]
)
def test_wrong_chip(overlay: Path, part: str, found: str) -> None:
    change(overlay, 'VALUE="xc7z020clg400-1"', 'VALUE="xc7z045ffg900-2"')
    overlay.write_bytes(placeholder("firebrick", f"xc{part}clg400-1"))
    board = FakeBoard(program=make_program())
    with (
        pynq_standin.installed(board, part),
        pytest.raises(
            errors.MismatchError, match=f"hwh: made for xc7z045ffg900-2, this board has {found}"
        ),
    ):
        driver(overlay, board)


@pytest.mark.parametrize(
    ("part", "named"),
    [("xc7z010clg400-1", "7z010clg400"), ("xczu3eg-sbva484-1-e", "zu3eg")],
)
def test_bitstream_of_another_chip(
    board: FakeBoard, overlay: Path, tmp_path: Path, part: str, named: str
) -> None:
    """It is not loaded, so that the engine that is there goes on."""
    other = write_overlay(tmp_path, SHAPE, "other")
    other.write_bytes(placeholder("other", part))
    with driver(overlay, board) as engine:
        engine.run(picture())
        message = rf"other\.bit: made for {named}, this board has xc7z020: build or deploy it"
        with pytest.raises(errors.MismatchError, match=message):
            driver(other, board)
        engine.run(picture())


@pytest.mark.parametrize("length", [0, 5, 13, 16, 30])
def test_bitstream_that_is_cut_off(board: FakeBoard, overlay: Path, length: int) -> None:
    overlay.write_bytes(placeholder("firebrick", "xc7z020clg400-1")[:length])
    with pytest.raises(errors.MismatchError, match="does not start like a"):
        driver(overlay, board)


def test_part_as_other_tools_write_it(board: FakeBoard, overlay: Path) -> None:
    data = overlay.read_bytes()
    long, short = (
        len(text).to_bytes(2, "big") + text for text in (b"xc7z020clg400-1\0", b"7z020clg400\0")
    )
    assert short in data
    overlay.write_bytes(data.replace(short, long))
    with driver(overlay, board) as engine:
        engine.run(picture())


def test_memory_ports_are_made_as_wide_as_the_engine(board: FakeBoard, overlay: Path) -> None:
    """A boot loader's 32-bit setting would garble every transfer."""
    with driver(overlay, board):
        for address in system.PORT_CONTROLS:
            assert pynq_standin.MMIO(address, 4).read(0) & system.NARROW == 0
        other = pynq_standin.MMIO(0xF800_9000, 4)
        assert other.read(0) & system.NARROW, "HP1 is not the engine's"
        assert system.widen_ports(pynq_standin) == 0


@pytest.mark.parametrize(
    ("name", "value", "other"), [("PIXELS", 7, 14), ("WEIGHT_WORDS", 8192, 4096), ("SUMS", 1024, 2)]
)
def test_hwh_of_another_build(
    board: FakeBoard, overlay: Path, name: str, value: int, other: int
) -> None:
    change(overlay, f'NAME="{name}" VALUE="{value}"', f'NAME="{name}" VALUE="{other}"')
    message = rf"\.hwh describes an engine with {name.lower()} = {other}, the bitstream has {value}"
    with pytest.raises(errors.MismatchError, match=message):
        driver(overlay, board)


def test_hwh_of_another_release(board: FakeBoard, overlay: Path) -> None:
    change(overlay, f'VALUE="{definition.DEFINITION}"', 'VALUE="1"')
    with pytest.raises(errors.MismatchError, match="definition = 1"):
        driver(overlay, board)


def test_program_and_bitstream_of_another_release(
    board: FakeBoard, overlay: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = make_program().blob
    program = parse_program(blob)
    monkeypatch.setattr(definition, "DEFINITION", definition.DEFINITION ^ 1)
    with pytest.raises(errors.ProgramError, match="compile the program again"):
        parse_program(blob)
    message = r"bitstream was made from definition 0x.*: take driver, program and bitstream of one"
    with pytest.raises(errors.MismatchError, match=message):
        Firebrick(overlay, program, clock=board)


def test_an_overlay_that_is_loaded_already(board: FakeBoard, overlay: Path) -> None:
    loaded = pynq_standin.Overlay(str(overlay))
    with Firebrick(loaded, parse_program(make_program().blob), clock=board) as engine:
        engine.run(picture())


def test_registers_by_name(board: FakeBoard, overlay: Path) -> None:
    with driver(overlay, board) as engine:
        ip = engine.overlay.firebrick
        assert type(ip).__name__ == "FirebrickEngine"
        assert ip.get("ID") == definition.ENGINE_ID
        ip.set("TIMEOUT", 77)
        assert ip.get("TIMEOUT") == 77
