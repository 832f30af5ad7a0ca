"""Every damaged program file is refused, in one line that names it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.host import definition
from firebrick.host.errors import ProgramError
from firebrick.host.program import load_program, parse_program
from firebrick.hw import definition as source
from tests.host.fake_engine import make_program

BLOB = make_program().blob


def resealed(blob: bytes, at: int, replacement: bytes) -> bytes:
    """``blob`` with header bytes replaced and the header's checksum made right again."""
    changed = blob[:at] + replacement + blob[at + len(replacement) :]
    return changed[:56] + struct.pack("<Q", zlib.crc32(changed[:56])) + changed[64:]


def test_a_good_program_is_read_completely() -> None:
    program = parse_program(BLOB)
    assert program.name == "fake"
    assert program.input.padding == (1, 1, 0, 2)
    assert [m.name for m in program.maps] == ["squeeze", "expand"]
    assert program.maps[1].signed is True
    assert program.groups[1].layers[0].macs == 3000
    assert program.classes == ("cat", "dog", "bird")
    assert len(program.loadable) == 64 + program.header["stream_bytes"]
    assert program.hash == hashlib.sha256(BLOB[64:]).hexdigest()[:32]


def test_the_drivers_definition_is_the_hardwares() -> None:
    assert definition.HEADER == {p.name: (p.beat, p.lsb, p.bits) for p in source.HEADER_LAYOUT}
    assert {n: v[0] for n, v in definition.REGISTERS.items()} == {
        r.name: r.offset for r in source.REGISTERS
    }


@given(st.integers(0, len(BLOB) - 1))
def test_cut_off_anywhere(length: int) -> None:
    with pytest.raises(ProgramError, match=r"^here\.fbp: "):
        parse_program(BLOB[:length], "here.fbp")


def test_followed_by_other_bytes() -> None:
    with pytest.raises(ProgramError, match="followed by other bytes"):
        parse_program(BLOB + b"x")


@given(st.integers(0, len(BLOB) * 8 - 1))
def test_any_flipped_bit(bit: int) -> None:
    # The upper half of the checksum's beat is not covered by it; the engine ignores it too.
    if 60 * 8 <= bit < 64 * 8:
        return
    damaged = bytearray(BLOB)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProgramError):
        parse_program(bytes(damaged))


def test_another_version() -> None:
    other = definition.FORMAT_VERSION + 1
    with pytest.raises(ProgramError, match=f"format version {other}"):
        parse_program(resealed(BLOB, 4, struct.pack("<I", other)))


@pytest.mark.parametrize(("at", "what"), [(8, "pixels"), (9, "channels"), (10, "accumulator")])
def test_header_and_host_section_disagree(at: int, what: str) -> None:
    with pytest.raises(ProgramError, match=what):
        parse_program(resealed(BLOB, at, bytes([BLOB[at] ^ 4])))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"groups": []}, "number of groups"),
        ({"classes": ["one"]}, "class names"),
        ({"maps": [{"name": "a"}]}, "no field 'offset'"),
        ({"input": None}, "incomplete"),
        ({"preprocessing": {}}, "colors of the preprocessing"),
        ({"preprocessing": {"color": "L"}}, "colors of the preprocessing"),
        ({"preprocessing": {"color": "RGB", "resize": "256"}}, "resize of the preprocessing"),
        ({"preprocessing": {"color": "RGB", "resize": -1}}, "resize of the preprocessing"),
        ({"shape": 5}, "incomplete"),
        ({"anchors": [[1.0]]}, "incomplete"),
        ({"anchors": [[1.0, 2.0]]}, "anchors"),
    ],
)
def test_inconsistent_host_section(changes: dict, what: str) -> None:
    blob = make_program().blob
    host = make_host(changes)
    with pytest.raises(ProgramError, match=what):
        parse_program(with_host(blob, host))


def make_host(changes: dict) -> bytes:
    import json

    header = parse_program(BLOB).header
    section = json.loads(BLOB[64 + header["stream_bytes"] :])
    return json.dumps({**section, **changes}).encode()


def with_host(blob: bytes, host: bytes) -> bytes:
    """``blob`` with another host section, hash and checksum right."""
    header = parse_program(blob).header
    end = 64 + header["stream_bytes"]
    changed = blob[:end] + host
    digest = hashlib.sha256(changed[64:]).digest()[:16]
    changed = resealed(changed, 32, digest)
    return resealed(changed, 48, struct.pack("<I", len(host)))


@pytest.mark.parametrize("host", [b"", b"[]", b"{", b"\xff\xfe", b"{}"])
def test_host_section_that_is_no_object(host: bytes) -> None:
    with pytest.raises(ProgramError, match="host section"):
        parse_program(with_host(BLOB, host))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"none\.fbp: No such file"):
        load_program(tmp_path / "none.fbp")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.fbp"
    path.write_bytes(b"")
    with pytest.raises(ProgramError, match=r"empty\.fbp: 0 bytes"):
        load_program(path)


HEAD = {
    "name": "head", "offset": 0, "first": 0, "channels": 16, "words": 16, "height": 2, "width": 3,
    "rows": 0, "signed": True, "exponent": 4, "bytes": 256,
}  # fmt: skip


def ending_in(changes: dict, **section: object) -> bytes:
    """A program that ends in the map ``head``, with ``changes`` to that."""
    output = {
        "name": "", "classes": 0, "bytes": 256, "addend": [], "positions": 1, "exponents": [],
        "maps": [{**HEAD, **changes}],
    }  # fmt: skip
    return make_program(output=output, classes=[], **section).blob


def test_outputs_that_are_maps() -> None:
    program = parse_program(ending_in({}, anchors=[[8.0, 4.5], [3.0, 3.0]]))
    assert [m.name for m in program.output.maps] == ["head"] and program.output.classes == 0
    assert program.anchors == ((8.0, 4.5), (3.0, 3.0))


@pytest.mark.parametrize(
    ("changes", "section", "what"),
    [
        ({"words": 15}, {}, "words of a feature map"),
        ({"first": 1}, {}, "words of a feature map"),
        ({"offset": 128}, {}, "place of a feature map"),
        ({"bytes": 384}, {}, "place of a feature map"),
        ({}, {"anchors": [[1.0, 1.0]] * 3}, "anchors"),
        ({}, {"anchors": [[1.0, 1.0]] * 4}, "anchors"),
        ({}, {"anchors": [[1.0, float("inf")], [1.0, 1.0]]}, "sides of the anchors"),
        ({}, {"anchors": [[1.0, 0], [1.0, 1.0]]}, "sides of the anchors"),
    ],
)
def test_outputs_that_contradict_themselves(changes: dict, section: dict, what: str) -> None:
    with pytest.raises(ProgramError, match=what):
        parse_program(ending_in(changes, **section))


def test_neither_sums_nor_maps() -> None:
    output = parse_program(BLOB).output
    for maps in ([HEAD], []):
        section = {**vars(output), "maps": maps, "classes": 3 if maps else 0, "bytes": 256}
        with pytest.raises(ProgramError, match="number of classes"):
            parse_program(make_program(output=section).blob)
