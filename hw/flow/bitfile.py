"""Whether a ``.bit`` file is a bitstream of the engine for a given board."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from firebrick.host.bitfile import PREAMBLE, BitFile, parse_bit
from firebrick.hw.boards import Board
from firebrick.quantize.errors import FirebrickError

REVISION = 0x0FFFFFFF  # of an IDCODE, all but the revision
# Commands before and behind the frames vary a little between tools.
SIZE_TOLERANCE = 0.02


def check_bit(path: Path, board: Board, design: str) -> BitFile:
    """The bit file at ``path``, when it is an uncompressed one of ``design`` for the board's chip.

    Raises FirebrickError, naming the file and what is wrong, where it is not.
    """
    try:
        bit = parse_bit(path.read_bytes())
    except ValueError as error:
        raise FirebrickError(f"{path}: {error}") from error
    # Vivado writes 7z020clg400, xc7frames2bit the part as it was told it.
    part = re.fullmatch(r"(?:xc)?(7z\w+?)(?:-\w+)?", bit.header.part)
    wanted = board.part.removeprefix("xc").partition("-")[0]
    if not part or part[1] != wanted:
        raise FirebrickError(
            f"{path}: a bitstream for {bit.header.part or 'no part'}, not for {board.part}"
        )
    # Vivado: top;options.  xc7frames2bit: the path of its input;options.
    name = Path(bit.header.design.partition(";")[0]).name.partition(".")[0]
    if name != design:
        raise FirebrickError(f"{path}: a bitstream of {bit.header.design!r}, not of {design}")
    expected = board.chip.configuration_bits / 8
    if abs(len(bit.data) - expected) > SIZE_TOLERANCE * expected:
        raise FirebrickError(
            f"{path}: {len(bit.data):,} bytes of configuration; an uncompressed bitstream of the "
            f"{board.chip.name} has {expected:,.0f}"
        )
    idcode = bit.idcode
    if idcode is None:
        raise FirebrickError(f"{path}: its configuration data names no chip (no IDCODE)")
    if idcode & REVISION != board.chip.idcode:
        raise FirebrickError(
            f"{path}: its configuration data is for the chip with IDCODE {idcode:#010x}, the "
            f"{board.chip.name} has {board.chip.idcode:#010x}"
        )
    return bit


def encode_bit(bit: BitFile, design: str, part: str) -> bytes:
    """The file with this design and part in its header."""
    raw = PREAMBLE
    for letter, text in zip(b"abcd", (design, part, bit.header.date, bit.header.time), strict=True):
        field = text.encode("ascii", "replace") + b"\0"
        raw += struct.pack(">BH", letter, len(field)) + field
    return raw + struct.pack(">BI", ord("e"), len(bit.data)) + bit.data
