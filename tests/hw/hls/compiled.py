"""The emitted C++ compiled with the models of ``cpp/`` and run in this process."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.host import layout
from firebrick.host.program import Program, parse_program
from firebrick.hw.hls.csim import FLAGS, CSim, ap_types
from firebrick.hw.hls.emit import arguments, emit_project
from firebrick.hw.shape import EngineShape

CPP = Path(__file__).resolve().parent / "cpp"
PAGE = 128


def emitted(shape: EngineShape, folder: Path) -> Path:
    return emit_project(shape, "xc7z020clg400-1", 10.0, folder)


def model_library(project: Path, flags: Sequence[str] = ()) -> Path:
    """The project's kernel with the streams of ``cpp/hls_stream.h``."""
    library = project / "model.so"
    sources = [project / "src/firebrick_kernel.cpp", project / "tb/library.cpp", CPP / "model.cpp"]
    command = ["g++", *FLAGS, "-fvisibility=hidden", *flags, f"-I{CPP}", f"-I{project / 'src'}"]
    command += ["-isystem", str(ap_types()), *map(str, sources), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


@dataclass(eq=False)
class Model:
    """A library of :func:`model_library` with a program and pictures in its memory."""

    library: Path
    blob: bytes
    images: np.ndarray

    def __post_init__(self) -> None:
        self._engine = ctypes.CDLL(str(self.library))
        self._engine.firebrick_model_run.restype = ctypes.c_long
        self._engine.firebrick_model_left_over.restype = ctypes.c_long
        self.program: Program = parse_program(self.blob)

    def run(self, reads: int = -1, depth: int = 0) -> tuple[int, np.ndarray, int]:
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
        registers = np.zeros(1024, "<u4")
        offsets = {a.register: a.offset // 4 for a in arguments()}
        for name, value in setup.items():
            registers[offsets[name]] = value
        # Ends where the buffer does: what is read or written behind it is found by a sanitizer.
        code = self._engine.firebrick_model_run(
            memory.ctypes.data_as(ctypes.c_void_p),
            registers.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_long(reads),
            ctypes.c_long(depth),
        )
        stored = memory[starts[2] : starts[3]].reshape(len(packed), -1)
        sums = np.ascontiguousarray(stored[:, : 8 * p.output.classes]).view("<i8")
        return code, sums.astype(np.int64), int(registers[offsets["ERROR"]])

    def left_over(self) -> int:
        """Entries that the last run left in its streams."""
        return self._engine.firebrick_model_left_over()


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
