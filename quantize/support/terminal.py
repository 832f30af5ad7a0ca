"""What commands print: text as it is, whatever brackets a name has, and numbers never cut."""

from __future__ import annotations

from typing import Any

import rich.table
from rich.console import Console, ConsoleOptions, RenderResult


class _Console(Console):
    """rich's, but that a reader who has gone is an error as with ``print``."""

    def on_broken_pipe(self) -> None:
        """As rich's, which would end the program with exit code 1."""
        raise BrokenPipeError


def new_console(**options: Any) -> Console:
    """A console that takes brackets in names (of classes, files, layers) for what they are."""
    return _Console(**{"markup": False, "highlight": False, **options})


# Letters that a column which may wrap keeps beside those that do not.
NARROW = 5


class Table(rich.table.Table):
    """A table whose cells wrap where the terminal is narrow; rich cuts them and ends in "...".

    Columns that are not to wrap do so only where all of them together do not fit.
    """

    def add_column(self, *header: Any, **options: Any) -> None:
        """As rich's, but that ``overflow`` is "fold"."""
        super().add_column(*header, **{**options, "overflow": "fold"})

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich's."""
        around = sum(self.padding[1::2]) + 1  # padding left and right, a line of the frame
        taken = len(self.columns) * around + 1
        for column in self.columns:
            sizes = [console.measure(c, options=options) for c in (column.header, *column.cells)]
            least = [s.maximum if column.no_wrap else min(s.minimum, NARROW) for s in sizes]
            taken += max(least)
        if taken > options.max_width:
            for column in self.columns:
                column.no_wrap = False
        return super().__rich_console__(console, options)
