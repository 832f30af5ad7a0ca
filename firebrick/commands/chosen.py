"""The bundled networks as commands take them: quantized, with pictures of theirs or the user's."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.frame import preprocessing_options
from firebrick.models.bundled import DEFAULT, NAMES, Bundled, bundled
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import calibration_files, spread

MODEL_HELP = f".onnx, .net or quantized .npz, or {' or '.join(NAMES)} (default: {DEFAULT})"


@dataclass(frozen=True, eq=False)
class Chosen:
    """A quantized network, and pictures for it: uint8 [N, C, H, W], a name and a class of each
    (-1: none is meant); ``bundled`` is what it was made from."""

    qnet: QNetwork
    bundled: Bundled
    pictures: np.ndarray
    names: tuple[str, ...]
    truth: np.ndarray


def is_bundled(model: str | None) -> bool:
    """Whether ``model`` is the name of a bundled network; None is the default one's."""
    return model is None or model in NAMES


def bundled_of(options: argparse.Namespace) -> Bundled:
    """The bundled network that ``options.model`` names.

    Raises FirebrickError where preprocessing is stated for it: it has its own.
    """
    name = options.model or DEFAULT
    stated = preprocessing_options(options) if hasattr(options, "preset") else {}
    if stated:
        raise FirebrickError(
            f"{', '.join(sorted(stated))}: {name} knows how its pictures are prepared; name MODEL "
            "for a network of yours"
        )
    return bundled(name)


def calibration_of(
    net: Bundled, folder: str | None, console: Console
) -> tuple[np.ndarray, list[Path]]:
    """Calibration pictures of a bundled network, the user's where a folder is given, and files."""
    if folder is None:
        return net.calibration, []
    files, words = calibration_files(folder, [])
    console.print(f"calibrating on {words}", highlight=False)
    return load_images(files, net.preprocessing), files


def choose(options: argparse.Namespace, console: Console, effort: str = "full") -> Chosen:
    """The bundled network of ``options.model``, calibrated on its own pictures or those of
    ``options.calibration``, with its own pictures or at most ``options.count`` of
    ``options.images``."""
    from firebrick.quantize.calibration.quantizer import quantize_network

    net = bundled_of(options)
    calibration, _ = calibration_of(net, getattr(options, "calibration", None), console)
    qnet = quantize_network(
        net.network, net.preprocessing, calibration, classes=net.classes, effort=effort
    )
    if not options.images:
        return Chosen(qnet, net, net.pictures, net.names, net.truth)
    files = list_images(options.images)
    chosen = spread(files, options.count) if options.count else files
    names = tuple(path.name for path in chosen)
    pictures = load_images(chosen, net.preprocessing)
    return Chosen(qnet, net, pictures, names, np.full(len(chosen), -1))
