"""The anchors of a detector of the user's, found the same way by every command."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from firebrick.quantize.check import check_anchors
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network

Anchors = tuple[tuple[float, float], ...]


def anchors_beside(path: str, net: Network, console: Console) -> Anchors:
    """The anchors (width, height, in pixels) that the JSON file of the same name beside a network's
    states under ``head`` and ``anchors``; none where there is no such file, or it states no head.

    Raises FirebrickError naming the file where they do not fit ``net``.
    """
    stated = Path(path).with_suffix(".json")
    if not net.maps or not stated.is_file():
        return ()
    try:
        facts = json.loads(stated.read_text())
        if not isinstance(facts, dict) or "head" not in facts:
            return ()
        head = facts["head"]
        anchors = tuple((float(width), float(height)) for width, height in head["anchors"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FirebrickError(
            f'{stated}: no anchors ({error}): {{"head": {{"anchors": [[width, height], ...]}}}}'
        ) from None
    try:
        check_anchors(net.name, anchors, [net.shapes[name] for name in net.maps])
    except FirebrickError as error:
        raise FirebrickError(f"{stated}: {error}") from None
    console.print(f"{len(anchors)} anchors from {stated.name} beside the network")
    return anchors
