"""DATAFLOW modelled: every process with a stack of its own, FIFOs that block, of the declared
depths and of depth 1; bit-exact, no deadlock, nothing left in a FIFO.

A network of deterministic processes gives the same whatever order they run in (Kahn), and a
deadlock of bounded FIFOs does not depend on the order either: one order shows all.  The one
process that looks whether a FIFO is empty moves the same words, only later.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.quantize import golden
from tests.hw.hls.compiled import Model, emitted, model_library
from tests.random_networks import random_images, random_network

SHAPE = EngineShape(pixels=8, channels=8, act_words=8192)


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
    assert streams == len(depths) == 9 and processes == 8
    return f"{text[:begin]}  firebrick_model::Dataflow region;\n{body}\n  region.run();{text[end:]}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = emitted(SHAPE, tmp_path_factory.mktemp("project"))
    source = project / "src" / "firebrick_kernel.cpp"
    source.write_text(with_processes(source.read_text()))
    return model_library(project)


@pytest.mark.parametrize("seed", range(6))
def test_bounded_fifos(library: Path, seed: int) -> None:
    net = random_network(seed, bypass=seed % 2 == 1)
    images = random_images(net, 1, seed)
    model = Model(library, compile_network(net, SHAPE).blob, images)
    expected = golden.run(net, images).sums
    for depth in (0, 1):
        reads, sums, error = model.run(depth=depth)
        assert reads > 0 and error == 0
        assert np.array_equal(scores(sums, model.program)[0], expected)
        assert model.left_over() == 0


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
