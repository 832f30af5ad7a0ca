"""Average precision of the bundled detector, float and fixed point, on held-out canvases.

The detector finds handwritten digits that are scattered over textures: a toy, which shows that
detection works.  It is quantized on canvases with digits that it was trained on, run by the golden
model, and its boxes are found as on a board.  Prints the average precision of every class at an
overlap of 0.5 and writes the means as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from firebrick.commands.frame import Parser, positive
from firebrick.host.detection import ConvDet, decode
from firebrick.models.canvases import (
    CLASSES,
    FACTS_PATH,
    MODEL_PATH,
    Canvases,
    canvases,
    held_out_canvases,
)
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.heads import split_head
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.report.average_precision import FOUND, Boxes, average_precision
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import Table, new_console

CALIBRATION = 64
CANVASES = 400
# Every box that is more likely than that counts, with its score: precision is averaged over all
# of recall.
LEAST = 0.05
BATCH = 16

Maps = Callable[[np.ndarray], np.ndarray]


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    console = new_console()
    head = bundled_head()
    net, preprocessing = load_model(MODEL_PATH, "digits", resize=0)
    net = split_head(net, len(head.anchors))
    seen = canvases(CALIBRATION, json.loads(FACTS_PATH.read_text())["seed"], held_out=False)
    done = quantize(net, preprocessing, seen.pictures)
    shown = held_out_canvases(options.canvases)
    float_model = FloatModel(net)

    def real(pictures: np.ndarray) -> np.ndarray:
        return float_model.logits(float_input(pictures, preprocessing))

    def fixed(pictures: np.ndarray) -> np.ndarray:
        return golden.run(done.qnet, pictures).logits

    found = {
        name: precision(maps, net, head, shown)
        for name, maps in (("float", real), ("fixed", fixed))
    }
    table = Table("digit", "float", "fixed point", title=f"average precision at {FOUND}")
    for kind, name in enumerate(CLASSES):
        cells = (found[which].get(kind) for which in ("float", "fixed"))
        table.add_row(name, *("-" if cell is None else f"{cell:.3f}" for cell in cells))
    means = {which: float(np.mean(list(each.values()))) for which, each in found.items()}
    table.add_row("mean", f"{means['float']:.3f}", f"{means['fixed']:.3f}")
    console.print(table)
    text = json.dumps(facts(means, shown, net), indent=2) + "\n"
    write_text(options.out, text)
    console.print(f"wrote {options.out}")


def bundled_head() -> ConvDet:
    """The head of the bundled detector, as its facts state it."""
    stated = json.loads(FACTS_PATH.read_text())["head"]
    height, width = stated["picture"]
    anchors = tuple((float(w), float(h)) for w, h in stated["anchors"])
    return ConvDet(anchors, stated["classes"], (height, width))


def precision(maps: Maps, net: Network, head: ConvDet, shown: Canvases) -> dict[int, float]:
    """Average precision by class, of what ``maps`` makes of pictures: [N, values of the map]."""
    shape = joined(net)
    starts = range(0, len(shown.pictures), BATCH)
    said: list[Boxes] = []
    for start in track(starts, f"detect: batches of {BATCH} canvases", len(starts)):
        for values in maps(shown.pictures[start : start + BATCH]):
            boxes = decode(values.reshape(shape), head, LEAST)
            said.append(Boxes(boxes.boxes, boxes.classes, boxes.scores))
    return average_precision(said, _truth(shown))


def joined(net: Network) -> tuple[int, int, int]:
    """The shape of the maps that a detector ends in, one after the other."""
    _, rows, columns = net.shapes[net.maps[0]]
    return sum(net.shapes[name][0] for name in net.maps), rows, columns


def _truth(shown: Canvases) -> Sequence[Boxes]:
    pairs = zip(shown.boxes, shown.classes, strict=True)
    return [Boxes(boxes, classes) for boxes, classes in pairs]


def facts(means: dict[str, float], shown: Canvases, net: Network) -> dict[str, Any]:
    """What the JSON file holds."""
    return {
        "ap_float": round(means["float"], 4),
        "ap_fixed": round(means["fixed"], 4),
        "overlap": FOUND,
        "canvases": len(shown.pictures),
        "digits": sum(map(len, shown.classes)),
        "map": list(joined(net)),
    }


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick detect", description=__doc__)
    parser.add_argument(
        "--canvases", type=positive, default=CANVASES, help="held-out canvases (%(default)s)"
    )
    parser.add_argument("--out", default=results("detect.json"), help="JSON (%(default)s)")
    return parser
