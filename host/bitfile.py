"""The header of a `.bit` file, and the chip that its data is for.

Layout: a field of fixed bytes, then fields ``a`` (design name and options), ``b`` (part), ``c``
(date) and ``d`` (time), each a letter, a big-endian 16-bit length and that many bytes with a NUL at
the end; then ``e``, a 32-bit length, and the configuration data, big-endian words (UG470).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .errors import MismatchError

PREAMBLE = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
SYNC_WORD = bytes.fromhex("aa995566")
WRITE_IDCODE = 0x30018001  # type 1 packet: write one word to register IDCODE
# A header is far shorter; what follows is megabytes of configuration.
HEADER_LIMIT = 4096


@dataclass(frozen=True)
class Header:
    """What the header says; the data are ``length`` bytes from ``start`` on."""

    design: str
    part: str
    date: str
    time: str
    start: int
    length: int


@dataclass(frozen=True)
class BitFile:
    """Header and configuration data."""

    header: Header
    data: bytes

    @property
    def idcode(self) -> int | None:
        """IDCODE that the data writes before the frames, or None: the chip checks it."""
        start = self.data.find(SYNC_WORD)
        packet = self.data.find(struct.pack(">I", WRITE_IDCODE), start) if start >= 0 else -1
        if packet < 0 or packet + 8 > len(self.data):
            return None
        return int(struct.unpack_from(">I", self.data, packet + 4)[0])


def parse_header(raw: bytes) -> Header:
    """The header at the beginning of ``raw``; ValueError in words where there is none."""
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
    design, part, date, time = texts
    return Header(design, part, date, time, at + 5, length)


def parse_bit(raw: bytes) -> BitFile:
    """Header and data of a bit file; ValueError in words where it is not one."""
    header = parse_header(raw)
    data = raw[header.start :]
    if len(data) != header.length:
        raise ValueError(
            f"its header announces {header.length:,} bytes of data, {len(data):,} follow"
        )
    return BitFile(header, data)


def part_of(path: str) -> str:
    """The part, as 7z020clg400 or xc7z020clg400-1.

    Raises :class:`MismatchError` where the file cannot be read or does not start like a `.bit`.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER_LIMIT)
    except OSError as error:
        raise MismatchError(f"{path}: {error.strerror}") from None
    try:
        return parse_header(head).part
    except ValueError as error:
        raise MismatchError(
            f"{path}: does not start like a .bit file ({error}); is it a bitstream of this board? "
            "Take the .bit that make bitstream wrote, not a .bin"
        ) from None
