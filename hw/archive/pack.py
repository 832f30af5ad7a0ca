"""The archive that a board gets: overlay, program, driver, notebook, golden model and answers."""

from __future__ import annotations

import ast
import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from firebrick.host.version import VERSION
from firebrick.hw.boards import Board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.flow.hwh import hwh
from firebrick.quantize import golden, qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.files import write_atomically
from firebrick.quantize.support.paths import IMPORT_PATH, ROOT
from firebrick.quantize.support.templates import environment

NOTEBOOKS = ROOT / "host" / "notebooks"
TEMPLATE = "archive_readme.md.j2"
SAMPLES = 4
CHECKSUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
# The command of the board: self-test, or a script, as root in pynq's environment.
RUN = "run.sh"
COMMAND = f"bash {RUN}"
MODE = 0o644
RUN_MODE = 0o755
# The golden model and the reader of its files; what these import comes along.
GOLDEN_MODULES = ("quantize/golden/__init__.py", "quantize/qfile.py")
OURS = "firebrick."
# Where the archive's part of a package and the project's meet, the archive's comes first.
SHARED = '\n__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'


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
        RUN: (ROOT / "host" / RUN).read_bytes(),
    }
    if bitstream is not None:
        files["firebrick.bit"] = bitstream.read_bytes()
    host = [f"host/{path.name}" for path in sorted((ROOT / "host").glob("*.py"))]
    for name in (*host, *golden_modules()):
        files[f"firebrick/{name}"] = (ROOT / name).read_bytes()
        if name.startswith("quantize/") and name.endswith("/__init__.py"):
            files[f"firebrick/{name}"] += SHARED.encode()
    files["firebrick/__init__.py"] = (IMPORT_PATH / "firebrick/__init__.py").read_bytes()
    files["firebrick/__init__.py"] += SHARED.encode()
    for sample in samples:
        files[f"images/{sample.name}.png"] = _png(sample.pixels)
    facts = {
        "firebrick": VERSION,
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
    """Files of quantize/ that running the golden model needs, found by their imports, such as
    ``quantize/golden/integer_model.py``; those of the packages around them included."""
    found: set[str] = set()
    waiting = list(GOLDEN_MODULES)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += _imports(path)
        waiting.append(f"{Path(path).parent}/__init__.py")
    return sorted(found - {"./__init__.py"})


def _imports(path: str) -> list[str]:
    """Files of quantize/ that the one at ``path``, relative to :data:`ROOT`, imports."""
    found = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(OURS):
            continue
        folder = (node.module or "").removeprefix(OURS).replace(".", "/")
        names = [f"{folder}/{alias.name}" for alias in node.names]
        for name in (folder, *names):
            found += [f for f in (f"{name}.py", f"{name}/__init__.py") if (ROOT / f).is_file()]
    return found


def write_archive(files: dict[str, bytes], folder: str, path: Path) -> None:
    """Write ``files`` below ``folder`` as a .tar.gz; the same files give the same bytes."""

    def write(target: BinaryIO) -> None:
        with (
            gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, data in sorted(files.items()):
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mode = len(data), RUN_MODE if name == RUN else MODE
                archive.addfile(entry, io.BytesIO(data))

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
    """Pictures, sums of all or the maps that the network ends in, and of the first the feature maps
    that the program stores."""
    pixels = np.stack([sample.pixels for sample in samples])
    keep = [m["name"] for m in program.host["maps"]]
    first = golden.run(qnet, pixels[:1], keep=keep)
    arrays = {f"map/{name}": first.tensors[name][0] for name in keep}
    every = golden.run(qnet, pixels)
    arrays |= {f"output/{name}": every.tensors[name] for name in qnet.maps}
    file = io.BytesIO()
    np.savez_compressed(
        file,
        names=np.array([sample.name for sample in samples]),
        pixels=pixels,
        totals=every.sums,
        **arrays,
    )
    return file.getvalue()


def _saved(qnet: QNetwork) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        qfile.save(qnet, path)
        return path.read_bytes()


def _classes(qnet: QNetwork) -> bytes:
    names = qnet.classes or tuple(map(str, range(qnet.kinds)))
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
    templates = environment(Path(__file__).with_name("templates"))
    text = templates.get_template(TEMPLATE).render(
        network=qnet.name,
        input=qnet.tensors[qnet.input].shape,
        answers="boxes" if qnet.anchors else "feature maps" if qnet.maps else "class probabilities",
        detects=bool(qnet.anchors),
        maps=qnet.maps,
        board=board,
        version=VERSION,
        samples=len(samples),
        bitstream=bitstream,
        command=COMMAND,
    )
    return text.encode()
