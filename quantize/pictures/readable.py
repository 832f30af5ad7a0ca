"""Which pictures of a folder can be read, for those who want the others left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import load_image
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track


def unreadable(paths: Sequence[Path], value: Preprocessing) -> dict[Path, str]:
    """Of every path that :func:`quantize.pictures.preprocess.load_image` refuses, why."""

    def problem(path: Path) -> str | None:
        try:
            load_image(path, value)
        except FirebrickError as error:
            return str(error)
        return None

    found = track(parallel_map(problem, paths), "read: pictures", len(paths))
    return {path: why for path, why in zip(paths, found, strict=True) if why is not None}
