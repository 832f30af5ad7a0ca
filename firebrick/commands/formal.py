"""Formal proofs of the RTL: queues, AXI ports and registers, for every input and for ever.

Runs the proofs of ``sim/formal`` by yosys and the PDR engine inside it, and each on mutants of the
RTL that it must refuse; all of it again by yosys-smtbmc with an SMT solver.  Exit code 1 if a
property fails, what a proof must be able to reach is out of reach, a mutant passes either of the
two, or they disagree.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from firebrick.commands.frame import Parser
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.sim.formal.proofs import PROOFS
from firebrick.sim.formal.prover import BOUNDED, FAILED, INDUCTION, Edit, Proof, Verdict, prove
from firebrick.sim.formal.witness import Judgement, disagreement, judge, ready

# Of a proof or a mutant of one, what each of the two witnesses says.
Judged = tuple[Proof, Edit | None, Verdict, Judgement]


def main(arguments: list[str] | None = None) -> int:
    """The command: a table on stdout, ``build/formal.json``."""
    options = _parser().parse_args(arguments)
    chosen = [p for p in PROOFS if options.only in p.name and (p.quick or not options.quick)]
    if not chosen:
        raise FirebrickError(f"no proof's name holds {options.only!r}")
    solver = ready()
    console = Console()
    started = time.monotonic()
    work: list[tuple[Proof, Edit | None]] = [(p, m) for p in chosen for m in (None, *p.mutants)]
    with ThreadPoolExecutor(options.jobs) as pool:
        judgements = pool.map(lambda pair: judge(*pair), work)
        verdicts = pool.map(lambda pair: prove(*pair), work)
        judged = [
            (proof, mutant, verdict, judgement)
            for (proof, mutant), verdict, judgement in zip(work, verdicts, judgements, strict=True)
        ]
    facts = _facts(judged, solver)
    facts["seconds"] = round(time.monotonic() - started, 1)
    _print(console, facts)
    text = json.dumps(facts, indent=2) + "\n"
    write_text(options.out, text)
    console.print(f"wrote {options.out}")
    return 1 if facts["failed"] or facts["mutants_missed"] or facts["disagreements"] else 0


def _facts(judged: list[Judged], solver: str) -> dict:
    proofs: list[dict] = []
    for proof, mutant, verdict, judgement in judged:
        differ = disagreement(proof, mutant, verdict, judgement)
        if mutant is None:
            proofs.append(
                {
                    "name": proof.name,
                    "module": proof.module,
                    "parameters": proof.parameters,
                    "edits": [edit.why for edit in proof.edits],
                    "method": verdict.method,
                    "depth": verdict.depth,
                    "seconds": round(verdict.seconds, 1),
                    "violated": verdict.violated,
                    "covers": verdict.covers,
                    "smtbmc": {
                        "solver": solver,
                        "depth": judgement.depth,
                        "induction": judgement.induction,
                        "violated": judgement.violated,
                        "mutants_refuted": 0,
                        "seconds": round(judgement.seconds, 1),
                    },
                    "disagreement": differ,
                    "mutants": [],
                }
            )
        else:
            proofs[-1]["smtbmc"]["mutants_refuted"] += judgement.refuted
            proofs[-1]["mutants"].append(_mutant(mutant, verdict, judgement, differ))
    mutants = [mutant for proof in proofs for mutant in proof["mutants"]]
    covers = [cycle for proof in proofs for cycle in proof["covers"].values()]
    methods = [proof["method"] for proof in proofs]
    return {
        "proven": methods.count(INDUCTION),
        "bounded": methods.count(BOUNDED),
        "failed": methods.count(FAILED),
        "covers": len(covers),
        "covers_missed": covers.count(None),
        "mutants": len(mutants),
        "mutants_missed": sum(not mutant["caught"] for mutant in mutants),
        "smtbmc_mutants_missed": sum(not mutant["smtbmc"]["refuted"] for mutant in mutants),
        "smtbmc_inductions": sum(proof["smtbmc"]["induction"] for proof in proofs),
        "disagreements": sum(bool(one["disagreement"]) for one in (*proofs, *mutants)),
        "proofs": proofs,
    }


def _mutant(mutant: Edit, verdict: Verdict, judgement: Judgement, differ: str) -> dict:
    return {
        "file": mutant.file,
        "what": mutant.why,
        "caught": verdict.refuted,
        "by": verdict.violated if verdict.refuted else "",
        "cycle": verdict.depth,
        "seconds": round(verdict.seconds, 1),
        "smtbmc": {
            "refuted": judgement.refuted,
            "by": judgement.violated if judgement.refuted else "",
            "cycle": judgement.depth,
            "seconds": round(judgement.seconds, 1),
        },
        "disagreement": differ,
    }


def _print(console: Console, facts: dict) -> None:
    table = Table(
        box=SIMPLE_HEAD, title="Properties of the RTL, by yosys and PDR, and by yosys-smtbmc"
    )
    for name in ("proof", "verdict"):
        table.add_column(name)
    for name in ("depth", "covers", "mutants", "s", "smtbmc", "mutants", "s"):
        table.add_column(name, justify="right")
    differ: list[str] = []
    for proof in facts["proofs"]:
        smtbmc = proof["smtbmc"]
        caught = sum(mutant["caught"] for mutant in proof["mutants"])
        met = sum(cycle is not None for cycle in proof["covers"].values())
        method = proof["method"].removeprefix("proven ") + (
            f": {proof['violated']}" if proof["violated"] else ""
        )
        table.add_row(
            proof["name"],
            method,
            str(proof["depth"]),
            f"{met}/{len(proof['covers'])}",
            f"{caught}/{len(proof['mutants'])}",
            f"{proof['seconds']:.0f}",
            f"{'ind. ' if smtbmc['induction'] else ''}{smtbmc['depth']}",
            f"{smtbmc['mutants_refuted']}/{len(proof['mutants'])}",
            f"{smtbmc['seconds']:.0f}",
        )
        told = [(proof["name"], proof["disagreement"])]
        told += [(f"{proof['name']}: {m['what']}", m["disagreement"]) for m in proof["mutants"]]
        differ += [f"{name}: {text}" for name, text in told if text]
    console.print(table)
    console.print(
        f"{facts['proven']} proven by induction, {facts['bounded']} to a bounded depth, "
        f"{facts['failed']} failed; {facts['covers_missed']} of {facts['covers']} covers not met; "
        f"{facts['mutants_missed']} of {facts['mutants']} mutants passed unseen; "
        f"by yosys-smtbmc, too, {facts['smtbmc_inductions']} of them by induction, "
        f"{facts['smtbmc_mutants_missed']} mutants unseen; {facts['disagreements']} disagreements; "
        f"{facts['seconds']:.0f} s",
    )
    for text in differ:
        console.print(f"the witnesses disagree: {text}", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick formal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the proofs of a few seconds")
    parser.add_argument("--only", default="", help="proofs whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="(%(default)s)")
    parser.add_argument("--out", default=results("formal.json"), help="JSON (%(default)s)")
    return parser
