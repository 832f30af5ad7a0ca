"""Quantize a network: ``python -m quantize.convert``.

Reads an .onnx or .net file and a folder of calibration images, writes the quantized network,
prints the report of every layer, and exports QDQ ONNX on request.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from quantize import qfile
from quantize.accuracy import CALIBRATION_LIMIT, spread
from quantize.cli import Parser, add_preprocessing_options, preprocessing_options, run_cli
from quantize.errors import FirebrickError
from quantize.load import load_model, read_classes
from quantize.preprocess import list_images, load_images
from quantize.quantizer import quantize_network
from quantize.table import print_report


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    if Path(options.out).suffix != ".npz":
        raise FirebrickError(f"{options.out}: the name of a quantized network ends in .npz")
    net, preprocessing = load_model(options.model, **preprocessing_options(options))
    classes: tuple[str, ...] = ()
    if options.classes is not None:
        classes = read_classes(options.classes, net.shapes[net.nodes[-1].output][0])
    calibration = spread(list_images(options.calibration), CALIBRATION_LIMIT)
    held_out = None
    if options.held_out is not None:
        held_out = load_images(_held_out_files(options.held_out, calibration), preprocessing)
    qnet = quantize_network(
        net,
        preprocessing,
        load_images(calibration, preprocessing),
        held_out=held_out,
        classes=classes,
    )
    console = Console()
    print_report(qnet.report, console)
    qfile.save(qnet, options.out)
    console.print(f"wrote {options.out}", highlight=False)
    if options.qdq is not None:
        from quantize.qdq_export import export_qdq

        export_qdq(qnet, options.qdq)
        console.print(f"wrote {options.qdq}", highlight=False)


def _held_out_files(folder: str, calibration: list[Path]) -> list[Path]:
    """The images of ``folder``; FirebrickError where one of them is a calibration image."""
    files = list_images(folder)
    used = {file.resolve() for file in calibration}
    common = [file for file in files if file.resolve() in used]
    if common:
        raise FirebrickError(
            f"{common[0]}: is also a calibration image ({len(common)} of {len(files)} are); "
            "held-out images must be others"
        )
    return files


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m quantize.convert", description=__doc__)
    parser.add_argument("--model", required=True, help=".onnx or .net")
    parser.add_argument("--calibration", required=True, help="folder of images")
    parser.add_argument("--held-out", help="folder of images that measure the agreement")
    parser.add_argument("--classes", help="CSV with columns class_index, name")
    parser.add_argument("--out", required=True, help="the quantized network, .npz")
    parser.add_argument("--qdq", help="also export QDQ ONNX to this file")
    add_preprocessing_options(parser)
    return parser


if __name__ == "__main__":
    run_cli(main)
