"""The plan of the house holds: sizes, directions, docstrings, and tests beside what they test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from firebrick.quantize.support.paths import ROOT
from tests import house

# Folders of tests that are about the whole, or about another's releases.
BESIDE = {"pynq", "docs"}
# Tested with the other toolchain.
TESTED_ABOVE = {"hw/flow/vivado"}


def test_files_are_short() -> None:
    sizes = {p.relative_to(ROOT).as_posix(): house.lines(p) for p in house.source_files()}
    assert len(sizes) > 400 and {Path(name).suffix for name in sizes} >= {".py", ".sv", ".j2", ".h"}
    assert {n for n, s in sizes.items() if s > house.SOURCE_LINES} <= set(house.LONG)
    compiler = {n: s for n, s in sizes.items() if n.startswith("hw/compiler/")}
    assert compiler and {n: s for n, s in compiler.items() if s > house.COMPILER_LINES} == {}


def test_no_circles_of_imports() -> None:
    edges = house.imports(lazy=True)
    assert len(edges) > 500
    assert house.circles(edges) == []


def test_imports_point_one_way() -> None:
    assert house.wrong_ways(house.imports(lazy=True)) == []


def test_a_circle_and_a_wrong_way_are_seen() -> None:
    """The measure itself: what it must find it finds."""
    edges = [house.Import("hw.a", "hw.b"), house.Import("hw.b", "hw.a")]
    assert house.circles([*edges, house.Import("hw.a", "hw.c")]) == [["hw.a", "hw.b"]]
    for source, target in (
        ("quantize.qfile", "hw.shape"),
        ("host.driver", "quantize.errors"),
        ("sim.board", "commands.demo"),
        ("quantize.golden.integer_model", "quantize.importers.load"),
        ("hw.compiler.compile", "hw.boards.board"),
    ):
        assert house.wrong_ways([house.Import(source, target)]) == [f"{source} imports {target}"]


@pytest.mark.parametrize(
    ("line", "targets"),
    [
        ("from firebrick.hw import shape", ["hw.shape"]),
        ("from firebrick.hw.shape import EngineShape", ["hw.shape"]),
        ("from firebrick import hw, sim", ["hw", "sim"]),
        ("import firebrick.hw.shape as shape", ["hw.shape"]),
        ("from . import shape, definition", ["hw.shape", "hw.definition"]),
        ("from .shape import EngineShape", ["hw.shape"]),
        ("from ..quantize import golden", ["quantize.golden"]),
        ("if TYPE_CHECKING:\n    from firebrick.hw import shape", []),
        ("def f():\n    from firebrick.hw import shape", []),
        ("class C:\n    from firebrick.hw import shape", ["hw.shape"]),
        ("try:\n    import firebrick.sim\nexcept ImportError:\n    pass", ["sim"]),
        ("import numpy, firebrickless.hw", []),
    ],
)
def test_an_import_is_read_as_what_it_runs(line: str, targets: list[str]) -> None:
    assert house.targets(line, "hw") == targets


def test_every_name_is_imported_by_its_full_name() -> None:
    """`hw`, `host`, ... alone are folders of the checkout, not names of packages."""
    wrong = []
    for path in house.python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            wrong += [
                f"{path.relative_to(ROOT)}: {name}"
                for name in names
                if name.partition(".")[0] in house.FOLDERS
            ]
    assert wrong == []


def test_the_package_does_not_import_its_tests() -> None:
    """They are not there where it is installed."""
    wrong = []
    for path in house.python_files((*house.FOLDERS, "firebrick")):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [f"{path.relative_to(ROOT)}" for n in names if n.partition(".")[0] == "tests"]
    assert wrong == []


def test_host_imports_nothing_but_itself() -> None:
    """By relative names, so that it runs wherever it is copied to; what lies beside the notebook
    is no part of the package."""
    paths = sorted((ROOT / "host").glob("*.py"))
    assert paths
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not any(name.partition(".")[0] == "firebrick" for name in names), path


def test_every_package_says_what_it_is() -> None:
    packages = [
        p for p in house.python_files((*house.FOLDERS, "firebrick")) if p.stem == "__init__"
    ]
    assert len(packages) > 20
    for path in packages:
        text = ast.get_docstring(ast.parse(path.read_text()))
        assert text and len(text) > 30, path
        if path.parent != ROOT / "firebrick":  # the whole, which the others are parts of
            words = " ".join(text.split())
            assert re.search(r"\b[Ii]mport", words), f"{path}: what may it import?"
            assert re.search(r"\b[Ii]n comes?\b", words), f"{path}: what comes in?"
            assert re.search(r"\bout comes?\b", words), f"{path}: what goes out?"


def test_tests_mirror_the_folders() -> None:
    for path in sorted((ROOT / "tests").rglob("__init__.py")):
        folder = path.parent.relative_to(ROOT / "tests")
        if folder == Path() or folder.parts[0] in BESIDE or "exported" in folder.parts:
            continue
        counterpart = ROOT / ("firebrick" if folder.parts[0] == "commands" else ".") / folder
        assert counterpart.is_dir(), f"{path.parent} has nothing to test"
    for path in house.python_files(house.FOLDERS):
        folder = path.parent.relative_to(ROOT).as_posix()
        if path.stem == "__init__" and folder not in TESTED_ABOVE:
            assert (ROOT / "tests" / folder).is_dir(), f"{folder} has no folder of tests"


def test_the_readme_is_one_page() -> None:
    assert house.lines(ROOT / "README.md") <= 120


@pytest.mark.parametrize("name", house.FOLDERS)
def test_links_make_the_folders_one_package(name: str) -> None:
    link = ROOT / "firebrick" / name
    assert link.is_symlink() and link.resolve() == ROOT / name
