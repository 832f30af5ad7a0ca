"""`firebrick advise`: of bundled networks and files, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from firebrick.commands import advise
from firebrick.hw.boards.board import load_board
from firebrick.hw.shape import parse_shape
from firebrick.models.digits import MODEL_PATH
from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError


def told(capsys, *arguments: str) -> dict:
    assert advise.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_words(capsys) -> None:
    assert advise.main(["--model", "digits", "--fps", "6000"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for text in (
        "cora-z7-07s",
        "The smallest engine that reaches 6000",
        "5x8p2 on Arty Z7-10 (xc7z010), pump 2",
        "1. pictures of",
    ):
        assert text in out
    advise.main(["--model", "digits", "--fps", "1000000"])
    assert "No engine reaches 1e+06 frames a second" in capsys.readouterr().out


def test_words_say_why_an_engine_was_chosen(capsys) -> None:
    for arguments, text in (
        ([], "The fastest engine:"),
        (["--board", "zybo"], "The board's own engine:"),
        (["--fps", "6000"], "The same engine does for Zybo, Zybo Z7-10."),
    ):
        assert advise.main(["--model", "digits", *arguments]) == 0
        assert text in " ".join(capsys.readouterr().out.split())


def test_json_and_the_smallest_chip(capsys) -> None:
    slow, quick = (told(capsys, "--model", "digits", "--fps", fps) for fps in ("1000", "9000"))
    assert slow["reached"] and quick["reached"]
    assert (slow["engine"]["chip"], quick["engine"]["chip"]) == ("xc7z007s", "xc7z010")
    assert quick["also_on"] == ["zybo", "zybo-z7-10"] and slow["also_on"] == []
    assert quick["engine"]["frames_per_second"] >= 9000
    assert sum(slow["engine"]["spent"].values()) == pytest.approx(slow["engine"]["cycles"], abs=5)
    assert slow["parameters"] == 29370 and len(slow["boards"]) >= 8


def test_the_command_that_builds_it_builds_that(capsys) -> None:
    found = told(capsys, "--model", "digits", "--fps", "9000")
    make, command, board, text = found["build"].split()
    assert (make, command) == ("make", "bitstream")
    assert board == f"BOARD={found['engine']['board']}"
    own = load_board(found["engine"]["board"]).shape
    shape = parse_shape(text.removeprefix("SHAPE="), own)
    assert asdict(shape) == found["engine"]["shape"] and shape != own


def test_a_board_is_its_own_engine(capsys) -> None:
    found = told(capsys, "--model", "digits", "--board", "zybo")
    assert found["build"] == "make bitstream BOARD=zybo"
    assert (found["engine"]["board"], found["reached"]) == ("zybo", None)
    assert found["engine"]["cycles"] == found["boards"][0]["cycles"]


def test_a_file_is_as_the_bundled_network(capsys, small_qnet, tmp_path: Path) -> None:
    assert (
        told(capsys, "--model", str(MODEL_PATH))["boards"]
        == told(capsys, "--model", "digits")["boards"]
    )
    qfile.save(small_qnet, tmp_path / "net.npz")
    assert told(capsys, "--model", str(tmp_path / "net.npz"))["network"] == small_qnet.name


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--fps", "0"], "a frame rate is a number greater than 0"),
        (["--fps", "inf"], "a frame rate is a number greater than 0"),
        (["--board", "nexys"], "board 'nexys' is not known"),
        (["--model", "no.onnx"], "no.onnx: no such network file"),
    ],
)
def test_what_is_wrong_is_told(arguments: list[str], text: str) -> None:
    with pytest.raises(FirebrickError, match=text):
        advise.main(arguments)
