"""The resource model against synthesized shapes, and the boards' engines against their chips."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from firebrick.commands import synth
from firebrick.commands.boards import Row, Speed, main, networks, survey
from firebrick.hw.boards import CHIPS, Resources, board_names, load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.flow.evidence import Evidence
from firebrick.hw.flow.netlist import Netlist
from firebrick.hw.flow.yosys import CHIP, RTL
from firebrick.hw.model.cycles import predict
from firebrick.hw.model.points import HEADER, POINTS, Point, parse_points, points, points_text
from firebrick.hw.model.resources import (
    ROUTABLE,
    block_rams,
    errors,
    lacking,
    predict_resources,
    shares,
)
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork


@pytest.fixture(scope="module")
def nets() -> dict[str, QNetwork]:
    return networks()


def test_model_on_points_that_it_was_not_fitted_to() -> None:
    held = [p for p in points() if not p.fitted]
    assert len(held) >= 5 and any(p.shape.pump > 1 for p in held)
    worst = errors(fitted=False)
    # Pumped shapes among them, of which few have been counted.
    assert worst["lut"] < 0.02 and worst["ff"] < 0.02
    assert worst["ramb36"] == worst["dsp48e1"] == 0


def test_fit_is_no_interpolation() -> None:
    """More points than coefficients, all of them met closely."""
    assert sum(p.fitted for p in points()) > 9
    worst = errors(fitted=True)
    assert worst["lut"] < 0.01 and worst["ff"] < 0.01
    assert worst["ramb36"] == worst["dsp48e1"] == 0


def test_points_are_written_as_they_are_read() -> None:
    text = POINTS.read_text()
    assert points_text(parse_points(text)) == text
    today = [p.shape for p in points() if not p.earlier]
    assert len(set(today)) == len(today)
    assert all(p.earlier for p in points() if not (p.zynq and p.adder))
    with pytest.raises(FirebrickError, match="not a table of counted shapes: 'sources'"):
        parse_points(text.replace("\nsources = ", "\nsource = "))


def test_points_are_counted_anew_where_sources_have_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = [EngineShape(4, 8), EngineShape(4, 16, act_words=1024), EngineShape(5, 8, pump=2)]
    used, none = Resources(1, 2, 0.5, 4), Resources(0, 0, 0, 0)
    held = Point(shapes[0], False, used, "today's")
    old = [Point(shape, True, used, "old", earlier=True, adder=False) for shape in shapes]
    file = tmp_path / "resources.toml"
    file.write_text(points_text([*old, held]))
    asked = []

    def synthesized(shape: EngineShape, work: Path) -> Netlist:
        asked.append((shape, len(parse_points(file.read_text()))))
        return Netlist([], {}, set(), {})

    monkeypatch.setattr(synth, "POINTS", file)
    monkeypatch.setattr(synth, "synthesize", synthesized)
    monkeypatch.setattr(synth, "netlist_digest", lambda shape: "today's")
    monkeypatch.setattr(synth, "board_names", lambda: ["pynq-z2"])
    assert synth.main(["--points"]) == 0
    # The largest first, each of them written; what is not of today goes last.
    assert asked == [(PYNQ_Z2, 4), (shapes[2], 5), (shapes[1], 6)]
    new = [Point(shape, shape != PYNQ_Z2, none, "today's") for shape, _ in asked]
    assert list(parse_points(file.read_text())) == [held, *new]
    assert "4x16: 0 LUT, 0 FF, 0 RAMB36" in capsys.readouterr().out
    text = file.read_text()
    assert synth.main(["--points"]) == 0 and len(asked) == 3
    assert file.read_text() == text and text.startswith(HEADER) and "earlier" not in text


COUNTED = {p.shape: p.resources for p in points() if not p.earlier}


@pytest.mark.parametrize(
    "name", [name for name in board_names() if load_board(name).shape in COUNTED]
)
def test_predictions_of_boards_that_have_been_counted(name: str) -> None:
    shape = load_board(name).shape
    measured, predicted = COUNTED[shape], predict_resources(shape)
    assert predicted.lut == pytest.approx(measured.lut, rel=0.01)
    assert predicted.ff == pytest.approx(measured.ff, rel=0.01)
    assert (predicted.ramb36, predicted.dsp48e1) == (measured.ramb36, measured.dsp48e1)
    assert lacking(measured, load_board(name).chip.resources) == []


@pytest.mark.parametrize(
    ("width", "depth", "blocks"),
    [
        (72, 512, 1),  # one RAMB36 as 512 x 72
        (73, 512, 1.5),
        (36, 512, 0.5),
        (40, 1024, 1.5),  # three RAMB18 of 1K x 18
        (9, 4096, 1),
        (256, 8192, 58),
        (1, 32768, 1),
        (8, 16, 0.5),
    ],
)
def test_block_rams(width: int, depth: int, blocks: float) -> None:
    assert block_rams(width, depth) == blocks


def test_number_of_dsps_is_the_arrays() -> None:
    text = (RTL / "fb_array.sv").read_text()
    match = re.search(r"Dsps\s*=\s*(\d+)", text)
    assert match and predict_resources(replace(PYNQ_Z2, channels=64)).dsp48e1 == int(match[1])


def test_multipliers_beyond_the_dsps_cost_luts() -> None:
    few = predict_resources(replace(PYNQ_Z2, pixels=13))
    just = predict_resources(PYNQ_Z2)
    many = predict_resources(replace(PYNQ_Z2, pixels=16))
    assert (few.dsp48e1, just.dsp48e1, many.dsp48e1) == (208, 220, 220)
    # Between 13 and 14 rows 4 elements are built from LUTs, between 14 and 16 another 32.  The two
    # products of such an element take 123.
    assert many.lut - just.lut > 32 * 123
    assert just.lut - few.lut < 32 * 123


def test_a_tight_shape_is_not_called_fitting() -> None:
    chip = CHIPS["xc7z010"].resources
    assert lacking(predict_resources(load_board("zybo").shape), chip) == []
    full = Resources(int(chip.lut * ROUTABLE["lut"]), 1, 1, 1)
    (text,) = lacking(full, chip)
    assert re.fullmatch(r"14,432 LUT of 17,600 \(at most 82% can be routed\)", text)
    assert len(lacking(predict_resources(PYNQ_Z2), chip)) == 4
    assert lacking(Resources(1, 1, chip.ramb36, 1), chip)
    assert lacking(Resources(1, 1, 1, chip.dsp48e1), chip) == []


def test_the_largest_boards_engines_have_been_counted() -> None:
    assert {PYNQ_Z2, pumped(PYNQ_Z2, 2)} <= COUNTED.keys()


def test_synthesis_counts_against_the_same_chip() -> None:
    assert asdict(load_board("pynq-z2").chip.resources) == CHIP


def test_shares() -> None:
    assert shares(Resources(10, 10, 10, 10), Resources(100, 40, 20, 10)) == {
        "lut": 0.1,
        "ff": 0.25,
        "ramb36": 0.5,
        "dsp48e1": 1.0,
    }


@pytest.mark.parametrize("name", board_names())
def test_board_runs_both_networks(name: str, nets: dict[str, QNetwork]) -> None:
    board = load_board(name)
    row = survey(board, nets)
    assert row.fits, (row.lacking, row.speeds)
    for key, speed in row.speeds.items():
        expected = predict(compile_network(nets[key], board.shape), board.timing).cycles
        assert speed.cycles == expected
        assert speed.frames_per_second == pytest.approx(board.clock.fclk0_hz / expected)


def test_pynq_z2_at_150_mhz_is_as_predicted_elsewhere(nets: dict[str, QNetwork]) -> None:
    """1000 MHz have no divisor that gives 150, the model of the memory is the same."""
    board = load_board("pynq-z2")
    program = compile_network(nets["v1.0"], board.shape)
    assert predict(program, board.memory.timing(150e6)).cycles == predict(program).cycles


def test_a_board_that_does_not_fit_says_why(nets: dict[str, QNetwork]) -> None:
    small = EngineShape(8, 8, act_words=256, weight_words=1024)
    row = survey(replace(load_board("zybo"), shape=small), nets)
    assert not row.fits and not row.lacking
    assert row.speeds["v1.0"].cycles is None
    assert "activation memory" in (row.speeds["v1.0"].problem or "")
    large = survey(replace(load_board("zybo"), shape=PYNQ_Z2), nets)
    assert not large.fits and large.speeds["v1.1"].problem is None
    assert "DSP48E1 of 80" in " ".join(large.lacking)


def test_table_and_json(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nets: dict[str, QNetwork],
) -> None:
    monkeypatch.setattr("firebrick.commands.boards.networks", lambda: nets)
    monkeypatch.setattr("firebrick.commands.boards.build_folder", lambda: tmp_path)
    assert main(["--board", "pynq-z2", "--board", "zybo"]) == 0
    text = capsys.readouterr().out
    assert "pynq-z2" in text and "14x32" in text and "1,981," in text and "yes" in text
    assert "asked" in text
    assert "No clock and no frame rate has been confirmed on hardware" in " ".join(text.split())
    assert main(["--json", "--board", "zybo", "--clock", "125"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["board"] == "zybo" and facts["fits"] is True
    assert facts["fclk0_mhz"] == 125
    assert facts["clock_evidence"] == {
        "kind": "asked",
        "mhz": None,
        "source": "board file",
        "supports": False,
    }
    assert facts["confirmed_on_hardware"] is False
    assert facts["shape"] == asdict(load_board("zybo").shape)
    assert set(facts["networks"]) == {"v1.0", "v1.1"}


def test_reasons_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(board, nets):
        bad = Speed(None, None, "layer conv1: too large")
        slow = Evidence("static", 61.4, "static timing, wires by fan-out")
        return Row(
            board, Resources(20_000, 1, 1, 1), ("20,000 LUT of 17,600",), {"v1.0": bad}, slow
        )

    monkeypatch.setattr("firebrick.commands.boards.survey", failing)
    monkeypatch.setattr("firebrick.commands.boards.networks", dict)
    assert main(["--board", "zybo"]) == 0
    text = capsys.readouterr().out
    assert "zybo: 20,000 LUT of 17,600" in text
    assert "zybo, v1.0: layer conv1: too large" in text
    assert "61 MHz" in text
    words = " ".join(text.split())
    assert "zybo: static timing, wires by fan-out allows 61 MHz, its file asks for 100 MHz" in words
    assert "has been confirmed on hardware" in words
