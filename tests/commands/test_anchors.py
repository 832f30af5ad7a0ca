"""The anchors beside a detector's file: found, left alone, or refused by name."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from firebrick.commands.anchors import anchors_beside
from firebrick.quantize.errors import FirebrickError
from tests.quantize import builders

NET = builders.map_network()  # whose head has 9 channels


def found(folder: Path, stated: str | None) -> tuple[tuple, str]:
    """What is found for ``net.onnx`` where ``net.json`` states that, and what is said."""
    if stated is not None:
        (folder / "net.json").write_text(stated)
    said = io.StringIO()
    anchors = anchors_beside(str(folder / "net.onnx"), NET, Console(file=said, width=200))
    return anchors, said.getvalue()


def test_anchors_are_found_and_said(tmp_path: Path) -> None:
    assert found(tmp_path, None) == found(tmp_path, '{"epochs": 3}') == ((), "")
    stated = json.dumps({"head": {"anchors": [[16, 24.5]], "classes": 4}, "seed": 1})
    anchors, said = found(tmp_path, stated)
    assert anchors == ((16.0, 24.5),) and "1 anchors from net.json" in said


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("{", r"net\.json: no anchors"),
        ('{"head": {}}', r"net\.json: no anchors \('anchors'\): .*width, height"),
        ('{"head": {"anchors": [[1]]}}', r"net\.json: no anchors"),
        (
            '{"head": {"anchors": [[1, 2], [3, 4]]}}',
            r"net\.json: .*9 channels do not fit 2 anchors",
        ),
        ('{"head": {"anchors": [[0, 2]]}}', r"net\.json: .*a width and a height above 0"),
    ],
)
def test_what_does_not_fit_is_refused_by_file(tmp_path: Path, stated: str, words: str) -> None:
    with pytest.raises(FirebrickError, match=words):
        found(tmp_path, stated)


def test_a_classifier_has_none(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text("{}")
    net = builders.fire_network()
    assert anchors_beside(str(tmp_path / "net.onnx"), net, Console(file=io.StringIO())) == ()
