"""The Zynq-7000 around the engine: the chip that it is, the width of its memory ports.

Register addresses and fields as in Xilinx UG585, "Zynq-7000 SoC Technical Reference Manual",
appendix B: PSS_IDCODE, AFI_RDCHAN_CTRL, AFI_WRCHAN_CTRL.
"""

from __future__ import annotations

import re
from typing import Any

from .errors import MismatchError

PROCESSOR_TYPE = "xilinx.com:ip:processing_system7:"
IDCODE = 0xF800_0530
# Device codes, bits 16 to 12 of PSS_IDCODE.
DEVICES = {
    0x02: "xc7z010",
    0x03: "xc7z007s",
    0x07: "xc7z020",
    0x08: "xc7z014s",
    0x0C: "xc7z030",
    0x11: "xc7z045",
    0x12: "xc7z035",
    0x16: "xc7z100",
    0x1B: "xc7z015",
    0x1C: "xc7z012s",
}
# Control registers of the FIFOs behind S_AXI_HP0 and S_AXI_HP2, for reads and for writes; bit 0
# makes a port 32 bits wide.  A boot loader sets it for the design that it was built for, loading an
# overlay leaves it, and pynq sets port widths on larger chips only: data would come out garbled.
PORT_CONTROLS = (0xF800_8000, 0xF800_8014, 0xF800_A000, 0xF800_A014)
NARROW = 1


def check_chip(pynq: Any, part: str, source: str) -> None:
    """Raise :class:`MismatchError` where ``part`` (xc7z020clg400-1, 7z020clg400) is not the board's
    chip; ``source`` names what it is for."""
    word = int(pynq.MMIO(IDCODE, 4).read(0))
    code = word >> 12 & 0x1F
    found = DEVICES.get(code, f"a chip with device code {code:#04x}")
    wanted = re.match(r"(?:xc)?(7z\d+s?)", part)
    if wanted is None or f"xc{wanted.group(1)}" != found:
        raise MismatchError(
            f"{source}: made for {part}, this board has {found}: build or deploy it for this board"
        )


def widen_ports(pynq: Any) -> int:
    """Make the engine's memory ports 64 bits wide; the number of controls that were not."""
    changed = 0
    for address in PORT_CONTROLS:
        control = pynq.MMIO(address, 4)
        value = int(control.read(0))
        if value & NARROW:
            control.write(0, value & ~NARROW)
            changed += 1
    return changed
