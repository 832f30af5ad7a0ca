"""Files that appear whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from firebrick.quantize.support.interrupts import held

# Of temporary files and folders, which lie beside what they become.
PREFIX = ".firebrick-"


class _Disk(io.FileIO):
    """A file that remembers why it could not be written: archivers and picture writers raise
    other errors on top of it, or none."""

    problem: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.problem = self.problem or error
            raise


def write_atomically(path: str | Path, write: Callable[[BinaryIO], Any]) -> None:
    """Call ``write`` with a temporary file beside ``path`` and rename it when that succeeded.

    A link is followed, a device or pipe written as it is.  Where the disk refuses, the OSError
    names ``path``.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        content = io.BytesIO()
        write(content)
        with named(path), target.open("wb", buffering=0) as device:
            device.write(content.getvalue())
        return
    temporary: str | None = None
    disk: _Disk | None = None
    try:
        with named(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            with held():
                handle, temporary = tempfile.mkstemp(prefix=PREFIX, dir=target.parent)
                disk = _Disk(handle, "wb")
        with io.BufferedWriter(disk) as file:
            write(file)
        with named(path):
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
    except BaseException:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        if disk is not None and disk.problem is not None:
            raise about(disk.problem, path) from None
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """A file of ``data``; see :func:`write_atomically`."""
    write_atomically(path, lambda file: file.write(data))


def write_text(path: str | Path, text: str) -> None:
    """A file of ``text`` in UTF-8; names of files that are not are escaped."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def _umask() -> int:
    """mkstemp makes private files; a file gets what the user's umask allows."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


@contextmanager
def named(path: Path) -> Iterator[None]:
    """OSErrors of this block are about ``path``, not about a temporary name."""
    try:
        yield
    except OSError as error:
        raise about(error, path) from None


def about(error: OSError, path: Path) -> OSError:
    """``error`` as one on ``path``."""
    if error.errno is None:
        return OSError(f"{path}: {error}")
    return OSError(error.errno, error.strerror, str(path))
