"""Properties of the RTL hold, mutants of it do not pass, and an edit that misses is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.commands import formal
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.formal.proofs import PROOFS
from firebrick.sim.formal.prover import (
    BOUNDED,
    FAILED,
    INDUCTION,
    PROPERTIES,
    Proof,
    prove,
    sources,
)

SLICE = next(proof for proof in PROOFS if proof.module == "fb_slice")


def test_a_slice_is_proven_and_its_mutant_refuted() -> None:
    proven = prove(SLICE)
    assert proven.method == INDUCTION
    assert proven.covers == {"c_word": 2, "c_full": 3}
    verdict = prove(SLICE, SLICE.mutants[0])
    assert verdict.method == FAILED and verdict.refuted and verdict.violated


@pytest.mark.parametrize("proof", [p for p in PROOFS if p.quick], ids=lambda proof: proof.name)
def test_quick_proofs(proof: Proof) -> None:
    """The quick subset of `make formal`, each with its first mutant."""
    assert prove(proof).method == INDUCTION
    assert prove(proof, proof.mutants[0]).refuted


def test_every_property_file_has_a_mutant() -> None:
    """Each file is of a proof that a mutant does not pass."""
    files = {path.name for path in (ROOT / PROPERTIES).glob("*.sv")}
    assert files == {name for proof in PROOFS if proof.mutants for name in proof.properties}


def test_a_bounded_search_ends_at_its_bound_and_finds_the_mutant() -> None:
    bounded = replace(SLICE, name="slice, bounded", bound=8)
    verdict = prove(bounded)
    assert verdict.method == BOUNDED and verdict.depth == 8
    assert prove(bounded, bounded.mutants[0]).refuted


def test_induction_by_steps_needs_steps_enough() -> None:
    # from any state at all a word that is followed may be another than the one inside
    verdict = prove(replace(SLICE, name="slice, by steps", steps=2))
    assert verdict.method == FAILED and not verdict.refuted
    assert verdict.violated == "induction's step does not close: a_word"


def test_what_is_not_reached_fails_the_proof() -> None:
    verdict = prove(replace(SLICE, name="slice, not reached", reach=2))
    assert verdict.method == FAILED and not verdict.refuted
    assert verdict.violated.startswith("not reached: c_")


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_every_proof_says_what_must_be_possible(proof) -> None:
    text = (ROOT / PROPERTIES / proof.properties[0]).read_text()
    assert len(re.findall(r"^ *c_\w+: cover", text, re.M)) >= 2


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_every_proof_has_mutants_of_todays_text(proof) -> None:
    assert proof.mutants
    for mutant in proof.mutants:
        assert sources(proof, mutant) != sources(proof)


def test_an_edit_that_is_not_there_once_is_refused() -> None:
    edit = replace(SLICE.mutants[0], old="clk_i")
    with pytest.raises(FirebrickError, match=r"fb_slice.sv.*times, not once"):
        sources(SLICE, edit)


@pytest.mark.parametrize("reach", [SLICE.reach, 2])
def test_command(reach: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One proof and one mutant; exit code 1 where something is not reached."""
    one = replace(SLICE, mutants=SLICE.mutants[:1], reach=reach)
    monkeypatch.setattr(formal, "PROOFS", (one,))
    out = tmp_path / "formal.json"
    failed = reach == 2
    assert formal.main(["--quick", "--out", str(out)]) == int(failed)
    facts = json.loads(out.read_text())
    assert (facts["proven"], facts["failed"]) == (int(not failed), int(failed))
    # what is out of reach is out of it for the other witness, too: no disagreement
    assert (facts["mutants"], facts["mutants_missed"], facts["disagreements"]) == (1, 0, 0)
    assert facts["smtbmc_mutants_missed"] == 0
    with pytest.raises(FirebrickError, match="no proof's name holds 'nonesuch'"):
        formal.main(["--only", "nonesuch"])
