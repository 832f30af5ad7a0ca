"""Where pictures come from: arrays, a folder, a camera.

A source is an iterator of :class:`Picture`; the driver also takes bare arrays.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import SourceError
from .pictures import ARRAY_SUFFIX, SUFFIXES, fit, load, say
from .program import Program

# What people keep beside pictures.
BESIDE = (".csv", ".txt", ".md", ".json")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture for the network: ``pixels`` uint8 [H, W, C] or [C, H, W]."""

    name: str
    pixels: np.ndarray


def named(source: Iterable[Picture | np.ndarray]) -> Iterator[Picture]:
    """The pictures of a source; bare arrays get their number as a name."""
    for number, entry in enumerate(source):
        yield entry if isinstance(entry, Picture) else Picture(f"picture {number}", entry)


class Feed:
    """One picture after the other of a source, be it an iterable or an asynchronous one."""

    def __init__(
        self, source: Iterable[Picture | np.ndarray] | AsyncIterable[Picture | np.ndarray]
    ) -> None:
        self._source = source
        self._later = aiter(source) if isinstance(source, AsyncIterable) else None
        self._now = None if isinstance(source, AsyncIterable) else named(source)
        self._count = 0

    async def next(self) -> Picture | None:
        """The next picture, None behind the last one; never suspends for a plain iterable."""
        if self._now is not None:
            return next(self._now, None)
        assert self._later is not None
        try:
            entry = await anext(self._later)
        except StopAsyncIteration:
            return None
        self._count += 1
        if isinstance(entry, Picture):
            return entry
        return Picture(f"picture {self._count - 1}", entry)

    async def close(self) -> None:
        """Close what is read from where it is a generator, so that a camera is free again."""
        for iterator in (self._now, self._source, self._later):
            if isinstance(iterator, Generator):
                iterator.close()
            elif isinstance(iterator, AsyncGenerator):
                await iterator.aclose()


def folder(path: str | os.PathLike[str], program: Program) -> Iterator[Picture]:
    """The pictures and `.npy` files of a folder by name, resized and cropped as in training; what
    else lies there is named on stderr.

    Raises :class:`SourceError` where there is no such folder, or no picture in it; reading one may
    raise :class:`ImageError`.
    """
    root = os.fspath(path)
    suffixes = (*SUFFIXES, ARRAY_SUFFIX)
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise SourceError(f"{root}: {error.strerror}") from None
    # Finder leaves "._name" beside each file that it copies to other systems.
    found = [name for name in names if name.lower().endswith(suffixes) and name[:2] != "._"]
    found = [name for name in found if not os.path.isdir(os.path.join(root, name))]
    if not found:
        raise SourceError(f"{root}: holds no pictures ({', '.join(suffixes)})")
    others = [name for name in names if name not in found and not name.lower().endswith(BESIDE)]
    if others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        say(root, f"not used in {root}: {len(others)} other entries ({shown})")
    return (Picture(name, load(os.path.join(root, name), program)) for name in found)


def camera(program: Program, device: int | str = 0, count: int | None = None) -> Iterator[Picture]:
    """Frames of a camera, resized and cropped for the network; ``count`` of them, or without end.

    ``device`` is a number, or what else OpenCV opens: /dev/video1, the file of a video.
    Raises :class:`SourceError` where OpenCV is missing or the camera does not open or deliver.
    """
    try:
        import cv2
    except ImportError:
        raise SourceError(
            "a camera needs OpenCV: apt-get install python3-opencv, or run pictures of a folder"
        ) from None
    capture = cv2.VideoCapture(device)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"camera {device} does not open: is one connected, and free?")
    return _frames(cv2, capture, program, device, count)


def _frames(
    cv2: Any, capture: Any, program: Program, device: int | str, count: int | None
) -> Iterator[Picture]:
    number = 0
    try:
        while count is None or number < count:
            good, frame = capture.read()
            if not good:
                raise SourceError(f"camera {device} delivers no more frames, {number} were read")
            pixels = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            yield Picture(f"frame {number}", fit(pixels, program, f"frame {number}"))
            number += 1
    finally:
        capture.release()
