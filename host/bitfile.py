"""Which chip a `.bit` file is for, as its header says.

Layout: a field of fixed bytes, then fields ``a`` (design), ``b`` (part), ``c`` (date) and ``d``
(time), each a letter, a big-endian 16-bit length and that many bytes that end with a NUL.
"""

from __future__ import annotations

import struct

from .errors import MismatchError

PREAMBLE = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
# A header is far shorter; what follows is megabytes of configuration.
HEADER_LIMIT = 4096


def part_of(path: str) -> str:
    """The part, as 7z020clg400 or xc7z020clg400-1.

    Raises :class:`MismatchError` where the file cannot be read or does not start like a `.bit`.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER_LIMIT)
    except OSError as error:
        raise MismatchError(f"{path}: {error.strerror}") from None
    fields: dict[bytes, bytes] = {}
    place = len(PREAMBLE)
    if head.startswith(PREAMBLE):
        while len(fields) < 2 and place + 3 <= len(head):
            (length,) = struct.unpack_from(">H", head, place + 1)
            fields[head[place : place + 1]] = head[place + 3 : place + 3 + length]
            place += 3 + length
    if b"b" not in fields or place > len(head):
        raise MismatchError(
            f"{path}: does not start like a .bit file; is it a bitstream of this board? Take the "
            ".bit that make bitstream wrote, not a .bin"
        )
    return fields[b"b"].rstrip(b"\0").decode("ascii", "replace")
