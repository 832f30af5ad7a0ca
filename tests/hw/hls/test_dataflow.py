"""DATAFLOW modelled: every process with a stack of its own, FIFOs that block, of the declared
depths and of depth 1; bit-exact, no deadlock, nothing left in a FIFO.

A network of deterministic processes gives the same whatever order they run in (Kahn), and a
deadlock of bounded FIFOs does not depend on the order either.  The one process that looks whether a
FIFO is empty moves the same words, only later; so a few networks run in random orders as well.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.models.bundled import bundled
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.random_networks import V1_1, build, random_images, random_narrow, random_network
from tests.hw.hls.compiled import Model, emitted, model_library

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
# More for a campaign: FIREBRICK_NETWORKS=200 takes a few minutes.
NETWORKS = int(os.environ.get("FIREBRICK_NETWORKS", "6"))
ORDERS = int(os.environ.get("FIREBRICK_ORDERS", "12"))
SIDE = int(os.environ.get("FIREBRICK_SIDE", "48"))


def with_processes(text: str) -> str:
    """The kernel's source with each call of its DATAFLOW region as a process of its own."""
    begin = text.index("#pragma HLS DATAFLOW")
    end = text.index("\n}\n", begin)
    body = text[begin:end]
    depths = dict(re.findall(r"#pragma HLS STREAM variable=(\w+) depth=(\w+)", body))
    body, streams = re.subn(
        r"^  (hls::stream<\w+>) (\w+);$", lambda m: f"  {m[1]} {m[2]}({depths[m[2]]});", body,
        flags=re.M,
    )  # fmt: skip
    body, processes = re.subn(
        r"^  (\w+\([^;]*?\);)$", r"  region.process([&] { \1 });", body, flags=re.M | re.S
    )
    assert streams == len(depths) == 11 and processes == 9
    return f"{text[:begin]}  firebrick_model::Dataflow region;\n{body}\n  region.run();{text[end:]}"


def model_of_processes(
    shape: EngineShape, folder: Path, compiler: Sequence[str] = ("g++",)
) -> Path:
    project = emitted(shape, folder)
    source = project / "src" / "firebrick_kernel.cpp"
    source.write_text(with_processes(source.read_text()))
    return model_library(project, compiler=compiler)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of_processes(SHAPE, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def default_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of_processes(PYNQ_Z2, tmp_path_factory.mktemp("default"))


def check_depths(library: Path, shape: EngineShape, net: QNetwork, images: np.ndarray) -> None:
    """With the declared depths and with depth 1."""
    model = Model(library, compile_network(net, shape).blob, images)
    expected = golden.run(net, images).sums
    for depth in (0, 1):
        reads, sums, error = model.run(depth=depth)
        assert reads > 0 and error == 0, f"depth {depth}: {reads}, error {error}"
        assert np.array_equal(scores(sums, model.program)[0], expected)
        assert model.left_over() == 0


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_bounded_fifos(library: Path, seed: int) -> None:
    net = compilable(seed)
    check_depths(library, SHAPE, net, random_images(net, 1, seed))


def compilable(seed: int) -> QNetwork:
    """A random network whose bypasses have shifts that the engine has."""
    for number in itertools.count(seed, 10_000):
        net = random_network(number, bypass=seed % 2 == 1)
        try:
            compile_network(net, SHAPE)
        except CompileError as error:
            assert "left shift" in str(error)
        else:
            return net
    raise AssertionError


@pytest.mark.parametrize("seed", [0, 1, 8, None])
def test_any_order_of_processes_gives_the_same(library: Path, seed: int | None) -> None:
    """The order of every round, and whether a process goes on after an entry, by chance; two
    modules of the last random network hand on to the next, and one has maps of two rows in one."""
    net = random_narrow(4, SHAPE.pixels, SHAPE.channels) if seed is None else compilable(seed)
    seed = seed or 0
    images = random_images(net, 1, seed)
    model = Model(library, compile_network(net, SHAPE).blob, images)
    reads, expected, error = model.run()
    assert reads > 0 and error == 0
    for order in range(1, ORDERS + 1):
        found, sums, error = model.run(depth=order % 3, seed=order)
        assert (found, error) == (reads, 0), f"order {order}"
        assert np.array_equal(sums, expected) and model.left_over() == 0


def test_bounded_fifos_of_the_digits(default_engine: Path) -> None:
    made = bundled("digits")
    net = quantize_network(made.network, made.preprocessing, made.calibration)
    check_depths(default_engine, PYNQ_Z2, net, made.pictures[:1])


def test_bounded_fifos_of_v1_1(default_engine: Path) -> None:
    """All its layers and channels; FIREBRICK_SIDE=224 has the size of its pictures as well."""
    net = build(replace(V1_1, height=SIDE, width=SIDE), 5)
    check_depths(default_engine, PYNQ_Z2, net, random_images(net, 1, 5))


def test_libraries_share_nothing(library: Path) -> None:
    """Static variables of inline functions would be one for all libraries of a process, with the
    sizes of the first."""
    command = ["nm", "-D", "--defined-only", str(library)]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert " T firebrick_model_run\n" in symbols and " u " not in symbols


def changed_model(folder: Path, old: str, new: str) -> Model:
    """The model of processes with ``new`` for ``old`` in its region, and a network."""
    project = emitted(SHAPE, folder)
    source = project / "src" / "firebrick_kernel.cpp"
    text = with_processes(source.read_text())
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    net = random_network(0)
    blob = compile_network(net, SHAPE).blob
    library = model_library(project, ["-O1", "-Wno-unused-but-set-variable"])
    return Model(library, blob, random_images(net, 1, 0))


def test_a_deadlock_is_seen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The array read before the steps are issued, in one process: it waits for ever, whatever order
    the processes run in."""
    project = emitted(SHAPE, tmp_path / "project")
    text = with_processes((project / "src" / "firebrick_kernel.cpp").read_text())
    issue = re.search(r"  region\.process\(\[&\] \{ (issue_row\([^;]*;) \}\);\n", text)
    array = "  region.process([&] { systolic_array(row, steps, columns); });\n"
    assert issue
    model = changed_model(
        tmp_path / "changed",
        issue[0] + array,
        f"  region.process([&] {{ systolic_array(row, steps, columns); {issue[1]} }});\n",
    )
    for seed in range(4):
        assert model.run(seed=seed)[0] == -2
        told = capfd.readouterr().err
        assert "all processes wait" in told and "to read N9firebrick4StepE, 0 of 16" in told


def test_a_process_that_could_go_on_is_no_deadlock(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    idle = "region.process([] { while (true) firebrick_model::wait(nullptr, false); });"
    model = changed_model(tmp_path, "region.run();", f"{idle}\n  region.run();")
    assert model.run()[0] == -3
    assert "the model is at fault" in capfd.readouterr().err


def test_a_stack_that_is_too_small_is_seen(tmp_path: Path) -> None:
    large = "volatile char large[(1 << 18) + 256]; large[0] = 1;"
    model = changed_model(
        tmp_path, "region.run();", f"region.process([] {{ {large} }});\n  region.run();"
    )
    with pytest.raises(AssertionError, match="ended with status -11"):
        model.run()
