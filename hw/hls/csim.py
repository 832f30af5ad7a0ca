"""C simulation without vendor tools: the emitted C++ compiled into a shared library.

The library runs in a process of its own (:mod:`hw.hls.child`), so that a fault in the C++ ends that
process and not the caller's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firebrick.host import layout
from firebrick.host.program import parse_program
from firebrick.hw import definition as d
from firebrick.hw.cxx import compile_once, cxx
from firebrick.hw.hls.child import REGISTER_BYTES
from firebrick.hw.hls.emit import DEFINITIONS, TEMPLATES, arguments, emit_project
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import named
from firebrick.quantize.support.paths import build_folder
from firebrick.quantize.support.programs import run_program

BUILD = build_folder() / "hls"
# g++ and clang know neither HLS pragmas nor that a loop's label is its name in HLS's reports; the
# constructors of ap_types touch the value before it is set.
FLAGS = (
    "-std=c++14",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Wno-unknown-pragmas",
    "-Wno-unused-label",
    "-Wno-uninitialized",
    "-Wno-maybe-uninitialized",
    # clang's word for what the last one is to it.
    "-Wno-unknown-warning-option",
)
CHILD = Path(__file__).resolve().parent / "child.py"
ALIGNMENT = 128


class CSimError(FirebrickError):
    """C simulation is not possible, or the engine ended with an error."""


@dataclass(frozen=True, eq=False)
class CSimResult:
    """``sums`` int64 [N, O]: what the engine wrote, without the constant that the host adds;
    ``outputs``: by name the maps that the network ends in, [N, C, H, W]; ``maps``: every 8-bit map
    in the scratch memory, [C, H, W], of the last picture; ``registers``: those that the
    engine sets, by name; ``seconds`` that the engine took for all pictures."""

    sums: np.ndarray
    outputs: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    registers: dict[str, int]
    seconds: float


def ap_types() -> Path:
    """Folder of the ``ap_int.h`` and ``hls_stream.h`` that hls4ml brings.

    FIREBRICK_AP_TYPES names another one.  Raises :class:`CSimError` where there is none.
    """
    named = os.environ.get("FIREBRICK_AP_TYPES")
    if named:
        folder = Path(named)
        if not (folder / "ap_int.h").is_file():
            raise CSimError(f"FIREBRICK_AP_TYPES names {folder}, which has no ap_int.h")
        return folder
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or not spec.submodule_search_locations:
        raise CSimError(
            "C simulation needs the ap_types headers of the hls4ml package: pip install hls4ml, "
            "or name a folder that has ap_int.h with FIREBRICK_AP_TYPES"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "templates/vivado/ap_types"
    if not (folder / "ap_int.h").is_file():
        raise CSimError(f"{folder}: no ap_int.h; another version of hls4ml may lay it elsewhere")
    return folder


def build_library(shape: EngineShape, build: Path = BUILD, flags: tuple[str, ...] = ()) -> Path:
    """Emit and compile the engine of ``shape`` once, with ``flags`` more; the library's path.

    Raises :class:`CSimError` with the compiler's words where that fails.
    """
    headers = ap_types()
    digest = hashlib.sha256(repr((shape, FLAGS, flags, cxx(), str(headers))).encode())
    for file in [DEFINITIONS, *sorted(TEMPLATES.rglob("*.j2")), TEMPLATES.parent / "emit.py"]:
        digest.update(file.read_bytes())
    library = build / f"{shape}-{digest.hexdigest()[:12]}" / "firebrick_kernel.so"

    def of_project(folder: Path) -> list[str]:
        project = emit_project(shape, "xc7z020clg400-1", 10.0, folder / "project")
        sources = [project / "src" / "firebrick_kernel.cpp", project / "tb" / "library.cpp"]
        include = [f"-I{project / 'src'}", "-isystem", str(headers)]
        return [*FLAGS, *flags, *include, *map(str, sources)]

    return compile_once(library, of_project, "the emitted C++", CSimError)


def _align(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class CSim:
    """The emitted engine of ``shape``, compiled; ``library`` is its shared library."""

    def __init__(
        self, shape: EngineShape, build: Path = BUILD, flags: tuple[str, ...] = ()
    ) -> None:
        self.shape = shape
        self.library = build_library(shape, build, flags)

    def run(
        self, program_blob: bytes, images: np.ndarray, timeout: float | None = None
    ) -> CSimResult:
        """Run all ``images``, uint8 [N, C, H, W], in one start.

        Raises ``firebrick.host.errors.ProgramError`` for a damaged blob, :class:`CSimError` where
        the engine reports an error, crashes, or runs longer than ``timeout`` seconds.
        """
        program = parse_program(program_blob)
        inputs = [
            layout.pack_input(image, program.input, program.pixels, program.word_bytes)
            for image in images
        ]
        in_stride, out_stride = _align(program.input.bytes), _align(program.output.bytes)
        input_addr = _align(len(program.loadable))
        output_addr = input_addr + len(inputs) * in_stride
        scratch_addr = output_addr + len(inputs) * out_stride
        memory = np.zeros(scratch_addr + _align(program.scratch_bytes), np.uint8)
        memory[: len(program.loadable)] = np.frombuffer(program.loadable, np.uint8)
        for index, data in enumerate(inputs):
            start = input_addr + index * in_stride
            memory[start : start + data.size] = data
        registers, seconds = self.start(
            memory,
            {
                "PROGRAM_ADDR": 0,
                "INPUT_ADDR": input_addr,
                "OUTPUT_ADDR": output_addr,
                "SCRATCH_ADDR": scratch_addr,
                "IMAGES": len(inputs),
                "INPUT_STRIDE": in_stride,
                "OUTPUT_STRIDE": out_stride,
                "PROGRAM_END": len(program.loadable),
                "INPUT_END": output_addr,
                "OUTPUT_END": scratch_addr,
                "SCRATCH_END": memory.size,
            },
            timeout,
        )
        self._check(program.source, registers["ERROR"])
        outputs = memory[output_addr:scratch_addr].reshape(len(inputs), out_stride)
        sums, outputs_by_name = layout.unpack_outputs(outputs, program)
        scratch = memory[scratch_addr:]
        maps = {
            m.name: layout.unpack_map(scratch, m, program.pixels, program.word_bytes)
            for m in program.maps
        }
        return CSimResult(sums, outputs_by_name, maps, registers, seconds)

    def start(
        self, memory: np.ndarray, registers: dict[str, int], timeout: float | None = None
    ) -> tuple[dict[str, int], float]:
        """Run on ``memory``, uint8 [bytes], which is changed in place; the engine's registers and
        the seconds it took.  ``registers`` are those that a driver writes, by name.

        Raises :class:`CSimError` where the process crashes or exceeds ``timeout`` seconds.
        """
        words = np.zeros(REGISTER_BYTES // 4, "<u4")
        known = {a.register: a for a in arguments()}
        for name, value in registers.items():
            words[known[name].offset // 4] = value
        shared = Path("/dev/shm")
        where = shared if os.access(shared, os.W_OK) else None
        with tempfile.TemporaryDirectory(dir=where, prefix="firebrick-") as name:
            path = Path(name) / "memory"
            with named(path), path.open("wb") as file:
                file.write(memory.data)
                file.write(words.data)
            command = [sys.executable, str(CHILD), str(self.library), str(path)]
            try:
                done = run_program(command, timeout=timeout)
            except subprocess.TimeoutExpired:
                raise CSimError(f"the engine was not done after {timeout} seconds") from None
            if done.returncode:
                raise CSimError(
                    f"the engine's C simulation ended with status {done.returncode}: "
                    f"{done.stderr.strip()[-1000:]}"
                )
            data = np.fromfile(path, np.uint8)
        memory[:] = data[: memory.size]
        words = data[memory.size :].view("<u4")
        found = {n: int(words[a.offset // 4]) for n, a in known.items() if a.output}
        return found, float(done.stdout.split()[-1])

    @staticmethod
    def _check(source: str, error: int) -> None:
        code, group = error & 0xFF, error >> 8 & 0xFFFF
        if code:
            texts = {number: (name, text) for number, name, text in d.ERRORS}
            name, text = texts.get(code, ("unknown", "no such error code"))
            raise CSimError(f"{source}: error {code} ({name}) in group {group}: {text}")
