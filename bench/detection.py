"""Milliseconds that the host takes for a detector's boxes: ``python -m firebrick.bench.detection``.

The head of the published SqueezeDet, 16,848 anchors on a picture of 1248x384, on made-up values: as
many anchors are sure of themselves as on a street full of cars.
"""

from __future__ import annotations

import time

import numpy as np

from firebrick.commands.frame import Parser, run_cli
from firebrick.host.detection import ConvDet, decode
from firebrick.quantize.support.terminal import new_console

HEAD = ConvDet(
    ((36, 37), (366, 174), (115, 59), (162, 87), (38, 90), (258, 173), (224, 108), (78, 170),
     (72, 43)), 3, (384, 1248),
)  # fmt: skip
GRID = (24, 78)
# Of the confidences, before their sigmoid: one anchor in 70 is sure by 0.3 and more.
CONFIDENCE = -3.0
TRIES = 20


def decoding() -> dict[str, float]:
    """``anchors``, ``sure`` (those by 0.3 and more) and ``decode_ms``, the best of some tries."""
    values = np.random.default_rng(1).normal(0, 1, (HEAD.channels, *GRID)).astype(np.float32)
    first = len(HEAD.anchors) * HEAD.classes
    confidences = values[first : first + len(HEAD.anchors)]
    confidences += np.float32(CONFIDENCE)
    spent = []
    for _ in range(TRIES):
        begin = time.perf_counter()
        decode(values, HEAD)
        spent.append(time.perf_counter() - begin)
    sure = np.count_nonzero(1 / (1 + np.exp(-confidences)) >= 0.3)
    return {
        "anchors": confidences.size,
        "sure": int(sure),
        "decode_ms": round(1000 * min(spent), 2),
    }


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    Parser(prog="python -m firebrick.bench.detection", description=__doc__).parse_args(arguments)
    found = decoding()
    new_console().print(
        f"boxes of {found['anchors']:,} anchors, {found['sure']} of them sure: "
        f"{found['decode_ms']} ms"
    )


if __name__ == "__main__":
    run_cli(main)
