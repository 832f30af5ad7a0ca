"""One at a time, also between processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from firebrick.quantize.support.paths import build_folder


@contextmanager
def locked(path: Path, waits_for: str) -> Iterator[None]:
    """Hold the lock file ``path``, which is there only while it is held.

    Where another process holds it, a line on stderr says so once: "waiting for ``waits_for``".
    The system lets go of the lock when its process ends, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    print(f"waiting for {waits_for}", file=sys.stderr)
                    told = True
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_at(handle, path):
                continue  # whoever held it took the file away
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


@contextmanager
def sole_writer(out: str | Path) -> Iterator[None]:
    """Nobody else writes the results ``out`` (a file or a folder) in this block."""
    name = hashlib.sha256(os.fsencode(Path(out).resolve())).hexdigest()[:16]
    with locked(build_folder() / f".{name}.lock", f"another command that writes {out}"):
        yield


def _is_at(handle: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False
