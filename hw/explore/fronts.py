"""Pareto fronts: of many points those that no other beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def front(items: Iterable[Item], gains: Callable[[Item], tuple[float, ...]]) -> list[Item]:
    """The items that no other beats: none has all ``gains`` as large and one larger.

    Of items with the same gains the first stays.  In the order of their gains, the largest first.
    """
    ranked = sorted(((gains(item), n, item) for n, item in enumerate(items)), key=_rank)
    kept: list[tuple[tuple[float, ...], Item]] = []
    for gain, _, item in ranked:
        # Who comes later has a smaller first gain or the same: it beats nobody before it.
        if not any(all(a >= b for a, b in zip(other, gain, strict=True)) for other, _ in kept):
            kept.append((gain, item))
    return [item for _, item in kept]


def _rank(entry: tuple[tuple[float, ...], int, object]) -> tuple[tuple[float, ...], int]:
    gain, number, _ = entry
    return tuple(-value for value in gain), number
