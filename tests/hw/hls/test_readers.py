"""Other readers of the emitted C++ than the one that C simulation uses: sanitizers, and headers of
another maker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from firebrick.commands.hls import write_data
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.hls.csim import FLAGS, ap_types
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from tests.hw.hls.compiled import CPP, emitted
from tests.random_networks import random_images, random_network

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
DATA = ("program.fbp", "inputs.bin", "expected.bin")
# hls4ml brings both: AMD's ap_types for Vivado, Siemens' ac_types for Catapult and Quartus.
AC_TYPES = ap_types().parents[1] / "quartus" / "ac_types"
SANITIZERS = ("-O0", "-fsanitize=address,undefined")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = emitted(SHAPE, tmp_path_factory.mktemp("project"))
    net = random_network(3, bypass=True)
    images = random_images(net, 2, 3)
    write_data(project / "data", compile_network(net, SHAPE), images, golden.run(net, images).sums)
    return project


def bench(project: Path, flags: tuple[str, ...], headers: tuple[Path, ...]) -> str:
    """What the test bench says, compiled with ``headers`` as the first to be found."""
    built = project / "bench"
    options = [flag for flag in FLAGS if flag not in ("-fPIC", "-shared")]
    search = [word for folder in headers for word in ("-isystem", str(folder))]
    sources = [project / "src" / "firebrick_kernel.cpp", project / "tb" / "testbench.cpp"]
    command = ["g++", *options, *flags, f"-I{project / 'src'}", *search, *map(str, sources)]
    subprocess.run([*command, "-o", str(built)], check=True)
    data = [str(project / "data" / name) for name in DATA]
    done = subprocess.run([str(built), *data], capture_output=True, text=True, check=False)
    # AMD's own headers shift negative values to the left.
    told = [line for line in done.stderr.splitlines() if "/ap_types/" not in line]
    assert done.returncode == 0 and not any(told), done.stderr[-3000:]
    return done.stdout


def test_sanitizers_find_nothing(project: Path) -> None:
    assert "PASSED: 0 of 2" in bench(project, SANITIZERS, (ap_types(),))


def test_types_of_another_maker(project: Path) -> None:
    """Exact types, so that every register wraps as ac_int has it."""
    told = bench(project, ("-DFIREBRICK_EXACT_TYPES",), (CPP / "ac", AC_TYPES))
    assert "PASSED: 0 of 2" in told
