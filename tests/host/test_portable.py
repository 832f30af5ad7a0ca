"""The host folder runs on a board as it is: Python 3.10, NumPy and pynq, nothing else."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOST = Path(__file__).resolve().parents[2] / "host"
FILES = sorted(HOST.glob("*.py"))
# Used where present, imported inside the functions that need them.
OPTIONAL = {"pictures.py": {"PIL"}, "sources.py": {"cv2"}}
ALLOWED = {"numpy", "pynq", "__future__"} | set(sys.stdlib_module_names)


def imported(tree: ast.AST) -> set[str]:
    """Top-level packages that a module imports; relative imports stay inside the folder."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_python_3_10_and_few_imports(path: Path) -> None:
    tree = ast.parse(path.read_text(), str(path), feature_version=(3, 10))
    assert imported(tree) <= ALLOWED | OPTIONAL.get(path.name, set())
    top = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
    assert imported(top) <= ALLOWED


def test_a_copy_under_another_name_works(tmp_path: Path) -> None:
    """Also: importing it needs no pynq, only making a driver does."""
    shutil.copytree(HOST, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    modules = ", ".join(f"copied.{p.stem}" for p in FILES if p.stem != "__init__")
    script = (
        f"import sys; sys.path.insert(0, '.'); import {modules}; assert 'pynq' not in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True)
