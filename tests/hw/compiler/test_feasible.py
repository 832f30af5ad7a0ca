"""What the engine cannot run is refused before anyone calibrates; what it can is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.feasible import check_float
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.float_onnx import export_onnx
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv
from tests.commands.run import command
from tests.quantize import builders
from tests.quantize.importers.exported.files import unpack

SHAPES = (
    PYNQ_Z2,
    EngineShape(7, 8),
    replace(PYNQ_Z2, act_words=256),
    EngineShape(4, 8, weight_words=64),
)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_says_what_the_compiler_says(seed: int, shape: EngineShape) -> None:
    """On networks that fit and on engines that are too small, in the same words."""
    make = builders.bypass_network if seed % 2 else builders.fire_network
    net = make(seed=seed)
    qnet = quantize_network(net, builders.BGR, builders.photos(seed, 2))
    said = []
    for check in (lambda: check_float(net, shape), lambda: compile_network(qnet, shape)):
        try:
            check()
            said.append("")
        except CompileError as error:
            said.append(str(error))
    assert said[0] == said[1]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_networks(name: str) -> None:
    check_float(build(ARCHITECTURES[name](), np.random.default_rng(0)), PYNQ_Z2)


def test_a_stride_behind_the_first_layer() -> None:
    net = builders.fire_network(seed=1)
    index = next(i for i, n in enumerate(net.nodes) if isinstance(n, Conv) and n.input != net.input)
    nodes = list(net.nodes)
    nodes[index] = replace(nodes[index], stride=3)
    with pytest.raises(CompileError, match=r"stride 3, padding .*; behind the first layer"):
        check_float(replace(net, nodes=tuple(nodes)), PYNQ_Z2)


def test_all_layers_that_no_engine_runs_are_told_at_once() -> None:
    net = builders.fire_network(seed=1)
    behind = [i for i, n in enumerate(net.nodes) if isinstance(n, Conv) and n.input != net.input]
    nodes = list(net.nodes)
    for index in behind[:3]:
        nodes[index] = replace(nodes[index], stride=3)
    first = nodes[0]
    assert isinstance(first, Conv)
    nodes[0] = replace(first, stride=3)
    with pytest.raises(CompileError) as caught:
        check_float(replace(net, nodes=tuple(nodes)), PYNQ_Z2)
    text = str(caught.value)
    assert text.count(f"layer {first.name}: a first convolution") == 1
    assert text.count("behind the first layer supported are") == 1
    assert f"layer {nodes[behind[0]].name}: " in text and text.endswith("(and 2 more layers)")


def test_wide_kernels_are_told_with_all_their_layers() -> None:
    builder = builders.Builder(0, (3, 40, 36))
    builder.conv("first", 8, 7, stride=2)
    builder.pool("pool", 3, True, padding=1)
    for name in ("one", "two"):
        builder.conv(name, 8, 5, pad=2)
    builder.conv("classes", 5, 1)
    with pytest.raises(CompileError) as caught:
        check_float(builder.build(), PYNQ_Z2)
    text = str(caught.value)
    assert "layer one: a convolution of 5x5" in text and "(and 1 more layers)" in text
    assert "layer first" not in text and "layer pool" not in text


def test_torchvisions_resnet18(tmp_path: Path) -> None:
    """At 224x224: a pooling padded all around, and layers of which one group holds 32 filters."""
    check_float(import_onnx(unpack("torchvision_resnet18_dynamo", tmp_path)), PYNQ_Z2)


@pytest.mark.parametrize("name", ["quantize", "accuracy", "demo", "deploy"])
def test_every_command_refuses_before_it_calibrates(tmp_path: Path, name: str) -> None:
    """A kernel of 5x5 behind the first layer."""
    builder = builders.Builder(0, (3, 40, 36))
    builder.conv("first", 8, 7, stride=2)
    builder.conv("wide", 8, 5, pad=2)
    builder.conv("classes", 2, 1)
    model = tmp_path / "wide.onnx"
    export_onnx(builder.build(), builders.BGR, model)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 240, 240, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "labels.csv").write_text("file,class_index\n0.png,0\n1.png,1\n")
    before = sorted(tmp_path.rglob("*"))
    options = ["--model", model, "--images", tmp_path / "photos", "--preset", "torchvision"]
    options += ["--out", tmp_path / ("out.npz" if name == "quantize" else "out")]
    if name == "accuracy":
        options += ["--labels", tmp_path / "labels.csv"]
    done = command(name, *options)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "layer wide: a convolution of 5x5" in done.stderr
    assert "calibrat" not in done.stdout and sorted(tmp_path.rglob("*")) == before


def test_the_reason_is_an_error_of_the_users() -> None:
    assert issubclass(CompileError, FirebrickError)
