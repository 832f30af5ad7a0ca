"""The network that a command works on: opened, and quantized, the same way by all of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.anchors import Anchors, anchors_beside
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
from firebrick.quantize.heads import split_head
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.qnetwork import Preprocessing, QNetwork, detector_classes
from firebrick.quantize.report.accuracy import spread

HELD_OUT = 64


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and the reader of its pictures: ``model`` is still to be quantized (or holds the
    numbers that its file was quantized to), ``qnet`` comes from an .npz; one of them is there.
    ``bundled`` is the bundled network that ``model`` is, if it is one.  ``class_count`` is 0 where
    the network ends in maps, unless it is a detector, which has ``anchors``."""

    preprocessing: Preprocessing
    class_count: int
    pictures: Pictures
    model: Model | None = None
    qnet: QNetwork | None = None
    bundled: Bundled | None = None
    anchors: Anchors = ()

    @property
    def maps(self) -> tuple[str, ...]:
        """The feature maps that the network ends in, none where it classifies."""
        network = self.model.network if self.model is not None else self.qnet
        assert network is not None
        return network.maps


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
    options: argparse.Namespace,
    console: Console,
    shape: EngineShape = PYNQ_Z2,
    maps: bool = False,
) -> Opened:
    """The network of ``options.model``: a bundled one, .onnx, .net or .npz; one that ends in
    feature maps only with ``maps``.

    Raises FirebrickError naming the file, before any work, where an engine of ``shape`` cannot run
    it or options are given that it has no use for.
    """
    opened = _opened(options, console, shape)
    ends = opened.maps
    if ends and not maps:
        raise FirebrickError(
            f"{options.model}: ends in the map {ends[0]}, not in classes; this command is for "
            "networks that classify"
        )
    if ends and getattr(options, "labels", None):
        raise FirebrickError(
            f"{options.labels}: {options.model} ends in the map {ends[0]}, labels are for networks "
            "that classify"
        )
    return opened


def _opened(options: argparse.Namespace, console: Console, shape: EngineShape) -> Opened:
    skip_bad = getattr(options, "skip_bad", False)
    if is_bundled(options.model):
        bundled = bundled_of(options)
        net = split_head(bundled.network, len(bundled.anchors))
        model = Model(net, bundled.preprocessing, None, (), bundled.classes)
        pictures = Pictures(model.preprocessing, skip_bad, console)
        return Opened(
            model.preprocessing,
            len(bundled.classes),
            pictures,
            model=model,
            bundled=bundled,
            anchors=bundled.anchors,
        )
    given = preprocessing_options(options) if hasattr(options, "preset") else {}
    if Path(options.model).suffix == ".npz":
        if given or any(getattr(options, name, None) for name in ("calibration", "classes")):
            raise FirebrickError(
                f"{options.model}: a quantized network keeps its own preprocessing, calibration "
                "and class names; leave those options out"
            )
        qnet = qfile.load(options.model)
        pictures = Pictures(qnet.preprocessing, skip_bad, console)
        return Opened(qnet.preprocessing, qnet.kinds, pictures, qnet=qnet, anchors=qnet.anchors)
    model = read_model(options.model, **given)
    check_float(model.network, shape)
    for line in model.story:
        console.print(line)
    net = model.network
    anchors = model.anchors or anchors_beside(options.model, net, console)
    if net.maps:
        channels = sum(net.shapes[name][0] for name in net.maps)
        count = detector_classes(channels, len(anchors))
    else:
        count = net.shapes[net.nodes[-1].output][0]
    if model.taken is None:
        model = replace(model, network=split_head(net, len(anchors)))
    pictures = Pictures(model.preprocessing, skip_bad, console)
    return Opened(model.preprocessing, count, pictures, model=model, anchors=anchors)


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
    if hasattr(options, "classes") and opened.class_count:
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
    qnet = replace(quantized.qnet, anchors=opened.anchors)
    return Made(qnet, quantized, calibration, tuple(used))
