"""`firebrick explore`: a page that needs no other file, and every point as data."""

from __future__ import annotations

import csv
import html
import json
import re
from pathlib import Path

import pytest

from firebrick.commands import explore
from firebrick.hw.boards.board import load_board
from firebrick.hw.explore import engines
from firebrick.hw.explore.designs import designs
from firebrick.hw.explore.sweep import pairs_of, signature
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.jobs import Kept


@pytest.fixture
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boards with their own engine alone, and workers that are this process."""
    monkeypatch.setattr(engines, "PIXELS", ())
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 1)


def test_page_data_and_table(one_engine, tmp_path: Path, capsys) -> None:
    out = tmp_path / "explore"
    assert explore.main(["--out", str(out), "--board", "pynq-z2", "--board", "pynq-z1"]) == 0
    facts = json.loads(out.with_suffix(".json").read_text())
    points, networks = facts["points"], facts["networks"]
    assert facts["count"] == len(points) == 2 * len(networks) > 300
    assert len(facts["engines"]) == 2 and facts["seconds"] > 0
    assert all(p["fits"] and p["cycles"] and p["limit"] for p in points)
    v1_0 = next(n for n in networks if n["name"] == "SR 0.125")
    assert (v1_0["parameters"], v1_0["top5"]) == (1_248_424, 80.3)
    of_it = [p for p in points if networks[p["network"]] is v1_0]
    assert [round(p["frames_per_second"]) for p in of_it] == [50, 50]
    assert {plot["name"] for plot in facts["plots"]} >= {"figure_3a", "figure_3b", "engines"}
    assert set(facts["pareto"]) == {"networks", "accuracy", "engines"}
    assert facts["pareto"]["accuracy"][0]["network"] == "SR 0.75"

    with out.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(points)
    assert {rows[0][name] for name in ("board", "pump", "array")} == {"pynq-z2", "1", "14x32"}
    assert [int(row["cycles"]) for row in rows] == [p["cycles"] for p in points]

    page = out.with_suffix(".html").read_text()
    assert page.count("data-root-id") == len(facts["plots"])
    for plot in facts["plots"]:
        assert html.escape(plot["title"], quote=False).replace("'", "&#39;") in page
    # Nothing is fetched: no script, style or picture is named by an address.
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']?(https?:)?//""", page)
    assert "Figure 3a" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "explore.csv", "explore.html", "explore.json",
    ]  # fmt: skip


def test_an_interrupted_sweep_is_taken_up(
    one_engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run does only what the first one had not done, and finds the same."""
    chosen = [d for d in designs() if d.study == "bypass"]
    found = engines.engines(load_board("pynq-z2"))
    real, done = explore.measure, []

    def counted(job):
        done.append(job)
        if len(done) == 5:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(explore, "measure", counted)
    path, said = tmp_path / "kept", signature(pairs_of(found))
    with pytest.raises(KeyboardInterrupt):
        explore.sweep(chosen, found, Kept(path, said))
    kept = Kept(path, said)
    assert len(kept.results) == 4
    points = explore.sweep(chosen, found, kept)
    assert len(done) == len(chosen) + 1
    assert points == explore.sweep(chosen, found, Kept(tmp_path / "anew", said))


def test_what_is_wrong_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FirebrickError, match="board 'nexys' is not known"):
        explore.main(["--board", "nexys", "--out", str(tmp_path / "x")])
    assert list(tmp_path.iterdir()) == []


def test_results_of_other_engines_are_not_taken_up(one_engine, tmp_path: Path) -> None:
    """A sweep of one board that was interrupted says nothing of another."""
    chosen = [d for d in designs() if d.study == "bypass"][:2]
    one, other = (engines.engines(load_board(name)) for name in ("pynq-z2", "cora-z7-07s"))
    path = tmp_path / "kept"
    explore.sweep(chosen, one, Kept(path, signature(pairs_of(one))))
    kept = Kept(path, signature(pairs_of(other)))
    assert not kept.results
    anew = Kept(tmp_path / "anew", signature(pairs_of(other)))
    assert explore.sweep(chosen, other, kept) == explore.sweep(chosen, other, anew)
