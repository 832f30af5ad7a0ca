"""Coverage of the RTL: ``make coverage`` (N= faults) -> build/coverage.json.

Networks and faults on an engine in which Verilator counts how often lines run and bits toggle, and
the benches of all modules.  Lines that nothing reached are listed, with the reason that
waivers.toml has for them; bits that never changed are in the JSON, by signal ("line name").  Exit
code 1 where fewer lines are covered than the goal, where a line is neither covered nor explained,
or where a waiver waives nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import IN_CHECKOUT, build_folder
from firebrick.sim.coverage.regression import run_regression
from firebrick.sim.coverage.report import Coverage, judge, read_waivers

GOAL = 95.0
TRIALS = 110


def facts(found: Coverage) -> dict:
    """What build/coverage.json holds."""
    return {
        "line_percent": found.total.line_percent,
        "toggle_percent": found.total.toggle_percent,
        "lines": found.total.all_lines,
        "toggles": found.total.all_toggles,
        "modules": {
            name: {
                "line_percent": f.line_percent,
                "toggle_percent": f.toggle_percent,
                "still": found.still[name],
            }
            for name, f in found.modules.items()
        },
        "uncovered": [str(line) for line in found.unexplained],
        "waived": [{"line": str(line), "reason": w.reason} for line, w in found.waived],
    }


def table(found: Coverage) -> list[str]:
    """Modules, then every line that is not covered, with its reason where it has one."""
    rows = [f"{'module':22} {'lines':>14} {'toggles':>16}"]
    for name, f in [*found.modules.items(), ("all", found.total)]:
        lines = f"{f.lines}/{f.all_lines}"
        toggles = f"{f.toggles}/{f.all_toggles}"
        rows.append(
            f"{name:22} {lines:>11} {f.line_percent:6.1f} % {toggles:>15} {f.toggle_percent:6.1f} %"
        )
    rows += [f"not covered: {line}" for line in found.unexplained]
    rows += [f"not covered: {line} ({waiver.reason})" for line, waiver in found.waived]
    rows += [f"waivers.toml: {w.file}, {w.match!r}: waives nothing, delete it" for w in found.stale]
    return rows


def verdict(found: Coverage) -> int:
    """The exit code: 1 also where a line is neither covered nor explained."""
    missed = found.total.line_percent < GOAL
    return 1 if missed or found.unexplained or found.stale else 0


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.trials < 0:
        parser.error(f"--trials {options.trials}: not below 0")
    started = time.monotonic()
    try:
        if not IN_CHECKOUT:
            raise FirebrickError("the benches are those of tests/: run it in a checkout")
        waivers = read_waivers()
        found = judge(run_regression(options.trials), waivers)
    except FirebrickError as error:
        print(f"coverage: {error}", file=sys.stderr)
        return 2
    print("\n".join(table(found)))
    total = found.total
    print(
        f"lines {total.line_percent:.1f} %, toggles {total.toggle_percent:.1f} %; "
        f"{time.monotonic() - started:.0f} s"
    )
    text = json.dumps(facts(found), indent=1) + "\n"
    write_text(build_folder() / "coverage.json", text)
    return verdict(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firebrick coverage", description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS, help="faults (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
