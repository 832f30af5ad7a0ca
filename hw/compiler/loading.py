"""How the rows of a group's source come from memory into its ring: :func:`loading`."""

from __future__ import annotations

from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.compiler.steps import Conv, ceil_div
from firebrick.hw.compiler.storage import Stored


@dataclass(frozen=True)
class Loading:
    """A ring row has ``tiles`` tiles of ``tile_words`` words; ``rows`` of the map are used, two of
    them a stored row where those are folded for a kernel that sees neighbours.

    Rows are loaded as they are stored where ``phases`` is 0.  Otherwise their columns are dealt
    out: two stored tiles become one of the ring, which has the words of all channels for one phase
    of columns, then, with two ``phases``, for the other.  The odd columns come first where the
    leftmost tap lies left of an even one (``odd_first``).  With ``skip`` only every second row is
    loaded.
    """

    rows: int
    tiles: int
    tile_words: int
    phases: int = 0
    odd_first: bool = False
    skip: bool = False

    @property
    def row_words(self) -> int:
        return self.tiles * self.tile_words


def loading(source: Stored, conv: Conv) -> Loading:
    """How ``source`` is loaded for ``conv``, a group's squeeze layer or its first one."""
    if not conv.deals:
        rows = 2 * source.height if conv.fold == d.FOLD_STORED else source.height
        return Loading(rows, source.tiles, source.words)
    return Loading(
        ceil_div(source.height, conv.stride) if conv.skips else source.height,
        ceil_div(source.tiles, conv.stride),
        conv.phases * source.words,
        conv.phases,
        conv.left > 0,
        conv.skips,
    )
