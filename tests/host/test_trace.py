"""Table, spans and trace file of a profile."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from firebrick.host.program import Layer
from firebrick.host.results import GroupProfile, Profile
from firebrick.host.trace import CAUSES, MEANINGS, spans, table, trace_events, write_trace


def group(name: str, active: int, **idle: int) -> GroupProfile:
    stalls = {**dict.fromkeys(CAUSES, 0), **idle}
    layers = (Layer(f"{name}/a", 448 * active // 2, active // 2), Layer(f"{name}/b", 7, active))
    return GroupProfile(name, layers, active + sum(stalls.values()), active, stalls, 10)


PROFILE = Profile(
    (
        group("conv1", 1000, weights=90, switch=7),
        group("fire2", 703, drain=301, input=11),
        group("conv10", 512),
    ),
    tail_cycles=33,
    cycles=1097 + 1015 + 512 + 33,
)


def test_table_adds_up() -> None:
    *rows, run = table(PROFILE)
    assert [row.name for row in rows] == ["conv1", "fire2", "conv10", "last results"]
    for row in [*rows, run]:
        assert row.active + row.waits == row.cycles
    assert run.cycles == PROFILE.cycles == sum(row.cycles for row in rows)
    assert run.idle == {"weights": 90, "input": 11, "output": 0, "drain": 301, "switch": 40}
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert [row.main_cause for row in [*rows, run]] == ["weights", "drain", "", "switch", "drain"]
    assert rows[2].busy == 1.0
    assert run.ideal == 1500 + 351 + 703 + 768


def test_spans_cover_the_run_without_gaps() -> None:
    found = list(spans(PROFILE))
    assert found[0].begin == 0 and found[-1].end == PROFILE.cycles
    assert all(a.end == b.begin for a, b in pairwise(found))
    assert all(span.cycles > 0 for span in found)
    assert {span.what for span in found} <= set(MEANINGS)
    fire2 = {span.what: span.cycles for span in found if span.group == "fire2"}
    assert fire2 == {"active": 703, "input": 11, "drain": 301}


@pytest.mark.parametrize("clock_hz", [100e6, 150e6, 142857143])
def test_trace_file(clock_hz: float, tmp_path: Path) -> None:
    """The rules of the Trace Event Format that viewers insist on."""
    path = write_trace(PROFILE, tmp_path / "trace.json", clock_hz)
    content = json.loads(path.read_text())
    events = content["traceEvents"]
    assert {e["ph"] for e in events} == {"M", "X", "C"}
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    slices = [e for e in events if e["ph"] == "X"]
    assert {e["tid"] for e in slices} == set(names)
    for event in slices:
        assert event["dur"] > 0 and event["ts"] >= 0 and event["pid"] == 1
    for track in names:
        # Slices of a track follow one another: an overlap would be drawn as a call.
        own = [e for e in slices if e["tid"] == track]
        for a, b in pairwise(own):
            assert b["ts"] == pytest.approx(a["ts"] + a["dur"], abs=1e-9)
        whole = PROFILE.cycles / clock_hz * 1e6
        assert own[-1]["ts"] + own[-1]["dur"] == pytest.approx(whole, abs=1e-3)
    for event in events:
        if event["ph"] == "C":
            assert event["args"] and all(isinstance(v, float) for v in event["args"].values())
    fire2 = next(e for e in slices if e["name"] == "fire2")
    assert fire2["args"]["idle: drain"] == 301
    assert fire2["args"]["layers"] == "fire2/a, fire2/b"


def test_counters_hold_the_shares_of_each_group() -> None:
    events = trace_events(PROFILE, 100e6)
    idle = [e["args"] for e in events if e["name"] == "idle %"]
    assert idle[1] == {
        "weights": 0.0,
        "input": round(100 * 11 / 1015, 2),
        "output": 0.0,
        "drain": round(100 * 301 / 1015, 2),
        "switch": 0.0,
    }
    assert len(idle) == len(PROFILE.groups) + 2


@pytest.mark.parametrize("clock_hz", [0, -1e6, float("nan")])
def test_a_clock_is_positive(clock_hz: float) -> None:
    with pytest.raises(ValueError, match="clock"):
        trace_events(PROFILE, clock_hz)
