"""The command: ``make mutants`` (N= mutants, SEED=) -> build/mutants.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import IN_CHECKOUT, build_folder
from firebrick.sim.mutants.campaign import Verdict, judge
from firebrick.sim.mutants.schemata import draw

MUTANTS, SEED = 200, 1
GOAL = 0.95
"""Share of the mutants that change something, and are caught."""


def facts(verdicts: Sequence[Verdict], seed: int, seconds: float) -> dict:
    """What build/mutants.json holds."""
    caught = [v for v in verdicts if v.caught]
    equivalent = [v for v in verdicts if v.equivalent and not v.caught]
    modules: dict[str, Counter[str]] = {}
    kinds: dict[str, Counter[str]] = {}
    for v in verdicts:
        what = "caught" if v.caught else "equivalent" if v.equivalent else "survived"
        modules.setdefault(v.mutant.module, Counter())[what] += 1
        kinds.setdefault(v.mutant.kind, Counter())[what] += 1
    return {
        "mutants": len(verdicts),
        "seed": seed,
        "caught": len(caught),
        "equivalent": len(equivalent),
        "caught_share": round(len(caught) / max(1, len(verdicts) - len(equivalent)), 4),
        "survivors": [_place(v) for v in verdicts if v.survives],
        "contradictions": [_place(v) for v in verdicts if v.contradicts],
        "equivalents": [{**_place(v), "reason": v.equivalent} for v in equivalent],
        "modules": {name: dict(sorted(modules[name].items())) for name in sorted(modules)},
        "kinds": {name: dict(sorted(kinds[name].items())) for name in sorted(kinds)},
        "caught_by": [{**_place(v), "test": v.caught} for v in caught],
        "seconds": round(seconds),
    }


def _place(verdict: Verdict) -> dict[str, str]:
    m = verdict.mutant
    return {
        "place": f"hw/rtl/{m.file}:{m.line}",
        "kind": m.kind,
        "original": m.original,
        "mutated": m.mutated,
    }


def table(data: dict) -> list[str]:
    """Kinds and their counts, then every survivor."""
    lines = [
        f"{kind:20} " + ", ".join(f"{count} {what}" for what, count in counts.items())
        for kind, counts in data["kinds"].items()
    ]
    for survivor in data["survivors"]:
        changed = " ".join(survivor["mutated"].split()) or "(nothing)"
        original = " ".join(survivor["original"].split())
        lines.append(f"SURVIVED: {survivor['place']}: {survivor['kind']}: {original} -> {changed}")
    lines.append(
        f"{data['mutants']} mutants, seed {data['seed']}: {data['caught']} caught, "
        f"{data['equivalent']} equivalent, {len(data['survivors'])} survived "
        f"({data['caught_share']:.1%} caught of those that change something)"
    )
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The campaign; 1 where it misses its goal, or catches what is listed as equivalent."""
    options = _parser().parse_args(arguments)
    start = time.monotonic()

    def report(text: str) -> None:
        passed = timedelta(seconds=round(time.monotonic() - start))
        print(f"{passed} {text}", flush=True)

    try:
        if not IN_CHECKOUT:
            raise FirebrickError("the benches are those of tests/: run it in a checkout")
        chosen = draw(options.mutants, options.seed)
        report(f"{len(chosen)} mutants, seed {options.seed}")
        folder = build_folder() / "mutants" / f"rtl-{options.mutants}-{options.seed}"
        verdicts = judge(chosen, folder, report)
    except FirebrickError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    data = facts(verdicts, options.seed, time.monotonic() - start)
    print("\n".join(table(data)))
    text = json.dumps(data, indent=1) + "\n"
    write_text(build_folder() / "mutants.json", text)
    return 0 if data["caught_share"] >= GOAL and not data["contradictions"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firebrick mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=MUTANTS, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the choice (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
