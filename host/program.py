"""Read and check a program file: header, stream for the engine, and the host's own section."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import definition
from .errors import ProgramError

BEAT_BYTES = 8
CRC_BYTES = 56
HASH_BYTES = 16

# Beside its classes a detector's anchor has a confidence and four numbers of its box.
BESIDE_CLASSES = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Input:
    """The stored picture: [channels, height, width] uint8, padded by (top, left, bottom, right)
    with ``pad_value`` [channels], its columns cut into ``phases`` (1, or 2: even, odd); a tile has
    ``planes`` words, those behind the last phase's channels are zero."""

    name: str
    channels: int
    height: int
    width: int
    padding: tuple[int, int, int, int]
    pad_value: tuple[int, ...]
    phases: int
    planes: int
    bytes: int


def stored_size(size: tuple[int, int, int], rows: int) -> tuple[int, int, int]:
    """Channels, rows and columns of a map of ``size`` as it is stored: ``rows`` tells whether a
    stored row is two of the map's."""
    channels, height, width = size
    if rows == definition.ROWS_PAIRED:
        return 2 * channels, height // 2, width
    if rows == definition.ROWS_FOLDED:
        return channels, -(-height // 2), 2 * width
    return size


@dataclass(frozen=True)
class Map:
    """A feature map [channels, height, width] at ``offset`` of its memory, int8 where ``signed``,
    else uint8; real value = stored * 2**-``exponent``.  A tile has ``words`` words, its channels
    are those from ``first`` on; the others are another map's or have no meaning.  ``rows`` tells
    whether a stored row is two of the map's, see :mod:`host.definition`."""

    name: str
    offset: int
    first: int
    channels: int
    words: int
    height: int
    width: int
    rows: int
    signed: bool
    exponent: int
    bytes: int

    @property
    def stored_size(self) -> tuple[int, int, int]:
        """Channels, rows and columns as they are stored."""
        return stored_size((self.channels, self.height, self.width), self.rows)


@dataclass(frozen=True)
class Output:
    """What the engine writes for a picture, ``bytes`` of the output memory: a classifier's int64
    sums (total = sum + ``addend``; logit = total / ``positions`` * 2**-``exponents``), or the
    ``maps`` that the network ends in, which then has no ``classes``."""

    name: str
    classes: int
    bytes: int
    addend: tuple[int, ...]
    positions: int
    exponents: tuple[int, ...]
    maps: tuple[Map, ...]


@dataclass(frozen=True)
class Layer:
    """A convolution: its multiplications, and the cycles they take without any stall."""

    name: str
    macs: int
    ideal_cycles: int


@dataclass(frozen=True)
class Group:
    """Layers that run row by row over the same map."""

    name: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Program:
    """A checked program; ``loadable`` is what the engine reads (header and stream), ``maps`` lie in
    the scratch memory.  A detector has ``anchors`` (width, height), see :mod:`host.detection`."""

    source: str
    name: str
    loadable: bytes
    header: dict[str, int]
    shape: dict[str, int]
    input: Input
    output: Output
    maps: tuple[Map, ...]
    groups: tuple[Group, ...]
    preprocessing: dict[str, Any]
    classes: tuple[str, ...]
    anchors: tuple[tuple[float, float], ...] = ()
    made_by: str = ""  # release of Firebrick that compiled it; programs before 0.9.0 do not say

    @property
    def pixels(self) -> int:
        return self.header["pixels"]

    @property
    def word_bytes(self) -> int:
        return self.header["word_bytes"]

    @property
    def scratch_bytes(self) -> int:
        return self.header["scratch_bytes"]

    @property
    def hash(self) -> str:
        """Content hash, 32 hexadecimal digits."""
        low, high = self.header["hash_lo"], self.header["hash_hi"]
        return (low.to_bytes(8, "little") + high.to_bytes(8, "little")).hex()


def load_program(path: str | os.PathLike[str]) -> Program:
    """Program of a file; raises :class:`ProgramError` that names the file and what is wrong."""
    source = os.fspath(path)
    try:
        with open(source, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ProgramError(f"{source}: {error.strerror}") from None
    return parse_program(data, source)


def parse_program(data: bytes, source: str = "program") -> Program:
    """Check ``data`` from first byte to last and take it apart.

    Raises :class:`ProgramError` where length, magic number, version, checksum, hash or a field
    of the host section is wrong; ``source`` names it in the message.
    """
    size = definition.HEADER_BYTES
    if len(data) < size:
        raise ProgramError(f"{source}: {len(data)} bytes, a program's header alone has {size}")
    header = unpack_header(data[:size])
    if header["magic"] != definition.PROGRAM_MAGIC:
        raise ProgramError(f"{source}: does not start like a program: not an .fbp file")
    if header["header_crc"] != zlib.crc32(data[:CRC_BYTES]):
        raise ProgramError(f"{source}: the header's checksum is wrong: the file is damaged")
    if header["version"] != definition.FORMAT_VERSION:
        raise ProgramError(
            f"{source}: format version {header['version']}, this driver reads "
            f"{definition.FORMAT_VERSION}: compile the program again"
        )
    if header["definition"] != definition.DEFINITION:
        raise ProgramError(
            f"{source}: compiled with definition {header['definition']:#010x}, this driver has "
            f"{definition.DEFINITION:#010x}: compile the program again, with the same release"
        )
    expected = size + header["stream_bytes"] + header["host_bytes"]
    if len(data) != expected:
        kind = "cut off" if len(data) < expected else "followed by other bytes"
        raise ProgramError(
            f"{source}: {len(data)} bytes where the header says {expected}: the file is {kind}"
        )
    digest = hashlib.sha256(data[size:]).digest()[:HASH_BYTES]
    said = b"".join(header[name].to_bytes(8, "little") for name in ("hash_lo", "hash_hi"))
    if digest != said:
        raise ProgramError(f"{source}: the content's hash is wrong: the file is damaged")
    end = size + header["stream_bytes"]
    return _build(source, data[:end], header, _host_section(data[end:], source))


def unpack_header(data: bytes) -> dict[str, int]:
    """Fields of the header's ``HEADER_BYTES`` bytes by name."""
    beats = [
        int.from_bytes(data[i : i + BEAT_BYTES], "little") for i in range(0, len(data), BEAT_BYTES)
    ]
    return {
        name: beats[beat] >> lsb & ((1 << bits) - 1)
        for name, (beat, lsb, bits) in definition.HEADER.items()
    }


def _host_section(data: bytes, source: str) -> dict[str, Any]:
    try:
        section = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise ProgramError(f"{source}: the host section is not JSON: {error}") from None
    if not isinstance(section, dict):
        raise ProgramError(f"{source}: the host section is not a JSON object")
    return section


def _build(
    source: str, loadable: bytes, header: dict[str, int], section: dict[str, Any]
) -> Program:
    try:
        program = Program(
            source=source,
            name=str(section["name"]),
            loadable=loadable,
            header=header,
            shape={str(k): int(v) for k, v in section["shape"].items()},
            input=_fields(
                Input, section["input"], padding=_integers, pad_value=_integers, name=str
            ),
            output=_fields(
                Output,
                section["output"],
                addend=_integers,
                exponents=_integers,
                name=str,
                maps=_maps,
            ),
            maps=_maps(section["maps"]),
            groups=tuple(
                Group(str(g["name"]), tuple(_fields(Layer, e, name=str) for e in g["layers"]))
                for g in section["groups"]
            ),
            preprocessing=dict(section["preprocessing"]),
            made_by=str(section.get("firebrick", "")),
            classes=tuple(str(c) for c in section["classes"]),
            anchors=tuple((float(w), float(h)) for w, h in section["anchors"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise ProgramError(f"{source}: the host section is incomplete: {what}") from None
    _check(program)
    return program


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _maps(entries: Any) -> tuple[Map, ...]:
    return tuple(_fields(Map, entry, name=str, signed=bool) for entry in entries)


def _fields(cls: Callable[..., T], entry: dict[str, Any], **convert: Callable[[Any], Any]) -> T:
    """Dataclass ``cls`` from a JSON object; fields without a converter are integers."""
    names = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return cls(**{name: convert.get(name, int)(entry[name]) for name in names})


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _check(program: Program) -> None:
    """Raise :class:`ProgramError` where the host section contradicts the header or itself."""
    header, spec, out = program.header, program.input, program.output
    every = (*program.maps, *out.maps)
    sizes = (*(header["scratch_bytes"] for _ in program.maps), *(out.bytes for _ in out.maps))
    places = tuple(zip(every, sizes, strict=True))
    grids = {(m.height, m.width) for m in out.maps}
    kinds, rest = out.classes, 0
    if program.anchors and out.maps:
        kinds, rest = divmod(sum(m.channels for m in out.maps), len(program.anchors))
        kinds -= BESIDE_CLASSES
    checks = (
        (len(program.groups) == header["groups"], "number of groups"),
        (program.shape.get("pixels") == header["pixels"], "pixels of the array"),
        (program.shape.get("channels") == header["channels"], "channels of the array"),
        (program.shape.get("acc_bits") == header["acc_bits"], "accumulator bits"),
        (program.shape.get("word_bytes") == header["word_bytes"], "bytes of a word"),
        (program.shape.get("pump") == header["pump"], "pump of the array"),
        (1 <= header["pixels"] <= header["word_bytes"], "pixels of a word"),
        (spec.bytes == header["input_bytes"], "bytes of an input"),
        (out.bytes == header["output_bytes"], "bytes of an output"),
        ((out.bytes >= 8 * out.classes > 0) != bool(out.maps), "number of classes"),
        (len(out.addend) == len(out.exponents) == out.classes, "classes of the output"),
        (out.positions > 0, "positions of the output"),
        (len(program.classes) in (0, kinds), "class names"),
        (not program.anchors or (len(grids) == 1 and rest == 0 and kinds > 0), "anchors"),
        (
            all(math.isfinite(side) and side > 0 for sides in program.anchors for side in sides),
            "sides of the anchors",
        ),
        (len(spec.padding) == 4 and min(spec.padding) >= 0, "padding of the input"),
        (
            len(spec.pad_value) == spec.channels and all(0 <= v <= 255 for v in spec.pad_value),
            "pad values of the input",
        ),
        (spec.phases in (1, 2), "phases of the input"),
        (spec.planes >= spec.phases * spec.channels, "planes of the input"),
        (
            all(m.first >= 0 and m.words >= m.first + m.stored_size[0] for m in every),
            "words of a feature map",
        ),
        (
            all(
                m.rows == definition.ROWS_SINGLE
                or (m.rows == definition.ROWS_PAIRED and m.height % 2 == 0)
                or (m.rows == definition.ROWS_FOLDED and 2 * m.width == header["pixels"])
                for m in every
            ),
            "rows of a feature map",
        ),
        (len({m.name for m in out.maps}) == len(out.maps), "names of the outputs"),
        (
            len(str(program.preprocessing.get("color", ""))) == spec.channels,
            "colors of the preprocessing",
        ),
        (_is_size(program.preprocessing.get("resize", 0)), "resize of the preprocessing"),
        (min(spec.channels, spec.height, spec.width) > 0, "size of the input"),
        (
            all(m.offset >= 0 and m.offset + m.bytes <= size for m, size in places),
            "place of a feature map",
        ),
    )
    for passed, what in checks:
        if not passed:
            raise ProgramError(
                f"{program.source}: {what}: the host section does not agree with the header"
            )
