"""Compiler wrapper that compiles Verilator's run-time library once and not once for every model.

Verilator's makefiles put the value of OBJCACHE in front of each compiler command:
`python object_cache.py <cache folder> c++ ... -c -o verilated.o .../verilated.cpp`. Objects of the
run-time library depend on nothing in the model's folder, so they are kept by a hash of the command,
the library's sources and the compiler. So is a precompiled form of the library's headers, which are
three quarters of the work of compiling a model of one module.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HEADERS = ("verilated.h", "verilated_vpi.h")


def library_source(command: list[str]) -> Path | None:
    """The run-time library's source that `command` compiles, None if it compiles anything else."""
    source = Path(command[-1])
    is_library = source.name.startswith("verilated") and source.suffix == ".cpp"
    return source if is_library and source.is_absolute() and "-o" in command else None


def key(command: list[str], source: Path) -> str:
    """Hash of all that the object depends on."""
    digest = hashlib.sha256("\0".join(command).encode())
    compiler = shutil.which(command[0])
    if compiler is not None:
        stat = os.stat(compiler)
        digest.update(f"{os.path.realpath(compiler)} {stat.st_size} {stat.st_mtime_ns}".encode())
    for path in [source, *sorted(source.parent.glob("*.h"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def with_headers(command: list[str], cache: Path) -> list[str]:
    """`command`, a model's, with the library's headers precompiled for its options.

    It is returned as it is where it compiles nothing or the headers cannot be precompiled: then it
    is up to the compiler to say why.
    """
    library = next((w[2:] for w in command if w.endswith("/verilator/include")), None)
    if "-c" not in command or "-o" not in command or library is None:
        return command
    at = command.index("-o")
    # Without what is told of one file.
    options = [w for w in command[:at] + command[at + 2 : -1] if w not in ("-c", "-MMD", "-I.")]
    folder = cache / f"headers-{key(options, Path(library) / HEADERS[0])}"
    header = folder / "headers.h"
    if not header.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        # Another build may make the same: the first one's stays.
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "headers"
            made.mkdir()
            text = "".join(f'#include "{name}"\n' for name in HEADERS)
            (made / "headers.h").write_text(text)
            compiled = [*options, "-x", "c++-header", str(made / "headers.h")]
            if subprocess.call([*compiled, "-o", str(made / "headers.h.gch")]):
                return command
            with contextlib.suppress(OSError):
                made.rename(folder)
    return [command[0], "-include", str(header), *command[1:]]


def main(arguments: list[str]) -> int:
    """Run one compiler command; returns its exit status."""
    cache, command = Path(arguments[0]), arguments[1:]
    source = library_source(command)
    if source is None:
        return subprocess.call(with_headers(command, cache))
    target = Path(command[command.index("-o") + 1])
    stored = cache / f"{source.stem}-{key(command, source)}.o"
    if stored.is_file():
        shutil.copyfile(stored, target)
        return 0
    status = subprocess.call(command)
    if status == 0:
        cache.mkdir(parents=True, exist_ok=True)
        # Another build may store the same object: make it appear whole.
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as temporary:
            temporary.write(target.read_bytes())
        os.replace(temporary.name, stored)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
