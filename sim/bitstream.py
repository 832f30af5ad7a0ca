"""A `.bit` file for a simulated board, and what becomes of one that is for another chip."""

from __future__ import annotations

import os
from pathlib import Path

from firebrick.host.bitfile import BitFile, Header, parse_bit
from firebrick.hw.flow.bitfile import encode_bit
from firebrick.sim.zynq import configure

# Dummy words of a configuration stream: a chip would ignore them.
NOTHING = b"\xff" * 16


def placeholder(design: str, part: str) -> bytes:
    """A `.bit` for ``part`` (xc7z020clg400-1) that configures nothing."""
    chip = part.removeprefix("xc").partition("-")[0]
    name = f"{design};simulated"
    header = Header(name, chip, "1970/01/01", "00:00:00", start=0, length=len(NOTHING))
    return encode_bit(BitFile(header, NOTHING), name, chip)


def load(path: str | os.PathLike[str], chip: str) -> None:
    """What becomes of loading the file on a ``chip`` (7z020): nothing, or an error like pynq's.

    RuntimeError where it is no `.bit` file, OSError where it is one for another chip.
    """
    try:
        bit = parse_bit(Path(path).read_bytes())
    except ValueError as error:
        raise RuntimeError(f"{path}: not a .bit file: {error}") from None
    configure(bit.header.part, chip)
