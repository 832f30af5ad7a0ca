"""Which pictures calibrate a network, chosen the same way by every command."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.frame import positive
from firebrick.commands.pictures import Pictures
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.report.accuracy import CALIBRATION_LIMIT, calibration_files

SECONDS = 120
# Calibrating on one picture takes about as long as this many passes of the float network over it
# (measured: 2.5 on two loaded cores).
PASSES = 3
# The maps of a layer are kept for all pictures at once: about 10 MB a picture for SqueezeNet v1.0.
MOST_PICTURES = 512


def add_calibration_options(parser: argparse.ArgumentParser, default: str) -> None:
    """``--calibration``, a folder, whose pictures are all used within ``--calibration-time``."""
    parser.add_argument("--calibration", help=f"folder of calibration images (default: {default})")
    parser.add_argument(
        "--calibration-time",
        type=positive,
        default=SECONDS,
        metavar="SECONDS",
        help="use as many of them as take about that long (%(default)s)",
    )


def choose_calibration(
    options: argparse.Namespace,
    net: Network,
    pictures: Pictures,
    console: Console,
    labels: list[Label] | None = None,
    measures: bool = False,
) -> list[Path]:
    """The files of the calibration images; a line says which they are.

    Of ``options.calibration`` as many as :func:`affordable`; without it every n-th of ``labels``,
    or else of ``options.images``, at most 64, so that others are left to measure with.  Where the
    images only measure (``measures``) 64 do.
    """
    folder = options.calibration or (None if labels else options.images)
    if folder is None:
        files, where = [label.path for label in labels or []], "labelled images"
    else:
        files, where = pictures.files(folder), f"images in {folder}"
    limit = CALIBRATION_LIMIT
    # Few pictures are used anyway: no need to know how long each takes.
    if options.calibration and not measures and len(files) > limit:
        limit = max(limit, affordable(net, options.calibration_time))
    files, words = calibration_files(files, where, limit)
    console.print(f"{'measuring' if measures else 'calibrating'} on {words}")
    return files


def affordable(net: Network, seconds: float) -> int:
    """How many pictures calibrate ``net`` in ``seconds`` on this machine, as far as one pass of the
    float network tells; at most :data:`MOST_PICTURES`."""
    model = FloatModel(net)
    blank = np.zeros(net.shapes[net.input], np.float32)
    spent = []
    for _ in range(2):
        begin = time.perf_counter()
        model.maps(blank)
        spent.append(time.perf_counter() - begin)
    return int(min(MOST_PICTURES, seconds / (PASSES * min(spent))))
