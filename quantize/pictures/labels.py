"""Labels of pictures and names of classes, from CSV files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firebrick.quantize.errors import FirebrickError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Label:
    """One labelled image: its path and its class."""

    path: Path
    class_index: int


def read_labels(path: str | Path, folder: str | Path, class_count: int) -> list[Label]:
    """The rows of a labels.csv, whose columns ``file`` and ``class_index`` are read.

    Files are relative to ``folder``.  Raises FirebrickError naming the file and the line for
    missing columns, images that do not exist or are labelled twice, and classes outside
    0..class_count - 1.
    """
    path, folder = Path(path), Path(folder)
    if not folder.is_dir():
        raise FirebrickError(f"{folder}: not a folder of images")
    labels = []
    first_lines: dict[Path, int] = {}
    rows = read_rows(path, ("file", "class_index"))
    _refuse_counted_from_one(path, rows, class_count)
    for line, row in rows:
        image = folder / row["file"]
        if not row["file"] or not image.is_file():
            raise FirebrickError(f"{path}, line {line}: no image {row['file']!r} in {folder}")
        first = first_lines.setdefault(image.resolve(), line)
        if first != line:
            raise FirebrickError(
                f"{path}, line {line}: image {row['file']!r} has a label in line {first} already; "
                "leave one of them"
            )
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
    for line, row in read_rows(path, ("class_index", "name")):
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


def _refuse_counted_from_one(
    path: Path, rows: list[tuple[int, dict[str, str]]], class_count: int
) -> None:
    found = {row["class_index"].strip() for _, row in rows}
    if str(class_count) in found and "0" not in found:
        raise FirebrickError(
            f"{path}: its classes are counted from 1 to {class_count}, the network's from 0 to "
            f"{class_count - 1}: take 1 off every class_index"
        )


def _class_index(path: Path, line: int, text: str, class_count: int) -> int:
    index = int(text) if text.strip().isdecimal() else -1
    if not 0 <= index < class_count:
        raise FirebrickError(
            f"{path}, line {line}: class_index {text!r} is not one of 0..{class_count - 1}"
        )
    return index


def read_rows(
    path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """(line number, row) for every row; FirebrickError unless it is a CSV file with ``columns``.

    A row has those, and what the file has of ``optional``.  Columns are separated by commas, or by
    semicolons or tabs as spreadsheets write them where the comma is a decimal point.
    """
    if not path.is_file():
        raise FirebrickError(f"{path}: no such file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            others = [mark for mark in ";\t" if mark in first and "," not in first]
            reader = csv.DictReader(file, delimiter=others[0] if others else ",")
            header = reader.fieldnames or []
            missing = [name for name in columns if name not in header]
            if missing:
                raise FirebrickError(f"{path}: has no column {' and no column '.join(missing)}")
            wanted = (*columns, *(name for name in optional if name in header))
            return [(reader.line_num, {name: row[name] or "" for name in wanted}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FirebrickError(f"{path}: not a CSV file in UTF-8 ({error})") from error
