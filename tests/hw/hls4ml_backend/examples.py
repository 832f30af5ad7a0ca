"""The examples for hls4ml users, as the documents print them."""

from __future__ import annotations

import re

from tests.conftest import ROOT

DOCUMENTS = (ROOT / "docs/hls4ml.md", ROOT / "README.md")


def examples() -> list[str]:
    """Every Python block of the documents that converts with hls4ml, each once."""
    found: dict[str, None] = {}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            if "hls4ml.converters" in block:
                found[block] = None
    return list(found)
