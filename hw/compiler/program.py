"""The binary program: header, stream of groups, host section."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass

from firebrick.hw import definition as d
from firebrick.hw.shape import EngineShape


@dataclass(frozen=True)
class Group:
    """A group's descriptor values and its payload (biases, then weights)."""

    name: str
    fields: dict[str, int]
    payload: bytes

    def encode(self, seed: int = 0) -> bytes:
        """Descriptor with both CRCs, then the payload; ValueError if a field does not fit.

        The descriptor's CRC continues from ``seed``, which binds a group to its program and its
        place there: :func:`group_seed`.
        """
        fields = {**self.fields, "payload_crc": zlib.crc32(self.payload)}
        body = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, fields)
        crc = zlib.crc32(body[: -d.BEAT_BYTES], seed)
        return (
            d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, {**fields, "descriptor_crc": crc})
            + self.payload
        )


@dataclass(frozen=True)
class Program:
    """A compiled network: ``blob`` is what the engine and the driver read, ``host`` its host
    section (plain JSON data)."""

    name: str
    shape: EngineShape
    groups: tuple[Group, ...]
    host: dict
    blob: bytes

    @property
    def ideal_cycles(self) -> int:
        """Cycles of an array that never waits."""
        return sum(la["ideal_cycles"] for group in self.host["groups"] for la in group["layers"])


def group_seed(seal: int, number: int) -> int:
    """What the CRC of group ``number`` of the program with this ``seal`` continues from."""
    return seal ^ number


def assemble(
    name: str, shape: EngineShape, groups: list[Group], host: dict, scratch_bytes: int
) -> Program:
    """Put header, stream and host section together; the content hash covers the latter two.

    The seal is a hash of the same content before the seal itself has gone into the groups' CRCs.
    """
    host_section = json.dumps(host, separators=(",", ":")).encode()
    contents = b"".join(g.encode() for g in groups) + host_section
    seal = int.from_bytes(hashlib.sha256(contents).digest()[:4], "little")
    stream = b"".join(g.encode(group_seed(seal, n)) for n, g in enumerate(groups))
    digest = hashlib.sha256(stream + host_section).digest()
    header = {
        "magic": d.PROGRAM_MAGIC,
        "version": d.FORMAT_VERSION,
        "pixels": shape.pixels,
        "channels": shape.channels,
        "acc_bits": shape.acc_bits,
        "word_bytes": shape.word_bytes,
        "pump": shape.pump,
        "groups": len(groups),
        "seal": seal,
        "stream_bytes": len(stream),
        "scratch_bytes": scratch_bytes,
        "input_bytes": host["input"]["bytes"],
        "output_bytes": host["output"]["bytes"],
        "hash_lo": int.from_bytes(digest[:8], "little"),
        "hash_hi": int.from_bytes(digest[8:16], "little"),
        "host_bytes": len(host_section),
        "definition": d.DEFINITION,
    }
    body = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, header)
    header["header_crc"] = zlib.crc32(body[: (d.HEADER_BEATS - 1) * d.BEAT_BYTES])
    blob = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, header) + stream + host_section
    return Program(name, shape, tuple(groups), host, blob)
