"""Names of an archive's sample pictures: those of their files, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath


def sample_names(files: Sequence[str]) -> list[str]:
    """A name for each of ``files``, in letters and digits: its own without the suffix, with it
    (cat_jpg) where another would have the same, numbered where that is not enough.

    Upper and lower case do not tell names apart: an archive may be unpacked where they do not.
    """
    stems = [slug(PurePath(file).stem) for file in files]
    shared = Counter(stem.casefold() for stem in stems)
    names = [
        slug(PurePath(file).name) if shared[stem.casefold()] > 1 else stem
        for file, stem in zip(files, stems, strict=True)
    ]
    wanted = Counter(name.casefold() for name in names)
    taken = {name for name, count in wanted.items() if count == 1}
    return [name if wanted[name.casefold()] == 1 else _numbered(name, taken) for name in names]


def _numbered(name: str, taken: set[str]) -> str:
    """``name`` with the first number that ``taken`` has not, which is put there."""
    number = 1
    while f"{name}_{number}".casefold() in taken:
        number += 1
    taken.add(f"{name}_{number}".casefold())
    return f"{name}_{number}"


def slug(name: str) -> str:
    """``name`` as a file may be called anywhere: letters and digits, the rest underscores."""
    return "".join(c if c.isalnum() or c == "_" else "_" for c in name)
