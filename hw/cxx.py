"""The C++ compiler that simulations are built with, and what it makes."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.programs import run_program

# Of the tools' messages: in English, to find errors among them.
ENGLISH = {"LC_ALL": "C", "LANGUAGE": ""}


def cxx() -> list[str]:
    """The compiler's command: CXX, which may have options or a launcher ("ccache g++"), else g++.

    FirebrickError where it is not there.
    """
    named = os.environ.get("CXX", "").strip()
    try:
        words = shlex.split(named) or ["g++"]
    except ValueError as error:
        raise FirebrickError(f"CXX is {named!r}: {error}; unset it, or name a compiler") from None
    program = shutil.which(words[0])
    if program is None:
        raise FirebrickError(
            f"CXX names {words[0]}, which is no program: unset it, or name a C++ compiler"
            if named
            else "g++: not found; simulations are compiled C++: install g++ or set CXX"
        )
    return [program, *words[1:]]


def compile_once(
    library: Path,
    arguments: Callable[[Path], Sequence[str]],
    what: str,
    error: type[FirebrickError] = FirebrickError,
) -> Path:
    """``library``, a shared one, compiled where it is not there yet.

    ``arguments`` are the compiler's flags and sources; it is called with an empty folder, for
    sources that are made for this, which is gone afterwards.  Compiled there and renamed, so that
    two processes may do this at once.  Raises ``error`` with the compiler's words where it fails on
    ``what`` or warns about it.
    """
    if library.is_file():
        return library
    compiler = cxx()
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as name:
        built = Path(name) / library.name
        command = [*compiler, "-fPIC", "-shared", *arguments(Path(name)), "-o", str(built)]
        # What a killed compiler leaves goes with the folder.
        done = run_program(command, env={**ENGLISH, "TMPDIR": name})
        if done.returncode:
            raise error(f"{compiler[0]} failed on {what}:\n{done.stderr[-4000:]}")
        if done.stderr.strip():
            raise error(f"{compiler[0]} warns about {what}:\n{done.stderr[-4000:]}")
        built.replace(library)
    return library
