"""Verilator's coverage files are read rightly, and waivers are held to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.coverage import __main__ as command
from firebrick.sim.coverage.reader import Point, by_module, points, read_counts
from firebrick.sim.coverage.regression import bench_counts
from firebrick.sim.coverage.report import RTL, Waiver, judge, read_waivers

HEADER = "# SystemC::Coverage-3\n"
SOURCE = "module fb_one;\n  a = 1;\n  default: b = 2;\n  c = 3;\nendmodule\n"


def row(count: int, **fields: str) -> str:
    return "C '" + "".join(f"\x01{k}\x02{v}" for k, v in fields.items()) + f"' {count}\n"


def block(count: int, lines: str, page: str = "v_line/fb_one", file: str = "x/fb_one.sv") -> str:
    return row(
        count, f=file, l=lines.split("-")[0], n="3", page=page, o="block", S=lines, h="top.a"
    )


def toggle(count: int, bit: str) -> str:
    return row(count, f="x/fb_one.sv", l="1", n="9", page="v_toggle/fb_one", o=bit, h="top.a")


@pytest.fixture
def counts(tmp_path: Path) -> Counter[Point]:
    path = tmp_path / "coverage.dat"
    path.write_text(
        HEADER
        + block(5, "1-2")
        + block(0, "3")
        + block(0, "4", "v_branch/fb_one__P4")
        # The same lines in another instance, and as a part of another block.
        + block(2, "4", "v_branch/fb_one__P8")
        + block(0, "2,4")
        + toggle(7, "q[0]:0->1")
        + toggle(0, "q[0]:1->0")
        + block(1, "9", "v_line/fb_two", "x/fb_two.sv")
    )
    return points(read_counts(path))


@pytest.fixture
def rtl(tmp_path: Path) -> Path:
    (tmp_path / "fb_one.sv").write_text(SOURCE)
    (tmp_path / "fb_two.sv").write_text("\n" * 9)
    return tmp_path


def test_lines_and_toggles_by_module(counts: Counter[Point]) -> None:
    modules = by_module(counts)
    assert list(modules) == ["fb_one", "fb_two"]
    one = modules["fb_one"]
    assert dict(one.lines) == {1: 5, 2: 5, 3: 0, 4: 2}
    assert one.uncovered == [3]
    assert one.covered() == (3, 1) and len(one.toggles) == 2
    assert one.still == {"1 q": 1} and modules["fb_two"].still == {}


def test_counts_of_several_runs_add_up(counts: Counter[Point]) -> None:
    twice = counts.copy()
    twice.update(counts)
    assert dict(by_module(twice)["fb_one"].lines) == {1: 10, 2: 10, 3: 0, 4: 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not a coverage file"), (HEADER + "C 'x\n", "coverage.dat:2: .* no coverage point")],
)
def test_damaged_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "coverage.dat"
    path.write_text(text)
    with pytest.raises(FirebrickError, match=message):
        read_counts(path)


def test_a_line_needs_a_reason(counts: Counter[Point], rtl: Path) -> None:
    found = judge(counts, [], rtl)
    assert [str(line) for line in found.unexplained] == ["hw/rtl/fb_one.sv:3: default: b = 2;"]
    assert (found.total.lines, found.total.all_lines) == (4, 5)
    assert (found.total.line_percent, found.total.toggle_percent) == (80.0, 50.0)
    assert json.loads(json.dumps(command.facts(found)))["modules"]["fb_one"]["line_percent"] == 75.0
    assert any("3/4" in text for text in command.table(found))


def test_waivers_explain_and_may_not_be_idle(counts: Counter[Point], rtl: Path) -> None:
    right = Waiver("fb_one.sv", "default:", "codes that nothing gives")
    idle = Waiver("fb_one.sv", "a = 1", "it runs")
    found = judge(counts, [right, idle], rtl)
    assert found.unexplained == [] and [w for _, w in found.waived] == [right]
    assert found.stale == [idle] and command.verdict(found) == 1


def test_goal(counts: Counter[Point], rtl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judge(counts, [Waiver("fb_one.sv", "default:", "why")], rtl)
    assert command.verdict(found) == 1  # 80 % of the lines
    monkeypatch.setattr(command, "GOAL", 80.0)
    assert command.verdict(found) == 0


def test_lines_that_nothing_explains_fail(
    counts: Counter[Point], rtl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GOAL", 50.0)
    assert command.verdict(judge(counts, [], rtl)) == 1


def test_stand_ins_are_not_counted(counts: Counter[Point], rtl: Path) -> None:
    (rtl / "fb_two.sv").unlink()
    assert list(judge(counts, [], rtl).modules) == ["fb_one"]


def test_benches_count_as_well(tmp_path: Path) -> None:
    counts = bench_counts(tmp_path / "counts", ["tests/sim/benches/test_slice.py"])
    found = judge(points(counts), [])
    assert found.modules["fb_slice"].line_percent == found.modules["fb_slice"].toggle_percent == 100
    with pytest.raises(FirebrickError, match=r"no_such_test\.py fails"):
        bench_counts(tmp_path / "none", ["tests/sim/benches/no_such_test.py"])


def test_waivers_name_lines_of_today() -> None:
    for waiver in read_waivers():
        assert waiver.match in (RTL / waiver.file).read_text(), waiver


@pytest.mark.parametrize(
    "text", ['[[waiver]]\nfile = "a"\nmatch = "b"\n', '[[waiver]]\nfile = ""', "waiver = 1", "=="]
)
def test_waivers_that_say_too_little_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    with pytest.raises(FirebrickError, match="file, match and reason are needed"):
        read_waivers(path)


def test_installed_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "IN_CHECKOUT", False)
    assert command.main([]) == 2
    assert "run it in a checkout" in capsys.readouterr().err


def test_command(
    counts: Counter[Point], rtl: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    """The table and the JSON; exit code 1 where a line is not explained."""
    monkeypatch.setattr(command, "run_regression", lambda trials: counts)
    monkeypatch.setattr(command, "read_waivers", list)
    monkeypatch.setattr(command, "judge", lambda found, waivers: judge(found, waivers, rtl))
    monkeypatch.setattr(command, "build_folder", lambda: tmp_path)
    monkeypatch.setattr(command, "GOAL", 50.0)
    assert command.main(["--trials", "0"]) == 1
    facts = json.loads((tmp_path / "coverage.json").read_text())
    assert facts["line_percent"] == 80 and len(facts["uncovered"]) == 1
    assert facts["modules"]["fb_one"]["still"] == {"1 q": 1}
    assert f"not covered: {facts['uncovered'][0]}" in capsys.readouterr().out
