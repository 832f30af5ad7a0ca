"""Compress a network as Deep Compression does, without retraining.

Writes a .net file and prints the sizes next to those of the SqueezeNet paper; on a folder of
images it also measures what the compression costs, against the float network as it was.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from firebrick.commands.frame import (
    Parser,
    add_preprocessing_options,
    add_skip_bad_option,
    preprocessing_options,
)
from firebrick.commands.pictures import Pictures
from firebrick.quantize.calibration.measure import sqnr_db
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.deep_compression import (
    CODE_BITS,
    Compressed,
    CompressedSizes,
    compress,
    parse_sparsity,
    sizes,
)
from firebrick.quantize.exporters.net import config_of, write_net
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.load import load_model, load_network
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import batches, float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.report.accuracy import BATCH, ranking, spread
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.staging import staged
from firebrick.quantize.support.terminal import Table, new_console

# What the SqueezeNet paper prints (arXiv 1602.07360, table 2), with retraining.
PAPER = {"float32": "4.8", "8-bit codes": "0.66", "6-bit codes": "0.47"}
# Agreement on more images changes by less than its own uncertainty.
IMAGE_LIMIT = 256


def main(arguments: list[str] | None = None) -> None:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    if Path(options.out).suffix != ".net":
        raise FirebrickError(f"{options.out}: the name of a compressed network ends in .net")
    if options.labels is not None and options.images is None:
        raise FirebrickError("--labels belongs to --images, the folder that they name files of")
    sparsity = parse_sparsity(options.sparsity)
    preprocessing = None
    if options.images is None:
        net = load_network(options.model)
    else:
        net, preprocessing = load_model(options.model, **preprocessing_options(options))
    config = config_of(net)
    console = new_console()
    files: list[Path] = []
    truth = None
    if preprocessing is not None:
        files, truth = _images(options, net, Pictures(preprocessing, options.skip_bad, console))
    compressed = compress(net, sparsity, options.bits)
    found = sizes(compressed)
    print_layers(compressed, console)
    print_sizes(compressed, found, console)
    cost = None
    if preprocessing is not None:
        cost = measure_cost(net, compressed.network, preprocessing, files, truth)
        _print_cost(cost, console)
    report = {"network": net.name, "bits": options.bits, "sparsity": options.sparsity}
    report |= {"layers": layer_report(compressed), "bytes": asdict(found), "cost": cost}
    out = Path(options.out)
    path = out.with_suffix(".json")
    with staged(out.parent) as folder:
        write_net(compressed, folder / out.name, config)
        write_text(folder / path.name, json.dumps(report, indent=2) + "\n")
    console.print(f"wrote {out}, {path}")


def _images(
    options: argparse.Namespace, net: Network, pictures: Pictures
) -> tuple[list[Path], np.ndarray | None]:
    """The images to measure on, evenly spaced, and their classes where labels are given."""
    if options.labels is None:
        return spread(pictures.files(options.images), IMAGE_LIMIT), None
    classes = net.shapes[net.nodes[-1].output][0]
    labels = spread(pictures.labels(options.labels, options.images, classes), IMAGE_LIMIT)
    return [label.path for label in labels], np.array([label.class_index for label in labels])


def layer_report(compressed: Compressed) -> list[dict]:
    """Of every layer: its weights, how many are kept, how many entries the file has, and how many
    values its weights share."""
    return [
        {
            "name": layer.name,
            "weights": int(np.prod(layer.shape)),
            "kept": layer.kept,
            "entries": len(layer.codes),
            "values": len(np.unique(layer.codes[layer.codes > 0])),
        }
        for layer in compressed.layers
    ]


def print_layers(compressed: Compressed, console: Console) -> None:
    """One row a convolution, and the sums."""
    table = Table("layer", title=f"{compressed.network.name}, compressed", title_justify="left")
    for name in ("weights", "kept", "kept %", "fillers", "values"):
        table.add_column(name, justify="right")
    rows = layer_report(compressed)
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['weights']:,}",
            f"{row['kept']:,}",
            f"{100 * row['kept'] / row['weights']:.1f}",
            f"{row['entries'] - row['kept']:,}",
            str(row["values"]),
        )
    weights, kept = (sum(row[name] for row in rows) for name in ("weights", "kept"))
    fillers = sum(row["entries"] for row in rows) - kept
    table.add_section()
    share = f"{100 * kept / weights:.1f}"
    table.add_row("sum", f"{weights:,}", f"{kept:,}", share, f"{fillers:,}", "")
    console.print(table)


def print_sizes(compressed: Compressed, found: CompressedSizes, console: Console) -> None:
    """The sizes of all forms, next to what the SqueezeNet paper prints."""
    table = Table("stored as", title="sizes", title_justify="left")
    for name in ("bytes", "MB", "smaller", "paper, MB"):
        table.add_column(name, justify="right")
    codes = f"{compressed.bits}-bit codes"
    for label, size, printed in (
        ("float32", found.float32, PAPER["float32"]),
        ("8-bit weights, 32-bit biases", found.int8, ""),
        (".net file, 8 bits a code", found.net, PAPER["8-bit codes"]),
        (f"{codes}, 4-bit gaps", found.packed, PAPER.get(codes, "")),
        (f"{codes} and gaps, Huffman", found.huffman, ""),
    ):
        ratio = found.float32 / size
        table.add_row(label, f"{size:,}", f"{size / 1e6:.2f}", f"{ratio:.1f}x", printed)
    console.print(table)
    console.print("The paper's networks were retrained after pruning; its 4.8 MB are MiB.")


def measure_cost(
    net: Network,
    compressed: Network,
    preprocessing: Preprocessing,
    files: list[Path],
    truth: np.ndarray | None,
) -> dict:
    """How far ``compressed`` is from ``net``, both in float, on the images ``files``: agreement of
    the first choice in percent and SQNR of the logits in dB; with ``truth``, int [N], also top-1
    and top-5 of both in percent."""
    models = (FloatModel(net), FloatModel(compressed))
    parts: list[tuple[np.ndarray, ...]] = []
    steps = -(-len(files) // BATCH)
    pictures = batches(files, preprocessing, BATCH)
    for images in track(pictures, f"compare: batches of {BATCH} images", steps):
        seen = float_input(images, preprocessing)
        parts.append(tuple(model.logits(seen) for model in models))
    before, after = (np.concatenate(logits) for logits in zip(*parts, strict=True))
    best = [ranking(logits) for logits in (before, after)]
    cost: dict = {
        "images": len(files),
        "agreement": 100.0 * float(np.mean(best[0][:, 0] == best[1][:, 0])),
        "logit_sqnr_db": sqnr_db(float(np.vdot(before, before)), _energy(before - after)),
    }
    if truth is not None:
        for name, choices in zip(("float", "compressed"), best, strict=True):
            cost[f"{name}_top1"] = 100.0 * float(np.mean(choices[:, 0] == truth))
            cost[f"{name}_top5"] = 100.0 * float(np.mean((choices == truth[:, None]).any(axis=1)))
    return cost


def _energy(values: np.ndarray) -> float:
    return float(np.vdot(values, values))


def _print_cost(cost: dict, console: Console) -> None:
    sqnr = cost["logit_sqnr_db"]
    noise = "the same logits" if sqnr is None else f"logits {sqnr:.1f} dB"
    console.print(
        f"{cost['images']} images: same first choice as before {cost['agreement']:.1f} %, {noise}",
    )
    if "float_top1" in cost:
        console.print(
            f"top-1 {cost['float_top1']:.1f} % before, {cost['compressed_top1']:.1f} % compressed; "
            f"top-5 {cost['float_top5']:.1f} % and {cost['compressed_top5']:.1f} %",
        )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick compress", description=__doc__)
    parser.add_argument("--model", required=True, help=".onnx or .net, a SqueezeNet")
    parser.add_argument(
        "--sparsity",
        default="published",
        help="share of weights to drop (0.67), LAYER=SHARE,... with * in names, or the published "
        "network's, layer by layer (%(default)s)",
    )
    parser.add_argument("--bits", type=int, default=CODE_BITS, help="bits a code (%(default)s)")
    parser.add_argument("--images", help="folder: measure what compression costs on its images")
    parser.add_argument("--labels", help="CSV with columns file, class_index")
    parser.add_argument("--out", default=results("network.net"), help="the file (%(default)s)")
    add_skip_bad_option(parser)
    add_preprocessing_options(parser)
    return parser
