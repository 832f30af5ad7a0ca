"""Other readers of the emitted C++ than the one that C simulation uses: sanitizers, and headers of
another maker."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.commands.hls import write_data
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program, assemble
from firebrick.hw.hls.csim import FLAGS, CSim, CSimError, ap_types
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from firebrick.sim.faults import craft
from firebrick.sim.random_networks import map_heads, random_images, random_narrow, random_network
from tests.hw.hls.compiled import CPP, emitted, outcome

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
DATA = ("program.fbp", "inputs.bin", "expected.bin")
# hls4ml brings both: AMD's ap_types for Vivado, Siemens' ac_types for Catapult and Quartus.
AC_TYPES = ap_types().parents[1] / "quartus" / "ac_types"
SANITIZERS = ("-O0", "-fsanitize=address,undefined")
# Of those at random.
CRAFTED = 10


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = emitted(SHAPE, tmp_path_factory.mktemp("project"))
    net = random_network(3, bypass=True)
    images = random_images(net, 2, 3)
    write_data(project / "data", compile_network(net, SHAPE), images, golden.run(net, images))
    return project


def bench(project: Path, flags: tuple[str, ...], headers: tuple[Path, ...]) -> str:
    """What the test bench says, compiled with ``headers`` as the first to be found."""
    built = project / "bench"
    search = [word for folder in headers for word in ("-isystem", str(folder))]
    sources = [project / "src" / "firebrick_kernel.cpp", project / "tb" / "testbench.cpp"]
    command = ["g++", *FLAGS, *flags, f"-I{project / 'src'}", *search, *map(str, sources)]
    subprocess.run([*command, "-o", str(built)], check=True)
    data = [str(project / "data" / name) for name in DATA]
    done = subprocess.run([str(built), *data], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not complaints(done.stderr), done.stderr[-3000:]
    return done.stdout


def complaints(told: str) -> list[str]:
    # AMD's own headers shift negative values to the left.
    return [line for line in told.splitlines() if line and "/ap_types/" not in line]


def test_a_network_that_ends_in_maps(project: Path, tmp_path: Path) -> None:
    net = map_heads(3, (9, 4))
    images = random_images(net, 2, 3)
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    write_data(copy / "data", compile_network(net, SHAPE), images, golden.run(net, images))
    assert "PASSED: 0 of 2" in bench(copy, ("-O1",), (ap_types(),))
    answers = copy / "data" / "expected.bin"
    damaged = bytearray(answers.read_bytes())
    damaged[-64] ^= 1
    answers.write_bytes(bytes(damaged))
    done = subprocess.run(
        [str(copy / "bench"), *(str(copy / "data" / name) for name in DATA)], capture_output=True
    )
    assert b"FAILED: 1 of 2" in done.stdout


def test_sanitizers_find_nothing(project: Path) -> None:
    assert "PASSED: 0 of 2" in bench(project, SANITIZERS, (ap_types(),))


@pytest.fixture
def sanitized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CSim:
    """C simulation with sanitizers, which its process must have loaded first."""
    engine = CSim(SHAPE, flags=SANITIZERS)
    libraries = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True).stdout
        for name in ("libasan.so", "libubsan.so", "libstdc++.so")
    ]
    monkeypatch.setenv("LD_PRELOAD", " ".join(map(str.strip, libraries)))
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        monkeypatch.setenv(name, f"detect_leaks=0:log_path={tmp_path / 'log'}")
    return engine


def said(engine: CSim, blob: bytes, folder: Path) -> list[str]:
    """What the sanitizers wrote to files in ``folder``."""
    told = []
    try:
        outcome(engine, blob)
    except CSimError as error:
        told += [str(error)]
    for log in folder.glob("log*"):
        told += complaints(log.read_text())
        log.unlink()
    return told


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(random_network(5, bypass=True), SHAPE)


def astray(program: Program) -> list[bytes]:
    """Programs whose first group with a squeeze layer keeps all rules, and leads out of a ring by
    its tiles' size, by their number, and by rows that do not fill it."""
    at = next(n for n, g in enumerate(program.groups) if g.fields.get("p0_enable"))
    old, words = program.groups[at].fields, SHAPE.act_words
    changes: tuple[dict[str, int], ...] = (
        {"src_tile_words": words - 1},
        {"tiles": words // 4 // old["mid_tile_words"] + 1, "rows": 1, "mid_total": 1},
        {"mid_base": words - old["mid_row_words"] * 3 // 2, "mid_end": words},
        {"in_base": words - old["src_row_words"] * 3 // 2, "in_end": words},
    )
    return [changed(program, at, values) for values in changes]


def astray_tails(program: Program) -> list[bytes]:
    """The same of a group with a tail: by its tiles' number, and by a row that is a whole half of
    the memory."""
    at = next(n for n, g in enumerate(program.groups) if g.fields.get("p3_enable"))
    old, words = program.groups[at].fields, SHAPE.act_words
    changes: tuple[dict[str, int], ...] = (
        {"tiles": words // 2 // old["tail_tile_words"] + 1, "rows": 1, "mid_total": 1},
        {"tail_base": 0, "tail_row_words": words // 2},
        {"tail_base": words - 3, "tail_row_words": 1},
    )
    return [changed(program, at, values) for values in changes]


def astray_folds(program: Program) -> list[bytes]:
    """The same of a group whose ring has two rows in a word, by the ring's place."""
    at = next(n for n, g in enumerate(program.groups) if g.fields.get("load_fold"))
    old, words = program.groups[at].fields, SHAPE.act_words
    changes: tuple[dict[str, int], ...] = (
        {"in_base": words - old["src_row_words"] * 3 // 2, "in_end": words},
        {"in_base": 0, "in_end": old["src_row_words"]},
        {"in_base": 1, "in_end": words, "src_row_words": words - 1},
    )
    return [changed(program, at, values) for values in changes]


def changed(program: Program, at: int, values: dict[str, int]) -> bytes:
    """The program with other values in group ``at``, every checksum right."""
    wrong = replace(program.groups[at], fields={**program.groups[at].fields, **values})
    groups = [*program.groups[:at], wrong, *program.groups[at + 1 :]]
    scratch = craft.header_of(program.blob)["scratch_bytes"]
    return assemble(program.name, program.shape, groups, program.host, scratch).blob


def test_sanitizers_find_nothing_in_crafted_programs(
    sanitized: CSim, program: Program, tmp_path: Path
) -> None:
    """Checksums right, contents senseless: no address leaves its memory."""
    rng = np.random.default_rng(9)
    chained = compile_network(random_network(8), SHAPE)
    narrow = compile_network(random_narrow(4, SHAPE.pixels, SHAPE.channels), SHAPE)
    programs = (program, chained, narrow)
    blobs = [craft.crafted(p, rng)[0] for _ in range(CRAFTED // 2) for p in programs]
    wrong = [*astray(program), *astray_tails(chained), *astray_folds(narrow)]
    for blob in [narrow.blob, *blobs, *wrong]:
        assert said(sanitized, blob, tmp_path) == []


def test_an_address_with_too_many_bits_is_seen(
    sanitized: CSim, program: Program, tmp_path: Path
) -> None:
    project = emitted(SHAPE, tmp_path / "project")
    window = project / "src" / "issue.h"
    assert window.read_text().count(" % kActWords") >= 2
    window.write_text(window.read_text().replace(" % kActWords", ""))
    sanitized.library = tmp_path / "wrong.so"
    sources = [project / "src" / "firebrick_kernel.cpp", project / "tb" / "library.cpp"]
    command = [
        "g++",
        "-fPIC",
        "-shared",
        *FLAGS,
        *SANITIZERS,
        f"-I{project / 'src'}",
        "-isystem",
        str(ap_types()),
    ]
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    command += [*map(str, sources), "-o", str(sanitized.library)]
    subprocess.run(command, check=True, env=environment)
    # What lies far behind one memory may lie within another.
    told = [line for blob in astray(program) for line in said(sanitized, blob, tmp_path)]
    assert "AddressSanitizer" in " ".join(told)


def test_types_of_another_maker(project: Path) -> None:
    """Exact types, so that every register wraps as ac_int has it."""
    told = bench(project, ("-DFIREBRICK_EXACT_TYPES",), (CPP / "ac", AC_TYPES))
    assert "PASSED: 0 of 2" in told
