"""Figures of the emitted C++: ``python -m firebrick.bench.hls``.

Lines of the project, compile time with g++, and seconds of C simulation a frame of SqueezeNet v1.0
on 227x227 with random weights: the arithmetic, and so the time, is that of trained ones.  Writes
``hls_csim_seconds`` and the other figures into ``build/bench.json``, next to what is there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from firebrick.commands.frame import Parser, run_cli
from firebrick.host.program import parse_program
from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls.emit import emit_project
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import golden
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.terminal import Table, new_console

OUT = build_folder() / "bench.json"
SEED = 1


def figures(version: str) -> dict[str, float]:
    """Figures of the emitted project and of a frame of SqueezeNet ``version``.

    Raises FirebrickError where a sum differs from the golden model's.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = emit_project(PYNQ_Z2, "xc7z020clg400-1", 10.0, folder / "project")
        files = [*project.glob("src/*"), *project.glob("tb/*")]
        lines = sum(len(file.read_text().splitlines()) for file in files)
        begin = time.perf_counter()
        engine = CSim(PYNQ_Z2, build=folder / "build")
        compiled = time.perf_counter() - begin
        rng = np.random.default_rng(SEED)
        net = build(ARCHITECTURES[version](), rng)
        images = rng.integers(0, 256, (2, *net.shapes[net.input]), np.uint8)
        prepared = for_network(preprocessing("torchvision"), net)
        qnet = quantize_network(net, prepared, images)
        program = compile_network(qnet, PYNQ_Z2)
        result = engine.run(program.blob, images[:1])
    totals, _, _ = scores(result.sums, parse_program(program.blob))
    if not np.array_equal(totals, golden.run(qnet, images[:1]).sums):
        raise FirebrickError(f"SqueezeNet {version}: the C simulation is not the golden model's")
    return {
        "hls_lines": lines,
        "hls_compile_seconds": round(compiled, 2),
        "hls_csim_seconds": round(result.seconds, 3),
    }


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    found = figures(options.version)
    table = Table("figure", "value", title=f"HLS C++ of {PYNQ_Z2}, SqueezeNet {options.version}")
    table.add_row("lines of C++", f"{found['hls_lines']}")
    table.add_row("g++ -O2, s", f"{found['hls_compile_seconds']:.1f}")
    table.add_row("C simulation, s a frame", f"{found['hls_csim_seconds']:.2f}")
    new_console().print(table)
    known = json.loads(OUT.read_text()) if OUT.is_file() else {}
    write_text(OUT, json.dumps(known | found, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m firebrick.bench.hls", description=__doc__)
    parser.add_argument("--version", choices=ARCHITECTURES, default="v1.0", help="%(default)s")
    return parser


if __name__ == "__main__":
    run_cli(main)
