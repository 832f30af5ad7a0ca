"""Git LFS pointers: a few lines of text that lie where a large file was not fetched."""

from __future__ import annotations

from pathlib import Path

BEGINNING = b"version https://git-lfs.github.com/spec/"


def is_pointer(path: Path) -> bool:
    """Whether ``path`` holds a pointer instead of the file; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING
    except OSError:
        return False
