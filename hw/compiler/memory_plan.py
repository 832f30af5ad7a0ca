"""Where the rows of every group lie in the activation memory.

While a group runs, three ranges are in use: the ring of its own source rows, the ring of its
squeeze map, and the ring that the source rows of the next group are already loaded into.  Groups
take turns: those with an even number keep their rows at the bottom of the memory, the others at
its top, a squeeze ring lies next to its group's rows.  A run of several images goes round, so the
last one of an odd number of groups keeps its rows just above those of the first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

# Rows of a ring that the program format can express.
RING_ROWS_MAX = 255


@dataclass(frozen=True)
class Need:
    """What a group needs: at least ``least`` source rows of ``row_words`` at once, at most
    ``most`` are of use, ``mid_words`` for its squeeze map and ``tail_words`` for what its tail
    reads."""

    name: str
    row_words: int
    least: int
    most: int
    mid_words: int
    tail_words: int = 0

    @property
    def rings_words(self) -> int:
        """Words of the rings that its own results go through."""
        return self.mid_words + self.tail_words


@dataclass(frozen=True)
class Place:
    """A group's source ring, ``in_rows`` rows from word ``in_base``, and where its squeeze ring
    and the one in front of its tail begin."""

    in_base: int
    in_rows: int
    mid_base: int
    tail_base: int


@dataclass(frozen=True)
class Conflict:
    """Group ``number`` needs ``words`` of memory together with what is loaded meanwhile."""

    number: int
    words: int


def together(count: int, number: int) -> tuple[int, ...]:
    """Of ``count`` groups those whose source rows are in memory while group ``number`` runs."""
    after = (number + 1) % count
    if count % 2 and number == count - 2:
        return (number, after, 0)
    return (number, after)


def _used(needs: list[Need], rows: list[int]) -> list[int]:
    """Words that are in use while each group runs."""
    sizes = [count * need.row_words for count, need in zip(rows, needs, strict=True)]
    return [
        need.rings_words + sum(sizes[g] for g in together(len(needs), number))
        for number, need in enumerate(needs)
    ]


def conflict(needs: list[Need], act_words: int) -> Conflict | None:
    """The first group that does not fit a memory of ``act_words``, or None where all do."""
    used = _used(needs, [need.least for need in needs])
    return next((Conflict(n, words) for n, words in enumerate(used) if words > act_words), None)


def plan(needs: list[Need], act_words: int) -> list[Place]:
    """A place for every group; ``conflict`` must have found none.

    Room that is left over goes, row by row, to the ring that has the fewest words.
    """
    rows = [need.least for need in needs]
    waiting = [
        (row * need.row_words, g) for g, (row, need) in enumerate(zip(rows, needs, strict=True))
    ]
    heapq.heapify(waiting)
    users: list[list[int]] = [[] for _ in needs]
    for number in range(len(needs)):
        for g in together(len(needs), number):
            users[g].append(number)
    used = _used(needs, rows)
    while waiting:
        _, group = heapq.heappop(waiting)
        need = needs[group]
        if rows[group] >= min(need.most, RING_ROWS_MAX):
            continue
        if any(used[number] + need.row_words > act_words for number in users[group]):
            continue
        rows[group] += 1
        for number in users[group]:
            used[number] += need.row_words
        heapq.heappush(waiting, (rows[group] * need.row_words, group))
    places = []
    for number, (need, count) in enumerate(zip(needs, rows, strict=True)):
        words = count * need.row_words
        if number % 2:
            base = act_words - words
            tail = base - need.rings_words
            places.append(Place(base, count, tail + need.tail_words, tail))
            continue
        last = len(needs) % 2 and number == len(needs) - 1
        base = rows[0] * needs[0].row_words if last else 0
        mid = base + words
        places.append(Place(base, count, mid, mid + need.mid_words))
    return places
