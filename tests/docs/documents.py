"""README and docs, read as what they promise: commands, code, links, figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NEEDS = re.compile(r"<!-- needs: ([a-z ]+) -->\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and what it needs that tests have not."""

    path: Path
    line: int
    language: str
    text: str
    needs: str | None

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


def blocks(path: Path) -> list[Block]:
    found = []
    lines = path.read_text().splitlines()
    start, language = None, ""
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start, language = number, line[3:].strip()
            continue
        before = lines[start - 1] if start else ""
        marked = NEEDS.search(before)
        text = "\n".join(lines[start + 1 : number])
        found.append(Block(path, start + 1, language, text, marked[1] if marked else None))
        start = None
    return found


def commands(path: Path) -> list[tuple[str, str | None]]:
    """Every command of a document, with what it needs: lines of `sh` blocks, indented lines and
    inline code that begin with make or firebrick."""
    found: list[tuple[str, str | None]] = []
    text = path.read_text()
    for block in blocks(path):
        if block.language == "sh":
            found += [
                (line.split("  #")[0].strip(), block.needs)
                for line in block.text.replace("\\\n", " ").splitlines()
            ]
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found += [
        (line.strip().split("  #")[0].strip(), None)
        for line in re.findall(r"^    \S.*$", plain, re.M)
    ]
    found += [(code, None) for code in re.findall(r"`([^`\n]+)`", plain)]
    ours = ("make ", "firebrick ")
    return [
        (c, n) for c, n in found if c.startswith(ours) or n is not None or c == "firebrick demo"
    ]


def anchors(path: Path) -> set[str]:
    """GitHub's names of a document's headings."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def sections(path: Path) -> list[str]:
    """A document cut at its headings, without fenced blocks."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return re.split(r"^#+ ", text, flags=re.M)
