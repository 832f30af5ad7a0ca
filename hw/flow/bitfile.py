"""The header of a ``.bit`` file, and whether a bitstream is one for a given chip.

Layout: a field of fixed bytes, then fields ``a`` (design name and options), ``b`` (part), ``c``
(date) and ``d`` (time), each a letter, a big-endian 16-bit length and that many bytes with a NUL at
the end; then ``e``, a 32-bit length, and the configuration data, big-endian words (UG470).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from firebrick.hw.boards import Board
from firebrick.quantize.errors import FirebrickError

PREAMBLE = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
SYNC_WORD = bytes.fromhex("aa995566")
WRITE_IDCODE = 0x30018001  # type 1 packet: write one word to register IDCODE
REVISION = 0x0FFFFFFF  # of an IDCODE, all but the revision
# Commands before and behind the frames vary a little between tools.
SIZE_TOLERANCE = 0.02


@dataclass(frozen=True)
class BitFile:
    """What the header says, and the configuration data."""

    design: str
    part: str
    date: str
    time: str
    data: bytes

    @property
    def idcode(self) -> int | None:
        """IDCODE that the data writes before the frames, or None: the chip checks it."""
        start = self.data.find(SYNC_WORD)
        packet = self.data.find(struct.pack(">I", WRITE_IDCODE), start) if start >= 0 else -1
        if packet < 0 or packet + 8 > len(self.data):
            return None
        return struct.unpack_from(">I", self.data, packet + 4)[0]


def parse_bit(raw: bytes) -> BitFile:
    """Header and data of a bit file; ValueError in words where it is not one."""
    if not raw.startswith(PREAMBLE):
        raise ValueError("it does not begin as a .bit file does")
    at = len(PREAMBLE)
    texts = []
    for letter in b"abcd":
        if len(raw) < at + 3 or raw[at] != letter:
            raise ValueError(f"field {chr(letter)} is missing in its header")
        (length,) = struct.unpack_from(">H", raw, at + 1)
        text = raw[at + 3 : at + 3 + length]
        if len(text) < length or not text.endswith(b"\0"):
            raise ValueError(f"field {chr(letter)} of its header is cut off")
        texts.append(text[:-1].decode("ascii", "replace"))
        at += 3 + length
    if len(raw) < at + 5 or raw[at] != ord("e"):
        raise ValueError("field e is missing in its header")
    (length,) = struct.unpack_from(">I", raw, at + 1)
    data = raw[at + 5 :]
    if len(data) != length:
        raise ValueError(f"its header announces {length:,} bytes of data, {len(data):,} follow")
    design, part, date, time = texts
    return BitFile(design, part, date, time, data)


def check_bit(path: Path, board: Board, design: str) -> BitFile:
    """The bit file at ``path``, when it is an uncompressed one of ``design`` for the board's chip.

    Raises FirebrickError, naming the file and what is wrong, where it is not.
    """
    try:
        bit = parse_bit(path.read_bytes())
    except ValueError as error:
        raise FirebrickError(f"{path}: {error}") from error
    # Vivado writes 7z020clg400, xc7frames2bit the part as it was told it.
    part = re.fullmatch(r"(?:xc)?(7z\w+?)(?:-\w+)?", bit.part)
    wanted = board.part.removeprefix("xc").partition("-")[0]
    if not part or part[1] != wanted:
        raise FirebrickError(
            f"{path}: a bitstream for {bit.part or 'no part'}, not for {board.part}"
        )
    # Vivado: top;options.  xc7frames2bit: the path of its input;options.
    name = Path(bit.design.partition(";")[0]).name.partition(".")[0]
    if name != design:
        raise FirebrickError(f"{path}: a bitstream of {bit.design!r}, not of {design}")
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
