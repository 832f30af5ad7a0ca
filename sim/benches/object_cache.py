"""Compiler wrapper that compiles Verilator's run-time library once and not once for every model.

Verilator's makefiles put the value of OBJCACHE in front of each compiler command:
`python object_cache.py <cache folder> c++ ... -c -o verilated.o .../verilated.cpp`. Objects of the
run-time library depend on nothing in the model's folder, so they are kept by a hash of the command,
the library's sources and the compiler. Every other command is run as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


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


def main(arguments: list[str]) -> int:
    """Run one compiler command; returns its exit status."""
    cache, command = Path(arguments[0]), arguments[1:]
    source = library_source(command)
    if source is None:
        return subprocess.call(command)
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
