"""Mutants of the RTL: a fixed part of the campaign, and that it does not say caught too easily."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import build_folder
from firebrick.sim.mutants import __main__ as command
from firebrick.sim.mutants import campaign, engine, processes
from firebrick.sim.mutants.benches import Bench, benches
from firebrick.sim.mutants.campaign import Verdict, judge
from firebrick.sim.mutants.known import known
from firebrick.sim.mutants.places import KINDS, RTL, Mutant, by_text, places
from firebrick.sim.mutants.processes import Broken, Job, run
from firebrick.sim.mutants.schemata import draw, write_schemata

# One of each kind: file, kind, what its line holds, what is changed and into what.
FIXED = (
    ("fb_crc32.sv", "operator", "state_q <= state_part", "state_part ^", "|"),
    ("fb_pe.sv", "condition negated", "sum_q  <= last_q ?", "last_q", "!(last_q)"),
    ("fb_requant.sv", "constant", "pixels - PixelBits'(1)", "1", "2"),
    ("fb_output.sv", "bit range", "signed'(fifo_data[SumBits-1:0])", "fifo_data", ":1]"),
    ("firebrick_engine.sv", "arms swapped", "assign final_valid", "adds_q", "result_valid"),
    ("fb_axil.sv", "enable dropped", "if (wr_check_q)", "wr_check_q", "1'b1"),
    ("fb_axi_reader.sv", "reset value", "ends_wr_q     <= '0", "'0", "'1"),
    ("fb_ram.sv", "assignment dropped", "read_q <= memory", "read_q", ""),
    ("fb_fifo.sv", "unary operator", "assign in_ready_o", "~full_q", "(full_q)"),
    ("fb_program.sv", "state", "bias_left_q == 12'd1", "WeightRead", "PayloadCrc"),
)


def fixed() -> list[Mutant]:
    """FIXED in the places of today."""
    found = []
    for file, kind, line, original, mutated in FIXED:
        lines = (RTL / file).read_text().splitlines()
        found.append(
            next(
                m
                for m in places()
                if (m.file, m.kind) == (file, kind)
                and line in lines[m.line - 1]
                and m.original.startswith(original)
                and mutated in m.mutated
            )
        )
    return found


def test_a_mutant_of_every_kind_is_caught_by_a_network(tmp_path: Path) -> None:
    """All in one build, each in a process of its own; the same build without a mutant passes."""
    mutants = fixed()
    assert {m.kind for m in mutants} == set(KINDS)
    write_schemata(mutants, tmp_path)
    made = engine.Engine.make(tmp_path)
    found = campaign._on_engine(made, engine.networks, range(1, len(mutants) + 1))
    assert [str(m) for k, m in enumerate(mutants, 1) if k not in found] == []
    # What is seen is the answer, a broken rule of the bus or no end; nothing crashes.
    assert not [text for text in found.values() if "process" in text]


def test_known_mutants_are_in_the_text_of_today() -> None:
    for mutant in known():
        text = (RTL / mutant.file).read_text()
        assert mutant.apply(text) != text


@pytest.mark.nightly
def test_known_mutants_are_caught(tmp_path: Path) -> None:
    """Those that survived once, each by the tests that were written for it."""
    verdicts = judge(known(), tmp_path, report=lambda _: None)
    assert [str(v.mutant) for v in verdicts if not v.caught] == []


# Of a module that is not in the engine: benches alone can see it.
OUTSIDE = by_text(
    "fb_intc.sv",
    "irq_o <= enable_q && (pending != '0);",
    "enable_q && (pending != '0)",
    "enable_q || (pending != '0)",
)


def test_a_bench_catches_and_passes() -> None:
    folder = build_folder() / "mutants" / "rtl-test"  # the bench's model is built once
    verdicts = judge([OUTSIDE], folder, report=lambda _: None)
    assert "bench_intc (Inputs=1): fb_intc, bench_intc: " in verdicts[0].caught
    assert "tests failed" in verdicts[0].caught


def test_a_bench_that_fails_anyway_catches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bench, "run", lambda *_: "it does not even build")
    with pytest.raises(FirebrickError, match=r"without a mutant bench_intc.*not even build"):
        judge([OUTSIDE], tmp_path, report=lambda _: None)


def test_an_engine_that_fails_anyway_catches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.Engine, "first_failure", lambda *_: "wrong answer")
    with pytest.raises(FirebrickError, match="the engine without a mutant fails: wrong answer"):
        campaign._on_engine(engine.Engine(Path(), []), engine.networks, [1])


def test_every_module_has_a_bench() -> None:
    for module in {m.module for m in places()}:
        assert all(bench.top == module for bench in benches(module))


def test_the_draw() -> None:
    """A seed gives one choice: every module is in it, no place twice."""
    chosen = draw(60, 3)
    assert chosen == draw(60, 3) != draw(60, 4)
    assert {m.module for m in chosen} == {m.module for m in places()}
    assert len({(m.file, m.start, m.end) for m in chosen}) == 60
    with pytest.raises(FirebrickError, match="5 mutants: there can be"):
        draw(5, 1)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results, a crash and one without an end, side by side: one that rests, one busy."""
    jobs = [
        Job(1, lambda: os.environ["FIREBRICK_MUTANT"]),
        Job(2, _crash),
        Job(3, lambda: time.sleep(60), 1),
        Job(4, lambda: "x" * 200_000),
        Job(5, lambda: max(iter(int, 1)), 1),
    ]
    monkeypatch.setattr(processes, "PATIENCE", 2)
    found = {job.mutant: result for job, result in run(jobs, 2)}
    assert found[1] == "1" and len(found[4]) == 200_000
    assert found[2] == Broken("process ended with -9")
    assert found[3] == found[5] == Broken("no end after 1 s")


