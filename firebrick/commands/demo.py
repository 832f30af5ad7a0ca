"""The main job end to end, on the simulated board.

Quantizes a network (a bundled one, or the user's), compiles it, streams images through the driver
and compares every feature map and every answer with the golden model.  What stays on chip in the
normal program is compared in a second one that is compiled with each stage apart, for large
networks on the first images only.  Prints accuracy, predictions and the cycles of every layer;
saves a picture and a JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.text import Text

from firebrick.commands.agreement import add_accept_option, check_agreement, print_accuracy
from firebrick.commands.calibration import add_calibration_options
from firebrick.commands.chosen import MODEL_HELP, is_bundled
from firebrick.commands.demo_board import Outcome, ideal_cycles, run_all
from firebrick.commands.demo_picture import draw
from firebrick.commands.frame import (
    Parser,
    add_effort_option,
    add_preprocessing_options,
    add_skip_bad_option,
    positive,
)
from firebrick.commands.opening import open_network, quantize_opened
from firebrick.commands.pictures import without
from firebrick.host.detection import Detections, detect
from firebrick.host.program import parse_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import PYNQ_Z2, EngineShape, parse_shape
from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import (
    Accuracy,
    evaluate,
    evaluate_batches,
    spread,
)
from firebrick.quantize.report.table import print_report
from firebrick.quantize.support.files import write_bytes, write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import busy
from firebrick.quantize.support.staging import staged
from firebrick.quantize.support.terminal import Table, new_console
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay

DEFAULT_IMAGES = 16
# A frame of a large network takes long to simulate: by default as many images as this many
# cycles allow, but at least one.
CYCLE_BUDGET = 6_000_000
# Of frames this large every stage is looked at for so many images only.
LARGE_FRAME = 400_000
APART_IMAGES = 2
ACCURACY_LIMIT = 200
HELD_OUT = 64
# Of a picture's boxes so many are printed.
SUREST = 6


@dataclass(frozen=True)
class Job:
    """What is to be shown: a network, pictures uint8 [N, C, H, W], and what is known of them."""

    qnet: QNetwork
    images: np.ndarray
    names: tuple[str, ...]
    truth: np.ndarray  # int64 [N], -1 where the class is not known
    accuracy: Accuracy | None


def main(arguments: list[str] | None = None) -> int:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    console = new_console()
    shape = parse_shape(options.shape)
    console.rule("1  Quantize")
    job = _job(options, shape, console)
    with staged(options.out) as folder:
        exact = _compile_and_run(job, shape, options, folder, console)
    names = ("npz", "fbp", "png", "json")
    console.print(f"wrote {', '.join(str(Path(options.out) / f'demo.{name}') for name in names)}")
    return 0 if exact else 1


def _compile_and_run(
    job: Job, shape: EngineShape, options: argparse.Namespace, out: Path, console: Console
) -> bool:
    """All but the network, with the files in ``out``; whether every bit was right."""
    qfile.save(job.qnet, out / "demo.npz")
    console.rule("2  Compile")
    fused = compile_network(job.qnet, shape)
    apart = compile_network(job.qnet, shape, stages_apart=True)
    write_bytes(out / "demo.fbp", fused.blob)
    console.print(
        f"{len(fused.groups)} groups, {len(fused.blob):,} bytes for an engine of {shape}; with "
        f"each stage apart {len(apart.groups)} groups.",
    )
    job = _limit(job, fused, options.count)

    console.rule("3  Run on the simulated board")
    with busy("build the simulated board") as show:
        library = build_library(shape, progress=lambda what, i, n: show(f"{what} {i}/{n}"))
    overlay = write_overlay(out / "overlay", shape)
    large = ideal_cycles(fused) > LARGE_FRAME
    apart_images = min(len(job.images), APART_IMAGES) if large else len(job.images)
    outcome = run_all(job.qnet, job.images, fused, apart, apart_images, library, overlay)
    report = outcome.report
    _print_layers(console, outcome, shape)
    parsed = parse_program(fused.blob)
    found = [detect(result, parsed) for result in outcome.results]
    if job.qnet.maps:
        _print_maps(console, job, outcome, found)
    else:
        _print_predictions(console, job, outcome)
    picture = out / "demo.png"
    cycles = outcome.results[0].cycles
    title = (
        f"{job.qnet.name} on the simulated board: {1e8 / cycles:,.0f} frames a second at 100 MHz"
    )
    draw(
        picture,
        title,
        job.images,
        job.names,
        outcome.results,
        job.truth,
        outcome.profile,
        found,
        job.qnet.classes,
    )

    first = outcome.results[0].counters
    facts = {
        "network": job.qnet.name,
        "shape": str(shape),
        "images": len(job.images),
        "images_with_every_map": apart_images,
        "boards_at_once": outcome.boards,
        "tensors_compared": report.tensors,
        "values_compared": report.values,
        "mismatches": report.mismatches,
        "cycles": first.cycles,
        "ideal_cycles": ideal_cycles(fused),
        "mac_utilisation": round(_macs(fused) / (first.cycles * shape.macs), 4),
        "stalls": first.stalls,
        "boxes": sum(len(boxes) for boxes in found if boxes is not None),
        "accuracy_float": job.accuracy.float_top1 if job.accuracy else None,
        "accuracy_fixed": job.accuracy.fixed_top1 if job.accuracy else None,
        "simulated_cycles_per_second": round(outcome.cycles_per_second),
    }
    text = json.dumps(facts, indent=2) + "\n"
    write_text(out / "demo.json", text)
    verdict = "bit-exact" if report.exact else "NOT bit-exact"
    if apart_images < len(job.images):
        console.print(
            f"every feature map of {apart_images} of {len(job.images)} images is compared, of the "
            "others those that the program writes to memory",
        )
    console.print(
        Text.assemble(
            (verdict, "bold"),
            f": {report.tensors:,} tensors, {report.values:,} values compared with the golden "
            f"model, {report.mismatches:,} mismatches",
        ),
    )
    for mismatch in report.first:
        console.print(f"  {mismatch}")
    return report.exact


# --------------------------------------------------------------------------------------- the job


def _job(options: argparse.Namespace, shape: EngineShape, console: Console) -> Job:
    """The network quantized and measured, and what is to run: labelled pictures, those of a folder,
    or a bundled network's own. Those that calibrated are left out where there are others."""
    if options.images is None and not is_bundled(options.model):
        raise FirebrickError("IMAGES is missing: a network of yours needs a folder of images")
    opened = open_network(options, console, shape, maps=True)
    pictures = opened.pictures
    labels = pictures.labels(options.labels, options.images, opened.class_count)
    files = [] if options.images is None else pictures.files(options.images)
    made = quantize_opened(opened, options, console)
    qnet, model, bundled = made.qnet, opened.model, opened.bundled
    if model is not None:
        print_report(qnet.report, console)
        check_agreement(qnet.report, options.accept, console)
    reference = None if model is None else model.reference()
    if bundled is not None and not files:
        accuracy = None
        if bundled.judged:
            size = 64
            parts = (bundled.pictures[i : i + size] for i in range(0, len(bundled.truth), size))
            accuracy = evaluate_batches(qnet, reference, parts, bundled.truth, size)
            print_accuracy(console, accuracy, f"{accuracy.images} held-out pictures")
        return Job(qnet, bundled.pictures, bundled.names, bundled.truth, accuracy)
    accuracy = None
    if labels:
        labels = made.unseen(labels) or labels
        accuracy = evaluate(qnet, reference, spread(labels, ACCURACY_LIMIT))
        print_accuracy(console, accuracy, f"{accuracy.images} labelled images")
        files = [label.path for label in labels]
    else:
        files = without(files, made.used) or files
    limit = options.count or DEFAULT_IMAGES
    shown = spread(files, limit)
    truth = np.full(len(shown), -1)
    if labels:
        truth = np.array([label.class_index for label in spread(labels, limit)])
    return Job(qnet, pictures.load(shown), tuple(path.name for path in shown), truth, accuracy)


