"""Random regressions: a seed is a trial; what differs from the golden model is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.hw.compiler.steps import CompileError
from firebrick.quantize import golden
from firebrick.sim.engine_check import SMALL
from firebrick.sim.regress import __main__ as regress
from firebrick.sim.regress import trials
from firebrick.sim.regress.trials import KINDS, SHAPES, Trial, run_trial, sources


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Tiny networks on the small engine, one after the other; the folder of results."""
    monkeypatch.setattr(trials, "SHAPES", (SMALL,))
    monkeypatch.setattr(trials, "KINDS", {"tiny": KINDS["tiny"]})
    monkeypatch.setattr(regress, "SHAPES", (SMALL,))
    monkeypatch.setattr(regress, "build_folder", lambda: tmp_path)
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 1)
    return tmp_path


def test_seeds_choose_everything_and_all_of_it_comes_up() -> None:
    drawn = [Trial.of(seed) for seed in range(200)]
    assert drawn == [Trial.of(seed) for seed in range(200)]
    assert {t.kind for t in drawn} == set(KINDS) and {t.shape for t in drawn} == set(SHAPES)
    assert {t.apart for t in drawn} == {t.stalls is None for t in drawn} == {False, True}


def test_the_engine_is_the_golden_model(small: Path, capsys: pytest.CaptureFixture) -> None:
    assert regress.main(["--trials", "3", "--seed", "7"]) == 0
    data = json.loads((small / "regress.json").read_text())
    assert (data["trials"], data["seed"], data["exact"], data["failures"]) == (3, 7, 3, [])
    assert data["values"] > 0 and data["cycles"] > 0
    none = {"exact": 3, "refused": 0, "wrong": 0, "broken": 0}
    assert data["kinds"] == {"tiny": none} and data["shapes"] == {str(SMALL): none}
    assert "3 networks from seed 7 on: 3 exact" in capsys.readouterr().out
    assert [path.name for path in small.iterdir() if path.suffix != ".lock"] == ["regress.json"]


def test_what_differs_is_told_with_its_seed(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    right = golden.run

    def wrong(net, images, **options):
        found = right(net, images, **options)
        return replace(found, sums=found.sums + (net.name == "random-8"))

    monkeypatch.setattr(golden, "run", wrong)
    assert regress.main(["--trials", "2", "--seed", "7"]) == 1
    data = json.loads((small / "regress.json").read_text())
    (failure,) = data["failures"]
    assert (failure["seed"], failure["outcome"]) == (8, "wrong") and "sums[0, 0]" in failure["text"]
    assert "again: make regress N=1 SEED=8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [(CompileError("too large"), "refused", 0), (TimeoutError("a hang"), "broken", 1)],
)
def test_what_does_not_run(
    error: Exception, outcome: str, code: int, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_, **__):
        raise error

    monkeypatch.setattr(trials, "check_network", failing)
    assert run_trial(3)["outcome"] == outcome
    assert regress.main(["--trials", "1", "--seed", "3"]) == code
    assert json.loads((small / "regress.json").read_text())[outcome] == 1


def test_an_interrupted_regression_is_taken_up(small: Path, monkeypatch) -> None:
    done: list[int] = []

    def interrupted(seed: int) -> dict:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(seed)
        return run_trial(seed)

    monkeypatch.setattr(regress, "run_trial", interrupted)
    assert regress.main(["--trials", "3"]) == 130
    monkeypatch.setattr(regress, "run_trial", lambda seed: done.append(seed) or run_trial(seed))
    assert regress.main(["--trials", "3"]) == 0
    assert done == [1, 2, 3]


def test_wrong_arguments(small: Path, capsys: pytest.CaptureFixture) -> None:
    assert regress.main(["--trials", "0"]) == 2
    assert "N is 1 or more" in capsys.readouterr().err


def test_sources_are_hashed() -> None:
    assert len(sources()) == 16
