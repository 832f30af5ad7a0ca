"""One archive with all that a board needs.

It holds the bitstream if one is built, the overlay's description, the compiled program, sample
pictures with the golden model's answers, the driver, the notebook, and the golden model itself (for
comparisons with other pictures), with checksums of every file.  Given a host, it is copied there.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from firebrick.commands.agreement import add_accept_option, check_agreement
from firebrick.commands.calibration import add_calibration_options
from firebrick.commands.chosen import MODEL_HELP, is_bundled
from firebrick.commands.frame import (
    Parser,
    add_preprocessing_options,
    add_skip_bad_option,
    positive,
)
from firebrick.commands.opening import Made, Opened, open_network, quantize_opened
from firebrick.commands.pictures import without
from firebrick.hw.archive.names import sample_names
from firebrick.hw.archive.pack import (
    COMMAND,
    SAMPLES,
    Sample,
    copy_to_board,
    pack,
    write_archive,
)
from firebrick.hw.boards import Board, board_names, load_board
from firebrick.hw.flow.hwh import clock_of, shape_of
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.report.accuracy import spread
from firebrick.quantize.support.paths import build_folder, results
from firebrick.quantize.support.terminal import new_console

# ----------------------------------------------------------------------------------- the command


def main(arguments: list[str] | None = None, command: str = "deploy") -> Path:
    """The command; the archive it wrote.  FirebrickError for whatever the user can put right."""
    options = _parser(command).parse_args(arguments)
    console = new_console()
    built = build_folder() / options.board / "firebrick.bit"
    board = _as_built(load_board(options.board), built, console)
    if options.images is None and not is_bundled(options.model):
        raise FirebrickError("IMAGES is missing: a folder with sample pictures for the archive")
    opened = open_network(options, console, board.shape, maps=True)
    if options.images is not None:
        opened.pictures.files(options.images)
    made = quantize_opened(opened, options, console)
    qnet = made.qnet
    if opened.model is not None:
        check_agreement(qnet.report, options.accept, console)
    samples = _samples(opened, made, options)
    bitstream = built if built.is_file() else None
    if bitstream is None:
        console.print(
            f"no bitstream for {board.name} is built: the archive has none "
            f"(make bitstream BOARD={board.name}, then this again)",
        )
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


def _as_built(board: Board, bitstream: Path, console: Console) -> Board:
    """The board with the array and the clock that its bitstream, where one is built, has."""
    description = bitstream.with_suffix(".hwh")
    if not (bitstream.is_file() and description.is_file()):
        return board
    shape, hertz = shape_of(description), clock_of(description)
    if shape != board.shape or hertz != board.clock.fclk0_hz:
        console.print(
            f"{bitstream}: an array of {shape} at {hertz / 1e6:g} MHz; the program is made for it",
            soft_wrap=True,
        )
        board = replace(board, shape=shape).with_clock(hertz / 1e6)
    return board


def _samples(opened: Opened, made: Made, options: argparse.Namespace) -> list[Sample]:
    """Pictures of the user's, or those of the bundled network; where its classes are known by
    heart the names say them."""
    bundled = opened.bundled
    if options.images is not None:
        files = opened.pictures.files(options.images)
        chosen = spread(without(files, made.used) or files, options.count)
        names = sample_names([file.name for file in chosen])
        pictures = opened.pictures.load(chosen)
    else:
        assert bundled is not None
        some = slice(options.count)
        names, pictures = sample_names(bundled.names[some]), bundled.pictures[some]
        if bundled.judged:
            names = [f"{n}_is_{c}" for n, c in zip(names, bundled.truth[some], strict=True)]
    return [Sample(name, p) for name, p in zip(names, pictures, strict=True)]


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
    parser.add_argument("--out", default=results("deploy"), help="folder (%(default)s)")
    add_skip_bad_option(parser)
    add_accept_option(parser)
    add_preprocessing_options(parser)
    return parser
