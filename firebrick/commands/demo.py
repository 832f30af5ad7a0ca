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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from firebrick.commands.agreement import add_accept_option, check_agreement
from firebrick.commands.calibration import add_calibration_options, choose_calibration
from firebrick.commands.chosen import MODEL_HELP, bundled_of, calibration_of, is_bundled
from firebrick.commands.class_names import class_names
from firebrick.commands.demo_board import Outcome, ideal_cycles, run_all
from firebrick.commands.demo_picture import draw
from firebrick.commands.frame import (
    Parser,
    add_effort_option,
    add_preprocessing_options,
    engine_shape,
    positive,
    preprocessing_options,
)
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize import qfile
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.labels import read_labels
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.qnetwork import QGlobalSum, QNetwork
from firebrick.quantize.report.accuracy import (
    Accuracy,
    evaluate,
    evaluate_batches,
    spread,
)
from firebrick.quantize.report.table import print_report
from firebrick.quantize.support.files import write_bytes, write_text
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
    shape = engine_shape(options.shape)
    console.rule("1  Quantize")
    make = _bundled_job if is_bundled(options.model) else _user_job
    job = make(options, console)
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
    with _busy("build the simulated board") as show:
        library = build_library(shape, progress=lambda what, i, n: show(f"{what} {i}/{n}"))
    overlay = write_overlay(out / "overlay", shape)
    large = ideal_cycles(fused) > LARGE_FRAME
    apart_images = min(len(job.images), APART_IMAGES) if large else len(job.images)
    outcome = run_all(job.qnet, job.images, fused, apart, apart_images, library, overlay)
    report = outcome.report
    _print_layers(console, outcome, shape)
    _print_predictions(console, job, outcome)
    picture = out / "demo.png"
    cycles = outcome.results[0].cycles
    title = (
        f"{job.qnet.name} on the simulated board: {1e8 / cycles:,.0f} frames a second at 100 MHz"
    )
    draw(picture, title, job.images, job.names, outcome.results, job.truth, outcome.profile)

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


def _bundled_job(options: argparse.Namespace, console: Console) -> Job:
    """A bundled network on its own pictures, or on the user's."""
    net = bundled_of(options)
    calibration, used = calibration_of(net, options, console)
    images, names, truth = net.pictures, net.names, net.truth
    if options.images:
        seen = {path.resolve() for path in used}
        files = [p for p in list_images(options.images) if p.resolve() not in seen]
        if not files:
            raise FirebrickError(f"{options.images}: every picture calibrates, none is left to run")
        files = spread(files, options.count or DEFAULT_IMAGES)
        images = load_images(files, net.preprocessing)
        names, truth = tuple(path.name for path in files), np.full(len(files), -1)
    elif options.labels:
        raise FirebrickError("LABELS needs IMAGES, the folder that its files lie in")
    # Pictures that also calibrate would flatter.
    unseen = images if net.judged or options.images else None
    qnet = quantize_network(
        net.network,
        net.preprocessing,
        calibration,
        held_out=unseen,
        classes=net.classes,
        effort=options.effort,
    )
    print_report(qnet.report, console)
    accuracy = None
    if options.labels:
        labels = read_labels(options.labels, options.images, len(net.classes))
        accuracy = evaluate(qnet, net.network, spread(labels, ACCURACY_LIMIT))
        _print_accuracy(console, accuracy, "labelled images")
    elif net.judged and not options.images:
        size = 64
        parts = (images[i : i + size] for i in range(0, len(images), size))
        accuracy = evaluate_batches(qnet, net.network, parts, truth, size)
        _print_accuracy(console, accuracy, "held-out pictures")
    return Job(qnet, images, names, truth, accuracy)


