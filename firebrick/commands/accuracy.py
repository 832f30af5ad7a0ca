"""Float network against golden model on labelled images.

Prints top-1, top-5 and agreement in percent and the SQNR of the logits, and writes the same
figures as JSON.  Images that calibrated are not measured.  ``--ablation`` quantizes once for every
step of the quantizer and tells what each brings.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.agreement import add_accept_option, check_agreement
from firebrick.commands.calibration import add_calibration_options, choose_calibration
from firebrick.commands.frame import (
    Parser,
    add_effort_option,
    add_preprocessing_options,
    preprocessing_options,
)
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import qfile
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.calibration.quantizer import EFFORTS, Steps, quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import load_network
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.labels import Label, read_labels
from firebrick.quantize.pictures.preprocess import for_network, load_images
from firebrick.quantize.qnetwork import Preprocessing, QNetwork
from firebrick.quantize.report.accuracy import (
    Accuracy,
    evaluate,
    held_out,
)
from firebrick.quantize.support.files import write_atomically
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
        # The largest engine of all boards: what it cannot run none can.
        check_float(model.network, PYNQ_Z2)
        net, preprocessing = model.network, model.preprocessing
        for line in model.story:
            console.print(line)
        class_count = net.shapes[net.nodes[-1].output][0]
        labels = read_labels(options.labels, options.images, class_count)
        if model.taken is None:
            files = choose_calibration(options, net, console, labels)
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
    if result.agreement is not None:
        measured = {name: getattr(result, name) for name in MEASURED}
        check_agreement({**qnet.report, "held_out": measured}, options.accept, console)


def _write(path: str, data: object, console: Console) -> None:
    text = json.dumps(data, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
    console.print(f"wrote {path}")


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
    console.print(f"{name}, {result.images} images")
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
    parser = Parser(prog="firebrick accuracy", description=__doc__)
    parser.add_argument("--model", required=True, help=".onnx, .net or quantized .npz")
    parser.add_argument("--images", required=True, help="folder of the labelled images")
    parser.add_argument("--labels", required=True, help="CSV with columns file, class_index")
    add_calibration_options(parser, "every n-th labelled image")
    parser.add_argument("--float-model", help="the float network of a quantized .npz")
    parser.add_argument("--out", default="build/accuracy.json", help="JSON (%(default)s)")
    parser.add_argument(
        "--ablation", action="store_true", help="quantize with and without each step"
    )
    add_accept_option(parser)
    add_effort_option(parser)
    add_preprocessing_options(parser)
    return parser
