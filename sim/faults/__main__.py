"""The command: ``make faults`` (N= trials, seeds printed) -> build/faults.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import build_folder
from firebrick.sim.build import build_library
from firebrick.sim.faults.machine import Machine
from firebrick.sim.faults.networks import SHAPE, check_cases, make_cases
from firebrick.sim.faults.trials import (
    HANG,
    KINDS,
    UNRECOVERED,
    VIOLATION,
    WRONG,
    Verdict,
    run_trial,
)

SECONDS = 540
"""Time that a campaign without a number of trials takes."""


def campaign(
    kinds: list[str], trials: int | None, first: int, seconds: float = SECONDS
) -> Iterator[Verdict]:
    """Trials of seeds ``first``, ``first`` + 1, ..., their kinds in turns."""
    machine = Machine(SHAPE, build_library(SHAPE))
    cases = make_cases()
    check_cases(cases)
    end = time.monotonic() + seconds
    number = 0
    try:
        while number < trials if trials is not None else time.monotonic() < end:
            yield run_trial(machine, kinds[number % len(kinds)], first + number, cases)
            number += 1
    finally:
        machine.close()


def facts(verdicts: Iterable[Verdict], first: int) -> dict:
    """What build/faults.json holds."""
    found = list(verdicts)
    failures = Counter(v.failure for v in found)
    kinds: dict[str, dict[str, int]] = {}
    for v in found:
        kinds.setdefault(v.kind, {}).setdefault(_short(v), 0)
        kinds[v.kind][_short(v)] += 1
    return {
        "trials": len(found),
        "first_seed": first,
        "hangs": failures[HANG],
        "silent_wrong": failures[WRONG],
        "violations": failures[VIOLATION],
        "unrecovered": failures[UNRECOVERED],
        "kinds": {kind: dict(sorted(counts.items())) for kind, counts in kinds.items()},
        "failures": [
            {"seed": v.seed, "kind": v.kind, "failure": v.failure, "outcome": v.outcome}
            for v in found
            if v.failure
        ],
    }


def _short(verdict: Verdict) -> str:
    return verdict.failure or verdict.outcome


def table(data: dict) -> list[str]:
    """Outcomes by kind, and every failure with what repeats it."""
    lines = [
        f"{kind:22} " + ", ".join(f"{count} {what}" for what, count in counts.items())
        for kind, counts in data["kinds"].items()
    ]
    lines += [
        f"FAILED: {f['kind']}, seed {f['seed']}: {f['failure']} ({f['outcome']}); again: "
        f"python -m firebrick faults --kind '{f['kind']}' --seed {f['seed']} --trials 1"
        for f in data["failures"]
    ]
    names = ("trials", "hangs", "silent_wrong", "violations", "unrecovered")
    lines.append(", ".join(f"{data[name]} {name.replace('_', ' ')}" for name in names))
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The campaign; 1 where a trial failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.trials is not None and options.trials < 1:
        parser.error(f"--trials {options.trials}: at least one")
    kinds = options.kind or list(KINDS)
    try:
        verdicts = campaign(kinds, options.trials, options.seed)
        data = facts(verdicts, options.seed)
    except FirebrickError as error:
        print(f"faults: {error}", file=sys.stderr)
        return 2
    last = options.seed + data["trials"] - 1
    print(f"seeds {options.seed} to {last}, engine {SHAPE}")
    print("\n".join(table(data)))
    text = json.dumps(data, indent=1) + "\n"
    write_text(build_folder() / "faults.json", text)
    return 1 if data["failures"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firebrick faults", description=__doc__)
    parser.add_argument("--trials", type=int, help=f"how many (default: {SECONDS} s of them)")
    parser.add_argument("--seed", type=int, default=1, help="of the first trial (default: 1)")
    parser.add_argument("--kind", choices=sorted(KINDS), action="append", help="only this kind")
    return parser


if __name__ == "__main__":
    sys.exit(main())