def _user_job(options: argparse.Namespace, console: Console) -> Job:
    if options.images is None:
        raise FirebrickError("IMAGES is missing: a network of yours needs a folder of images")
    net: Network | None = None
    folder = Path(options.images)
    given = preprocessing_options(options)
    if Path(options.model).suffix == ".npz":
        if given or options.calibration:
            raise FirebrickError(
                f"{options.model}: a quantized network keeps its own preprocessing and "
                "calibration; leave those options out"
            )
        qnet = qfile.load(options.model)
        labels = unseen = _labels(options, len(_classifier(qnet).bias))
    else:
        model = read_model(options.model, **given)
        check_float(model.network, engine_shape(options.shape))
        net, preprocessing = model.network, model.preprocessing
        for line in model.story:
            console.print(line)
        count = net.shapes[net.nodes[-1].output][0]
        labels = _labels(options, count)
        files = choose_calibration(options, net, console, measures=model.taken is not None)
        seen = {path.resolve() for path in files}
        others = [path for path in list_images(folder) if path.resolve() not in seen]
        qnet = model.quantize(
            load_images(files, preprocessing),
            held_out=load_images(spread(others, HELD_OUT), preprocessing) if others else None,
            classes=class_names(options, count, console, model.classes),
            effort=options.effort,
        )
        # Only images that calibration never saw tell how well it went, as far as there are any.
        unseen = [label for label in labels if label.path.resolve() not in seen] or labels
        print_report(qnet.report, console)
        check_agreement(qnet.report, options.accept, console)
    accuracy = None
    if labels:
        judged = spread(unseen, ACCURACY_LIMIT)
        accuracy = evaluate(qnet, net, judged)
        _print_accuracy(console, accuracy, "labelled images")
    files = [label.path for label in labels] if labels else list_images(folder)
    limit = options.count or DEFAULT_IMAGES
    chosen = spread(list(range(len(files))), limit)
    images = load_images([files[i] for i in chosen], qnet.preprocessing)
    truth = np.array([labels[i].class_index for i in chosen]) if labels else None
    names = tuple(files[i].name for i in chosen)
    if truth is None:
        truth = np.full(len(chosen), -1)
    return Job(qnet, images, names, truth, accuracy)


def _labels(options: argparse.Namespace, class_count: int) -> list:
    return read_labels(options.labels, options.images, class_count) if options.labels else []


def _classifier(qnet: QNetwork) -> QGlobalSum:
    last = qnet.nodes[-1]
    assert isinstance(last, QGlobalSum)
    return last


def _limit(job: Job, program: Program, count: int | None) -> Job:
    """As many images as asked for, or as are simulated in a reasonable time."""
    if count is None:
        count = max(1, min(DEFAULT_IMAGES, CYCLE_BUDGET // ideal_cycles(program)))
    if len(job.images) < count and len(job.images) < DEFAULT_IMAGES:
        count = len(job.images)
    some = slice(count)
    return Job(job.qnet, job.images[some], job.names[some], job.truth[some], job.accuracy)


# ------------------------------------------------------------------------------------- the board


@contextmanager
def _busy(label: str) -> Iterator:
    """A spinner with the elapsed time; yields a function that changes its text."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield lambda text: bar.update(task, description=f"{label}: {text}")


# --------------------------------------------------------------------------------------- showing


def _macs(program: Program) -> int:
    return sum(la["macs"] for g in program.host["groups"] for la in g["layers"])


def _print_accuracy(console: Console, accuracy: Accuracy, what: str) -> None:
    table = Table("", "top-1 %", "top-5 %", title=f"{accuracy.images} {what}")
    if accuracy.float_top1 is not None:
        table.add_row("float", f"{accuracy.float_top1:.1f}", f"{accuracy.float_top5:.1f}")
    table.add_row("fixed point", f"{accuracy.fixed_top1:.1f}", f"{accuracy.fixed_top5:.1f}")
    console.print(table)
    if accuracy.agreement is not None:
        console.print(f"same first choice: {accuracy.agreement:.1f} %")


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
    parser.add_argument("--out", default="build", help="folder of the results (%(default)s)")
    add_effort_option(parser)
    add_accept_option(parser)
    add_preprocessing_options(parser)
    return parser
