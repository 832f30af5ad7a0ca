"""Float network against golden model on labelled images.

Prints top-1, top-5 and agreement in percent and the SQNR of the logits, and writes the same
figures as JSON.  Images that calibrated are not measured.  ``--ablation`` quantizes once for every
step of the quantizer and tells what each brings.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from rich.console import Console

from firebrick.commands.accuracy_jobs import evaluate_kept, original
from firebrick.commands.agreement import add_accept_option, check_agreement, print_accuracy
from firebrick.commands.calibration import add_calibration_options, choose_calibration
from firebrick.commands.chosen import MODEL_HELP
from firebrick.commands.frame import (
    Parser,
    add_effort_option,
    add_preprocessing_options,
    add_skip_bad_option,
)
from firebrick.commands.opening import Opened, open_network
from firebrick.commands.pictures import labels_without
from firebrick.models.bundled import DEFAULT
from firebrick.quantize.calibration.model import Model
from firebrick.quantize.calibration.quantizer import EFFORTS, Steps, quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.report.accuracy import evaluate
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.terminal import Table, new_console

MEASURED = ("images", "agreement", "logit_sqnr_db")
ABLATION = {
    "plain": Steps(),
    "bias": Steps(bias=True),
    "equalize": Steps(equalize=True),
    "equalize, bias": Steps(equalize=True, bias=True),
    "equalize, bias, feedback": Steps(equalize=True, bias=True, feedback=True),
    "bias, feedback, refit": Steps(bias=True, feedback=True, refit=True),
    "all": EFFORTS["full"],
}


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    console = new_console()
    opened = open_network(options, console)
    model, pictures = opened.model, opened.pictures
    if options.float_model is not None and model is not None:
        raise FirebrickError("--float-model belongs to a quantized .npz given as --model")
    if options.ablation and (model is None or model.taken is not None):
        raise FirebrickError(
            f"{options.model}: is quantized already; --ablation needs a float network"
        )
    if options.ablation and options.scheduler:
        raise FirebrickError("--ablation quantizes anew for every step: leave SCHEDULER out")
    labels = pictures.labels(options.labels, options.images, opened.class_count)
    if model is None:
        assert opened.qnet is not None
        qnet = opened.qnet
        reference = None
        if options.float_model is not None:
            reference = original(options.float_model, qnet)
    else:
        reference = model.reference()
        if model.taken is not None:
            qnet = model.taken
        else:
            calibration, labels = _calibration(opened, options, console, labels)
            if options.ablation:
                rows = ablation(model, calibration, labels)
                _print_ablation(console, model.network.name, rows)
                _write(options.out, rows, console)
                return
            qnet = model.quantize(calibration, effort=options.effort)
    result = evaluate_kept(options, qnet, reference, labels)
    print_accuracy(console, result, f"{qnet.name}, {result.images} images")
    _write(options.out, vars(result), console)
    if result.agreement is not None:
        measured = {name: getattr(result, name) for name in MEASURED}
        check_agreement({**qnet.report, "held_out": measured}, options.accept, console)


def _calibration(
    opened: Opened, options: argparse.Namespace, console: Console, labels: list[Label]
) -> tuple[np.ndarray, list[Label]]:
    """Calibration pictures, uint8 [N, C, H, W], and the labelled ones that are not among them."""
    if opened.bundled is not None and not options.calibration:
        return opened.bundled.calibration, labels
    assert opened.model is not None
    files = choose_calibration(options, opened.model.network, opened.pictures, console, labels)
    others = labels_without(labels, files)
    if not others:
        raise FirebrickError(
            f"all {len(labels)} labelled images calibrate the network, none is left to measure "
            "it; give other images with --calibration (CALIBRATION=folder)"
        )
    return opened.pictures.load(files), others


def _write(path: str, data: object, console: Console) -> None:
    text = json.dumps(data, indent=2) + "\n"
    write_text(path, text)
    console.print(f"wrote {path}")


def ablation(model: Model, calibration: np.ndarray, labels: list[Label]) -> list[dict]:
    """One row for every entry of :data:`ABLATION`: its name, the figures of :class:`Accuracy`,
    ``seconds`` of wall time and ``cpu_seconds`` that quantization took."""
    reference = model.reference()
    rows = []
    for name, steps in ABLATION.items():
        begin, begin_cpu = time.perf_counter(), time.process_time()
        qnet = quantize_network(model.network, model.preprocessing, calibration, effort=steps)
        spent, spent_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
        figures = vars(evaluate(qnet, reference, labels))
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
    )
    table = Table("steps", "agreement %", "SQNR dB", "top-1 %", "top-5 %", "seconds", "CPU seconds")
    keys = ("agreement", "logit_sqnr_db", "fixed_top1", "fixed_top5", "seconds", "cpu_seconds")
    for row in rows:
        cells = ("-" if row[key] is None else f"{row[key]:.1f}" for key in keys)
        table.add_row(row["steps"], *cells)
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick accuracy", description=__doc__)
    parser.add_argument("--model", default=DEFAULT, help=MODEL_HELP)
    parser.add_argument("--images", required=True, help="folder of the labelled images")
    parser.add_argument("--labels", required=True, help="CSV with columns file, class_index")
    add_calibration_options(parser, "every n-th labelled image")
    parser.add_argument("--float-model", help="the float network of a quantized .npz")
    parser.add_argument("--out", default=results("accuracy.json"), help="JSON (%(default)s)")
    parser.add_argument(
        "--ablation", action="store_true", help="quantize with and without each step"
    )
    parser.add_argument(
        "--scheduler",
        help="Dask cluster that measures: tcp://host:8786; its workers find model and images under "
        "the same paths (default: this machine)",
    )
    add_skip_bad_option(parser)
    add_accept_option(parser)
    add_effort_option(parser)
    add_preprocessing_options(parser)
    return parser
