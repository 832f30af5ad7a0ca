"""The networks that need no file of the user's: by name, with preprocessing and pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import for_network, load_images, preprocessing
from firebrick.quantize.qnetwork import Preprocessing

DEFAULT = "squeezenet"
NAMES = (DEFAULT, "digits", "detector")
DIGITS_CALIBRATION = 256
CANVASES, CANVASES_CALIBRATION = 16, 64


@dataclass(frozen=True, eq=False)
class Bundled:
    """A float network with all that quantizing and showing it takes.

    ``calibration`` and ``pictures`` are uint8 [N, C, H, W]; ``names`` has one for each picture,
    ``truth`` int64 [N] its class, -1 where none of the classes is meant.  ``judged`` tells whether
    the pictures are many and labelled enough to state an accuracy.  A detector has ``anchors``
    (width, height), its ``classes`` are what it finds.
    """

    network: Network
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    calibration: np.ndarray
    pictures: np.ndarray
    names: tuple[str, ...]
    truth: np.ndarray
    judged: bool
    anchors: tuple[tuple[float, float], ...] = ()


def bundled(name: str) -> Bundled:
    """The network called ``name``, one of :data:`NAMES`; FirebrickError where it cannot be had."""
    if name == "digits":
        return _digits()
    if name == "detector":
        return _detector()
    if name == "squeezenet":
        return _squeezenet()
    raise FirebrickError(f"{name}: not one of the networks {', '.join(NAMES)}, nor a file")


def _squeezenet() -> Bundled:
    from firebrick.models import squeezenet

    net = squeezenet.load_network()
    prepared = for_network(preprocessing(squeezenet.PRESET), net)
    classes = squeezenet.class_names()
    paths = [path for _, path in squeezenet.photograph_paths()]
    truth = [classes.index(entry[3]) if entry[3] else -1 for entry in squeezenet.PHOTOGRAPHS]
    return Bundled(
        net,
        prepared,
        classes,
        squeezenet.calibration_pictures(net.shapes[net.input][1]),
        load_images(paths, prepared),
        tuple(name for name, *_ in squeezenet.PHOTOGRAPHS),
        np.array(truth),
        judged=False,
    )


def _digits() -> Bundled:
    from firebrick.models import digits
    from firebrick.quantize.importers.onnx.model import import_onnx

    net = import_onnx(digits.MODEL_PATH)
    train, _, pictures, truth = digits.load_digits_split()
    return Bundled(
        net,
        for_network(preprocessing("digits"), net),
        digits.CLASSES,
        train[:DIGITS_CALIBRATION],
        pictures,
        tuple(f"digit {i}" for i in range(len(pictures))),
        truth,
        judged=True,
    )


def _detector() -> Bundled:
    from firebrick.models import canvases
    from firebrick.quantize.importers.onnx.model import import_onnx

    net = import_onnx(canvases.MODEL_PATH)
    stated = json.loads(canvases.FACTS_PATH.read_text())
    seen = canvases.canvases(CANVASES_CALIBRATION, stated["seed"], held_out=False)
    shown = canvases.held_out_canvases(CANVASES).pictures
    return Bundled(
        net,
        for_network(preprocessing("digits", resize=0), net),
        canvases.CLASSES,
        seen.pictures,
        shown,
        tuple(f"canvas {i}" for i in range(len(shown))),
        np.full(len(shown), -1),
        judged=False,
        anchors=tuple((float(w), float(h)) for w, h in stated["head"]["anchors"]),
    )
