"""Your own classes: a network of the classes of your photos, from a trained one and the photos.

Takes a folder with a folder of photos for each class (or photos with labels in a CSV file), and
writes the float network (.onnx), the quantized one (.npz), which demo, deploy and notebook take,
and what cross-validation says of both: figures (.json), a picture of the mistakes (.png) and the
quantizer's page (.html).
"""

from __future__ import annotations

import argparse
import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from firebrick.commands.frame import (
    Parser,
    add_effort_option,
    add_preprocessing_options,
    add_skip_bad_option,
    preprocessing_options,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.terminal import new_console

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from firebrick.quantize.network import Network
    from firebrick.quantize.qnetwork import Preprocessing
    from firebrick.quantize.transfer.examples import Examples

HELD_OUT_LIMIT = 64


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    out = Path(options.out)
    if out.suffix != ".npz":
        raise FirebrickError(f"{out}: the name of a quantized network ends in .npz")

    _learn(options, out, new_console())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick learn", description=__doc__)
    parser.add_argument("--images", required=True, help="folder with a folder a class, or of all")
    parser.add_argument(
        "--labels", help="CSV for pictures in one folder: file, and class or class_index"
    )
    parser.add_argument("--model", help="trained network: .onnx, .net (default: squeezenet)")
    parser.add_argument(
        "--features",
        help="where the trained network is cut, such as fire7 (default: as cross-validation says)",
    )
    parser.add_argument("--out", default=results("learn.npz"), help="default: %(default)s")
    add_skip_bad_option(parser)
    add_effort_option(parser)
    add_preprocessing_options(parser)
    return parser


def _learn(options: argparse.Namespace, out: Path, console: Console) -> None:
    from firebrick.quantize.transfer import examples as reading

    begin = time.monotonic()
    if options.labels:
        examples = reading.read_table(options.labels, options.images)
    else:
        examples = reading.read_folders(options.images)

    # Seconds of imports (scikit-learn, onnx, matplotlib): not before a wrong folder is refused.
    from firebrick.commands.conversion import Conversion
    from firebrick.commands.quantize import report_data
    from firebrick.hw.compiler.feasible import check_float
    from firebrick.hw.shape import PYNQ_Z2
    from firebrick.quantize import qfile
    from firebrick.quantize.calibration.quantizer import quantize
    from firebrick.quantize.exporters.float_onnx import export_onnx
    from firebrick.quantize.report.accuracy import CALIBRATION_LIMIT, spread
    from firebrick.quantize.report.page import render
    from firebrick.quantize.report.table import print_report
    from firebrick.quantize.support.files import write_bytes, write_text
    from firebrick.quantize.support.staging import staged
    from firebrick.quantize.transfer import picture, trunk, validate
    from firebrick.quantize.transfer.features import features

    net, preprocessing = _trained(options)
    # The largest engine of all boards: what it cannot run none can.
    check_float(net, PYNQ_Z2)
    cuts = (trunk.named(net, options.features),) if options.features else trunk.competing(net)
    examples, pictures = reading.load(examples, preprocessing, options.skip_bad)
    for line in examples.skipped:
        console.print(f"skipped: {line}")
    truth, classes = examples.labels, examples.classes
    console.print(
        f"{len(truth)} pictures of {len(classes)} classes; features of {net.name}: "
        f"{', '.join(cuts)}",
    )
    found = features(net, preprocessing, pictures, cuts)
    whole, splits, parts = validate.learn_all(found, truth)
    cut, classifier = whole.choice.cut, whole.classifier
    new = trunk.with_classifier(net, cut, classifier.weights, classifier.bias, out.stem)
    order = spread(list(range(len(truth))), CALIBRATION_LIMIT)
    others = [index for index in range(len(truth)) if index not in set(order)]
    held_out = pictures[spread(others, HELD_OUT_LIMIT)] if others else None
    calibration = pictures[order]
    quantized = quantize(
        new,
        preprocessing,
        calibration,
        held_out=held_out,
        classes=classes,
        effort=options.effort,
    )
    real = validate.float_logits(found, splits, parts)
    fixed = validate.fixed_logits(
        net, preprocessing, splits, parts, pictures, calibration, options.effort
    )
    print_report(quantized.qnet.report, console)
    data = report_data(Conversion(quantized.net, quantized.qnet, calibration, None))

    counts = picture.confusion(truth, fixed.argmax(axis=1), len(classes))
    right = int(counts.trace())
    chance = 100.0 * int(counts.sum(axis=1).max()) / len(truth)
    facts = {
        "network": net.name,
        "classes": len(classes),
        "images": len(truth),
        "accuracy_float": _percent(int((real.argmax(axis=1) == truth).sum()), len(truth)),
        "accuracy_fixed": _percent(right, len(truth)),
        "accuracy_fixed_interval": [round(v, 1) for v in validate.interval(right, len(truth))],
        "largest_class": round(chance, 1),
        "folds": len(splits),
        "features": cut,
        "strength": whole.choice.strength,
        "features_of_folds": [part.choice.cut for part in parts],
        "names": list(classes),
        "confusion": counts.tolist(),
        "mistakes": _mistakes(examples, fixed),
        "skipped": list(examples.skipped),
    }
    png = picture.draw(fixed, truth, classes, pictures)
    data["learnt"] = facts
    page = render({**data, "picture": base64.b64encode(png).decode()})
    beside = [out.with_suffix(suffix) for suffix in (".onnx", ".png", ".html", ".json")]
    report = out.with_name(f"{out.stem}_report.json")
    with staged(out.parent) as folder:
        onnx, *pages = (folder / path.name for path in (*beside, report))
        export_onnx(new, preprocessing, onnx, classes)
        qfile.save(quantized.qnet, folder / out.name)
        facts["seconds"] = round(time.monotonic() - begin, 1)
        texts = (page, json.dumps(facts, indent=1) + "\n", json.dumps(data, indent=1) + "\n")
        write_bytes(pages[0], png)
        for path, text in zip(pages[1:], texts, strict=True):
            write_text(path, text)
    low, high = facts["accuracy_fixed_interval"]
    console.print(
        f"features {cut}, {len(splits)}-fold cross-validation: float {facts['accuracy_float']} %, "
        f"fixed point {facts['accuracy_fixed']} % (95 % interval {low} to {high} %; "
        f"always the largest class: {facts['largest_class']} %)",
    )
    written = (out, *beside, report)
    console.print(f"wrote {', '.join(map(str, written))}", soft_wrap=True)
    where = examples.paths[0].parent
    console.print(
        f"next: make demo MODEL={out} IMAGES={where}; make deploy, make notebook likewise",
        soft_wrap=True,
    )


def _trained(options: argparse.Namespace) -> tuple[Network, Preprocessing]:
    """The trained float network and its preprocessing."""
    from firebrick.commands.chosen import bundled_of, is_bundled
    from firebrick.quantize.calibration.model import read_model
    from firebrick.quantize.exporters.float_onnx import check_bounds

    if is_bundled(options.model):
        bundled = bundled_of(options)
        return bundled.network, bundled.preprocessing
    if Path(options.model).suffix == ".npz":
        raise FirebrickError(
            f"{options.model}: is quantized already; give the float network, .onnx or .net"
        )
    model = read_model(options.model, **preprocessing_options(options))
    check_bounds(model.network)
    return model.network, model.preprocessing


def _percent(part: int, total: int) -> float:
    return round(100.0 * part / total, 2)


def _mistakes(examples: Examples, logits: np.ndarray) -> list[dict]:
    """Every picture that was taken for another class, the surest mistake first."""
    from firebrick.quantize.transfer.picture import worst

    answers = logits.argmax(axis=1)
    return [
        {
            "file": str(examples.paths[index]),
            "class": examples.classes[examples.labels[index]],
            "taken_for": examples.classes[answers[index]],
        }
        for index in worst(logits, examples.labels)
        if answers[index] != examples.labels[index]
    ]
