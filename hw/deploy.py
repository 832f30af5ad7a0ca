"""One archive with all that a board needs: ``python -m hw.deploy``.

It holds the bitstream if one is built, the overlay's description, the compiled program, sample
pictures with the golden model's answers, the driver, the notebook, and the golden model itself (for
comparisons with other pictures), with checksums of every file.  Given a host, it is copied there.
"""

from __future__ import annotations

import argparse
import ast
import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image
from rich.console import Console

from hw.boards import Board, board_names, load_board
from hw.compiler import compile_network
from hw.hwh import hwh
from hw.program import Program
from models import digits
from quantize import golden, qfile
from quantize.accuracy import calibration_files, spread
from quantize.cli import Parser, add_preprocessing_options, positive, preprocessing_options, run_cli
from quantize.errors import FirebrickError
from quantize.load import load_model, read_classes
from quantize.model import read_model
from quantize.preprocess import list_images, load_images
from quantize.qfile import write_atomically
from quantize.qnetwork import QGlobalSum, QNetwork
from quantize.quantizer import quantize_network

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "host" / "notebooks"
TEMPLATE = "archive_readme.md.j2"
SAMPLES = 4
CHECKSUMS, MANIFEST = "SHA256SUMS", "manifest.json"
MODE = 0o644
# The golden model and the reader of its files; what these import comes along.
GOLDEN_MODULES = ("golden", "qfile")


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture as the network sees it: uint8 [C, H, W]."""

    name: str
    pixels: np.ndarray


def pack(
    qnet: QNetwork, board: Board, samples: list[Sample], bitstream: Path | None
) -> dict[str, bytes]:
    """The archive's files by name, without its folder.

    ``bitstream`` is the board's `.bit`; None: the archive has none and its README says so.
    Raises FirebrickError where the network does not compile for the board.
    """
    program = compile_network(qnet, board.shape)
    files = {
        "network.fbp": program.blob,
        "firebrick.hwh": hwh(board),
        "golden.npz": _golden(qnet, program, samples),
        "network.npz": _saved(qnet),
        "classes.csv": _classes(qnet),
        **{name: (NOTEBOOKS / name).read_bytes() for name in ("squeezenet.ipynb", "charts.py")},
    }
    if bitstream is not None:
        files["firebrick.bit"] = bitstream.read_bytes()
    for path in sorted((ROOT / "host").glob("*.py")):
        files[f"host/{path.name}"] = path.read_bytes()
    for name in golden_modules():
        files[f"golden/quantize/{name}.py"] = (ROOT / "quantize" / f"{name}.py").read_bytes()
    files["golden/quantize/__init__.py"] = b""
    for sample in samples:
        files[f"images/{sample.name}.png"] = _png(sample.pixels)
    facts = {
        "network": qnet.name,
        "board": board.name,
        "part": board.part,
        "shape": str(board.shape),
        "clock_mhz": board.clock.fclk0_hz / 1e6,
        "bitstream": bitstream is not None,
        "samples": [sample.name for sample in samples],
    }
    files[MANIFEST] = (json.dumps(facts, indent=2) + "\n").encode()
    files["README.md"] = _readme(qnet, board, samples, bitstream is not None)
    sums = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    files[CHECKSUMS] = "".join(sums).encode()
    return files


def golden_modules() -> list[str]:
    """Modules of quantize/ that running the golden model needs, found by their imports."""
    found: list[str] = []
    waiting = list(GOLDEN_MODULES)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.append(name)
        for node in ast.walk(ast.parse((ROOT / "quantize" / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "quantize":
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quantize."):
                waiting.append((node.module or "").split(".")[1])
    return sorted(found)


def write_archive(files: dict[str, bytes], folder: str, path: Path) -> None:
    """Write ``files`` below ``folder`` as a .tar.gz; the same files give the same bytes."""

    def write(target: BinaryIO) -> None:
        with (
            gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, data in sorted(files.items()):
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mode = len(data), MODE
                archive.addfile(entry, io.BytesIO(data))

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, write)


def copy_to_board(archive: Path, host: str) -> None:
    """Copy the archive to ``host`` (user@address) with scp; FirebrickError where it fails."""
    scp = shutil.which("scp")
    if scp is None:
        raise FirebrickError("scp is missing: apt-get install openssh-client")
    done = subprocess.run([scp, str(archive), f"{host}:"], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"scp ended with code {done.returncode}"]
        raise FirebrickError(f"{archive.name} was not copied to {host}: {lines[-1]}")


def _golden(qnet: QNetwork, program: Program, samples: list[Sample]) -> bytes:
    """Pictures, sums of all, and of the first the feature maps that the program stores."""
    pixels = np.stack([sample.pixels for sample in samples])
    keep = [m["name"] for m in program.host["maps"]]
    first = golden.run(qnet, pixels[:1], keep=keep)
    arrays = {f"map/{name}": first.tensors[name][0] for name in keep}
    file = io.BytesIO()
    np.savez_compressed(
        file,
        names=np.array([sample.name for sample in samples]),
        pixels=pixels,
        totals=golden.run(qnet, pixels).sums,
        **arrays,
    )
    return file.getvalue()


def _saved(qnet: QNetwork) -> bytes:
    path = ROOT / "build" / "deploy.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        qfile.save(qnet, path)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def _classes(qnet: QNetwork) -> bytes:
    last = qnet.nodes[-1]
    assert isinstance(last, QGlobalSum)
    names = qnet.classes or tuple(map(str, range(len(last.bias))))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class_index", "name"))
    writer.writerows(enumerate(names))
    return text.getvalue().encode()


def _png(pixels: np.ndarray) -> bytes:
    picture = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="png")
    return file.getvalue()


def _readme(qnet: QNetwork, board: Board, samples: list[Sample], bitstream: bool) -> bytes:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    text = templates.get_template(TEMPLATE).render(
        network=qnet.name,
        input=qnet.tensors[qnet.input].shape,
        board=board,
        samples=len(samples),
        bitstream=bitstream,
    )
    return text.encode()


# ----------------------------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> Path:
    """The command; the archive it wrote.  FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    console = Console()
    board = load_board(options.board)
    qnet, samples = _digits(options) if options.model is None else _user_network(options, console)
    bitstream: Path | None = ROOT / "build" / board.name / "firebrick.bit"
    if bitstream is not None and not bitstream.is_file():
        console.print(
            f"no bitstream for {board.name} is built: the archive has none "
            f"(make bitstream BOARD={board.name}, then this again)",
            highlight=False,
        )
        bitstream = None
    files = pack(qnet, board, samples, bitstream)
    folder = f"{_slug(qnet.name)}-{board.name}"
    archive = Path(options.out) / f"{folder}.tar.gz"
    write_archive(files, folder, archive)
    size = archive.stat().st_size
    console.print(
        f"wrote {archive}: {len(files)} files, {size:,} bytes", highlight=False, soft_wrap=True
    )
    if options.host is not None:
        copy_to_board(archive, options.host)
        console.print(f"copied to {options.host}", highlight=False)
    console.print(
        f"on the board: tar xzf {archive.name}; cd {folder}; sudo python3 -m host.selftest",
        highlight=False,
        soft_wrap=True,
    )
    return archive


