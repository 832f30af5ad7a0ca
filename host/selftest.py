"""Does this folder work on this board?  ``python3 -m firebrick.host.selftest`` in an unpacked
archive.

It checks every file against ``SHA256SUMS``, opens overlay and program, runs the archive's sample
pictures and compares sums and stored feature maps with the golden model's, value by value.  Exit
code 0 means that every value agreed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .compare import Report, compare
from .driver import Firebrick
from .errors import ArchiveError, DriverError
from .version import VERSION

CHECKSUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
MANIFEST_FIELDS = ("firebrick", "network", "board", "part", "shape", "clock_mhz", "bitstream")
BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Samples:
    """The archive's sample pictures and what the golden model makes of them.

    ``pixels`` uint8 [N, C, H, W]; ``totals`` int64 [N, classes]; ``maps`` holds the feature maps
    of the first picture that the program leaves in memory, by name.
    """

    names: tuple[str, ...]
    pixels: np.ndarray
    totals: np.ndarray
    maps: dict[str, np.ndarray]


def check_files(folder: str | os.PathLike[str]) -> int:
    """Number of files listed in ``SHA256SUMS``, all of them as they were packed.

    Raises :class:`ArchiveError` naming the first file that is missing or changed.
    """
    root = Path(folder)
    try:
        lines = (root / CHECKSUMS).read_text().splitlines()
    except OSError as error:
        raise ArchiveError(f"{root / CHECKSUMS}: {error.strerror}: unpack the archive") from None
    for line in lines:
        expected, _, name = line.partition("  ")
        path = root / name
        if not path.is_file():
            raise ArchiveError(f"{path}: missing: unpack the archive again")
        if _digest(path) != expected:
            raise ArchiveError(
                f"{path}: not as it was packed (its SHA-256 differs): unpack the archive again"
            )
    return len(lines)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
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
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        names = tuple(str(name) for name in arrays.pop("names"))
        pixels, totals = arrays.pop("pixels"), arrays.pop("totals")
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError) as error:
        raise ArchiveError(f"{path}: not a file of golden values: {error}") from None
    prefix = "map/"
    maps = {name[len(prefix) :]: values for name, values in arrays.items()}
    return Samples(names, pixels, totals, maps)


def compare_samples(engine: Firebrick, samples: Samples) -> Report:
    """Run every sample; sums of all, and the first one's feature maps, against golden values."""
    report = Report(0, 0, 0, ())
    for index, picture in enumerate(samples.pixels):
        result = engine.run(picture)
        name = f"sums of {samples.names[index]}"
        report += compare({name: result.totals}, {name: samples.totals[index]})
        if index == 0:
            report += compare(engine.maps(), samples.maps)
    return report


def self_test(folder: str | os.PathLike[str], say: Callable[[str], None] = print) -> bool:
    """Check the archive in ``folder`` and run it; True where every value agreed.

    Raises one of the driver's errors where it does not come to a comparison.
    """
    root = Path(folder)
    say(f"{check_files(root)} files are as they were packed")
    manifest = load_manifest(root)
    samples = load_samples(root / "golden.npz")
    with Firebrick(str(root / "firebrick.bit"), str(root / "network.fbp")) as engine:
        say(
            f"Firebrick {manifest['firebrick']}, driver {VERSION}, program {engine.program.made_by}"
        )
        say(f"{manifest['network']} on an engine of {engine.engine} MACs a cycle")
        report = compare_samples(engine, samples)
        cycles = engine.counters().cycles
        for name, picture in zip(samples.names, samples.pixels, strict=True):
            best, probability = engine.run(picture).top_k(1)[0]
            say(f"  {name}: {best} ({probability:.1%})")
    say(f"{cycles:,} cycles a frame")
    say(f"{'bit-exact' if report.exact else 'NOT bit-exact'}: {report}")
    return report.exact


def main() -> int:
    """The command, for the archive in the current folder."""
    try:
        return 0 if self_test(Path.cwd()) else 1
    except DriverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