def _limit(job: Job, program: Program, count: int | None) -> Job:
    """As many images as asked for, or as are simulated in a reasonable time."""
    if count is None:
        count = max(1, min(DEFAULT_IMAGES, CYCLE_BUDGET // ideal_cycles(program)))
    if len(job.images) < count and len(job.images) < DEFAULT_IMAGES:
        count = len(job.images)
    some = slice(count)
    return Job(job.qnet, job.images[some], job.names[some], job.truth[some], job.accuracy)


# --------------------------------------------------------------------------------------- showing


def _macs(program: Program) -> int:
    return sum(la["macs"] for g in program.host["groups"] for la in g["layers"])


def _print_layers(console: Console, outcome: Outcome, shape: EngineShape) -> None:
    """Ideal cycles of every layer, measured ones of every group, of the last image."""
    title = f"Cycles of a frame on {shape.macs} MACs a cycle"
    table = Table(box=SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("group / layer", no_wrap=True)
    for name in ("MMACs", "ideal", "measured", "used", "idle, mostly"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in outcome.profile.groups:
        idle = sum(group.stalls.values())
        cause = max(group.stalls, key=lambda name: group.stalls[name])
        table.add_row(
            Text(group.name, "bold"),
            f"{group.macs / 1e6:.2f}",
            f"{group.ideal_cycles:,}",
            f"{group.cycles:,}",
            f"{group.macs / (group.cycles * shape.macs):.1%}",
            f"{idle:,} {cause}" if idle else "",
        )
        if len(group.layers) > 1:
            for layer in group.layers:
                table.add_row(
                    f"  {layer.name}", f"{layer.macs / 1e6:.2f}", f"{layer.ideal_cycles:,}"
                )
    tail = f"{outcome.profile.tail_cycles:,}"
    table.add_row("last results", "", "", tail, "", f"{tail} write")
    counters = outcome.results[-1].counters
    macs = sum(g.macs for g in outcome.profile.groups)
    table.add_section()
    table.add_row(
        Text("frame", "bold"),
        f"{macs / 1e6:.2f}",
        f"{sum(g.ideal_cycles for g in outcome.profile.groups):,}",
        f"{counters.cycles:,}",
        f"{macs / (counters.cycles * shape.macs):.1%}",
        f"{sum(counters.stalls.values()):,}",
    )
    console.print(table)
    waits = ", ".join(f"{name} {cycles:,}" for name, cycles in counters.stalls.items())
    console.print(f"idle cycles by cause: {waits}")
    console.print(
        f"simulated at {outcome.cycles_per_second:,.0f} cycles a second; at 100 MHz a frame would "
        f"take {counters.cycles / 1e5:.2f} ms ({1e8 / counters.cycles:,.1f} frames a second)",
    )


def _class_name(qnet: QNetwork, index: int) -> str:
    return qnet.classes[index] if qnet.classes else str(index)


def _print_predictions(console: Console, job: Job, outcome: Outcome) -> None:
    table = Table(
        "image", "sees", "second", "truth", box=SIMPLE_HEAD, title="Predictions of the engine"
    )
    for i, result in enumerate(outcome.results):
        (first, p), *rest = result.top_k(2)
        second = f"{rest[0][0]} {rest[0][1]:.1%}" if rest else ""
        truth = "" if job.truth[i] < 0 else _class_name(job.qnet, int(job.truth[i]))
        table.add_row(job.names[i], f"{first} {p:.1%}", second, truth)
    console.print(table)


def _print_maps(
    console: Console, job: Job, outcome: Outcome, found: Sequence[Detections | None]
) -> None:
    """A detector's boxes, or between what values the maps lie that a network ends in."""
    detector = bool(job.qnet.anchors)
    heads = ("boxes", "the surest") if detector else ("map", "real values")
    title = "What the engine detects" if detector else "What the engine hands out"
    table = Table("image", *heads, box=SIMPLE_HEAD, title=title)
    for name, result, boxes in zip(job.names, outcome.results, found, strict=True):
        if boxes is not None:
            pairs = zip(boxes.named(job.qnet.classes), boxes.scores.tolist(), strict=True)
            surest = ", ".join(f"{kind} {score:.0%}" for kind, score in list(pairs)[:SUREST])
            table.add_row(name, str(len(boxes)), surest)
            continue
        for output, values in result.values.items():
            sizes = "x".join(map(str, values.shape))
            table.add_row(name, f"{output} {sizes}", f"{values.min():.4g} to {values.max():.4g}")
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick demo", description=__doc__)
    parser.add_argument("--model", help=MODEL_HELP)
    parser.add_argument(
        "--images", help="folder of images for the network (default: a bundled one's)"
    )
    parser.add_argument("--labels", help="CSV with columns file, class_index")
    parser.add_argument("--classes", help="CSV with columns class_index, name")
    add_calibration_options(parser, "every n-th of IMAGES")
    parser.add_argument("--count", type=positive, help="images to simulate")
    parser.add_argument("--shape", default=str(PYNQ_Z2), help="array, pixels x channels")
    parser.add_argument("--out", default=results(), help="folder of the results (%(default)s)")
    add_effort_option(parser)
    add_skip_bad_option(parser)
    add_accept_option(parser)
    add_preprocessing_options(parser)
    return parser
