"""Float network against golden model on labelled images: ``python -m quantize.accuracy``.

Prints top-1, top-5 and agreement in percent and the SQNR of the logits, and writes the same
figures as JSON.  Images that calibrated are not measured.  ``--ablation`` quantizes once for every
step of the quantizer and tells what each brings.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from quantize import golden, qfile
from quantize.cli import Parser, add_preprocessing_options, preprocessing_options, run_cli
from quantize.errors import FirebrickError
from quantize.float_model import FloatModel
from quantize.load import Label, load_network, read_labels
from quantize.measure import sqnr_db
from quantize.model import read_model
from quantize.network import Network
from quantize.preprocess import batches, float_input, for_network, list_images, load_images
from quantize.progress import track
from quantize.qfile import write_atomically
from quantize.qnetwork import Preprocessing, QNetwork
from quantize.quantizer import EFFORTS, Steps, add_effort_option, quantize_network

BATCH = 16
# More images change no exponent any more, they only take time.
CALIBRATION_LIMIT = 64
ABLATION = {
    "plain": Steps(),
    "bias": Steps(bias=True),
    "equalize": Steps(equalize=True),
    "equalize, bias": Steps(equalize=True, bias=True),
    "equalize, bias, feedback": Steps(equalize=True, bias=True, feedback=True),
    "bias, feedback, refit": Steps(bias=True, feedback=True, refit=True),
    "all": EFFORTS["full"],
}


@dataclass(frozen=True)
class Accuracy:
    """Figures in percent, rounded as printed; those of the float network are None without it.

    ``agreement`` is the share of images with the float network's first choice, ``logit_sqnr_db``
    the power of the float logits over that of their error.
    """

    float_top1: float | None
    float_top5: float | None
    fixed_top1: float
    fixed_top5: float
    agreement: float | None
    images: int
    logit_sqnr_db: float | None = None


def spread(items: list, limit: int) -> list:
    """At most ``limit`` of ``items``, evenly spaced from the first on: every n-th."""
    step = -(-len(items) // limit)
    return items[::step]


def ranking(logits: np.ndarray, count: int = 5) -> np.ndarray:
    """The ``count`` best classes of each row, best first; of equal ones the lower index."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :count]


def evaluate(
    qnet: QNetwork, net: Network | None, labels: list[Label], batch: int = BATCH
) -> Accuracy:
    """Run golden model, and the float network if given, over every labelled image."""
    pictures = batches([label.path for label in labels], qnet.preprocessing, batch)
    truth = np.array([label.class_index for label in labels])
    return evaluate_batches(qnet, net, pictures, truth, batch)


