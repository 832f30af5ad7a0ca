"""The C++ compiler that simulations are built with."""

from __future__ import annotations

import os
import shlex
import shutil

from firebrick.quantize.errors import FirebrickError

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
