"""Tests of host/ once more with the oldest NumPy, Pillow and Python that boards have."""

from __future__ import annotations

from tests.pynq.environments import run

RELEASE = "3.0.1"
FILES = ("compare", "layout", "pictures", "program", "trace")


def test_host_with_what_the_boards_have() -> None:
    """Where there is no Python 3.10, the oldest NumPy of the Python that there is."""
    answer = run(
        RELEASE,
        *("-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"),
        # It compares with the quantizer, which wants the desk's Pillow.
        *("-k", "not same_pixels_as_in_quantization"),
        *(f"tests/host/test_{name}.py" for name in FILES),
    )
    assert " passed" in answer
