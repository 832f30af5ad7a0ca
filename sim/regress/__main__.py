"""Random regressions of the simulated engine against the golden model: ``make regress`` (N=
networks, SEED= of the first, SCHEDULER= of a Dask cluster) -> build/regress.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.jobs import Kept, run_jobs
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import Table, new_console
from firebrick.sim.build import build_library
from firebrick.sim.regress.trials import (
    BROKEN,
    EXACT,
    OUTCOMES,
    REFUSED,
    SHAPES,
    WRONG,
    run_trial,
    sources,
)

TRIALS, SEED = 100, 1


def run(seeds: range, kept: Kept, scheduler: str | None = None) -> dict[int, dict]:
    """The trials of ``seeds``; those that ``kept`` has are not done again."""
    jobs = {str(seed): seed for seed in seeds}
    with kept:
        done = run_jobs(run_trial, jobs, kept=kept, scheduler=scheduler, agree=sources)
        for _ in track(done, "networks on the simulated engine", len(jobs)):
            pass
    return {seed: kept.results[str(seed)] for seed in seeds}


def facts(found: Mapping[int, dict], seconds: float) -> dict[str, Any]:
    """What build/regress.json holds."""
    outcomes = Counter(trial["outcome"] for trial in found.values())
    refused = [
        {"seed": seed, **trial} for seed, trial in found.items() if trial["outcome"] == REFUSED
    ]
    return {
        "trials": len(found),
        "seed": min(found),
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "values": sum(trial.get("values", 0) for trial in found.values()),
        "cycles": sum(trial.get("cycles", 0) for trial in found.values()),
        "kinds": _tally(found, "kind"),
        "shapes": _tally(found, "shape"),
        "failures": [
            {"seed": seed, **trial}
            for seed, trial in found.items()
            if trial["outcome"] in (WRONG, BROKEN)
        ],
        "refusals": refused,
        "seconds": round(seconds, 1),
    }


def _tally(found: Mapping[int, dict], of: str) -> dict[str, dict[str, int]]:
    """Outcomes by what ``of`` is, in the order of their names."""
    names = sorted({trial[of] for trial in found.values()})
    return {
        name: {
            outcome: sum(t[of] == name and t["outcome"] == outcome for t in found.values())
            for outcome in OUTCOMES
        }
        for name in names
    }


def main(arguments: list[str] | None = None) -> int:
    """The regression; 1 where the engine computes anything else than the golden model."""
    options = _parser().parse_args(arguments)
    path = build_folder() / "regress.json"
    try:
        if options.trials < 1 or options.seed < 0:
            raise FirebrickError("N is 1 or more, SEED 0 or more")
        begin = time.monotonic()
        if options.scheduler is None:
            for shape in track(SHAPES, "engines to simulate", len(SHAPES)):
                build_library(shape)
        with sole_writer(path):
            kept = Kept(path.with_suffix(".trials"), sources())
            seeds = range(options.seed, options.seed + options.trials)
            data = facts(run(seeds, kept, options.scheduler), time.monotonic() - begin)
            write_text(path, json.dumps(data, indent=1) + "\n")
            kept.path.unlink()
    except FirebrickError as error:
        print(f"regress: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("regress: interrupted; what was done is kept", file=sys.stderr)
        return 130
    _print(data, path)
    return 1 if data["failures"] else 0


def _print(data: Mapping[str, Any], path: Path) -> None:
    console = new_console()
    for title, key in (("network", "kinds"), ("engine", "shapes")):
        shown = Table(box=SIMPLE_HEAD)
        shown.add_column(title)
        for outcome in OUTCOMES:
            shown.add_column(outcome, justify="right", no_wrap=True)
        for name, counts in data[key].items():
            shown.add_row(name, *(str(counts[outcome]) for outcome in OUTCOMES))
        console.print(shown)
    for failure in data["failures"]:
        console.print(
            f"{failure['outcome'].upper()}: seed {failure['seed']} ({failure['trial']}): "
            f"{failure['text']}; again: make regress N=1 SEED={failure['seed']}",
            soft_wrap=True,
        )
    console.print(
        f"{data['trials']} networks from seed {data['seed']} on: {data[EXACT]} exact, "
        f"{data[REFUSED]} refused by the compiler, {data[WRONG]} wrong, {data[BROKEN]} broken; "
        f"{data['values']:,} values compared, {data['cycles']:,} cycles, in "
        f"{data['seconds']:.1f} seconds"
    )
    console.print(f"wrote {path}", soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firebrick regress", description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the first (%(default)s)")
    parser.add_argument(
        "--scheduler",
        help="Dask cluster that does the work: tcp://host:8786 (default: this machine)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
