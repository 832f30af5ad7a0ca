"""Placement constraints of the array: which sites its columns get, and that Tcl reads them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from firebrick.hw.boards import Board, board_names, load_board
from firebrick.hw.flow.vivado.placement import ELEMENT, GEOMETRY, array_columns, placement
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from tests.hw.flow.overlay import refused, run
from tests.hw.flow.test_bitstream import vivado_commands

SHAPES = ((14, 32), (7, 16), (14, 16), (14, 64), (13, 32), (8, 8))


def board_of(pixels: int, channels: int) -> Board:
    board = load_board("pynq-z2")
    return replace(board, shape=replace(board.shape, pixels=pixels, channels=channels))


def places(text: str) -> dict[str, list[tuple[int, int]]]:
    """DSPs, (column, height), of each pblock of the constraints."""
    found = {}
    for name, ranges in re.findall(r"resize_pblock \[get_pblocks (\w+)\] -add \{(.*)\}", text):
        sites = re.findall(r"DSP48_X(\d+)Y(\d+):DSP48_X(\d+)Y(\d+)", ranges)
        assert all(x == x2 for x, _, x2, _ in sites)
        found[name] = [(int(x), y) for x, a, _, b in sites for y in range(int(a), int(b) + 1)]
    return found


def test_the_geometry_holds_all_dsps_of_the_chip() -> None:
    for name in board_names():
        chip = load_board(name).chip
        if chip.name in GEOMETRY:
            assert sum(c.height for c in GEOMETRY[chip.name]) == chip.resources.dsp48e1
    for columns in GEOMETRY.values():
        assert all(a.x < b.x and a.slices[1] < b.slices[0] for a, b in pairwise(columns))


@pytest.mark.parametrize(("pixels", "channels"), SHAPES)
def test_every_element_with_a_dsp_has_a_site_of_its_own(pixels: int, channels: int) -> None:
    board = board_of(pixels, channels)
    found = places(placement(board))
    sites = [site for column in found.values() for site in column]
    elements = pixels * channels // 2
    assert len(sites) == len(set(sites)) == min(elements, board.chip.resources.dsp48e1)
    heights = {c.x: c.height for c in GEOMETRY[board.chip.name]}
    assert all(0 <= y < heights[x] for x, y in sites)
    # Column by column, as the RTL counts elements that have a DSP.
    full = min(elements, board.chip.resources.dsp48e1) // pixels
    sizes = [len(column) for column in found.values()]
    assert sizes[:full] == [pixels] * full and sum(sizes[full:]) == len(sites) - pixels * full


@pytest.mark.parametrize(("pixels", "channels"), SHAPES)
def test_columns_that_talk_to_one_another_lie_side_by_side(pixels: int, channels: int) -> None:
    columns = list(places(placement(board_of(pixels, channels))).values())
    for left, right in pairwise(columns):
        near = min(abs(x - x2) + abs(y - y2) for x, y in left for x2, y2 in right)
        assert near <= 1 + (left[0][0] != right[-1][0])


def test_a_small_array_takes_few_columns_of_the_chip() -> None:
    sites = [s for column in places(placement(board_of(7, 16))).values() for s in column]
    assert {x for x, _ in sites} == {4}


def test_slices_lie_beside_their_dsps() -> None:
    text = placement(board_of(14, 32))
    assert "DSP48_X0Y0:DSP48_X0Y13 SLICE_X0Y0:SLICE_X15Y34" in text
    assert text.count("{" + ELEMENT.format(row=13, column=15) + "}") == 1


def test_a_chip_of_unknown_columns_is_refused() -> None:
    board = next(b for b in map(load_board, board_names()) if b.chip.name not in GEOMETRY)
    with pytest.raises(FirebrickError, match=rf"PLACEMENT=1: .*{board.chip.name} are not known"):
        array_columns(board)


def test_vivado_reads_them_after_synthesis(vivado: Path) -> None:
    out = run(vivado, "--placement", "--shape", "7x16")
    commands = vivado_commands(vivado)
    names = [words[0] for words in commands]
    # A list of Tcl, which puts braces around the name of this folder.
    read = [
        i
        for i, words in enumerate(commands)
        if words[0] == "read_xdc" and words[1].strip("{}").endswith("/out/placement.xdc")
    ]
    assert len(read) == 1
    assert names.index("synth_design") < read[0] < names.index("create_pblock")
    assert names.index("add_cells_to_pblock") < names.index("opt_design")
    added = [words for words in commands if words[0] == "add_cells_to_pblock"]
    assert len(added) == 8
    for column, (_, pblock, cells) in enumerate(added):
        assert pblock == f"firebrick_column_{column}"
        assert len(cells.split()) == 7
    assert json.loads((out / "firebrick.json").read_text())["facts"] == {
        "placement": "array columns"
    }


def test_without_the_option_there_are_none(vivado: Path) -> None:
    out = run(vivado, "--placement")
    assert (out / "placement.xdc").exists()
    (vivado / "record").unlink()
    out = run(vivado)
    assert not (out / "placement.xdc").exists()
    assert "create_pblock" not in [words[0] for words in vivado_commands(vivado)]
    assert json.loads((out / "firebrick.json").read_text())["facts"] == {}


def test_elements_that_are_not_there_are_an_error(
    vivado: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_FAULT", "renamed")
    text = refused(vivado, "--placement", "--shape", "7x16")
    assert "the pblock firebrick_column_0 is empty" in text


def test_other_tools_and_chips_are_refused(place: Path) -> None:
    assert "PLACEMENT=1 writes constraints for Vivado" in refused_early(
        place, "--placement", "--toolchain", "openxc7"
    )


def refused_early(folder: Path, *arguments: str) -> str:
    with pytest.raises(FirebrickError) as caught:
        run(folder, *arguments)
    assert not (folder / "out").exists()
    return str(caught.value)


def test_the_shape_of_the_board_is_placed_whole() -> None:
    board = load_board("pynq-z2")
    assert board.shape == EngineShape(14, 32)
    assert len(array_columns(board)) == 16 and all(array_columns(board))
