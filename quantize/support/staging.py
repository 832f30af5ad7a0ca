"""Sets of files that appear together."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firebrick.quantize.support.files import PREFIX, about, named
from firebrick.quantize.support.interrupts import held
from firebrick.quantize.support.locks import locked
from firebrick.quantize.support.paths import build_folder


@contextmanager
def staged(folder: str | Path) -> Iterator[Path]:
    """An empty folder for a set of files; those in it move to ``folder`` when the block is left,
    all of them or, where it raises, none.

    Two sets at once do not mix.  Other files of ``folder`` stay.
    """
    folder = Path(folder)
    scratch: Path | None = None
    try:
        with named(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with held():
                scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        try:
            yield scratch
        except OSError as error:
            if error.filename and Path(error.filename).is_relative_to(scratch):
                raise about(error, folder / Path(error.filename).relative_to(scratch)) from None
            raise
        with locked(build_folder() / ".moves.lock", "another command's results"):
            files = sorted(path for path in scratch.rglob("*") if path.is_file())
            targets = [folder / path.relative_to(scratch) for path in files]
            for target in targets:
                with named(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if target.is_dir():
                        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with held():
                for path, target in zip(files, targets, strict=True):
                    with named(target):
                        path.replace(target)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
