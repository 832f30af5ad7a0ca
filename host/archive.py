"""The archive that a board gets, unpacked: its checksums, what it says of itself, its samples."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .compare import Report, compare
from .driver import Firebrick
from .errors import ArchiveError
from .pictures import DAMAGE

CHECKSUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
MANIFEST_FIELDS = ("firebrick", "network", "board", "part", "shape", "clock_mhz", "bitstream")
GOLDEN = "golden.npz"
SUM = re.compile(r"([0-9a-f]{64})  (.+)")
BLOCK = 1 << 20
AGAIN = "unpack the archive again"


@dataclass(frozen=True, eq=False)
class Samples:
    """The archive's sample pictures and what the golden model makes of them.

    ``pixels`` uint8 [N, C, H, W]; ``totals`` int64 [N, classes]; ``outputs`` the maps that the
    network ends in, [N, C, H, W], by name; ``maps`` holds the feature maps of the first picture
    that the program leaves in memory, by name.
    """

    names: tuple[str, ...]
    pixels: np.ndarray
    totals: np.ndarray
    outputs: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]


def check_files(folder: str | os.PathLike[str]) -> int:
    """Number of files listed in ``SHA256SUMS``, all of them as they were packed.

    Raises :class:`ArchiveError` naming the first file that is missing or changed, be it the list.
    """
    root = Path(folder)
    listed = _listed(root / CHECKSUMS)
    for name, expected in listed.items():
        path = root / name
        if not path.is_file():
            raise ArchiveError(f"{path}: missing: {AGAIN}")
        if _digest(path) != expected:
            raise ArchiveError(f"{path}: not as it was packed (its SHA-256 differs): {AGAIN}")
    return len(listed)


def _listed(path: Path) -> dict[str, str]:
    """Checksums by file; the list must be whole for them to say anything."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}: unpack the archive") from None
    except UnicodeDecodeError:
        raise ArchiveError(f"{path}: damaged, it is no text: {AGAIN}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        entry = SUM.fullmatch(line)
        if entry is None:
            raise ArchiveError(f"{path}: damaged, line {number} is no checksum and name: {AGAIN}")
        found[entry[2]] = entry[1]
    for name in (MANIFEST, GOLDEN):
        if name not in found:
            raise ArchiveError(f"{path}: damaged, it does not list {name}: {AGAIN}")
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}") from None
    return digest.hexdigest()


def load_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What the archive says of itself; raises :class:`ArchiveError`."""
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        return {name: manifest[name] for name in MANIFEST_FIELDS}
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}: unpack the archive") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{path}: not an archive's manifest: {error}") from None


def load_samples(path: str | os.PathLike[str]) -> Samples:
    """Sample pictures and golden values of ``golden.npz``; raises :class:`ArchiveError`."""
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("one array, no .npz")
        with file:
            arrays = {name: file[name] for name in file.files}
        names = tuple(str(name) for name in arrays.pop("names"))
        pixels, totals = arrays.pop("pixels"), arrays.pop("totals")
        if not len(names) == len(pixels) == len(totals):
            raise ValueError(f"{len(names)} names, {len(pixels)} pictures, {len(totals)} answers")
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ArchiveError(
            f"{os.fspath(path)}: not a file of golden values ({reason}): {AGAIN}"
        ) from None
    outputs, maps = (
        {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
        for prefix in ("output/", "map/")
    )
    return Samples(names, pixels, totals, outputs, maps)


def compare_samples(engine: Firebrick, samples: Samples) -> Report:
    """Run every sample; sums of all or the maps that the network ends in, and the first one's other
    feature maps, against golden values."""
    report = Report(0, 0, 0, ())
    for index, picture in enumerate(samples.pixels):
        result = engine.run(picture)
        name = f"sums of {samples.names[index]}"
        report += compare({name: result.totals}, {name: samples.totals[index]})
        report += compare(
            {
                f"{output} of {samples.names[index]}": values
                for output, values in result.maps.items()
            },
            {f"{o} of {samples.names[index]}": v[index] for o, v in samples.outputs.items()},
        )
        if index == 0:
            report += compare(engine.maps(), samples.maps)
    return report
