"""What choices cost: the SqueezeNet paper's hyper-parameters, times boards, times array shapes.

Writes a page of interactive plots (.html), every point as data (.json) and as a table (.csv):
parameters, MACs, bytes, predicted cycles and frames a second, resources, whether it fits and what
limits it.  Points are kept as they come: an interrupted sweep is taken up where it was left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console

from firebrick.commands.frame import Parser
from firebrick.hw.boards.board import Board, load_board
from firebrick.hw.explore.charts import Chart, charts, engine_front, rate
from firebrick.hw.explore.designs import Design, designs
from firebrick.hw.explore.engines import Engine, all_boards, engine, engines
from firebrick.hw.explore.page import render
from firebrick.hw.explore.results import collect, table
from firebrick.hw.explore.sweep import (
    Job,
    Measured,
    Point,
    expand,
    measure,
    pairs_of,
    signature,
    sources,
)
from firebrick.hw.model.compiled import prepare
from firebrick.quantize.jobs import Kept, run_jobs
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import Table, new_console

REFERENCE = "pynq-z2"
TITLE = "Networks and engines: what choices cost"
ABOUT = (
    "Cycles and resources are predicted: the cycle model is held to the simulated engine, the "
    "resource model to yosys's counts. No clock has been confirmed by Vivado, and nothing has run "
    "on a real board. Accuracy is what the SqueezeNet paper states, where it does."
)


def main(arguments: list[str] | None = None) -> int:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    boards = [load_board(name) for name in dict.fromkeys(options.board or ())] or all_boards()
    reference = _reference(boards)
    out = Path(options.out)
    page, data, rows = (out.with_suffix(suffix) for suffix in (".html", ".json", ".csv"))
    prepare()
    console = new_console()
    with sole_writer(out):
        begin = time.monotonic()
        found = [e for board in boards for e in engines(board)]
        kept = Kept(out.with_suffix(".points"), signature(pairs_of(found)))
        points = sweep(designs(), found, kept, options.scheduler)
        seconds = time.monotonic() - begin
        made = charts(points, reference)
        facts = collect(points, made, reference, seconds)
        write_text(data, json.dumps(facts, separators=(",", ":")) + "\n")
        write_text(rows, table(points))
        write_text(page, render(made, _page_facts(points, facts, reference)))
        kept.path.unlink()
    _print(console, points, made, facts)
    console.print(f"wrote {page}, {data}, {rows}", soft_wrap=True)
    return 0


def sweep(
    chosen: Sequence[Design], found: Sequence[Engine], kept: Kept, scheduler: str | None = None
) -> list[Point]:
    """Every network on every engine; networks whose results ``kept`` has are not done again."""
    pairs = pairs_of(found)
    # What a network is called does not change what it costs.
    jobs = {
        repr(config): Job(config, pairs)
        for config in (replace(design.config, name="network") for design in chosen)
    }
    with kept:
        done = run_jobs(measure, jobs, kept=kept, scheduler=scheduler, agree=sources)
        for _ in track(done, "networks", len(jobs)):
            pass
    measured = [
        Measured.of(kept.results[repr(replace(design.config, name="network"))]) for design in chosen
    ]
    return expand(chosen, found, measured)


def _reference(boards: Sequence[Board]) -> Engine:
    """The engine that plots of networks are about."""
    names = [board.name for board in boards]
    board = boards[names.index(REFERENCE)] if REFERENCE in names else boards[0]
    return engine(board, board.shape)


def _page_facts(
    points: Sequence[Point], facts: dict[str, Any], reference: Engine
) -> dict[str, Any]:
    fitting = sum(p.fits for p in points)
    cards = [
        (f"{len(points):,}", "points: a network on an engine of a board"),
        (f"{fitting:,}", "of them fit and have a speed"),
        (str(len(facts["networks"])), "networks"),
        (str(len(facts["engines"])), "engines on boards"),
        (f"{facts['seconds']:.0f} s", "for the sweep"),
    ]
    heads = ("network", "study", "MiB", "frames/s", "top-5 of the paper")
    on = f"on {reference.board.title}"
    networks = [
        {"title": f"{title} {on}", "heads": heads, "rows": [_row(e) for e in facts["pareto"][name]]}
        for name, title in (
            ("networks", "Networks with the most parameters for their speed"),
            ("accuracy", "Networks not beaten in accuracy, speed and size"),
        )
    ]
    small = {
        "title": "Engines not beaten in LUTs and speed, SqueezeNet v1.1",
        "heads": ("board", "array", "LUTs", "frames/s"),
        "rows": [
            (e["board"], e["array"], f"{e['lut']:,}", f"{e['frames_per_second']:.1f}")
            for e in facts["pareto"]["engines"]
        ],
    }
    return {"title": TITLE, "about": ABOUT, "cards": cards, "tables": [*networks, small]}


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry["network"],
        entry["study"],
        f"{entry['mebibytes']:.2f}",
        f"{entry['frames_per_second']:.1f}",
        f"{entry['top5']} %" if entry["top5"] else "–",
    )


def _print(
    console: Console, points: Sequence[Point], made: Sequence[Chart], facts: dict[str, Any]
) -> None:
    shown = Table(box=SIMPLE_HEAD, title="Engines not beaten in LUTs and speed, SqueezeNet v1.1")
    for name in ("board", "array"):
        shown.add_column(name, no_wrap=True)
    for name in ("LUT", "DSP", "frames/s"):
        shown.add_column(name, justify="right", no_wrap=True)
    for p in engine_front(points):
        shown.add_row(
            p.engine.board.name,
            str(p.engine.shape),
            f"{p.engine.used.lut:,}",
            str(p.engine.used.dsp48e1),
            f"{rate(p):.1f}",
        )
    console.print(shown)
    for chart in made:
        console.print(f"{chart.title}: {chart.sentence}")
    fitting = sum(p.fits for p in points)
    console.print(
        f"{len(points):,} points, {fitting:,} of them fit, in {facts['seconds']:.1f} seconds"
    )


def _parser() -> Parser:
    parser = Parser(prog="firebrick explore", description=__doc__)
    parser.add_argument(
        "--out", default=results("explore"), help="files to write, by suffix (default: %(default)s)"
    )
    parser.add_argument("--board", action="append", help="only this board (may be repeated)")
    parser.add_argument(
        "--scheduler",
        help="Dask cluster that does the work: tcp://host:8786 (default: this machine)",
    )
    return parser
