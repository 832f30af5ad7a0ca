"""Pickled NumPy arrays read without running what a pickle may ask for: :func:`load_arrays`."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from firebrick.quantize.errors import FirebrickError

# What NumPy's own arrays are pickled with, under the names of NumPy 1 and 2.
ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise FirebrickError(
                f"asks for {module}.{name}; only NumPy arrays are read from a pickle"
            ) from None


def load_arrays(data: bytes, what: str) -> dict[str, tuple[np.ndarray, ...]]:
    """The pickled dict of names to lists of float32 arrays; nothing else is built.

    ``what`` names the data in messages.  Raises FirebrickError for whatever else it holds.
    """
    try:
        found = _Unpickler(io.BytesIO(data)).load()
    except FirebrickError as error:
        raise FirebrickError(f"{what}: {error}") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise FirebrickError(f"{what}: not a pickle of arrays ({error})") from error
    if not isinstance(found, dict):
        raise FirebrickError(f"{what}: holds {type(found).__name__}, not layers by name")
    for name, arrays in found.items():
        fits = isinstance(name, str) and isinstance(arrays, list | tuple)
        if not fits or not all(_is_plain(array) for array in arrays):
            raise FirebrickError(f"{what}: {name!r} is no list of float32 arrays")
    return {name: tuple(arrays) for name, arrays in found.items()}


def _is_plain(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype == np.float32