@pytest.mark.parametrize(("survivors", "code"), [(0, 0), (1, 0), (2, 1)])
def test_command(
    survivors: int,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The goal counts what changes something: of 31, one is equivalent, 30 could be caught."""

    def judged(mutants: list[Mutant], folder: Path, report: object) -> list[Verdict]:
        assert folder.is_relative_to(tmp_path)
        found = [Verdict(m, "network 0: wrong answer") for m in mutants]
        found[:survivors] = [Verdict(m) for m in mutants[:survivors]]
        found[-1] = Verdict(mutants[-1], equivalent="nobody reads it")
        return found

    monkeypatch.setattr(command, "build_folder", lambda: tmp_path)
    monkeypatch.setattr(command, "judge", judged)
    assert command.main(["--mutants", "31", "--seed", "5"]) == code
    data = json.loads((tmp_path / "mutants.json").read_text())
    counts = (data["mutants"], data["caught"], data["equivalent"], data["seed"])
    assert counts == (31, 30 - survivors, 1, 5)
    chosen = draw(31, 5)
    assert [s["place"] for s in data["survivors"]] == [
        f"hw/rtl/{m.file}:{m.line}" for m in chosen[:survivors]
    ]
    text = capsys.readouterr().out
    assert text.count("SURVIVED: hw/rtl/") == survivors
    assert f"31 mutants, seed 5: {30 - survivors} caught, 1 equivalent" in text


def test_a_mutant_that_is_equivalent_and_caught_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(mutants: list[Mutant], *_: object) -> list[Verdict]:
        return [Verdict(m, "wrong answer", "nobody reads it" * (m == mutants[0])) for m in mutants]

    monkeypatch.setattr(command, "build_folder", lambda: tmp_path)
    monkeypatch.setattr(command, "judge", judged)
    assert command.main(["--mutants", "31"]) == 1
    data = json.loads((tmp_path / "mutants.json").read_text())
    assert len(data["contradictions"]) == 1 and data["survivors"] == []


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--mutants", "3"]) == 2
    assert capsys.readouterr().err.startswith("mutants: 3 mutants: there can be ")
