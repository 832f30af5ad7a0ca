"""What the SqueezeNet paper's choices do to accuracy, measured: small networks, really trained.

Squeeze ratio, share of 3x3 filters, early and late downsampling, bypass, and how many expand
filters there are where, with equal filters, at equal parameters and at equal cycles of a frame on a
board; every network for several seeds, as float and as fixed point.  Writes a page of plots (.html)
and all points as data (.json).  Needs PyTorch.  Networks are kept as they come: what was
interrupted is taken up where it was left.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console

from firebrick.commands.frame import Parser, positive
from firebrick.commands.trained_jobs import Job, Regime, content, train_and_judge, worker
from firebrick.hw.boards.board import load_board
from firebrick.hw.explore.engines import Engine, engine
from firebrick.hw.explore.page import render
from firebrick.hw.explore.trained.claims import Finding, findings
from firebrick.hw.explore.trained.family import STUDIES, Costs, Trainee, base, trainees
from firebrick.hw.explore.trained.plots import plots
from firebrick.hw.explore.trained.points import Point, Sample
from firebrick.hw.explore.trained.results import collect, tables
from firebrick.hw.model.compiled import prepare
from firebrick.models.datasets import NAMES, Dataset, dataset, split
from firebrick.models.training import Recipe, check_torch
from firebrick.quantize.architectures import SqueezeNetConfig
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.jobs import Kept, run_jobs
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import Table, new_console

# The smallest array of the boards: small networks would leave most of a large one idle, whatever
# they are like.
BOARD = "cora-z7-07s"
SEEDS = 8
# Seeds of a job: side by side they cost half of one after the other.
TOGETHER = 4
REGIMES = {
    "digits": Regime(600, 600, Recipe(epochs=12)),
    "fashion": Regime(2000, 1000, Recipe(epochs=6)),
}
TITLE = "The paper's choices, trained"


def main(arguments: list[str] | None = None) -> int:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    check_torch()
    board = load_board(options.board)
    if options.folder and options.data == NAMES[0]:
        raise FirebrickError("--folder has the files of Fashion-MNIST: add --data fashion")
    data = dataset(options.data, options.folder)
    regime = _regime(options)
    split(data, regime.training, regime.held_out, seed=0)  # too few are told of before any work
    studies = options.study or list(STUDIES)
    out = Path(options.out or results("trained" if options.data == NAMES[0] else "trained-fashion"))
    console = new_console()
    prepare()
    reference = engine(board, board.shape)
    channels, rows, cols = data.images.shape[1:]
    first = base("base", channels, (rows, cols), len(data.classes))
    planned = trainees(first, Costs(reference), studies)
    with sole_writer(out):
        begin = time.monotonic()
        kept = Kept(out.with_suffix(".points"), f"{worker()} {content(data)} {regime}")
        taken_up = len(kept.results)
        points = measure(planned, data, regime, range(options.seeds), kept, options.scheduler)
        run = _run(data, regime, options.seeds, points, time.monotonic() - begin)
        run["taken_up"] = taken_up
        found, made = findings(points), plots(points)
        facts = collect(points, found, made, reference, run)
        write_text(out.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
        page = render(made, _page(points, found, reference, run))
        write_text(out.with_suffix(".html"), page)
        kept.path.unlink()
    _print(console, found, facts)
    console.print(f"wrote {out.with_suffix('.html')}, {out.with_suffix('.json')}", soft_wrap=True)
    return 0


def measure(
    planned: Sequence[Trainee],
    data: Dataset,
    regime: Regime,
    seeds: Sequence[int],
    kept: Kept,
    scheduler: str | None = None,
) -> list[Point]:
    """Every network, trained and judged; those that ``kept`` has are not trained again."""
    groups = [tuple(seeds[n : n + TOGETHER]) for n in range(0, len(seeds), TOGETHER)]
    jobs = {
        _name(config, group): Job(config, group)
        # The first seeds of all networks come first: interrupted, fewer seeds can be asked for.
        for group in groups
        # What a network is called does not change what it learns.
        for config in dict.fromkeys(replace(one.config, name="network") for one in planned)
    }
    with kept:
        done = run_jobs(
            train_and_judge,
            jobs,
            kept=kept,
            shared=(data, regime),
            scheduler=scheduler,
            agree=worker,
        )
        for _ in track(done, f"train: up to {TOGETHER} seeds of a network", len(jobs)):
            pass
    return [_point(one, groups, kept.results) for one in planned]


def _name(config: SqueezeNetConfig, group: tuple[int, ...]) -> str:
    return f"{replace(config, name='network')!r}, seeds {group}"


def _point(trainee: Trainee, groups: Sequence[tuple[int, ...]], found: Mapping[str, Any]) -> Point:
    parts = [found[_name(trainee.config, group)] for group in groups]
    real, fixed = (
        Sample(tuple(value for part in parts for value in part[kind]))
        for kind in ("float", "fixed")
    )
    return Point(trainee, real, fixed)


def _regime(options: argparse.Namespace) -> Regime:
    usual = REGIMES[options.data]
    recipe = replace(usual.recipe, epochs=options.epochs or usual.recipe.epochs)
    return Regime(options.training or usual.training, usual.held_out, recipe)


def _run(
    data: Dataset, regime: Regime, seeds: int, points: Sequence[Point], seconds: float
) -> dict[str, Any]:
    networks = len({replace(p.trainee.config, name="") for p in points})
    return {
        "data": data.title,
        "regime": regime.facts(),
        "seeds": seeds,
        "networks": networks,
        "trained": networks * seeds,
        "seconds": round(seconds, 1),
    }


def _page(
    points: Sequence[Point], found: Sequence[Finding], reference: Engine, run: dict[str, Any]
) -> dict[str, Any]:
    regime = run["regime"]
    about = (
        f"{run['data']}: {regime['training']:,} pictures to train on, {regime['held_out']:,} "
        f"others to judge by, both drawn anew for each of {run['seeds']} seeds. That few, networks "
        "this small and so short a training are chosen so that networks differ: this is no "
        f"ImageNet. AdamW, {regime['epochs']} epochs of batches of {regime['batch']}, one cycle up "
        f"to a rate of {regime['learning_rate']:g}, no augmentation. Error bars are the 95 % "
        "confidence interval of the mean over the seeds, by Student's t. A claim was stated before "
        "anything was trained, as two networks; it held, or did not, where zero is outside of the "
        "interval of their differences over the same seeds, and is open otherwise. Cycles are "
        f"predicted, on {reference.board.title}, {reference.shape}."
    )
    verdicts = [f.verdict for f in found]
    cards = [
        (str(run["networks"]), "networks"),
        (str(run["seeds"]), "seeds of each"),
        *(
            (str(verdicts.count(verdict)), f"claims of the paper {text}")
            for verdict, text in (
                ("held", "held"),
                ("did not hold", "did not hold"),
                ("open", "neither confirmed nor refuted"),
            )
        ),
        (
            f"{run['seconds']:.0f} s",
            "for what was left of the training" if run["taken_up"] else "for the training",
        ),
    ]
    return {"title": TITLE, "about": about, "cards": cards, "tables": tables(points, found)}


def _print(console: Console, found: Sequence[Finding], facts: dict[str, Any]) -> None:
    shown = Table(box=SIMPLE_HEAD, title="The paper's claims, percent points over the same seeds")
    for name in ("claim", "at", "verdict"):
        shown.add_column(name)
    for name in ("float", "fixed"):
        shown.add_column(name, justify="right", no_wrap=True)
    for f in found:
        shown.add_row(
            f"{f.claim.strategy}: {f.claim.says} ({f.claim.better} against {f.claim.worse})",
            f.claim.condition,
            f.verdict,
            *(sample.told("+") for sample in (f.real, f.fixed)),
        )
    if found:
        console.print(shown)
    for plot in facts["plots"]:
        console.print(f"{plot['title']}: {plot['sentence']}")
    console.print(
        f"{facts['networks']} networks, {facts['seeds']} seeds of each, in "
        f"{facts['seconds']:.1f} seconds"
    )


def _parser() -> Parser:
    parser = Parser(prog="firebrick trained", description=__doc__)
    parser.add_argument("--out", help="files to write, by suffix (default: build/trained)")
    parser.add_argument(
        "--data", choices=NAMES, default=NAMES[0], help="pictures (default: %(default)s)"
    )
    parser.add_argument("--folder", help="where the four files of Fashion-MNIST are")
    parser.add_argument(
        "--board", default=BOARD, help="whose engine's cycles count (default: %(default)s)"
    )
    parser.add_argument("--study", action="append", choices=STUDIES, help="only this (repeatable)")
    parser.add_argument(
        "--seeds", type=positive, default=SEEDS, help="of each network (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=positive, help="of training")
    parser.add_argument("--training", type=positive, help="pictures to train on")
    parser.add_argument(
        "--scheduler",
        help="Dask cluster that does the work: tcp://host:8786 (default: this machine)",
    )
    return parser
