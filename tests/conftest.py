"""What all tests share: where the large test data is, when it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of trained ImageNet networks and photos; skips the test where it is absent.

    FIREBRICK_DATA names it, else it is looked for as ``shared/data`` next to the checkout.
    """
    named = os.environ.get("FIREBRICK_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; FIREBRICK_DATA can name another folder")
    return folder
