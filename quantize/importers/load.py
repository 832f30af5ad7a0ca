"""Files that a user names: networks with their preprocessing, labels, class names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.net import config_path, import_net, read_config
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.qnetwork import Preprocessing

if TYPE_CHECKING:
    from firebrick.quantize.importers.onnx.model import ImportedModel

# Where an ONNX file of ours says how its pictures are prepared, what its classes are called, and
# what a detector's boxes differ from.
PICTURES_KEY, CLASSES_KEY = "firebrick.pictures", "firebrick.classes"
ANCHORS_KEY = "firebrick.anchors"
# The published network of the .net format was trained with Caffe.
NET_PRESET = "caffe-squeezenet"


def load_network(path: str | Path) -> Network:
    """The float network of an .onnx or .net file; FirebrickError naming the file otherwise."""
    path = Path(path)
    if path.suffix not in (".onnx", ".net"):
        raise FirebrickError(f"{path}: not a network file; .onnx and .net can be read")
    if not path.is_file():
        raise FirebrickError(f"{path}: no such network file")
    # Imported here: the onnx package takes longer to load than everything else together.
    if path.suffix == ".onnx":
        from firebrick.quantize.importers.onnx.model import import_onnx

        return import_onnx(path)
    return import_net(path, read_config(path))


def load_model(
    path: str | Path, preset: str | None = None, **values: Any
) -> tuple[Network, Preprocessing]:
    """A float network and its preprocessing, cropped to the network's input.

    ``preset`` and ``values`` as in :func:`quantize.pictures.preprocess.preprocessing`; for the
    published .net file they may be left out, its preprocessing is known.  What an ONNX file does to
    its input itself is added to what is stated; see :func:`prepare`.  Raises FirebrickError naming
    the file.
    """
    path = Path(path)
    if path.suffix == ".onnx" and path.is_file():
        from firebrick.quantize.importers.onnx.model import import_model

        model = import_model(path)
        return model.network, prepare(model, preset, **values)
    net = load_network(path)
    if path.suffix == ".net" and preset is None and not config_path(path).is_file():
        preset = NET_PRESET
    try:
        return net, for_network(preprocessing(preset, **values), net)
    except FirebrickError as error:
        raise FirebrickError(f"{path}: {error}") from error


def prepare(model: ImportedModel, preset: str | None = None, **values: Any) -> Preprocessing:
    """The preprocessing of an ONNX file: what is stated, and then what the file does itself.

    Nothing is normalized twice unnoticed.  Where the file scales or shifts its input itself,
    scale, mean and std are what happens before that: a preset whose own would do it again is
    refused, unless they are given by value.  Where the file takes bytes nothing happens before
    it: they are 1, 0 and 1 and need not be stated.  Files of ours state theirs themselves.
    """
    channels = model.network.shapes[model.network.input][0]
    identity = {"scale": 1.0, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    shown = "--scale 1 --mean " + ",".join("0" * channels) + " --std " + ",".join("1" * channels)
    try:
        if preset is None:
            stated = json.loads(model.metadata.get(PICTURES_KEY, "{}"))
            values = {**(identity if model.bytes_in else {}), **stated, **values}
        wanted = preprocessing(preset, **values)
        doing = [name for name in identity if not _same(getattr(wanted, name), identity[name])]
        if model.bytes_in and doing:
            raise FirebrickError(
                f"its input {model.network.input!r} takes bytes, the pixels themselves, but "
                f"{' and '.join(doing)} are stated for them; give color and resize only"
            )
        doubled = [name for name in doing if name not in values]
        if model.prepared_by and doubled:
            nodes = ", ".join(f"{node.name} ({node.op})" for node in model.prepared_by)
            raise FirebrickError(
                f"it normalizes its input itself, in {nodes}, and the preset {preset!r} would do "
                f"it before that too ({', '.join(doubled)}); state by value what comes before the "
                f"file: {shown}, or --scale 1/255 where it takes 0..1"
            )
        wanted = for_network(wanted, model.network)
        mean = np.asarray(wanted.mean) - model.shift * np.asarray(wanted.std)
        return replace(wanted, mean=tuple(float(value) for value in mean))
    except (FirebrickError, ValueError, TypeError) as error:
        raise FirebrickError(f"{model.path}: {error}") from error


def _same(value: Any, other: Any) -> bool:
    return bool(np.all(np.asarray(value) == np.asarray(other)))
