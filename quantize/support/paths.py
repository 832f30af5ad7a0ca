"""Where the project's own files are, and where it puts what it builds."""

from __future__ import annotations

import os
from pathlib import Path

# The folder that holds quantize/, hw/, sim/, host/: the checkout's, or the installed package.
ROOT = Path(__file__).resolve().parents[2]
# In a checkout the package `firebrick` lies in ROOT, installed it is ROOT.
IN_CHECKOUT = (ROOT / "pyproject.toml").is_file()
# What must be on sys.path for `import firebrick`.
IMPORT_PATH = ROOT if IN_CHECKOUT else ROOT.parent


def build_folder() -> Path:
    """Where whatever is built is kept: ``$FIREBRICK_BUILD``, else ``build`` in the checkout, else
    (an installed package) ``build`` in the current folder.  Absolute."""
    named = os.environ.get("FIREBRICK_BUILD")
    return Path(named).resolve() if named else (ROOT if IN_CHECKOUT else Path.cwd()) / "build"


def results(name: str = "") -> str:
    """Where a command writes its results if the user does not say: in ``$FIREBRICK_BUILD``, else
    in ``build`` in the current folder."""
    return str(Path(os.environ.get("FIREBRICK_BUILD") or "build") / name)
