"""Files that a user names: networks with their preprocessing, labels, class names."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantize.errors import FirebrickError
from quantize.import_net import config_path, import_net, read_config
from quantize.network import Network
from quantize.preprocess import for_network, preprocessing
from quantize.qnetwork import Preprocessing

if TYPE_CHECKING:
    from quantize.import_onnx import ImportedModel

# Where a QDQ file of ours says how its pictures are prepared, and what its classes are called.
PICTURES_KEY, CLASSES_KEY = "firebrick.pictures", "firebrick.classes"
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
        from quantize.import_onnx import import_onnx

        return import_onnx(path)
    return import_net(path, read_config(path))


def load_model(
    path: str | Path, preset: str | None = None, **values: Any
) -> tuple[Network, Preprocessing]:
    """A float network and its preprocessing, cropped to the network's input.

    ``preset`` and ``values`` as in :func:`quantize.preprocess.preprocessing`; for the published
    .net file they may be left out, its preprocessing is known.  What an ONNX file does to its
    input itself is added to what is stated; see :func:`prepare`.  Raises FirebrickError naming the
    file.
    """
    path = Path(path)
    if path.suffix == ".onnx" and path.is_file():
        from quantize.import_onnx import import_model, refuse_ceilings

        model = import_model(path)
        refuse_ceilings(model)
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
    it: they are 1, 0 and 1 and need not be stated.
    """
    channels = model.network.shapes[model.network.input][0]
    identity = {"scale": 1.0, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    shown = "--scale 1 --mean " + ",".join("0" * channels) + " --std " + ",".join("1" * channels)
    try:
        if model.bytes_in and preset is None:
            stated = json.loads(model.metadata.get(PICTURES_KEY, "{}"))
            values = {**identity, **stated, **values}
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


@dataclass(frozen=True)
class Label:
    """One labelled image: its path and its class."""

    path: Path
    class_index: int


def read_labels(path: str | Path, folder: str | Path, class_count: int) -> list[Label]:
    """The rows of a labels.csv, whose columns ``file`` and ``class_index`` are read.

    Files are relative to ``folder``.  Raises FirebrickError naming the file and the line for
    missing columns, images that do not exist, and classes outside 0..class_count - 1.
    """
    path, folder = Path(path), Path(folder)
    if not folder.is_dir():
        raise FirebrickError(f"{folder}: not a folder of images")
    labels = []
    for line, row in _rows(path, ("file", "class_index")):
        image = folder / row["file"]
        if not row["file"] or not image.is_file():
            raise FirebrickError(f"{path}, line {line}: no image {row['file']!r} in {folder}")
        labels.append(Label(image, _class_index(path, line, row["class_index"], class_count)))
    if not labels:
        raise FirebrickError(f"{path}: names no images")
    return labels


def read_classes(path: str | Path, class_count: int) -> tuple[str, ...]:
    """Class names by index from a CSV file with the columns ``class_index`` and ``name``.

    Raises FirebrickError naming the file unless every class has one name.
    """
    path = Path(path)
    names: dict[int, str] = {}
    for line, row in _rows(path, ("class_index", "name")):
        index = _class_index(path, line, row["class_index"], class_count)
        if names.setdefault(index, row["name"]) != row["name"]:
            raise FirebrickError(f"{path}, line {line}: class {index} has two names")
    missing = [index for index in range(class_count) if index not in names]
    if missing:
        raise FirebrickError(
            f"{path}: {len(missing)} of {class_count} classes have no name, class {missing[0]} "
            "is the first"
        )
    return tuple(names[index] for index in range(class_count))


def _class_index(path: Path, line: int, text: str, class_count: int) -> int:
    index = int(text) if text.strip().isdecimal() else -1
    if not 0 <= index < class_count:
        raise FirebrickError(
            f"{path}, line {line}: class_index {text!r} is not one of 0..{class_count - 1}"
        )
    return index


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """(line number, row) for every row; FirebrickError unless it is a CSV file with ``columns``."""
    if not path.is_file():
        raise FirebrickError(f"{path}: no such file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            missing = [name for name in columns if name not in header]
            if missing:
                raise FirebrickError(f"{path}: has no column {' and no column '.join(missing)}")
            return [
                (reader.line_num, {name: row[name] or "" for name in columns}) for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FirebrickError(f"{path}: not a CSV file in UTF-8 ({error})") from error
