"""Blocks and tokens of `fb_block_pkg` as dictionaries, in and out of packed ports."""

from __future__ import annotations

import re
from functools import cache

from firebrick.sim.benches.runner import RTL

TARGETS = {"memory": 0, "pool": 1, "sum": 2, "ring": 3}
_STRUCT = re.compile(r"typedef struct packed \{(.*?)\}\s*(\w+);", re.DOTALL)
_FIELD = re.compile(r"(?:logic\s*(?:\[(\d+):0\])?|(\w+_[te]))\s+(\w+);")
_TARGET_BITS = 2


@cache
def layout(name: str) -> tuple[tuple[str, int], ...]:
    """Fields of the packed struct `name` and their bits, the highest first; a token within a
    block has its fields in the block's, as `token.<field>`."""
    text = re.sub(r"//[^\n]*", "", (RTL / "fb_block_pkg.sv").read_text())
    bodies = {found[1]: found[0] for found in _STRUCT.findall(text)}
    fields: list[tuple[str, int]] = []
    for high, kind, field in _FIELD.findall(bodies[name]):
        if kind == "token_t":
            fields += [(f"token.{inner}", bits) for inner, bits in layout(kind)]
        elif kind == "target_e":
            fields.append((field, _TARGET_BITS))
        else:
            fields.append((field, int(high) + 1 if high else 1))
    return tuple(fields)


def pack(name: str, values: dict[str, int]) -> int:
    """The struct as an integer; fields without a value are 0.

    Raises ValueError for a value that does not fit and KeyError for an unknown field.
    """
    unknown = set(values) - {field for field, _ in layout(name)}
    if unknown:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    word = 0
    for field, bits in layout(name):
        value = int(values.get(field, 0))
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{name}.{field} = {value} does not fit in {bits} bits")
        word = word << bits | value
    return word


def unpack(name: str, word: int) -> dict[str, int]:
    """The inverse of :func:`pack`."""
    values = {}
    for field, bits in reversed(layout(name)):
        values[field] = word & ((1 << bits) - 1)
        word >>= bits
    return values
