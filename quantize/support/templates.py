"""Templates of Jinja, with every name that a template asks for required."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(folder: Path, html: bool = False) -> Environment:
    """The templates in ``folder``; values are escaped, and lines of blocks alone left out, where
    they make ``html``."""
    # Imported here: commands that render nothing should not wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=not html,
        autoescape=html,
        trim_blocks=html,
        lstrip_blocks=html,
    )
