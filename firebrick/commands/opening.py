"""The network that a command works on: opened, and quantized, the same way by all of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.calibration import choose_calibration
from firebrick.commands.chosen import bundled_of, is_bundled
from firebrick.commands.class_names import class_names
from firebrick.commands.frame import preprocessing_options
from firebrick.commands.pictures import Pictures, labels_without, without
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.models.bundled import Bundled
from firebrick.quantize import qfile
from firebrick.quantize.calibration.model import Model, read_model
from firebrick.quantize.calibration.quantizer import Quantized
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.qnetwork import Preprocessing, QNetwork
from firebrick.quantize.report.accuracy import spread

HELD_OUT = 64


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and the reader of its pictures: ``model`` is still to be quantized (or holds the
    numbers that its file was quantized to), ``qnet`` comes from an .npz; one of them is there.
    ``bundled`` is the bundled network that ``model`` is, if it is one."""

    preprocessing: Preprocessing
    class_count: int
    pictures: Pictures
    model: Model | None = None
    qnet: QNetwork | None = None
    bundled: Bundled | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """A quantized network; ``quantized`` tells of the float one, and is None for an .npz.

    ``calibration`` uint8 [N, C, H, W] are the pictures that calibrated (or only measured), None
    where there were none, and ``used`` their files.
    """

    qnet: QNetwork
    quantized: Quantized | None
    calibration: np.ndarray | None
    used: tuple[Path, ...]

    def unseen(self, labels: list[Label]) -> list[Label]:
        """The labelled pictures that did not calibrate: they alone tell how well it went."""
        return labels_without(labels, self.used)


def open_network(
    options: argparse.Namespace, console: Console, shape: EngineShape = PYNQ_Z2
) -> Opened:
    """The network of ``options.model``: a bundled one, .onnx, .net or .npz.

    Raises FirebrickError naming the file, before any work, where an engine of ``shape`` cannot run
    it or options are given that it has no use for.
    """
    skip_bad = getattr(options, "skip_bad", False)
    if is_bundled(options.model):
        bundled = bundled_of(options)
        model = Model(bundled.network, bundled.preprocessing, None, (), bundled.classes)
        pictures = Pictures(model.preprocessing, skip_bad, console)
        return Opened(
            model.preprocessing, len(bundled.classes), pictures, model=model, bundled=bundled
        )
    given = preprocessing_options(options) if hasattr(options, "preset") else {}
    if Path(options.model).suffix == ".npz":
        if given or any(getattr(options, name, None) for name in ("calibration", "classes")):
            raise FirebrickError(
                f"{options.model}: a quantized network keeps its own preprocessing, calibration "
                "and class names; leave those options out"
            )
        qnet = qfile.load(options.model)
        last = qnet.classifier
        if last is None:
            raise FirebrickError(
                f"{options.model}: ends in the map {qnet.maps[0]}, not in classes; this command is "
                "for networks that classify"
            )
        pictures = Pictures(qnet.preprocessing, skip_bad, console)
        return Opened(qnet.preprocessing, len(last.bias), pictures, qnet=qnet)
    model = read_model(options.model, **given)
    check_float(model.network, shape)
    for line in model.story:
        console.print(line)
    count = model.network.shapes[model.network.nodes[-1].output][0]
    pictures = Pictures(model.preprocessing, skip_bad, console)
    return Opened(model.preprocessing, count, pictures, model=model)


def quantize_opened(
    opened: Opened,
    options: argparse.Namespace,
    console: Console,
    *,
    labels: list[Label] | None = None,
    measure: int = HELD_OUT,
    must_measure: bool = False,
) -> Made:
    """The network quantized on the pictures of ``options.calibration``, else on every n-th of
    ``labels`` or ``options.images``; a bundled one on its own unless a folder is given.

    At most ``measure`` of the other pictures of ``options.images`` (of a bundled network's own,
    where it never saw them) measure it.  Raises FirebrickError where there are none and
    ``must_measure``.
    """
    model, bundled = opened.model, opened.bundled
    if model is None:
        assert opened.qnet is not None
        return Made(opened.qnet, None, None, ())
    folder = getattr(options, "images", None)
    used: list[Path] = []
    if getattr(options, "calibration", None) or (folder and bundled is None):
        taken_over = model.taken is not None
        used = choose_calibration(
            options, model.network, opened.pictures, console, labels, measures=taken_over
        )
    others = without(opened.pictures.files(folder), used) if folder and measure else []
    if must_measure and folder and not others:
        raise FirebrickError(
            f"{folder}: every image calibrates the network, none is left to measure it; give "
            "other images for CALIBRATION"
        )
    classes = model.classes
    if hasattr(options, "classes"):
        classes = class_names(options, opened.class_count, console, model.classes)
    calibration = opened.pictures.load(used) if used else None
    held_out = opened.pictures.load(spread(others, measure)) if others else None
    if bundled is not None:
        calibration = bundled.calibration if calibration is None else calibration
        if bundled.judged and not folder and measure:
            held_out = bundled.pictures
    quantized = model.quantized(
        calibration,
        held_out=held_out,
        classes=classes,
        effort=getattr(options, "effort", "full"),
    )
    return Made(quantized.qnet, quantized, calibration, tuple(used))
