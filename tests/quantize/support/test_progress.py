"""Bars that count, and jobs that have none."""

import pytest

from firebrick.quantize.support import progress
from firebrick.quantize.support.progress import silent, track


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)


def test_a_bar_counts_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(3), "things", 3)) == [0, 1, 2]
    shown = capsys.readouterr()
    assert "things" in shown.err and "3/3" in shown.err and not shown.out


def test_jobs_are_silent_and_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(range(2), "jobs", 2):
        with silent():
            assert list(track("ab", "inside", 2)) == ["a", "b"]
    told = capsys.readouterr().err
    assert "jobs" in told and "inside" not in told
    assert list(track("ab", "after", 2)) == ["a", "b"]
    assert "after" in capsys.readouterr().err
