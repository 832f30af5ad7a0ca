"""Comparison with golden arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firebrick.host.compare import GoldenError, Report, compare

GOLDEN = {
    "a": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "b": np.array([-1, 2, 3], np.int64),
    "unused": np.zeros(5),
}


def test_equal_arrays() -> None:
    report = compare({"a": GOLDEN["a"].copy(), "b": GOLDEN["b"].astype(np.int32)}, GOLDEN)
    assert report == Report(2, 27, 0, ())
    assert report.exact


def test_first_mismatch_is_located() -> None:
    actual = GOLDEN["a"].copy()
    actual[1, 0, 2] += 1
    actual[1, 2, 3] += 1
    report = compare({"a": actual, "b": GOLDEN["b"]}, GOLDEN)
    assert (report.tensors, report.values, report.mismatches) == (2, 27, 2)
    (first,) = report.first
    assert (first.tensor, first.index, first.expected, first.actual) == ("a", (1, 0, 2), 14, 15)
    assert "a[1, 0, 2] = 15, golden 14 (2 values differ)" in str(report)


def test_signed_and_unsigned_bytes_differ() -> None:
    actual = np.array([255], np.uint8)
    assert compare({"x": actual}, {"x": np.array([-1], np.int8)}).mismatches == 1


def test_other_shape_is_all_wrong() -> None:
    report = compare({"a": GOLDEN["a"][0]}, GOLDEN)
    assert report.mismatches == 24
    assert "shape (3, 4)" in str(report)


def test_missing_tensor() -> None:
    with pytest.raises(GoldenError, match="no golden values for c"):
        compare({"c": np.zeros(1)}, GOLDEN)


def test_npz_file(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    np.savez(path, **GOLDEN)
    assert compare({"b": GOLDEN["b"]}, path).exact


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    with pytest.raises(GoldenError, match=r"golden\.npz: No such file"):
        compare({"b": GOLDEN["b"]}, path)
    np.savez(path, **GOLDEN)
    whole = path.read_bytes()
    np.save(tmp_path / "one.npy", GOLDEN["b"])
    for damaged in (b"", b"no arrays", whole[:100], (tmp_path / "one.npy").read_bytes()):
        path.write_bytes(damaged)
        with pytest.raises(GoldenError, match=r"golden\.npz: not an \.npz file of arrays"):
            compare({"b": GOLDEN["b"]}, path)
