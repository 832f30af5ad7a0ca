"""The emitted C++ compiled with the models of ``cpp/``, and run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.host import layout
from firebrick.host.program import Program, parse_program
from firebrick.hw.hls.csim import FLAGS, CSim, ap_types
from firebrick.hw.hls.emit import arguments, emit_project
from firebrick.hw.shape import EngineShape
from tests.hw.hls.model_child import REGISTER_BYTES

CPP = Path(__file__).resolve().parent / "cpp"
CHILD = CPP.parent / "model_child.py"
PAGE = 128


def emitted(shape: EngineShape, folder: Path) -> Path:
    return emit_project(shape, "xc7z020clg400-1", 10.0, folder)


def model_library(
    project: Path, flags: Sequence[str] = (), compiler: Sequence[str] = ("g++",)
) -> Path:
    """The project's kernel with the streams of ``cpp/hls_stream.h``."""
    library = project / "model.so"
    sources = [project / "src/firebrick_kernel.cpp", project / "tb/library.cpp", CPP / "model.cpp"]
    command = [*compiler, "-fPIC", "-shared", *FLAGS, "-fvisibility=hidden", *flags, f"-I{CPP}"]
    command += [f"-I{project / 'src'}", "-isystem", str(ap_types()), *map(str, sources)]
    subprocess.run([*command, "-o", str(library)], check=True)
    return library


@dataclass(eq=False)
class Model:
    """A library of :func:`model_library` in a process of its own, with a program and pictures in
    its memory."""

    library: Path
    blob: bytes
    images: np.ndarray

    def __post_init__(self) -> None:
        self.program: Program = parse_program(self.blob)
        self._left_over = 0
        self._child = subprocess.Popen(
            [sys.executable, str(CHILD), str(self.library)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        weakref.finalize(self, _end, self._child)

    def run(self, reads: int = -1, depth: int = 0, seed: int = 0) -> tuple[int, np.ndarray, int]:
        """(stream reads or a negative code, sums int64 [N, O], ERROR); see cpp/model.cpp."""
        p = self.program
        packed = [layout.pack_input(i, p.input, p.pixels, p.word_bytes) for i in self.images]
        sizes = (len(p.loadable), *[_page(p.input.bytes) * len(packed)])
        starts = [0, _page(sizes[0])]
        starts.append(starts[1] + sizes[1])
        starts.append(starts[2] + _page(p.output.bytes) * len(packed))
        end = starts[3] + _page(p.scratch_bytes)
        memory = np.zeros(end, np.uint8)
        memory[: sizes[0]] = np.frombuffer(p.loadable, np.uint8)
        for n, data in enumerate(packed):
            at = starts[1] + n * _page(p.input.bytes)
            memory[at : at + data.size] = data
        setup = {
            "PROGRAM_ADDR": 0,
            "INPUT_ADDR": starts[1],
            "OUTPUT_ADDR": starts[2],
            "SCRATCH_ADDR": starts[3],
            "IMAGES": len(packed),
            "INPUT_STRIDE": _page(p.input.bytes),
            "OUTPUT_STRIDE": _page(p.output.bytes),
            "PROGRAM_END": starts[1],
            "INPUT_END": starts[2],
            "OUTPUT_END": starts[3],
            "SCRATCH_END": end,
        }
        registers = np.zeros(REGISTER_BYTES // 4, "<u4")
        offsets = {a.register: a.offset // 4 for a in arguments()}
        for name, value in setup.items():
            registers[offsets[name]] = value
        with tempfile.NamedTemporaryFile(dir=self.library.parent) as file:
            file.write(registers.tobytes() + memory.tobytes())
            file.flush()
            code = self._ask([file.name, reads, depth, seed])
            data = np.fromfile(file.name, np.uint8)
        registers = data[:REGISTER_BYTES].view("<u4")
        stored = data[REGISTER_BYTES:][starts[2] : starts[3]].reshape(len(packed), -1)
        sums = np.ascontiguousarray(stored[:, : 8 * p.output.classes]).view("<i8")
        return code, sums.astype(np.int64), int(registers[offsets["ERROR"]])

    def _ask(self, what: list[str | int]) -> int:
        """What the model's process returns; AssertionError where it has ended."""
        child = self._child
        assert child.stdin is not None and child.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps(what), file=child.stdin, flush=True)
        words = child.stdout.readline().split()
        assert len(words) == 2, f"{self.library}: the model ended with status {child.wait()}"
        self._left_over = int(words[1])
        return int(words[0])

    def left_over(self) -> int:
        """Entries that the last run left in its streams."""
        return self._left_over


def _end(child: subprocess.Popen[str]) -> None:
    child.communicate()


def _page(size: int) -> int:
    return -(-size // PAGE) * PAGE


def outcome(engine: CSim, blob: bytes, **registers: int) -> tuple[int, int]:
    """Error code and group of a start on a damaged program, which the driver would refuse."""
    memory = np.zeros(1 << 22, np.uint8)
    memory[: len(blob)] = np.frombuffer(blob, np.uint8)
    setup = {
        "PROGRAM_ADDR": 0,
        "INPUT_ADDR": 1 << 20,
        "OUTPUT_ADDR": 2 << 20,
        "SCRATCH_ADDR": 3 << 20,
        "IMAGES": 1,
        "INPUT_STRIDE": 0,
        "OUTPUT_STRIDE": 0,
        "PROGRAM_END": 1 << 20,
        "INPUT_END": 2 << 20,
        "OUTPUT_END": 3 << 20,
        "SCRATCH_END": 4 << 20,
        **registers,
    }
    found, _ = engine.start(memory, setup, timeout=60)
    return found["ERROR"] & 0xFF, found["ERROR"] >> 8
