"""Weights that an ONNX file keeps in another file: :func:`load`.

What onnx refuses there (links, places outside the folder, files that are cut) is refused here too,
in words that say what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.pointer import is_pointer

ONE_FILE = (
    "where the network was made, save it as one file: "
    "onnx.save(onnx.load('net.onnx'), 'whole.onnx')"
)


def load(path: Path, model: onnx.ModelProto) -> None:
    """Read the weights that lie beside ``path`` into ``model``; FirebrickError where that fails."""
    try:
        # A pointer can be as long as small weights, and would be read as such.
        if any(is_pointer(path.parent / named) for named in _named(model)):
            raise ValueError("it is a Git LFS pointer")
        load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, OSError, ValueError, RuntimeError) as error:
        reason = next(_reasons(path, model), f"which cannot be read: {error}; {ONE_FILE}")
        raise FirebrickError(f"{path}: keeps its weights in another file, {reason}") from error


def _named(model: onnx.ModelProto) -> set[str]:
    """The files that hold weights."""
    return {
        entry.value
        for tensor in model.graph.initializer
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location" and entry.value
    }


def _reasons(path: Path, model: onnx.ModelProto) -> Iterator[str]:
    """What is wrong with the files that the tensors name, the first first."""
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        named = entries.get("location", "")
        place = path.parent / named
        here = f"{named!r}, beside it"
        if not named:
            yield f"but does not name it; {ONE_FILE}"
        elif Path(named).is_absolute() or ".." in Path(named).parts:
            yield f"{named!r}, outside of its folder, which is not read; {ONE_FILE}"
        elif not place.exists() and path.is_symlink():
            target = path.resolve()
            yield f"{here}, where it is not; the network is a link: give {target} itself"
        elif not place.exists():
            yield f"{here}, where it is not: copy it there, or, {ONE_FILE}"
        elif place.is_symlink() or (place.is_file() and place.stat().st_nlink > 1):
            yield f"{here}, which is a link and is not followed: put a copy there, or, {ONE_FILE}"
        elif not place.is_file():
            yield f"{here}, which is no file"
        elif is_pointer(place):
            yield f"{here}, which is a Git LFS pointer and not the file: run git lfs pull"
        else:
            yield from _cut(tensor.name, place, entries, here)


def _cut(name: str, place: Path, entries: dict[str, str], here: str) -> Iterator[str]:
    try:
        end = int(entries.get("offset", "0")) + int(entries.get("length", "0"))
    except ValueError:
        return
    size = place.stat().st_size
    if end > size:
        yield (
            f"{here}, which has {size} bytes, but {name} ends at byte {end}: it is cut, or that of "
            "another network; copy it again"
        )
