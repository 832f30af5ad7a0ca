"""One archive with all that a board needs.

It holds the bitstream if one is built, the overlay's description, the compiled program, sample
pictures with the golden model's answers, the driver, the notebook, and the golden model itself (for
comparisons with other pictures), with checksums of every file.  Given a host, it is copied there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from firebrick.commands.agreement import add_accept_option, check_agreement
from firebrick.commands.calibration import add_calibration_options, choose_calibration
from firebrick.commands.chosen import MODEL_HELP, choose, is_bundled
from firebrick.commands.class_names import class_names
from firebrick.commands.frame import (
    Parser,
    add_preprocessing_options,
    positive,
    preprocessing_options,
)
from firebrick.hw.archive.names import sample_names
from firebrick.hw.archive.pack import (
    COMMAND,
    SAMPLES,
    Sample,
    copy_to_board,
    pack,
    write_archive,
)
from firebrick.hw.boards import board_names, load_board
from firebrick.hw.compiler.feasible import check_float
from firebrick.quantize import qfile
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import spread
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.terminal import new_console

# ----------------------------------------------------------------------------------- the command


def main(arguments: list[str] | None = None, command: str = "deploy") -> Path:
    """The command; the archive it wrote.  FirebrickError for whatever the user can put right."""
    options = _parser(command).parse_args(arguments)
    console = new_console()
    board = load_board(options.board)
    make = _bundled if is_bundled(options.model) else _user_network
    qnet, samples = make(options, console)
    bitstream: Path | None = build_folder() / board.name / "firebrick.bit"
    if bitstream is not None and not bitstream.is_file():
        console.print(
            f"no bitstream for {board.name} is built: the archive has none "
            f"(make bitstream BOARD={board.name}, then this again)",
        )
        bitstream = None
    files = pack(qnet, board, samples, bitstream)
    folder = f"{_slug(qnet.name)}-{board.name}"
    archive = Path(options.out) / f"{folder}.tar.gz"
    write_archive(files, folder, archive)
    size = archive.stat().st_size
    console.print(f"wrote {archive}: {len(files)} files, {size:,} bytes", soft_wrap=True)
    if options.host is not None:
        copy_to_board(archive, options.host)
        console.print(f"copied to {options.host}")
    console.print(
        f"on the board: tar xzf {archive.name}; cd {folder}; {COMMAND}",
        soft_wrap=True,
    )
    return archive


def _bundled(options: argparse.Namespace, console: Console) -> tuple[QNetwork, list[Sample]]:
    made = choose(options, console)
    some = slice(options.count)
    names = sample_names(made.names[some])
    if made.bundled.judged and not options.images:
        names = [f"{n}_is_{c}" for n, c in zip(names, made.truth[some], strict=True)]
    return made.qnet, [Sample(n, p) for n, p in zip(names, made.pictures[some], strict=True)]


def _user_network(options: argparse.Namespace, console: Console) -> tuple[QNetwork, list[Sample]]:
    if options.images is None:
        raise FirebrickError("IMAGES is missing: a folder with sample pictures for the archive")
    given = preprocessing_options(options)
    if Path(options.model).suffix == ".npz":
        if given or options.calibration or options.classes:
            raise FirebrickError(
                f"{options.model}: a quantized network keeps its own preprocessing, calibration "
                "and class names; leave those options out"
            )
        qnet = qfile.load(options.model)
    else:
        model = read_model(options.model, **given)
        check_float(model.network, load_board(options.board).shape)
        for line in model.story:
            console.print(line)
        net, preprocessing = model.network, model.preprocessing
        files = choose_calibration(options, net, console, measures=model.taken is not None)
        classes = class_names(options, net.shapes[net.nodes[-1].output][0], console, model.classes)
        qnet = model.quantize(load_images(files, preprocessing), classes=classes)
        check_agreement(qnet.report, options.accept, console)
    chosen = spread(list_images(options.images), options.count)
    pictures = load_images(chosen, qnet.preprocessing)
    names = sample_names([file.name for file in chosen])
    return qnet, [Sample(name, p) for name, p in zip(names, pictures, strict=True)]


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._" else "_" for c in name)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = Parser(prog=f"firebrick {command}", description=__doc__)
    parser.add_argument("--model", help=MODEL_HELP)
    parser.add_argument("--images", help="folder of sample pictures (default: a bundled network's)")
    add_calibration_options(parser, "IMAGES")
    parser.add_argument("--classes", help="CSV with columns class_index, name")
    parser.add_argument(
        "--board", default="pynq-z2", help=f"one of {', '.join(board_names())} (%(default)s)"
    )
    parser.add_argument("--count", type=positive, default=SAMPLES, help="pictures (%(default)s)")
    parser.add_argument("--host", help="copy the archive there: user@address")
    parser.add_argument("--out", default="build/deploy", help="folder (%(default)s)")
    add_accept_option(parser)
    add_preprocessing_options(parser)
    return parser