def evaluate_batches(
    qnet: QNetwork,
    net: Network | None,
    pictures: Iterable[np.ndarray],
    truth: np.ndarray,
    batch: int = BATCH,
) -> Accuracy:
    """As :func:`evaluate`, for pictures uint8 [<= batch, C, H, W] and classes int [N] at hand."""
    model = None if net is None else FloatModel(net)
    fixed, real = [], []
    signal = error = 0.0
    steps = -(-len(truth) // batch)
    for images in track(pictures, f"evaluate: batches of {batch} images", steps):
        answers = golden.run(qnet, images).logits
        fixed.append(ranking(answers))
        if model is not None:
            truths = model.logits(float_input(images, qnet.preprocessing))
            real.append(ranking(truths))
            signal += float(np.vdot(truths, truths))
            error += float(np.sum(np.square(answers - truths)))
    fixed_best = np.concatenate(fixed)
    real_best = np.concatenate(real) if real else None
    return Accuracy(
        float_top1=None if real_best is None else _share(real_best[:, 0] == truth),
        float_top5=None if real_best is None else _share((real_best == truth[:, None]).any(1)),
        fixed_top1=_share(fixed_best[:, 0] == truth),
        fixed_top5=_share((fixed_best == truth[:, None]).any(1)),
        agreement=None if real_best is None else _share(real_best[:, 0] == fixed_best[:, 0]),
        images=len(truth),
        logit_sqnr_db=None if (found := sqnr_db(signal, error)) is None else round(found, 1),
    )


def _share(hits: np.ndarray) -> float:
    return round(100.0 * float(np.mean(hits)), 1)


def calibration_files(folder: str | Path | None, labels: list[Label]) -> tuple[list[Path], str]:
    """Calibration images, and in words which they are.

    From ``folder`` if given, else the labelled images; every n-th in the order of the file names
    (of the labels), so that there are at most 64.
    """
    files = [label.path for label in labels] if folder is None else list_images(folder)
    chosen = spread(files, CALIBRATION_LIMIT)
    step = -(-len(files) // CALIBRATION_LIMIT)
    where = "labelled images" if folder is None else f"images in {folder}"
    which = "all" if step == 1 else f"numbers 1, {1 + step}, {1 + 2 * step}, ... of"
    return chosen, f"{len(chosen)} images: {which} the {len(files)} {where}"


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    console = Console()
    if Path(options.model).suffix == ".npz":
        if preprocessing_options(options) or options.calibration:
            raise FirebrickError(
                f"{options.model}: a quantized network keeps its own preprocessing and "
                "calibration; leave those options out"
            )
        qnet = qfile.load(options.model)
        net = None if options.float_model is None else _original(options.float_model, qnet)
        labels = read_labels(options.labels, options.images, len(qnet.nodes[-1].bias))  # type: ignore[union-attr]
    else:
        if options.float_model is not None:
            raise FirebrickError("--float-model belongs to a quantized .npz given as --model")
        model = read_model(options.model, **preprocessing_options(options))
        net, preprocessing = model.network, model.preprocessing
        for line in model.story:
            console.print(line, highlight=False)
        class_count = net.shapes[net.nodes[-1].output][0]
        labels = read_labels(options.labels, options.images, class_count)
        if model.taken is None:
            files, words = calibration_files(options.calibration, labels)
            console.print(f"calibrating on {words}", highlight=False)
            images = load_images(files, preprocessing)
            labels = held_out(labels, files)
            if options.ablation:
                rows = ablation(net, preprocessing, images, labels)
                _print_ablation(console, net.name, rows)
                _write(options.out, rows, console)
                return
            qnet = model.quantize(images, effort=options.effort)
        else:
            qnet = model.taken
    result = evaluate(qnet, net, labels)
    _print(console, qnet.name, result)
    _write(options.out, vars(result), console)


def _write(path: str, data: object, console: Console) -> None:
    text = json.dumps(data, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
    console.print(f"wrote {path}", highlight=False)


def held_out(labels: list[Label], calibration: list[Path]) -> list[Label]:
    """The labelled images that do not calibrate; FirebrickError where none is left."""
    used = {file.resolve() for file in calibration}
    others = [label for label in labels if label.path.resolve() not in used]
    if not others:
        raise FirebrickError(
            f"all {len(labels)} labelled images calibrate the network, none is left to measure "
            "it; give other images with --calibration (CALIBRATION=folder)"
        )
    return others


def ablation(
    net: Network, preprocessing: Preprocessing, calibration: np.ndarray, labels: list[Label]
) -> list[dict]:
    """One row for every entry of :data:`ABLATION`: its name, the figures of :class:`Accuracy`,
    ``seconds`` of wall time and ``cpu_seconds`` that quantization took."""
    rows = []
    for name, steps in ABLATION.items():
        begin, begin_cpu = time.perf_counter(), time.process_time()
        qnet = quantize_network(net, preprocessing, calibration, effort=steps)
        spent, spent_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
        figures = vars(evaluate(qnet, net, labels))
        rows.append(
            {
                "steps": name,
                **figures,
                "seconds": round(spent, 1),
                "cpu_seconds": round(spent_cpu, 1),
            }
        )
    return rows


def _print_ablation(console: Console, name: str, rows: list[dict]) -> None:
    first = rows[0]
    console.print(
        f"{name}, {first['images']} images; float: top-1 {first['float_top1']:.1f} %, top-5 "
        f"{first['float_top5']:.1f} %",
        highlight=False,
    )
    table = Table("steps", "agreement %", "SQNR dB", "top-1 %", "top-5 %", "seconds", "CPU seconds")
    keys = ("agreement", "logit_sqnr_db", "fixed_top1", "fixed_top5", "seconds", "cpu_seconds")
    for row in rows:
        cells = ("-" if row[key] is None else f"{row[key]:.1f}" for key in keys)
        table.add_row(row["steps"], *cells)
    console.print(table)


def _original(path: str, qnet: QNetwork) -> Network:
    """The float network that ``qnet`` was made from, as far as shapes can tell."""
    net = load_network(path)
    if for_network(qnet.preprocessing, net) != qnet.preprocessing:
        raise FirebrickError(
            f"{path}: its input is {net.shapes[net.input]}, that of {qnet.name} is "
            f"{qnet.tensors[qnet.input].shape}"
        )
    return net


def _print(console: Console, name: str, result: Accuracy) -> None:
    console.print(f"{name}, {result.images} images", highlight=False)
    table = Table("", "top-1 %", "top-5 %")
    if result.float_top1 is not None:
        table.add_row("float", f"{result.float_top1:.1f}", f"{result.float_top5:.1f}")
    table.add_row("fixed point", f"{result.fixed_top1:.1f}", f"{result.fixed_top5:.1f}")
    console.print(table)
    if result.agreement is not None:
        console.print(f"same first choice: {result.agreement:.1f} %")
    if result.logit_sqnr_db is not None:
        console.print(f"SQNR of the logits: {result.logit_sqnr_db:.1f} dB")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m quantize.accuracy", description=__doc__)
    parser.add_argument("--model", required=True, help=".onnx, .net or quantized .npz")
    parser.add_argument("--images", required=True, help="folder of the labelled images")
    parser.add_argument("--labels", required=True, help="CSV with columns file, class_index")
    parser.add_argument("--calibration", help="folder; without it every n-th labelled image")
    parser.add_argument("--float-model", help="the float network of a quantized .npz")
    parser.add_argument("--out", default="build/accuracy.json", help="JSON (%(default)s)")
    parser.add_argument(
        "--ablation", action="store_true", help="quantize with and without each step"
    )
    add_effort_option(parser)
    add_preprocessing_options(parser)
    return parser


if __name__ == "__main__":
    run_cli(main)
