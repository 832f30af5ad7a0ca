"""The campaign of faults: a fixed part of it, and that it finds what it is to find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import group_seed
from firebrick.hw.descriptor_rules import broken_rule
from firebrick.sim.board import MemoryTiming, ProtocolError
from firebrick.sim.build import build_library
from firebrick.sim.faults import __main__ as command
from firebrick.sim.faults import craft, trials
from firebrick.sim.faults.machine import Case, Machine, Outcome
from firebrick.sim.faults.networks import SHAPE, check_cases, make_cases

FIRST, COUNT = 1000, 253
# How runs of crafted descriptors end, each many times.
ENDS = ("BOUNDS", "FIELDS", "CAPACITY", "done")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    found = Machine(SHAPE, build_library(SHAPE))
    yield found
    found.close()


@pytest.fixture(scope="module")
def cases() -> list[tuple[Case, Case | None]]:
    found = make_cases()
    check_cases(found)
    return found


def test_fixed_part() -> None:
    """Nothing of it fails, and every kind does what it is there for."""
    verdicts = list(command.campaign(list(trials.KINDS), COUNT, FIRST))
    data = command.facts(verdicts, FIRST)
    assert data["failures"] == [], "\n".join(command.table(data))
    kinds = data["kinds"]
    assert {kind: sum(counts.values()) for kind, counts in kinds.items()} == {
        kind: COUNT // len(trials.KINDS) for kind in trials.KINDS
    }
    assert {"PROGRAM_READ", "done"} < set(kinds["error response"])
    assert "TIMEOUT" in kinds["silent memory"]
    assert {"DESCRIPTOR_CRC", "PAYLOAD_CRC"} <= set(kinds["flipped bits before"])
    assert {"BOUNDS", "FIELDS", "CAPACITY"} <= set(kinds["crafted descriptor"])
    assert {"DESCRIPTOR_CRC", "GROUPS"} <= set(kinds["misplaced groups"])
    assert set(kinds["double start"]) == set(kinds["registers while busy"]) == {"done"}


@pytest.mark.nightly
def test_ten_thousand_crafted_descriptors() -> None:
    """None of them hangs, harms or answers wrongly."""
    verdicts = list(command.campaign(["crafted descriptor"], 10_000, 1_000_000))
    data = command.facts(verdicts, 1_000_000)
    assert data["failures"] == [], "\n".join(command.table(data))
    assert min(data["kinds"]["crafted descriptor"][name] for name in ENDS) > 500


@pytest.mark.parametrize(
    ("kind", "method", "answer", "failure"),
    [
        ("double start", "right", False, "silent_wrong"),
        ("registers while busy", "wait", Outcome("TIMEOUT", 9), "silent_wrong"),
        ("misplaced groups", "wait", Outcome("done", 9), "silent_wrong"),
        ("error response", "wait", Outcome("hang", 9), "hang"),
        ("crafted descriptor", "wait", Outcome("hang", 9), "hang"),
        ("crafted descriptor", "wait", Outcome("MAP_READ", 9), "violation"),
        ("abort", "soft_reset", False, "hang"),
        ("lost interrupt", "strayed", True, "violation"),
        ("flipped bits during", "recovers", False, "unrecovered"),
    ],
)
def test_failures_are_found(
    machine: Machine,
    cases: list[tuple[Case, Case | None]],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    method: str,
    answer: object,
    failure: str,
) -> None:
    assert not trials.run_trial(machine, kind, 7, cases).failure
    monkeypatch.setattr(machine, method, lambda *_, **__: answer)
    assert trials.run_trial(machine, kind, 7, cases).failure == failure


def test_broken_rules_of_the_bus_are_found(
    machine: Machine, cases: list[tuple[Case, Case | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Outcome:
        raise ProtocolError("cycle 7: AXI protocol violation")

    monkeypatch.setattr(machine, "wait", broken)
    found = trials.run_trial(machine, "silent memory", 3, cases)
    assert (found.failure, found.outcome) == ("violation", "cycle 7: AXI protocol violation")


def test_traffic_after_a_reset_is_found(
    machine: Machine, cases: list[tuple[Case, Case | None]]
) -> None:
    rng = np.random.default_rng(1)
    machine.fresh(None)
    machine.place(cases[0][0], 1, rng)
    trial = trials.Trial(machine, rng, cases[0][0], None, 1)
    trial.quiet()
    machine.start()
    with pytest.raises(ProtocolError, match="after a reset has ended"):
        trial.quiet()


def test_nothing_moves_behind_a_reset(
    machine: Machine, cases: list[tuple[Case, Case | None]]
) -> None:
    """A reset waits for all masters, also for the one that fetches maps to add."""
    rng = np.random.default_rng(3)
    adding = [
        case for case, _ in cases if any(g.fields.get("add_enable") for g in case.program.groups)
    ]
    assert adding
    for number in range(100):
        case = adding[number % len(adding)]
        machine.fresh(None, MemoryTiming(read_latency=400))
        machine.place(case, 1, rng)
        machine.start()
        machine.bench.run(int(rng.integers(1, 12_000)))
        assert machine.soft_reset()
        trials.Trial(machine, rng, case, None, 1).quiet()


def test_writes_outside_are_found(machine: Machine, cases: list[tuple[Case, Case | None]]) -> None:
    machine.fresh(None)
    machine.place(cases[0][0], 1, np.random.default_rng(1))
    for space in ("output", "scratch"):
        machine.view(space)[-1] ^= 1
        at, size = machine.spaces[space]
        assert not machine.strayed()
        machine.bench.memory[at + size] ^= 1
        assert machine.strayed()
        machine.bench.memory[at + size] ^= 1


def test_the_fence_is_outside_of_the_spaces(
    machine: Machine, cases: list[tuple[Case, Case | None]]
) -> None:
    """Nobody who keeps inside feels it; a space that ends early is felt."""
    rng = np.random.default_rng(2)
    machine.fresh(None)
    machine.place(cases[0][0], 1, rng)
    machine.fence()
    machine.start()
    assert machine.wait().what == "done" and machine.right()
    for space, code in (("input", "MAP_READ"), ("output", "MAP_WRITE")):
        at, size = machine.spaces[space]
        machine.spaces[space] = (at, 8)
        machine.fence()
        machine.spaces[space] = (at, size)
        machine.start()
        assert machine.wait().what == code
        machine.bench.clear_faults()


def test_crafted_programs_are_sealed(cases: list[tuple[Case, Case | None]]) -> None:
    """Every checksum of a crafted program is right; many descriptors break a rule, many do not."""
    rng = np.random.default_rng(5)
    program = cases[0][0].program
    verdicts = []
    for _ in range(100):
        data, fields = craft.crafted(program, rng)
        header = craft.header_of(data)
        assert header["stream_bytes"] == len(data) - craft.HEADER_BYTES
        at = craft.HEADER_BYTES
        for number, (group, given) in enumerate(zip(program.groups, fields, strict=True)):
            size = d.DESCRIPTOR_BEATS * d.BEAT_BYTES
            found = d.unpack(d.DESCRIPTOR_LAYOUT, data[at : at + size])
            assert {name: found[name] for name in given} == given
            renewed = craft.Group("", given, group.payload).encode(
                group_seed(header["seal"], number)
            )
            assert data[at : at + len(renewed)] == renewed
            at += len(renewed)
        verdicts.append(any(broken_rule(f, SHAPE) for f in fields))
    assert 20 < sum(verdicts) < 80


def test_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build_folder", lambda: tmp_path)
    assert command.main(["--trials", "6", "--seed", "40", "--kind", "abort"]) == 0
    data = json.loads((tmp_path / "faults.json").read_text())
    assert data["trials"] == 6 and data["kinds"] == {"abort": {"reset": 6}}
    assert data["hangs"] == data["silent_wrong"] == data["violations"] == data["unrecovered"] == 0
    assert "seeds 40 to 45" in capsys.readouterr().out
    monkeypatch.setattr(Machine, "recovers", lambda *_, **__: False)
    assert command.main(["--trials", "1", "--seed", "40", "--kind", "abort"]) == 1
    text = capsys.readouterr().out
    assert "FAILED: abort, seed 40: unrecovered" in text
    assert "--kind 'abort' --seed 40 --trials 1" in text
