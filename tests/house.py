"""The plan of the house, measured: sizes of files, circles and directions of imports.

``python -m tests.house`` writes the figures to ``build/house.json``; tests/test_house.py holds the
project to them.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import ROOT, build_folder

FOLDERS = ("quantize", "hw", "sim", "host", "models", "bench")
OURS = "firebrick."
SOURCE_LINES, COMPILER_LINES = 600, 400
# The two tops list every port and instance of the design.
TOPS = ("hw/rtl/firebrick_engine.sv", "hw/rtl/firebrick_zynq.sv")
# The cycle model in C++ is one translation unit, statement for statement the Python one.
LONG = TOPS
SOURCES = (".py", ".sv", ".svh", ".cpp", ".h", ".j2", ".tcl", ".sh", ".toml", ".ipynb")

# What each folder may import besides itself.
FOLDERS_MAY = {
    "quantize": set(),
    "models": {"quantize"},
    "host": set(),
    "hw": {"quantize", "host"},
    "sim": {"hw", "quantize", "host"},
    "bench": {"commands", "sim", "hw", "quantize", "host", "models"},
    "commands": {"sim", "hw", "quantize", "host", "models"},
}
# What each room of a folder may import of the others; "" is the vocabulary on the folder's top.
ROOMS_MAY = {
    "quantize": {
        "": {"support"},
        "support": set(),
        "pictures": {"", "support"},
        "golden": {"", "support"},
        "importers": {"", "support", "pictures"},
        "calibration": {"", "support", "pictures", "golden", "importers"},
        "exporters": {"", "support", "golden", "importers"},
        "report": {
            "", "support", "pictures", "golden", "importers", "calibration", "exporters",
        },
        "transfer": {"", "support", "pictures", "golden", "calibration"},
    },
    "hw": {
        "": set(),
        "compiler": {""},
        "boards": {""},
        "model": {"", "compiler", "boards"},
        "flow": {"", "boards"},
        "hls": {"", "model"},
        "hls4ml_backend": {"", "compiler", "hls"},
        "explore": {"", "boards", "compiler", "model"},
        "archive": {"", "boards", "compiler", "flow"},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """``source`` imports ``target``: names of modules without the leading ``firebrick.``."""

    source: str
    target: str


def python_files(folders: tuple[str, ...] = (*FOLDERS, "firebrick", "tests")) -> list[Path]:
    """Our Python files; those behind the links in firebrick/ once, by their own folders."""
    return source_files(folders, (".py",))


def source_files(
    folders: tuple[str, ...] = (*FOLDERS, "firebrick", "tests"), kinds: tuple[str, ...] = SOURCES
) -> list[Path]:
    """Our files of these kinds, as :func:`python_files`."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            parts = path.relative_to(ROOT).parts
            linked = parts[0] == "firebrick" and parts[1] in FOLDERS
            if path.suffix in kinds and not linked and "build" not in parts:
                found.append(path)
    return found


def module_of(path: Path) -> str:
    """quantize.golden for quantize/golden/__init__.py, cli for firebrick/cli.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "firebrick":
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(lazy: bool = True) -> list[Import]:
    """Imports between our modules (tests left out); ``lazy`` ones stand inside functions.

    Those under TYPE_CHECKING do not run and do not count.
    """
    found = set()
    for name, path in modules().items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found |= {Import(name, t) for t in targets(path.read_text(), package, lazy) if t != name}
    return sorted(found, key=lambda i: (i.source, i.target))


@cache
def modules() -> dict[str, Path]:
    """Our modules and their files."""
    return {module_of(path): path for path in python_files((*FOLDERS, "firebrick"))}


def targets(source: str, package: str, lazy: bool = False) -> list[str]:
    """Our modules that ``source``, a module of ``package``, imports."""
    found = []
    for node in _import_nodes(ast.parse(source), lazy):
        found += _targets(node, package, modules())
    return found


def _import_nodes(tree: ast.Module, lazy: bool) -> list[ast.Import | ast.ImportFrom]:
    found: list[ast.Import | ast.ImportFrom] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazy:
            continue
        else:
            waiting += ast.iter_child_nodes(node)
    return found


def _targets(node: ast.Import | ast.ImportFrom, package: str, modules: dict) -> list[str]:
    """Our modules that an import statement runs: a submodule rather than the package it is of."""
    if isinstance(node, ast.Import):
        names = [alias.name.removeprefix(OURS) for alias in node.names if OURS in alias.name + "."]
        return [name for name in names if name in modules]
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *([node.module] if node.module else [])])
    elif (node.module or "").startswith(OURS):
        base = (node.module or "").removeprefix(OURS)
    elif node.module == "firebrick":
        base = ""
    else:
        return []
    found = []
    for alias in node.names:
        inner = f"{base}.{alias.name}" if base else alias.name
        found.append(inner if inner in modules else base)
    return [name for name in found if name in modules]


def circles(edges: list[Import]) -> list[list[str]]:
    """Sets of modules that import each other in a circle (strongly connected, more than one)."""
    after: dict[str, list[str]] = {}
    for edge in edges:
        after.setdefault(edge.source, []).append(edge.target)
        after.setdefault(edge.target, [])
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in after[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in after:
        if name not in index:
            visit(name)
    return found


def wrong_ways(edges: list[Import]) -> list[str]:
    """Imports against the direction, in words."""
    found = []
    for edge in edges:
        folder, _, rest = edge.source.partition(".")
        other, _, inner = edge.target.partition(".")
        if folder not in FOLDERS_MAY or other not in FOLDERS_MAY:
            continue  # the package itself and its command line
        if folder != other:
            if other not in FOLDERS_MAY[folder]:
                found.append(f"{edge.source} imports {edge.target}")
            continue
        rooms = ROOMS_MAY.get(folder, {})
        room, target = _room(rest, rooms), _room(inner, rooms)
        if rooms and room != target and target not in rooms[room]:
            found.append(f"{edge.source} imports {edge.target}")
    return found


def _room(inner: str, rooms: dict[str, set[str]]) -> str:
    name = inner.partition(".")[0]
    return name if name in rooms else ""


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def measure() -> dict:
    """The figures."""
    largest = max(python_files(), key=lines)
    waived = json.loads((build_folder() / "lint.json").read_text())
    return {
        "largest_python_lines": lines(largest),
        "largest_python_file": largest.relative_to(ROOT).as_posix(),
        "import_circles": len(circles(imports(lazy=False))),
        "readme_lines": lines(ROOT / "README.md"),
        "systemverilog_warnings": waived["unwaived"],
        "systemverilog_waived": waived["waived"],
    }


if __name__ == "__main__":
    text = json.dumps(measure(), indent=2) + "\n"
    write_text(build_folder() / "house.json", text)
    print(text, end="")
