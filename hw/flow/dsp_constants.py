"""Constants on pins of DSPs that only bits of their tile can give, checked in a FASM file.

INMODE, ALUMODE[3:2] and OPMODE[6] of a DSP48E1 have no wires for constants: a tie-off in the tile,
``DSP_GND`` or ``DSP_VCC``, drives each of them, before an inverter of the site that is off where
``ZIS_..._INVERTED`` is set.  Releases of nextpnr-xilinx leave out the tie-offs of these pins and
turn the inverters of zeros on: the pins read as ones, INMODE[1] of which switches the multiplier's
operand off.  Vivado sets for a zero ``DSP_GND``, for a one ``DSP_VCC``, and the inverter off for
both; a FASM file gets the same here.

Names of features are those of prjxray's database: ``TILE.DSP_<site>_<pin>.DSP_GND_<side>`` and
``TILE.DSP48.DSP_<site>.ZIS_<bus>_INVERTED[<bit>]``; the site is 0 (lower) or 1, the side L or R as
in the tile's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from firebrick.hw.flow.netlist import Cell
from firebrick.quantize.errors import FirebrickError

KIND = "DSP48E1"
PINS = (*(("INMODE", bit) for bit in range(5)), ("ALUMODE", 2), ("ALUMODE", 3), ("OPMODE", 6))

_SITE = re.compile(r"^(DSP_([LR])_X\d+Y\d+)\.DSP48\.DSP_([01])\.", re.MULTILINE)


@dataclass(frozen=True)
class Repaired:
    """A FASM file that states every constant: its text, its DSPs, and the features added."""

    text: str
    sites: int
    added: int


def constants(cells: Iterable[Cell]) -> dict[tuple[str, int], int]:
    """Value of each of ``PINS``, which all DSPs of a netlist share.

    A pin that the netlist leaves open is a zero, as in nextpnr-xilinx.  Raises FirebrickError
    where logic drives one of them, and where two DSPs differ: a FASM file does not say which of
    them lies where.
    """
    found: dict[tuple[str, int], int] = {}
    for cell in cells:
        if cell.kind != KIND:
            continue
        for bus, bit in PINS:
            bits = cell.pins.get(bus, [])
            value = bits[bit] if bit < len(bits) else "0"
            if isinstance(value, int):
                raise FirebrickError(f"{cell.name}: {bus}[{bit}] is no constant")
            constant = int(value == "1") ^ _inverted(cell, bus, bit)
            if found.setdefault((bus, bit), constant) != constant:
                raise FirebrickError(f"{cell.name}: {bus}[{bit}] is not what other DSPs have there")
    return found


def _inverted(cell: Cell, bus: str, bit: int) -> int:
    """Whether the netlist itself asks for the inverter of a pin."""
    text = cell.parameters.get(f"IS_{bus}_INVERTED", "")
    return int(text[::-1][bit : bit + 1] == "1")


def repair(fasm: str, values: dict[tuple[str, int], int], dsps: int) -> Repaired:
    """The FASM with what is missing of the constants ``values`` of its ``dsps`` DSPs.

    Raises FirebrickError where it configures another number of DSPs, or ties a pin to the opposite.
    """
    sites = sorted({(m[1], m[2], m[3]) for m in _SITE.finditer(fasm)})
    if len(sites) != dsps:
        raise FirebrickError(f"the FASM configures {len(sites)} DSPs, the netlist has {dsps}")
    present = set(fasm.split())
    added = []
    for tile, side, site in sites:
        for (bus, bit), value in values.items():
            pin = f"{tile}.DSP_{site}_{bus}{bit}"
            ties = (f"{pin}.DSP_GND_{side}", f"{pin}.DSP_VCC_{side}")
            if ties[1 - value] in present:
                raise FirebrickError(f"the FASM has {ties[1 - value]}, the netlist a {value} there")
            inverter_off = f"{tile}.DSP48.DSP_{site}.ZIS_{bus}_INVERTED[{bit}]"
            added += [name for name in (ties[value], inverter_off) if name not in present]
    text = fasm if fasm.endswith("\n") or not added else fasm + "\n"
    return Repaired(text + "".join(f"{name}\n" for name in added), len(sites), len(added))
