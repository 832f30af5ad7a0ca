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
from firebrick.commands.calibration import add_calibration_options
from firebrick.commands.chosen import MODEL_HELP
from firebrick.commands.frame import (
    add_effort_option,
    add_preprocessing_options,
    add_skip_bad_option,
)
from firebrick.commands.opening import open_network, quantize_opened
from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import Accuracy, evaluate
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
    add_skip_bad_option(parser)
    add_accept_option(parser)
    add_effort_option(parser)
    add_preprocessing_options(parser)


def convert(options: argparse.Namespace, console: Console) -> Conversion:
    """Quantize, print the report, write the quantized network and the QDQ ONNX if asked for.

    Raises FirebrickError for whatever the user can put right.
    """
    if Path(options.out).suffix != ".npz":
        raise FirebrickError(f"{options.out}: the name of a quantized network ends in .npz")
    opened = open_network(options, console, maps=True)
    model = opened.model
    if model is None:
        raise FirebrickError(
            f"{options.model}: is quantized already; give the float network, .onnx or .net"
        )
    labels = opened.pictures.labels(options.labels, options.images, opened.class_count)
    made = quantize_opened(
        opened, options, console, measure=HELD_OUT_LIMIT, must_measure=opened.bundled is None
    )
    qnet, quantized, calibration = made.qnet, made.quantized, made.calibration
    assert quantized is not None
    print_report(qnet.report, console)
    qfile.save(qnet, options.out)
    console.print(f"wrote {options.out}")
    if options.qdq is not None:
        from firebrick.quantize.exporters.qdq import export_qdq

        export_qdq(qnet, options.qdq)
        console.print(f"wrote {options.qdq}")
    check_agreement(qnet.report, options.accept, console)
    if calibration is None:
        calibration = np.zeros((0, *qnet.tensors[qnet.input].shape), np.uint8)
    judged = made.unseen(labels)
    accuracy = evaluate(qnet, model.reference(), judged) if judged else None
    return Conversion(quantized.net, qnet, calibration, accuracy)
