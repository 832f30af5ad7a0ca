"""The one definition: layouts, packing, and the files generated from it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.hw import definition as d
from firebrick.hw import generate


def test_generated_files_are_current() -> None:
    assert generate.stale_files() == []


def test_stale_file_is_found(tmp_path) -> None:
    for name, text in generate.FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text())
    assert generate.stale_files(tmp_path) == []
    changed = tmp_path / "hw/rtl/firebrick_pkg.sv"
    version = f"32'd{d.FORMAT_VERSION};"
    changed.write_text(changed.read_text().replace(version, "32'd9999;", 1))
    assert generate.stale_files(tmp_path) == ["hw/rtl/firebrick_pkg.sv"]


@pytest.mark.parametrize(
    ("layout", "beats"),
    [(d.HEADER_LAYOUT, d.HEADER_BEATS), (d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS)],
)
def test_fields_do_not_overlap(layout: list[d.Placed], beats: int) -> None:
    bits = [bit for p in layout for bit in range(p.beat * 64 + p.lsb, p.beat * 64 + p.lsb + p.bits)]
    assert len(bits) == len(set(bits))
    assert max(bits) < beats * 64
    assert all(p.lsb + p.bits <= 64 for p in layout)
    assert len({p.name for p in layout}) == len(layout)


def test_registers_do_not_overlap() -> None:
    offsets = [r.offset for r in d.REGISTERS]
    assert all(b - a >= 4 for a, b in itertools.pairwise(offsets))
    assert max(offsets) < d.PROFILE_BASE
    assert d.PROFILE_BASE + 4 * d.PROFILE_WORDS * d.PROFILE_GROUPS <= d.REGISTER_BYTES


@given(st.data())
def test_pack_round_trip(data: st.DataObject) -> None:
    values = {p.name: data.draw(st.integers(0, (1 << p.bits) - 1)) for p in d.DESCRIPTOR_LAYOUT}
    blob = d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, values)
    assert len(blob) == d.DESCRIPTOR_BEATS * 8
    assert d.unpack(d.DESCRIPTOR_LAYOUT, blob) == values


def test_pack_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"tiles = 256 does not fit in 8 bits"):
        d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, {"tiles": 256})
    with pytest.raises(ValueError, match="no such field: tils"):
        d.pack(d.DESCRIPTOR_LAYOUT, d.DESCRIPTOR_BEATS, {"tils": 1})


def test_place_refuses_an_overrun_anchor() -> None:
    fields = (d.Field("a", 64, ""), d.Field("b", 8, ""), d.Field("c", 8, ""))
    with pytest.raises(ValueError, match="field c"):
        d.place(fields, {"c": 1})


def test_every_generated_file_has_the_hash() -> None:
    """The driver's own and the bitstream's are equal exactly if both come from one definition."""
    texts = [text() for text in generate.FILES.values()]
    assert all(f"{d.DEFINITION:08x}" in text.lower() for text in texts)
    assert 0 < d.DEFINITION < 1 << 32


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("REGISTERS", (*d.REGISTERS[:-1], d.Register("GROUPS", 0x0B0, "ro", ""))),
        ("REGISTERS", (*d.REGISTERS[:-1], d.Register("GROUP", 0x0B4, "ro", ""))),
        ("ERRORS", d.ERRORS[:-1]),
        ("HEADER_LAYOUT", d.HEADER_LAYOUT[1:]),
        ("DESCRIPTOR_LAYOUT", d.place((*d.DESCRIPTOR, d.Field("more", 1, "")))),
        ("PROFILE_FIELDS", d.PROFILE_FIELDS[::-1]),
        ("FORMAT_VERSION", d.FORMAT_VERSION + 1),
    ],
)
def test_the_hash_tells_changes(
    monkeypatch: pytest.MonkeyPatch, name: str, changed: object
) -> None:
    monkeypatch.setattr(d, name, changed)
    assert d._definition_hash() != d.DEFINITION


def test_the_hash_does_not_look_at_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        d, "REGISTERS", tuple(d.Register(r.name, r.offset, r.access, "") for r in d.REGISTERS)
    )
    assert d._definition_hash() == d.DEFINITION


def test_windows_behind_the_processor_do_not_overlap() -> None:
    windows = sorted([(d.ENGINE_BASE, d.REGISTER_BYTES), (d.INTC_BASE, d.INTC_BYTES)])
    for base, size in windows:
        assert size & (size - 1) == 0 and base % size == 0
        assert 0x4000_0000 <= base < base + size <= 0x8000_0000
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(windows))
    assert max(r.offset for r in d.INTC_REGISTERS) < d.INTC_BYTES
