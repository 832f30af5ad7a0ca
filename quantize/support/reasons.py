"""Many reasons of few kinds: :func:`by_kind`, so that a message tells each kind once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")

# What differs between two reasons of one kind: names, numbers and lists of them.
PARTICULARS = re.compile(
    r"'[^']*'|\[[^\]]*\]|\([^)]*\)|[-+]?\d+x\d+|[-+]?\d+(\.\d+)?(e[-+]?\d+)?|\binf\b"
)


def by_kind(items: Iterable[Item], reason: Callable[[Item], str]) -> list[list[Item]]:
    """``items`` whose reasons are the same but for names and numbers, in order of the first."""
    kinds: dict[str, list[Item]] = {}
    for item in items:
        kinds.setdefault(PARTICULARS.sub("", reason(item)), []).append(item)
    return list(kinds.values())
