"""What commands print: text as it is, whatever brackets a name has, and numbers never cut."""

from __future__ import annotations

from typing import Any

import rich.table
from rich.console import Console


def new_console(**options: Any) -> Console:
    """A console that takes brackets in names (of classes, files, layers) for what they are."""
    return Console(**{"markup": False, "highlight": False, **options})


class Table(rich.table.Table):
    """A table whose cells wrap where the terminal is narrow; rich cuts them and ends in "..."."""

    def add_column(self, *header: Any, **options: Any) -> None:
        """As rich's; ``no_wrap`` is not honoured and ``overflow`` is "fold"."""
        super().add_column(*header, **{**options, "no_wrap": False, "overflow": "fold"})
