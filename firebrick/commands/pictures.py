"""The user's folders of pictures as commands read them, with or without the bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import Label, read_labels
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.pictures.readable import unreadable
from firebrick.quantize.qnetwork import Preprocessing


@dataclass(frozen=True, eq=False)
class Pictures:
    """Picture files prepared as ``value`` says.  Every folder is looked through once.

    Where ``skip_bad``, files that cannot be read are named, counted and left out; else the first
    of them is refused when it is loaded.
    """

    value: Preprocessing
    skip_bad: bool
    console: Console
    _folders: dict[Path, list[Path]] = field(default_factory=dict)
    _bad: dict[Path, str] = field(default_factory=dict)
    _checked: set[Path] = field(default_factory=set)

    def files(self, folder: str | Path) -> list[Path]:
        """The folder's pictures, sorted by name; FirebrickError where there are none."""
        folder = Path(folder)
        if folder not in self._folders:
            listed = list_images(folder, lost_links=self.skip_bad)
            self._folders[folder] = self._usable(listed, str(folder))
        return self._folders[folder]

    def labels(self, table: str | None, folder: str | None, class_count: int) -> list[Label]:
        """The labelled pictures of ``folder``, none without a table."""
        if table is None:
            return []
        if folder is None:
            raise FirebrickError("LABELS needs IMAGES, the folder that its files lie in")
        labels = read_labels(table, folder, class_count)
        kept = set(self._usable([label.path for label in labels], str(table)))
        return [label for label in labels if label.path in kept]

    def load(self, files: Sequence[Path]) -> np.ndarray:
        """The pictures as uint8 [N, C, H, W]."""
        return load_images(files, self.value)

    def _usable(self, files: list[Path], where: str) -> list[Path]:
        if not self.skip_bad:
            return files
        fresh = [path for path in files if path not in self._checked]
        self._checked.update(fresh)
        found = unreadable(fresh, self.value)
        self._bad.update(found)
        for why in found.values():
            self.console.print(f"skipped: {why}", soft_wrap=True)
        kept = [path for path in files if path not in self._bad]
        if found:
            self.console.print(
                f"{where}: {len(files) - len(kept)} of {len(files)} pictures are skipped",
                soft_wrap=True,
            )
        if not kept:
            raise FirebrickError(f"{where}: none of its {len(files)} pictures can be read")
        return kept


def labels_without(labels: Sequence[Label], used: Sequence[Path]) -> list[Label]:
    """The labelled pictures that are not among ``used``."""
    kept = set(without([label.path for label in labels], used))
    return [label for label in labels if label.path in kept]


def without(files: Sequence[Path], used: Sequence[Path]) -> list[Path]:
    """``files`` that are not among ``used``, whatever the names they go by."""
    seen = {path.resolve() for path in used}
    return [path for path in files if path.resolve() not in seen]
