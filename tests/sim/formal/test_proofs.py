"""Properties of the RTL hold, mutants of it do not pass, and an edit that misses is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.formal.proofs import PROOFS
from firebrick.sim.formal.prover import FAILED, INDUCTION, prove, sources

SLICE = next(proof for proof in PROOFS if proof.module == "fb_slice")


def test_a_slice_is_proven_and_its_mutant_refuted() -> None:
    assert prove(SLICE).method == INDUCTION
    verdict = prove(SLICE, SLICE.mutants[0])
    assert verdict.method == FAILED and verdict.refuted and verdict.violated


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_every_proof_has_mutants_of_todays_text(proof) -> None:
    assert proof.mutants
    for mutant in proof.mutants:
        assert sources(proof, mutant) != sources(proof)


def test_an_edit_that_is_not_there_once_is_refused() -> None:
    edit = replace(SLICE.mutants[0], old="clk_i")
    with pytest.raises(FirebrickError, match=r"fb_slice.sv.*times, not once"):
        sources(SLICE, edit)
