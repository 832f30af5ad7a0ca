"""Compare what the engine computed with golden arrays, value by value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import DriverError
from .pictures import DAMAGE


class GoldenError(DriverError):
    """Golden values that cannot be read, or that lack a tensor."""


@dataclass(frozen=True)
class Mismatch:
    """The first value of a tensor that is not the golden one.

    ``index`` counts along the tensor's axes; it is empty where the shapes differ, and ``expected``
    and ``actual`` are the shapes then.
    """

    tensor: str
    index: tuple[int, ...]
    expected: int | tuple[int, ...]
    actual: int | tuple[int, ...]
    values: int

    def __str__(self) -> str:
        if not self.index:
            return f"{self.tensor}: shape {self.actual}, golden {self.expected}"
        place = ", ".join(map(str, self.index))
        return (
            f"{self.tensor}[{place}] = {self.actual}, golden {self.expected} "
            f"({self.values} values differ)"
        )


@dataclass(frozen=True)
class Report:
    """Result of a comparison; ``mismatches`` counts values, ``first`` has one entry a tensor."""

    tensors: int
    values: int
    mismatches: int
    first: tuple[Mismatch, ...]

    @property
    def exact(self) -> bool:
        return self.mismatches == 0

    def __add__(self, other: Report) -> Report:
        return Report(
            self.tensors + other.tensors,
            self.values + other.values,
            self.mismatches + other.mismatches,
            self.first + other.first,
        )

    def __str__(self) -> str:
        head = (
            f"{self.tensors} tensors, {self.values} values compared, {self.mismatches} mismatches"
        )
        return "; ".join([head, *map(str, self.first)])


def compare(
    actual: Mapping[str, np.ndarray], golden: Mapping[str, np.ndarray] | str | os.PathLike[str]
) -> Report:
    """Compare every array of ``actual`` with the one of the same name in ``golden``.

    ``golden`` maps names to arrays, or is the path of an `.npz` file of them; it may hold more.
    Values are compared as numbers, whatever the integer types. Raises :class:`GoldenError` where
    a name is missing or the file cannot be read.
    """
    arrays = golden if isinstance(golden, Mapping) else _load(os.fspath(golden))
    report = Report(0, 0, 0, ())
    for name, values in actual.items():
        if name not in arrays:
            raise GoldenError(f"no golden values for {name}")
        report += _compare_one(name, np.asarray(values), np.asarray(arrays[name]))
    return report


def _compare_one(name: str, actual: np.ndarray, golden: np.ndarray) -> Report:
    if actual.shape != golden.shape:
        first = Mismatch(name, (), golden.shape, actual.shape, golden.size)
        return Report(1, golden.size, golden.size, (first,))
    wrong = actual != golden
    count = int(np.count_nonzero(wrong))
    if not count:
        return Report(1, actual.size, 0, ())
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), actual.shape))
    first = Mismatch(name, index, int(golden[index]), int(actual[index]), count)
    return Report(1, actual.size, count, (first,))


def _load(path: str) -> dict[str, np.ndarray]:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it holds one array")
        with file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise GoldenError(f"{path}: {error.strerror}") from None
    except DAMAGE as error:
        raise GoldenError(f"{path}: not an .npz file of arrays: {error}") from None
