"""Labelled pictures of new classes: a folder with a folder a class, or a CSV file.

Whatever cannot be learnt from is refused before any work: too few pictures or classes, too many
classes, files that are no pictures, one picture in two classes.  A picture that is there twice is
counted once, because a copy in another fold would give the answer away.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import read_rows
from firebrick.quantize.pictures.preprocess import ARRAY_SUFFIX, SUFFIXES, load_image
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

MIN_PICTURES = 5
MAX_CLASSES = 200
# Columns of a CSV file that name a class, the first that is there counts.
NAME_COLUMNS = ("class", "name")
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Examples:
    """``paths``, the class of each (``labels`` int64 [N], an index into ``classes``), and in words
    what of the folder or table is not used."""

    paths: tuple[Path, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def read_folders(folder: str | Path) -> Examples:
    """The pictures in the sub-folders of ``folder``, whose names are the classes.

    Raises FirebrickError naming the folder or class where there is too little to learn from.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FirebrickError(f"{folder}: not a folder with a folder of photos for each class")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    inside = {entry: _files(entry) for entry in entries if entry.is_dir()}
    found = {entry: [p for p in files if _is_picture(p)] for entry, files in inside.items()}
    skipped = [f"folder {entry.name} (holds no pictures)" for entry in found if not found[entry]]
    loose = [entry for entry in entries if not entry.is_dir()]
    loose += [path for entry in inside for path in inside[entry] if not _is_picture(path)]
    if loose:
        skipped.append(f"{_some(path.relative_to(folder) for path in loose)} (not used)")
    pairs = [(path, entry.name) for entry, paths in found.items() for path in paths]
    classes = tuple(entry.name for entry in found if found[entry])
    if len(classes) < 2:
        raise FirebrickError(
            f"{folder}: holds {len(classes)} folders with pictures; at least two are needed, one "
            "for each class, named as the class"
        )
    labels = np.array([classes.index(name) for _, name in pairs])
    return _checked(str(folder), Examples(_paths(pairs), labels, classes, tuple(skipped)))


def read_table(table: str | Path, folder: str | Path) -> Examples:
    """The pictures that a CSV file lists, relative to ``folder``.

    Its columns are ``file`` and ``class`` (or ``name``), the class's name, or ``class_index``;
    where there are both, the classes come in the order of their indices.  Raises FirebrickError
    naming the file and the line.
    """
    table, folder = Path(table), Path(folder)
    if not folder.is_dir():
        raise FirebrickError(f"{folder}: not a folder of images")
    rows = read_rows(table, ("file",), (*NAME_COLUMNS, "class_index"))
    columns = list(rows[0][1]) if rows else ["file", "class"]
    named = next((name for name in NAME_COLUMNS if name in columns), None)
    indexed = "class_index" in columns
    if named is None and not indexed:
        raise FirebrickError(f"{table}: has no column class and no column class_index")
    pairs: list[tuple[Path, str]] = []
    index_of: dict[str, int] = {}
    for line, row in rows:
        path = folder / row["file"]
        if not row["file"] or not path.is_file():
            raise FirebrickError(f"{table}, line {line}: no image {row['file']!r} in {folder}")
        index = row["class_index"].strip() if indexed else "0"
        if not index.isdecimal():
            raise FirebrickError(f"{table}, line {line}: class_index {index!r} is not a number")
        name = row[named].strip() if named else str(int(index))
        if not name:
            raise FirebrickError(f"{table}, line {line}: {row['file']} has no class")
        if indexed and index_of.setdefault(name, int(index)) != int(index):
            raise FirebrickError(f"{table}, line {line}: class {name} has two class_index")
        pairs.append((path, name))
    names = {name for _, name in pairs}
    classes = tuple(sorted(names, key=lambda name: (index_of.get(name, 0), name)))
    if len(classes) < 2:
        raise FirebrickError(f"{table}: names {len(classes)} classes; at least two are needed")
    number = {name: index for index, name in enumerate(classes)}
    labels = np.array([number[name] for _, name in pairs])
    return _checked(str(table), Examples(_paths(pairs), labels, classes))


def load(
    examples: Examples, value: Preprocessing, skip_bad: bool = False
) -> tuple[Examples, np.ndarray]:
    """The examples without copies, and their pictures, uint8 [N, C, H, W].

    Raises FirebrickError naming the files that cannot be read (which ``skip_bad`` leaves out and
    lists), and two of unlike classes that show the same.
    """

    def of_path(path: Path) -> np.ndarray | str:
        try:
            return load_image(path, value)
        except FirebrickError as error:
            return str(error)

    total = len(examples.paths)
    loaded = list(track(parallel_map(of_path, examples.paths), "read: pictures", total))
    broken = [picture for picture in loaded if isinstance(picture, str)]
    if broken and not skip_bad:
        more = f"; and {len(broken) - 1} other files cannot be read either" if broken[1:] else ""
        raise FirebrickError(broken[0] + more)
    first: dict[bytes, int] = {}
    copies: dict[int, int] = {}
    for index, picture in enumerate(loaded):
        if isinstance(picture, str):
            continue
        original = first.setdefault(hashlib.sha256(picture.tobytes()).digest(), index)
        if original == index:
            continue
        if examples.labels[index] != examples.labels[original]:
            raise FirebrickError(
                f"{examples.paths[index]}: the same picture as {examples.paths[original]}, which "
                "is of another class; remove one of them"
            )
        copies[index] = original
    read = [index for index in range(total) if isinstance(loaded[index], np.ndarray)]
    kept = [index for index in read if index not in copies]
    skipped = (*examples.skipped, *broken)
    if copies:
        names = _some(examples.paths[index].name for index in copies)
        skipped = (*skipped, f"{names} (the same picture as another one of its class)")
    left = Examples(
        tuple(examples.paths[index] for index in kept),
        examples.labels[kept],
        examples.classes,
        skipped,
    )
    pictures = np.stack([loaded[index] for index in kept])
    where = "without copies and pictures that cannot be read" if broken else "without copies"
    return _checked(where, left), pictures


def _checked(where: str, examples: Examples) -> Examples:
    """``examples``; FirebrickError where there are too many classes or too few pictures of one."""
    if len(examples.classes) > MAX_CLASSES:
        raise FirebrickError(
            f"{where}: {len(examples.classes)} classes; at most {MAX_CLASSES} can be learnt"
        )
    counts = np.bincount(examples.labels, minlength=len(examples.classes))
    few = int(counts.argmin())
    if counts[few] < MIN_PICTURES:
        raise FirebrickError(
            f"{where}: class {examples.classes[few]} has {counts[few]} pictures; each class needs "
            f"at least {MIN_PICTURES}"
        )
    twice = [str(path) for path, count in Counter(examples.paths).items() if count > 1]
    if twice:
        raise FirebrickError(f"{where}: names {twice[0]} twice")
    return examples


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, ARRAY_SUFFIX) and path.is_file()


def _paths(pairs: list[tuple[Path, str]]) -> tuple[Path, ...]:
    return tuple(path for path, _ in pairs)


def _some(names: Iterable[object]) -> str:
    listed = [str(name) for name in names]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
