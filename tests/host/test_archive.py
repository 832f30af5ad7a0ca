"""The unpacked archive: a self-test that passes, and one line for each way it can be damaged."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firebrick.host import archive, selftest
from firebrick.host.errors import ArchiveError
from firebrick.sim import pynq_standin
from tests.host.fake_engine import FakeBoard, make_program
from tests.host.unpacked import unpacked, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The command in ``folder``, on the fake engine."""
    monkeypatch.chdir(folder)
    with pynq_standin.installed(FakeBoard(program=make_program())):
        return selftest.main()


def test_exact(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.startswith("5 files are as they were packed\n")
    assert "bit-exact: 4 tensors" in out and "NOT" not in out


def change_totals(folder: Path) -> None:
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    arrays["totals"][1, 2] += 1
    np.savez(folder / "golden.npz", **arrays)


def test_one_value_differs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change_totals(folder)
    write_sums(folder)
    assert run(folder, monkeypatch) == 1
    assert "NOT bit-exact" in (out := capsys.readouterr().out) and "1 mismatches" in out


def drop(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
        (folder / "SHA256SUMS").write_text("".join(k for k in lines if name not in k))

    return change


def replace(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def cut(folder: Path) -> None:
    path = folder / "SHA256SUMS"
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS: No such file"),
        (replace("SHA256SUMS", b""), "SHA256SUMS: damaged, it does not list manifest.json"),
        (replace("SHA256SUMS", b"\xff\xfe\x00"), "SHA256SUMS: damaged, it is no text"),
        (replace("SHA256SUMS", b"0" * 64 + b"\n"), "SHA256SUMS: damaged, line 1 is no"),
        (cut, "SHA256SUMS: damaged, line 5 is no"),
        (drop("golden.npz"), "SHA256SUMS: damaged, it does not list golden.npz"),
        (change_totals, "golden.npz: not as it was packed"),
        (lambda folder: (folder / "network.fbp").unlink(), "network.fbp: missing"),
    ],
)
def test_damaged(
    folder: Path,
    change: Callable[[Path], object],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(folder)
    assert run(folder, monkeypatch) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and error.count("\n") == 1


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


WHOLE = npz(
    names=np.array(["one"]), pixels=np.zeros((1, 3, 9, 11), np.uint8), totals=np.zeros((1, 3), int)
)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def flipped() -> bytes:
    data = bytearray(WHOLE)
    data[WHOLE.index(b"pixels.npy") + 40] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a file of golden values"),
        (b"PK\x03\x04 but no more", "not a file of golden values"),
        (WHOLE[:200], "not a file of golden values"),
        (flipped(), "not a file of golden values"),
        (npy(np.arange(3)), "one array, no .npz"),
        (npy(np.array([{}], object)), "not a file of golden values"),
        (npz(names=np.array(["one"]), pixels=np.zeros((1, 3, 9, 11), np.uint8)), "totals"),
        (npz(names=np.array([]), pixels=np.zeros(2), totals=np.zeros(2)), "0 names, 2 pictures"),
        (npz(names=np.array([1]), pixels=np.array(1), totals=np.zeros(2)), "golden values"),
    ],
)
def test_damaged_golden_values(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "golden.npz"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"golden\.npz: ") as caught:
        archive.load_samples(path)
    assert words in str(caught.value) and "unpack the archive again" in str(caught.value)


def test_no_golden_values(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"golden\.npz: .*No such file"):
        archive.load_samples(tmp_path / "golden.npz")


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b"null"])
def test_damaged_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(ArchiveError, match=r"manifest\.json: not an archive's manifest"):
        archive.load_manifest(tmp_path)
