"""clang, a second compiler for the emitted C++: the clang++ of the PATH, and the one that comes
with the Zig compiler, in an environment of its own (`make clang`)."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENVIRONMENT = ROOT / ".venv-clang"
PATH, ZIG = "clang++ of the PATH", "clang of ziglang"
SOURCES = (PATH, ZIG)


def command(source: str) -> list[str] | None:
    """The compiler's words; None where it is not there."""
    if source == PATH:
        found = shutil.which("clang++")
        return [found] if found else None
    packages = ENVIRONMENT.glob("lib/python3*/site-packages/ziglang")
    folder = next((p for p in packages if (ENVIRONMENT / ".installed").is_file()), None)
    return None if folder is None else _of_zig(folder)


def _of_zig(folder: Path) -> list[str]:
    # The whole driver of clang, with its own headers, and the C++ library and linker of g++; Zig's
    # own `c++` would compile a C++ library first, for minutes.
    target = f"--target={platform.machine()}-linux-gnu"
    return [
        *(str(folder / "zig"), "clang", "--driver-mode=g++"),
        *(target, "-resource-dir", str(folder / "lib")),
    ]


def needed(source: str) -> list[str]:
    """As :func:`command`; skips the test where this one is not there, and fails it in CI where
    there is no clang at all."""
    words = command(source)
    if words is None:
        missing = f"no {source}: `make clang` makes {ENVIRONMENT.name} for this test"
        in_ci = os.environ.get("CI", "").lower() in ("1", "true")
        if in_ci and not any(command(other) for other in SOURCES):
            pytest.fail(missing)
        pytest.skip(missing if source == ZIG else f"no {source}")
    return words
