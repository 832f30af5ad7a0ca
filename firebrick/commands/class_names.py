"""The names of a user's network's classes, found the same way by every command."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from firebrick.quantize.pictures.labels import read_classes

FILE = "classes.csv"


def class_names(
    options: argparse.Namespace,
    class_count: int,
    console: Console,
    known: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Class names from ``options.classes``, else those that the network's file holds (``known``),
    else from a classes.csv beside the labels or the folder of images; none where there is none,
    which is said.

    Raises FirebrickError naming the file where it does not fit ``class_count``.
    """
    if options.classes:
        return read_classes(options.classes, class_count)
    if known:
        return known
    given = [getattr(options, name, None) for name in ("labels", "images", "calibration")]
    for place in [Path(path).resolve().parent for path in given if path]:
        path = place / FILE
        if path.is_file():
            console.print(f"class names from {path.name} beside the images")
            return read_classes(path, class_count)
    console.print(f"no {FILE}: classes are shown by number")
    return ()
