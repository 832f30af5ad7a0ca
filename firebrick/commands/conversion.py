"""From a network's file and a folder of calibration images to a quantized network.

The command around it is :mod:`commands.quantize`, which also knows what boards make of the network.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.agreement import add_accept_option, check_agreement
from firebrick.commands.calibration import add_calibration_options, choose_calibration
from firebrick.commands.chosen import MODEL_HELP, bundled_of, is_bundled
from firebrick.commands.class_names import class_names
from firebrick.commands.frame import (
    add_effort_option,
    add_preprocessing_options,
    preprocessing_options,
)
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import qfile
from firebrick.quantize.calibration.model import Model, read_model
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.labels import Label, read_labels
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import Accuracy, evaluate, spread
from firebrick.quantize.report.table import print_report

HELD_OUT_LIMIT = 200


@dataclass(frozen=True, eq=False)
class Conversion:
    """A quantized network, the float network that it stands for tensor by tensor (equalized, see
    :class:`quantize.calibration.quantizer.Quantized`), and the calibration images, uint8 [N, C, H,
    W].

    There are none where the file was taken over as it is and no images were given; ``accuracy`` is
    that of labelled images, none of which took part in calibration.
    """

    net: Network
    qnet: QNetwork
    calibration: np.ndarray
    accuracy: Accuracy | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`convert` reads."""
    parser.add_argument("--model", help=MODEL_HELP)
    add_calibration_options(parser, "every n-th of IMAGES")
    parser.add_argument("--images", help="folder of images that measure the agreement")
    parser.add_argument("--labels", help="CSV with columns file, class_index, for IMAGES")
    parser.add_argument("--classes", help="CSV with columns class_index, name")
    parser.add_argument("--out", required=True, help="the quantized network, .npz")
    parser.add_argument("--qdq", help="also export QDQ ONNX to this file")
    add_accept_option(parser)
    add_effort_option(parser)
    add_preprocessing_options(parser)


def convert(options: argparse.Namespace, console: Console) -> Conversion:
    """Quantize, print the report, write the quantized network and the QDQ ONNX if asked for.

    Raises FirebrickError for whatever the user can put right.
    """
    if Path(options.out).suffix != ".npz":
        raise FirebrickError(f"{options.out}: the name of a quantized network ends in .npz")
    if options.labels is not None and options.images is None:
        raise FirebrickError("LABELS needs IMAGES, the folder that its files lie in")
    bundled = bundled_of(options) if is_bundled(options.model) else None
    if bundled is not None:
        model = Model(bundled.network, bundled.preprocessing, None, (), bundled.classes)
    else:
        model = read_model(options.model, **preprocessing_options(options))
        # The largest engine of all boards: what it cannot run none can.
        check_float(model.network, PYNQ_Z2)
    net, preprocessing = model.network, model.preprocessing
    for line in model.story:
        console.print(line)
    count = net.shapes[net.nodes[-1].output][0]
    classes = class_names(options, count, console, model.classes)
    labels = read_labels(options.labels, options.images, count) if options.labels else []
    files: list[Path] = []
    if options.calibration or (options.images and bundled is None):
        files = choose_calibration(options, net, console, measures=model.taken is not None)
    others = _held_out(options.images, files) if files or bundled is not None else []
    calibration = load_images(files, preprocessing) if files else None
    if bundled is not None and calibration is None:
        calibration = bundled.calibration
    quantized = model.quantized(
        calibration,
        held_out=load_images(others, preprocessing) if others else None,
        classes=classes,
        effort=options.effort,
    )
    qnet = quantized.qnet
    print_report(qnet.report, console)
    qfile.save(qnet, options.out)
    console.print(f"wrote {options.out}")
    if options.qdq is not None:
        from firebrick.quantize.exporters.qdq import export_qdq

        export_qdq(qnet, options.qdq)
        console.print(f"wrote {options.qdq}")
    check_agreement(qnet.report, options.accept, console)
    if calibration is None:
        calibration = np.zeros((0, *net.shapes[net.input]), np.uint8)
    return Conversion(quantized.net, qnet, calibration, _accuracy(net, qnet, labels, files))


def _held_out(folder: str | None, calibration: list[Path]) -> list[Path]:
    """Images of ``folder`` that do not calibrate, at most :data:`HELD_OUT_LIMIT` of them.

    FirebrickError where there is a folder, but nothing else in it.
    """
    if folder is None:
        return []
    used = {file.resolve() for file in calibration}
    others = [file for file in list_images(folder) if file.resolve() not in used]
    if not others:
        raise FirebrickError(
            f"{folder}: every image calibrates the network, none is left to measure it; give "
            "other images for CALIBRATION"
        )
    return spread(others, HELD_OUT_LIMIT)


def _accuracy(
    net: Network, qnet: QNetwork, labels: list[Label], calibration: list[Path]
) -> Accuracy | None:
    used = {file.resolve() for file in calibration}
    judged = [label for label in labels if label.path.resolve() not in used]
    return evaluate(qnet, net, judged) if judged else None
