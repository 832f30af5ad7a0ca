"""Mutants that change nothing are proven, those that change something are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.mutants.equivalence import listed, proven, read_equivalents
from firebrick.sim.mutants.places import by_text, places

LINE = "assign move = !out_valid_o || out_ready_i;"


def test_proofs() -> None:
    condition = "!out_valid_o || out_ready_i"
    same = by_text("fb_slice.sv", LINE, condition, "!(out_valid_o && !out_ready_i)")
    assert proven(same).startswith("proven equivalent at Width = 73")
    assert proven(by_text("fb_slice.sv", LINE, condition, "out_ready_i")) == ""


def test_the_list_is_of_places_of_today() -> None:
    for entry in read_equivalents():
        assert any(entry.names(m) for m in places()), entry


def entry(**changes: str) -> str:
    values = {"file": "fb_slice.sv", "line": LINE, "reason": "because", **changes}
    return "[[equivalent]]\n" + "".join(f"{k} = '''{v}'''\n" for k, v in values.items() if v)


def test_entries_name_mutants(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text(entry(original="!out_valid_o || out_ready_i"))
    found = [m for m in places() if listed(m, read_equivalents(path))]
    assert [m.mutated for m in found] == ["(!out_valid_o) && (out_ready_i)"]
    path.write_text(entry(mutated="(out_valid_o)", below="no line"))
    assert not [m for m in places() if listed(m, read_equivalents(path))]
    path.write_text(entry(mutated="(out_valid_o)"))
    found = [m for m in places() if listed(m, read_equivalents(path))]
    assert [m.original for m in found] == ["!out_valid_o"]
    assert listed(found[0], read_equivalents(path)) == "because"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry(reason=""), "file, line and reason are needed"),
        (entry(reason=" "), "fb_slice.sv: give line and reason"),
        (entry(line="assign move = 1;"), "fb_slice.sv has no line 'assign move = 1;': delete it"),
        (entry(file="fb_none.sv"), "fb_none.sv has no line"),
        (entry(lines="7"), "file, line and reason are needed"),
        ("x", "file, line and reason are needed"),
    ],
)
def test_bad_lists_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text(text)
    with pytest.raises(FirebrickError, match=message):
        read_equivalents(path)
