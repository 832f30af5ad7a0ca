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
from typing import TYPE_CHECKING

from .board import missing
from .errors import DriverError
from .version import VERSION

if TYPE_CHECKING:
    from .program import Program
    from .results import Result


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
            say(f"  {name}: {_answer(engine.run(picture), engine.program)}")
    say(f"{cycles:,} cycles a frame")
    say(f"{'bit-exact' if report.exact else 'NOT bit-exact'}: {report}")
    return report.exact


def _answer(result: Result, program: Program) -> str:
    """The likeliest class, a detector's boxes, or the sizes of the maps that came out."""
    from .detection import detect

    if not result.maps:
        best, probability = result.top_k(1)[0]
        return f"{best} ({probability:.1%})"
    found = detect(result, program)
    if found is None:
        sizes = {name: "x".join(map(str, values.shape)) for name, values in result.maps.items()}
        return ", ".join(f"{name} {size}" for name, size in sizes.items())
    scores = zip(found.named(program.classes), found.scores.tolist(), strict=True)
    return ", ".join(f"{kind} ({score:.1%})" for kind, score in scores) or "nothing found"


def main() -> int:
    """The command, for the archive in the current folder."""
    try:
        return 0 if self_test(Path.cwd()) else 1
    except DriverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
