"""The chips of the boards: what their fabric holds, and how their bitstreams are recognized.

Resources are those of the Zynq-7000 overview (DS190), configuration lengths and device codes those
of the family's technical reference manual (UG585) and of the 7 series configuration guide (UG470).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firebrick.quantize.errors import FirebrickError


@dataclass(frozen=True)
class Resources:
    """What an engine takes, or a chip has: LUTs, flip-flops, 36-Kbit block RAMs, DSP48E1s.

    A half of a block RAM (a RAMB18) counts 0.5.
    """

    lut: int
    ff: int
    ramb36: float
    dsp48e1: int


@dataclass(frozen=True)
class Chip:
    """A device of the Zynq-7000 family.

    ``idcode`` is its JTAG code without the four bits of the revision, ``configuration_bits`` the
    length of an uncompressed bitstream.
    """

    name: str
    resources: Resources
    packages: tuple[str, ...]
    idcode: int
    configuration_bits: int


CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "xc7z007s", Resources(14_400, 28_800, 50, 66), ("clg225", "clg400"), 0x3723093, 16669920
        ),
        Chip(
            "xc7z010", Resources(17_600, 35_200, 60, 80), ("clg225", "clg400"), 0x3722093, 16669920
        ),
        Chip(
            "xc7z020",
            Resources(53_200, 106_400, 140, 220),
            ("clg400", "clg484"),
            0x3727093,
            32364512,
        ),
    )
}

_PART = re.compile(r"(?P<chip>xc7z\d{3}s?)(?P<package>[a-z]+\d+)-(?P<grade>[123])")


def chip_of(part: str) -> Chip:
    """The chip of a full part name such as ``xc7z020clg400-1``.

    Raises FirebrickError where the name has another form, or the chip or its package is unknown.
    """
    match = _PART.fullmatch(part)
    if not match:
        raise FirebrickError(
            f"part {part!r}: a part is named chip, package and speed grade: xc7z020clg400-1"
        )
    chip = CHIPS.get(match["chip"])
    if chip is None:
        raise FirebrickError(f"part {part!r}: known chips are {', '.join(CHIPS)}")
    if match["package"] not in chip.packages:
        raise FirebrickError(
            f"part {part!r}: the {chip.name} comes as {' and '.join(chip.packages)}"
        )
    return chip
