"""Quantized files: taken over to the bit where they fit, quantized anew and said so elsewhere."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from firebrick.commands import quantize as report
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import PYNQ_Z2
from firebrick.models import digits
from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.model import Model, read_model
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters import qdq as qdq_export
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import QConv, QGlobalSum, QNetwork
from tests.quantize import builders
from tests.quantize.importers.exported.files import unpack
from tests.quantize.oracle import session

# (pixel - 128) / 128: every pixel value is a multiple of 2**-7, as int8 has them.
ON_GRID = {
    "color": "RGB",
    "resize": 0,
    "scale": 1 / 128,
    "mean": (1.0,) * 3,
    "std": (1.0,) * 3,
}


def pictures(net: QNetwork, count: int = 3) -> np.ndarray:
    """Pictures with every pixel value in them."""
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (count, *net.tensors[net.input].shape), dtype=np.uint8)


def same_bits(path: Path, qnet: QNetwork, batch: int = 3) -> np.ndarray:
    """Every 8-bit tensor of ``qnet`` is that of onnxruntime; returns onnxruntime's last output."""
    model = onnx.load(path)
    names = [node.output for node in qnet.nodes[:-1]]
    own = {output.name for output in model.graph.output}
    model.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in names if name not in own
    )
    opened = path.with_suffix(".all.onnx")
    onnx.save(model, opened)
    runner = session(opened)
    images = pictures(qnet, batch)
    feed = images
    if runner.get_inputs()[0].type == "tensor(float)":
        feed = float_input(images, qnet.preprocessing)
    one_by_one = runner.get_inputs()[0].shape[0] == 1
    parts = np.split(feed, len(feed)) if one_by_one else [feed]
    outputs = [output.name for output in runner.get_outputs()]
    results = [runner.run(None, {runner.get_inputs()[0].name: part}) for part in parts]
    found = dict(zip(outputs, map(np.concatenate, zip(*results, strict=True)), strict=True))
    expected = golden.run(qnet, images, keep="all").tensors
    assert set(names) == set(expected) and len(names) > 5
    for name in names:
        got = found[name]
        if got.dtype == np.float32:
            got = np.ldexp(got, qnet.tensors[name].exponent)
        np.testing.assert_array_equal(got, expected[name], err_msg=name)
        assert np.ptp(expected[name]) > 0
    return found[model.graph.output[0].name]


# --- taken over ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["brevitas_fixed_channel_qcdq", "brevitas_fixed_tensor_qcdq", "onnxruntime_qdq_powers"]
)
def test_powers_of_two_are_taken_over_to_the_bit(name, tmp_path):
    path = unpack(name, tmp_path)
    model = read_model(path, **ON_GRID)
    assert model.taken is not None and "8 of 8 layers are taken over" in model.story[0]
    logits = same_bits(path, model.taken)
    fixed = golden.run(model.taken, pictures(model.taken)).logits
    # onnxruntime's quantizer rounds the classifier's map and its mean to 8 bits too.
    coarse = 0.05 if name.startswith("onnxruntime") else 1e-5
    np.testing.assert_allclose(fixed, logits.reshape(fixed.shape), atol=coarse, rtol=1e-5)
    assert compile_network(model.taken, PYNQ_Z2).groups


def test_a_quantized_linear_classifier_behind_the_average(tmp_path):
    """Its weights are a 1x1 convolution's; the mean, which the file rounds, stays exact."""
    path = unpack("onnxruntime_qdq_linear", tmp_path)
    model = read_model(path, **ON_GRID)
    assert model.taken is not None and "8 of 8 layers" in model.story[0]
    assert any("the mean over the map stays exact" in line for line in model.story)
    same_bits(path, model.taken)
    images = pictures(model.taken, 6)
    runner = session(path)
    feed = {runner.get_inputs()[0].name: float_input(images, model.preprocessing)}
    logits = golden.run(model.taken, images).logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, runner.run(None, feed)[0], atol=0.03)


@pytest.mark.parametrize("kind", ["fixed_channel", "fixed_tensor"])
def test_qonnx_holds_the_same_network_as_qcdq(kind, tmp_path):
    """onnxruntime cannot run QONNX; Brevitas exports the same network as QDQ, which it can."""
    one, other = (
        read_model(unpack(f"brevitas_{kind}_{form}", tmp_path), **ON_GRID).taken
        for form in ("qonnx", "qcdq")
    )
    assert one is not None and other is not None
    for mine, theirs in zip(one.nodes, other.nodes, strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, QConv | QGlobalSum):
            for name in ("weights", "bias", "weight_exponent"):
                np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
        if isinstance(mine, QConv):
            np.testing.assert_array_equal(mine.shift, theirs.shift)
    images = pictures(one)
    np.testing.assert_array_equal(golden.run(one, images).logits, golden.run(other, images).logits)


