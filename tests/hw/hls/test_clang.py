"""The emitted C++ compiled and run by clang, under C++14 and C++17, with either set of headers: no
warning, and the golden model's bits."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from firebrick.commands.hls import main
from firebrick.hw.hls.csim import FLAGS, ap_types
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.sim.random_networks import random_images, random_network
from tests.hw.hls import clang
from tests.hw.hls.compiled import CPP
from tests.hw.hls.test_csim import check
from tests.hw.hls.test_dataflow import check_depths, compilable, model_of_processes

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
# hls4ml brings both: AMD's ap_types for Vivado, Siemens' ac_types for Catapult and Quartus.
AMD = (ap_types(),)
SIEMENS = (CPP / "ac", ap_types().parents[1] / "quartus" / "ac_types")
DATA = ("program.fbp", "inputs.bin", "expected.bin")


@pytest.fixture(params=clang.SOURCES)
def compiler(request: pytest.FixtureRequest) -> list[str]:
    return clang.needed(request.param)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make hls MODEL=digits` writes."""
    folder = tmp_path_factory.mktemp("digits")
    arguments = ["--model", "digits", "--out", str(folder / "project"), "--count", "2"]
    assert main([*arguments, "--json", str(folder / "hls.json")]) == 0
    return folder / "project"


def test_it_is_clang(compiler: list[str]) -> None:
    done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=True)
    assert "clang version" in done.stdout


@pytest.mark.parametrize("headers", [AMD, SIEMENS], ids=["amd", "siemens"])
@pytest.mark.parametrize("standard", ["c++14", "c++17"])
def test_the_digits_project(
    compiler: list[str], project: Path, standard: str, headers: tuple[Path, ...], tmp_path: Path
) -> None:
    """Its test bench, compiled as a user would, with more warnings; each type exact once."""
    exact = (standard == "c++14") == (headers == SIEMENS)
    flags = [*FLAGS, f"-std={standard}", "-Werror", *(["-DFIREBRICK_EXACT_TYPES"] if exact else [])]
    search = [word for folder in headers for word in ("-isystem", str(folder))]
    sources = [project / "src/firebrick_kernel.cpp", project / "tb/testbench.cpp"]
    command = [*compiler, *flags, f"-I{project / 'src'}", *search, *map(str, sources)]
    built = tmp_path / "testbench"
    done = subprocess.run([*command, "-o", str(built)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr[-4000:]
    data = [str(project / "data" / name) for name in DATA]
    done = subprocess.run([str(built), *data], capture_output=True, text=True)
    assert done.returncode == 0 and "PASSED: 0 of 2" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("flags", [(), ("-std=c++17", "-DFIREBRICK_EXACT_TYPES")], ids=str)
def test_random_networks(
    compiler: list[str], flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In C simulation, with CXX naming clang: every stored map."""
    monkeypatch.setenv("CXX", shlex.join(compiler))
    for seed in range(3):
        net = random_network(seed, bypass=seed > 0)
        check(net, SHAPE, random_images(net, 2, seed), flags=flags)


def test_a_warning_is_an_error(compiler: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", shlex.join(compiler))
    net = random_network(0)
    with pytest.raises(FirebrickError, match="Wunused-label"):
        check(net, SHAPE, random_images(net, 1, 0), flags=("-Wunused-label",))


def test_processes(compiler: list[str], tmp_path: Path) -> None:
    """The DATAFLOW region with a process for each call."""
    library = model_of_processes(SHAPE, tmp_path, compiler)
    for seed in range(2):
        net = compilable(seed)
        check_depths(library, SHAPE, net, random_images(net, 1, seed))
