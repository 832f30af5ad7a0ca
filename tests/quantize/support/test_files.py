"""Files appear whole or not at all, whatever refuses, and whoever interrupts."""

from __future__ import annotations

import errno
import io
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.quantize.support import files, interrupts
from firebrick.quantize.support.files import write_atomically, write_bytes, write_text
from firebrick.quantize.support.staging import staged

FULL = os.strerror(errno.ENOSPC)
LIMIT = 4096


@contextmanager
def small_files() -> Iterator[None]:
    """No file gets longer than LIMIT; the system's word for it is EFBIG, which Python, that
    ignores SIGXFSZ, is told."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size, np.uint8)


def savez(file) -> None:
    np.savez_compressed(file, values=noise(200_000))


def picture(file) -> None:
    Image.fromarray(noise(40_000).reshape(200, 200)).save(file, format="png")


def figure(file) -> None:
    from matplotlib.figure import Figure

    drawn = Figure()
    drawn.subplots().imshow(noise(300 * 300).reshape(300, 300))
    drawn.savefig(file, format="png", dpi=200)


def plain(file) -> None:
    for _ in range(100):
        file.write(bytes(2000))


WRITERS = [savez, picture, figure, plain]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_cannot_grow_is_named_and_leaves_nothing(
    write: Callable[[io.BufferedWriter], None], tmp_path: Path
) -> None:
    path = tmp_path / "out.bin"
    path.write_text("old")
    with small_files(), pytest.raises(OSError) as caught:
        write_atomically(path, write)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == [path] and path.read_text() == "old"


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_is_named_and_leaves_nothing(
    write: Callable[[io.BufferedWriter], None], full_disk: Path
) -> None:
    path = full_disk / "folder" / "out.bin"
    with pytest.raises(OSError) as caught:
        write_atomically(path, lambda file: (write(file), file.write(bytes(200_000))))
    assert caught.value.strerror == FULL and caught.value.filename == str(path)
    assert not list(path.parent.iterdir())


def test_a_set_on_a_full_disk_leaves_the_old_set(full_disk: Path) -> None:
    write_text(full_disk / "one", "old")
    with pytest.raises(OSError) as caught, staged(full_disk) as folder:
        write_text(folder / "one", "new")
        write_bytes(folder / "sub" / "two", bytes(100_000))
    assert caught.value.strerror == FULL
    assert caught.value.filename == str(full_disk / "sub" / "two")
    assert [p.name for p in full_disk.iterdir()] == ["one"]
    assert (full_disk / "one").read_text() == "old"


def test_a_set_appears_together_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("stays")
    with staged(tmp_path) as folder:
        write_text(folder / "one", "1")
        write_text(folder / "sub" / "two", "2")
        assert not (tmp_path / "one").exists()
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"other", "one", "sub/two"}


def test_two_sets_at_once_do_not_mix(tmp_path: Path) -> None:
    names = [f"{i}" for i in range(30)]

    def fill(mark: str) -> None:
        for _ in range(5):
            with staged(tmp_path) as folder:
                for name in names:
                    write_text(folder / name, mark)

    threads = [threading.Thread(target=fill, args=(mark,)) for mark in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(tmp_path / name).read_text() for name in names}) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_a_device_is_written_as_it_is() -> None:
    write_bytes("/dev/null", b"x")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="/dev/full") as caught:
        write_bytes("/dev/full", b"x")
    assert caught.value.strerror == FULL


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "text"


def test_a_folder_in_the_way_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "folder", "x")
    assert caught.value.filename == str(tmp_path / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "file" / "x", "x")
    assert caught.value.filename == str(tmp_path / "file" / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_long_names_and_names_that_are_not_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 250), "caf\udce9")
    assert (tmp_path / ("n" * 250)).read_bytes() == b"caf\\udce9"


def test_the_users_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_signal_anywhere_leaves_no_temporary_file(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when the temporary file has just been made, when its name is not yet known."""
    real = files.tempfile.mkstemp

    def mkstemp(**options: object):
        made = real(**options)
        os.kill(os.getpid(), number)
        return made

    monkeypatch.setattr(files.tempfile, "mkstemp", mkstemp)
    with interrupts.raised(), pytest.raises(interrupts.Interrupted) as caught:
        write_text(tmp_path / "file", "x")
    assert caught.value.number == number
    assert not list(tmp_path.iterdir())


def test_signals_that_the_caller_ignores_stay_so() -> None:
    code = (
        "import os, signal\nfrom firebrick.quantize.support.interrupts import raised\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with raised():\n    os.kill(os.getpid(), signal.SIGHUP)\nprint('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "alive\n", done.stderr