def test_a_first_layer_that_reads_normalized_pixels_is_rounded_anew(tmp_path):
    """All else is the file's: with the file's numbers of the input, its maps come out close."""
    path = unpack("brevitas_fixed_channel_qcdq", tmp_path)
    values = {**ON_GRID, "scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.6, 0.6, 0.6)}
    model = read_model(path, **values)
    exact = read_model(path, **ON_GRID).taken
    assert model.taken is not None and exact is not None
    assert "7 of 8 layers" in model.story[0] and "/first/Conv: weights" in model.story[2]
    for mine, theirs in zip(model.taken.nodes[1:], exact.nodes[1:], strict=True):
        if isinstance(mine, QConv):
            np.testing.assert_array_equal(mine.weights, theirs.weights)
            np.testing.assert_array_equal(mine.shift, theirs.shift)
    assert agreement(model, model.taken, path) < 0.2


@pytest.mark.parametrize("make", ["plain", "padded", "bypass", "grayscale"])
def test_our_own_export_comes_back_equal(make, tmp_path):
    preprocessing = builders.BGR
    net = {
        "plain": lambda: builders.fire_network(3),
        "padded": lambda: builders.fire_network(4, first_pad=(1, 0, 2, 1), relu=False),
        "bypass": lambda: builders.bypass_network(2, relu=True),
        "grayscale": lambda: builders.fire_network(6, (1, 19, 17)),
    }[make]()
    if make == "grayscale":
        preprocessing = dataclasses.replace(preprocessing, color="L", mean=(7.5,), std=(2.0,))
    shape = net.shapes[net.input]
    classes = tuple("abcde")
    qnet = quantize_network(net, preprocessing, builders.photos(1, 8, shape), classes=classes)
    path = tmp_path / f"{net.name}.onnx"
    qdq_export.export_qdq(qnet, path)
    model = read_model(path)
    assert model.taken is not None and model.story[1:] == ()
    again = model.quantize(None)
    assert (again.name, again.input, again.classes) == (qnet.name, qnet.input, classes)
    assert again.tensors == qnet.tensors
    assert again.preprocessing.crop == qnet.preprocessing.crop and again.preprocessing.scale == 1
    for mine, theirs in zip(again.nodes, qnet.nodes, strict=True):
        assert type(mine) is type(theirs)
        for field in dataclasses.fields(mine):
            a, b = getattr(mine, field.name), getattr(theirs, field.name)
            np.testing.assert_array_equal(a, b, err_msg=f"{mine.name}.{field.name}", strict=True)


def with_ceilings(qnet: QNetwork, path: Path, share: float) -> None:
    """Export with every Relu as Clip to ``share`` of what 8 bits reach."""
    model = qdq_export.to_model(qnet)
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    by_output = {node.output: node for node in qnet.nodes if isinstance(node, QConv)}
    readers = {node.input[0]: node.output[0] for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type == "Relu" and readers[node.output[0]] in by_output:
            exponent = qnet.tensors[readers[node.output[0]]].exponent
            bound = np.float32(np.ldexp(255 * share, -exponent))
            name = f"{node.name}/bound"
            model.graph.initializer.append(numpy_helper.from_array(bound, name))
            node.op_type = "Clip"
            node.input.extend(["zero", name])
    onnx.save(model, path)


def test_upper_bounds_above_the_range_change_nothing(small_qnet, tmp_path):
    path = tmp_path / "small.onnx"
    with_ceilings(small_qnet, path, 1.0)
    model = read_model(path)
    assert model.taken is not None
    for mine, theirs in zip(model.taken.nodes, small_qnet.nodes, strict=True):
        if isinstance(mine, QConv):
            np.testing.assert_array_equal(mine.bias, theirs.bias)
    bounds = import_onnx(path).nodes[0].bounds
    assert bounds is not None and bounds.whole


@pytest.mark.parametrize("share", [0.7, 0.3])
def test_upper_bounds_within_the_range_are_kept(share, small_qnet, tmp_path):
    """Neither Clip nor grid is dropped: what saturates in the file saturates here."""
    path = tmp_path / "small.onnx"
    with_ceilings(small_qnet, path, share)
    model = read_model(path)
    assert model.taken is None and any("(Clip) clips at" in line for line in model.story)
    qnet = model.quantize(pictures(small_qnet, 16), held_out=pictures(small_qnet, 32))
    assert qnet.report["held_out"]["logit_sqnr_db"] > 30
    tensors = golden.run(qnet, pictures(small_qnet), keep="all").tensors
    convs = [node.output for node in qnet.nodes if isinstance(node, QConv)]
    assert any(np.mean(tensors[name] == 255) > 0.001 for name in convs)


def test_an_input_that_the_file_clips_is_refused(tmp_path):
    """The quantizer reaches from -1 to 1; these pixels reach from -0.9 to 1.5."""
    path = unpack("brevitas_fixed_channel_qcdq", tmp_path)
    values = {**ON_GRID, "scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.5, 0.45, 0.4)}
    message = r"clips the network's input: of the pixel values .* channel 2 only 2 to 205 are"
    with pytest.raises(FirebrickError, match=message):
        read_model(path, **values)


# --- quantized anew -----------------------------------------------------------------------------


def agreement(model: Model, qnet: QNetwork, path: Path) -> float:
    """Relative error of the logits against onnxruntime."""
    images = pictures(qnet, 4)
    runner = session(path)
    feed = float_input(images, model.preprocessing)
    name = runner.get_inputs()[0].name
    one = runner.get_inputs()[0].shape[0] == 1
    parts = np.split(feed, len(feed)) if one else [feed]
    real = np.concatenate([runner.run(None, {name: part})[0] for part in parts])
    real = real.reshape(len(images), -1)
    fixed = golden.run(qnet, images).logits
    if model.network.softmax:
        powers = np.exp(fixed - fixed.max(axis=1, keepdims=True))
        fixed = powers / powers.sum(axis=1, keepdims=True)
    return float(np.linalg.norm(fixed - real) / np.linalg.norm(real))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("brevitas_float_qcdq", "scale 0.0"),
        ("onnxruntime_qdq_tensor", "its parts have unlike scales"),
        ("onnxruntime_qdq_channel", "is no power of two"),
        ("onnxruntime_qdq_normalized", "quantizes it after a scale or shift"),
    ],
)
def test_other_scales_are_quantized_anew_and_said_so(name, part, tmp_path):
    path = unpack(name, tmp_path)
    model = read_model(path, **ON_GRID)
    assert model.taken is None and "quantized anew on calibration images" in model.story[0]
    assert any(part in line for line in model.story[1:])
    with pytest.raises(FirebrickError, match="CALIBRATION is missing"):
        model.quantize(None)
    shape = model.network.shapes[model.network.input]
    qnet = model.quantize(np.random.default_rng(1).integers(0, 256, (8, *shape), dtype=np.uint8))
    assert agreement(model, qnet, path) < 0.2


def test_weights_of_other_scales_are_rounded_alone(tmp_path):
    path = unpack("onnxruntime_qdq_activations", tmp_path)
    model = read_model(path, **ON_GRID)
    assert model.taken is not None and "0 of 8 layers" in model.story[0]
    assert len(model.taken.report["taken_over"]["rounded"]) == 8
    exact = read_model(unpack("onnxruntime_qdq_powers", tmp_path), **ON_GRID).taken
    assert exact is not None
    exponents = {tensor.name: tensor.exponent for tensor in exact.tensors.values()}
    assert {t.name: t.exponent for t in model.taken.tensors.values()} == exponents
    assert agreement(model, model.taken, path) < 0.2


def test_qoperator_files_are_refused_by_name(tmp_path):
    path = unpack("onnxruntime_qoperator", tmp_path)
    with pytest.raises(FirebrickError, match=r"\(QLinearConv\): is onnxruntime's QOperator format"):
        read_model(path, **ON_GRID)


# --- the command --------------------------------------------------------------------------------


def test_the_command_needs_no_images_for_a_file_that_fits(tmp_path, capsys):
    path = unpack("brevitas_fixed_channel_qonnx", tmp_path)
    out = tmp_path / "network.npz"
    stated = ["--color", "RGB", "--resize", "0", "--scale", "1/128"]
    stated += ["--mean", "1,1,1", "--std", "1,1,1"]
    report.main(["--model", str(path), "--out", str(out), *stated])
    printed = " ".join(capsys.readouterr().out.split())
    assert "8 of 8 layers are taken over as they are; no calibration" in printed
    assert "taken over from the file" in printed and out.with_suffix(".html").is_file()
    taken = read_model(path, **ON_GRID).taken
    assert taken is not None
    images = pictures(taken)
    saved = golden.run(qfile.load(out), images).logits
    np.testing.assert_array_equal(saved, golden.run(taken, images).logits)


def test_the_command_reads_its_own_export_back(tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    train = digits.load_digits_split()[0][:12]
    for index, image in enumerate(train):
        np.save(images / f"{index}.npy", image)
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--calibration", str(images)]
    written = ["--out", f"{first}.npz", "--qdq", f"{first}.onnx"]
    report.main(["--model", str(digits.MODEL_PATH), "--preset", "digits", *common, *written])
    report.main(["--model", f"{first}.onnx", *common, "--out", f"{second}.npz"])
    assert "taken over from the file" in " ".join(capsys.readouterr().out.split())
    one, two = qfile.load(f"{first}.npz"), qfile.load(f"{second}.npz")
    np.testing.assert_array_equal(golden.run(one, train).logits, golden.run(two, train).logits)
    assert two.report["logit_sqnr_db"] > 20
    shutil.rmtree(images)
    report.main(["--model", f"{first}.onnx", "--out", f"{second}.npz"])


def test_the_published_network_comes_back_equal(quantized_squeezenet, tmp_path):
    path = tmp_path / f"{quantized_squeezenet.name}.onnx"
    qdq_export.export_qdq(quantized_squeezenet, path)
    again = read_model(path).taken
    assert again is not None and again.tensors == quantized_squeezenet.tensors
    assert again.report["taken_over"] == {"rounded": [], "notes": []}
    for mine, theirs in zip(again.nodes, quantized_squeezenet.nodes, strict=True):
        for field in dataclasses.fields(mine):
            a, b = getattr(mine, field.name), getattr(theirs, field.name)
            np.testing.assert_array_equal(a, b, err_msg=f"{mine.name}.{field.name}", strict=True)
