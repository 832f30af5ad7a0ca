"""Does this folder work on this board?  ``bash run.sh`` in an unpacked archive.

It checks every file against ``SHA256SUMS``, opens overlay and program, runs the archive's sample
pictures and compares sums and stored feature maps with the golden model's, value by value.  Exit
code 0 means that every value agreed, 1 that one did not, 2 that it did not come to that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from .board import missing
from .errors import DriverError
from .version import VERSION


def self_test(folder: str | os.PathLike[str], say: Callable[[str], None] = print) -> bool:
    """Check the archive in ``folder`` and run it; True where every value agreed.

    Raises one of the driver's errors where it does not come to a comparison.
    """
    try:
        from . import archive
        from .driver import Firebrick
    except ModuleNotFoundError as error:  # NumPy: outside of pynq's environment there may be none
        raise missing(error) from None
    root = Path(folder)
    say(f"{archive.check_files(root)} files are as they were packed")
    manifest = archive.load_manifest(root)
    samples = archive.load_samples(root / archive.GOLDEN)
    with Firebrick(str(root / "firebrick.bit"), str(root / "network.fbp")) as engine:
        say(
            f"Firebrick {manifest['firebrick']}, driver {VERSION}, program {engine.program.made_by}"
        )
        say(f"{manifest['network']} on an engine of {engine.engine} MACs a cycle")
        report = archive.compare_samples(engine, samples)
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
