"""Programs that no compiler writes: every checksum right, the contents not."""

from __future__ import annotations

import itertools
import random
import zlib
from dataclasses import replace

import numpy as np

from firebrick.hw import definition as d
from firebrick.hw.compiler.program import Group, Program, assemble, group_seed
from firebrick.sim.benches.descriptors import legal_fields

HEADER_BYTES = d.HEADER_BEATS * d.BEAT_BYTES
BITS = {p.name: p.bits for p in d.DESCRIPTOR_LAYOUT}
# A payload's size is not changed: the stream would be refused for it before anything else is seen.
KEPT = ("bias_pairs", "weight_words", "group_last", "payload_crc", "descriptor_crc")
CHANGEABLE = [n for n in BITS if n not in KEPT and not n.endswith("_pad")]


def header_of(blob: bytes) -> dict[str, int]:
    return d.unpack(d.HEADER_LAYOUT, blob[:HEADER_BYTES])


def with_header(blob: bytes, **values: int) -> bytes:
    """``blob`` with other values in its header, whose checksum is right."""
    fields = {**header_of(blob), **values, "header_crc": 0}
    body = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, fields)
    fields["header_crc"] = zlib.crc32(body[: (d.HEADER_BEATS - 1) * d.BEAT_BYTES])
    return d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, fields) + blob[HEADER_BYTES:]


def stream_of(program: Program) -> list[bytes]:
    """The groups of a program's stream, sealed."""
    seal = header_of(program.blob)["seal"]
    return [g.encode(group_seed(seal, n)) for n, g in enumerate(program.groups)]


def loadable(program: Program, stream: list[bytes], **header: int) -> bytes:
    """The program's header, made right for another stream but for ``header``, and that stream."""
    data = b"".join(stream)
    return with_header(program.blob[:HEADER_BYTES], **{"stream_bytes": len(data), **header}) + data


def crafted(program: Program, rng: np.random.Generator) -> tuple[bytes, list[dict[str, int]]]:
    """The program with one descriptor that is nonsense: what the engine loads, and all its fields.

    Now every field is random, now all of them keep the engine's rules for single fields, now a few
    of a right descriptor are changed.
    """
    at = int(rng.integers(len(program.groups)))
    group = program.groups[at]
    kept = {name: group.fields.get(name, 0) for name in KEPT}
    way = rng.random()
    if way < 0.2:
        fields = {name: int(rng.integers(1 << BITS[name])) for name in CHANGEABLE} | kept
    elif way < 0.45:
        random.seed(int(rng.integers(1 << 30)))
        fields = legal_fields(program.shape) | kept
        for k in range(d.PASSES):
            fields |= _used(fields, k, program.shape.channels, rng)
    else:
        fields = dict(group.fields)
        for name in rng.choice(CHANGEABLE, int(rng.integers(1, 5)), replace=False):
            fields[str(name)] = _value(str(name), fields, rng)
    fields = {name: value for name, value in fields.items() if not name.endswith("_crc")}
    groups = [*program.groups[:at], replace(group, fields=fields), *program.groups[at + 1 :]]
    scratch = header_of(program.blob)["scratch_bytes"]
    blob = assemble(program.name, program.shape, groups, program.host, scratch).blob
    size = HEADER_BYTES + header_of(blob)["stream_bytes"]
    return blob[:size], [g.fields for g in groups]


def _used(
    fields: dict[str, int], k: int, channels: int, rng: np.random.Generator
) -> dict[str, int]:
    """Steps and blocks of a pass that its payload has, most times."""
    if rng.random() < 0.1:
        return {}
    blocks = int(rng.integers(1, max(2, fields["bias_pairs"] * 2 // channels + 1)))
    steps = int(rng.integers(1, max(2, fields["weight_words"] // blocks + 1)))
    return {f"p{k}_weights": 0, f"p{k}_bias": 0, f"p{k}_blocks": blocks, f"p{k}_steps": steps}


def _value(name: str, fields: dict[str, int], rng: np.random.Generator) -> int:
    """Zero, the largest, next to what it was, or anything."""
    top = (1 << BITS[name]) - 1
    was = fields.get(name, 0)
    choices = (0, 1, top, was + 1, was - 1, 2 * was, was ^ 1 << int(rng.integers(BITS[name])))
    if rng.random() < 0.3:
        return int(rng.integers(top + 1))
    return int(choices[int(rng.integers(len(choices)))]) & top


def misplaced(
    program: Program, foreign: Program | None, rng: np.random.Generator
) -> tuple[bytes, str]:
    """Right groups where they do not belong, and what was done to them."""
    parts = stream_of(program)
    count = len(parts)
    ways = ["drop", "repeat", "count", "longer", "shorter"]
    ways += ["swap"] if count > 1 else []
    ways += ["foreign", "all foreign"] if foreign is not None else []
    way = str(rng.choice(ways))
    at = int(rng.integers(count))
    if way == "drop":
        rest = [*parts[:at], *parts[at + 1 :]]
        return loadable(program, rest or [bytes(8)], groups=count - 1), way
    if way == "repeat":
        return loadable(program, [*parts[: at + 1], *parts[at:]], groups=count + 1), way
    if way == "count":
        return loadable(program, parts, groups=int(rng.choice([count + 1, count - 1, 0]))), way
    size = sum(map(len, parts))
    if way == "longer":
        return loadable(program, [*parts, bytes(8 * int(rng.integers(1, 40)))]), way
    if way == "shorter":
        return loadable(program, parts, stream_bytes=size - 8 * int(rng.integers(1, 20))), way
    if way == "swap":
        a, b = rng.choice(count, 2, replace=False)
        parts[a], parts[b] = parts[b], parts[a]
        return loadable(program, parts), way
    assert foreign is not None
    theirs = stream_of(foreign)
    if way == "all foreign":
        return loadable(program, theirs, groups=len(theirs)), way
    return loadable(program, [*parts[:at], theirs[at], *parts[at + 1 :]]), way


def flipped(data: bytes, bits: list[int]) -> bytes:
    """``data`` with these bits changed."""
    raw = bytearray(data)
    for bit in bits:
        raw[bit // 8] ^= 1 << bit % 8
    return bytes(raw)


def same_architecture(one: Program, two: Program) -> bool:
    """Whether the groups of two programs have the same sizes."""
    sizes = itertools.zip_longest(one.groups, two.groups, fillvalue=Group("", {}, b""))
    return all(len(a.payload) == len(b.payload) for a, b in sizes)