def _digits(options: argparse.Namespace) -> tuple[QNetwork, list[Sample]]:
    if options.images or options.calibration or preprocessing_options(options):
        raise FirebrickError("IMAGES and preprocessing belong to a network of yours: name MODEL")
    net, preprocessing = load_model(digits.MODEL_PATH, preset="digits")
    train, _, pictures, truth = digits.load_digits_split()
    qnet = quantize_network(net, preprocessing, train[:256], classes=digits.CLASSES)
    chosen = pictures[: options.count]
    names = [f"digit_{i}_is_{label}" for i, label in enumerate(truth[: options.count])]
    return qnet, [Sample(n, p) for n, p in zip(names, chosen, strict=True)]


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
        for line in model.story:
            console.print(line, highlight=False)
        net, preprocessing = model.network, model.preprocessing
        files, words = calibration_files(options.calibration or options.images, [])
        use = "calibrating" if model.taken is None else "measuring"
        console.print(f"{use} on {words}", highlight=False)
        classes: tuple[str, ...] = ()
        if options.classes is not None:
            classes = read_classes(options.classes, net.shapes[net.nodes[-1].output][0])
        qnet = model.quantize(load_images(files, preprocessing), classes=classes)
    chosen = spread(list_images(options.images), options.count)
    pictures = load_images(chosen, qnet.preprocessing)
    return qnet, [Sample(f.stem, p) for f, p in zip(chosen, pictures, strict=True)]


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._" else "_" for c in name)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m hw.deploy", description=__doc__)
    parser.add_argument("--model", help=".onnx, .net or quantized .npz; without it the digits")
    parser.add_argument("--images", help="folder of sample pictures")
    parser.add_argument("--calibration", help="folder of calibration images (default: IMAGES)")
    parser.add_argument("--classes", help="CSV with columns class_index, name")
    parser.add_argument(
        "--board", default="pynq-z2", help=f"one of {', '.join(board_names())} (%(default)s)"
    )
    parser.add_argument("--count", type=positive, default=SAMPLES, help="pictures (%(default)s)")
    parser.add_argument("--host", help="copy the archive there: user@address")
    parser.add_argument("--out", default="build/deploy", help="folder (%(default)s)")
    add_preprocessing_options(parser)
    return parser


def _command() -> None:
    main()


if __name__ == "__main__":
    run_cli(_command)
