"""DATAFLOW modelled: every process with a stack of its own, FIFOs that block, of the declared
depths and of depth 1; bit-exact, no deadlock, nothing left in a FIFO.

A network of deterministic processes gives the same whatever order they run in (Kahn), and a
deadlock of bounded FIFOs does not depend on the order either: one order shows all.  The one
process that looks whether a FIFO is empty moves the same words, only later.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
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
from tests.hw.hls.compiled import Model, emitted, model_library
from tests.random_networks import V1_1, build, random_images, random_network

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)
# More for a campaign: FIREBRICK_NETWORKS=200 takes a few minutes.
NETWORKS = int(os.environ.get("FIREBRICK_NETWORKS", "6"))
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
    assert streams == len(depths) == 10 and processes == 8
    return f"{text[:begin]}  firebrick_model::Dataflow region;\n{body}\n  region.run();{text[end:]}"


def model_of_processes(shape: EngineShape, folder: Path) -> Path:
    project = emitted(shape, folder)
    source = project / "src" / "firebrick_kernel.cpp"
    source.write_text(with_processes(source.read_text()))
    return model_library(project)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of_processes(SHAPE, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def default_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of_processes(PYNQ_Z2, tmp_path_factory.mktemp("default"))


def check(library: Path, shape: EngineShape, net: QNetwork, images: np.ndarray) -> None:
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
    check(library, SHAPE, net, random_images(net, 1, seed))


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


def test_bounded_fifos_of_the_digits(default_engine: Path) -> None:
    made = bundled("digits")
    net = quantize_network(made.network, made.preprocessing, made.calibration)
    check(default_engine, PYNQ_Z2, net, made.pictures[:1])


def test_bounded_fifos_of_v1_1(default_engine: Path) -> None:
    """All its layers and channels; FIREBRICK_SIDE=224 has the size of its pictures as well."""
    net = build(replace(V1_1, height=SIDE, width=SIDE), 5)
    check(default_engine, PYNQ_Z2, net, random_images(net, 1, 5))


def test_libraries_of_two_shapes_share_nothing(tmp_path: Path) -> None:
    """Each has memories of its own sizes, also where the smaller one was loaded first."""
    net = random_network(3, bypass=True)
    images = random_images(net, 1, 3)
    small = EngineShape(pixels=8, channels=8, act_words=SHAPE.act_words // 2)
    for shape in (small, SHAPE):
        library = model_library(emitted(shape, tmp_path / str(shape.act_words)))
        symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True)
        assert b" T firebrick_model_run\n" in symbols.stdout
        assert b" u " not in symbols.stdout
        model = Model(library, compile_network(net, shape).blob, images)
        reads, sums, error = model.run()
        assert reads > 0 and error == 0
        assert np.array_equal(scores(sums, model.program)[0], golden.run(net, images).sums)


def test_a_deadlock_is_seen(tmp_path: Path) -> None:
    """The array read before the steps are issued, in one process: it waits for ever."""
    project = emitted(SHAPE, tmp_path)
    source = project / "src" / "firebrick_kernel.cpp"
    text = with_processes(source.read_text())
    issue = re.search(r"  region\.process\(\[&\] \{ (issue_row\([^;]*;) \}\);\n", text)
    array = "systolic_array(row, steps, columns);"
    assert issue and text.count(array) == 1
    text = text.replace(issue[0], "").replace(array, f"{array} {issue[1]}")
    source.write_text(text)
    net = random_network(0)
    blob = compile_network(net, SHAPE).blob
    assert Model(model_library(project), blob, random_images(net, 1, 0)).run()[0] == -2
