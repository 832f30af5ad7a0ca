"""What is said of a quantized network is measured against the user's file, by onnxruntime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from firebrick.commands.agreement import EXIT_CODE, broken_layer, check_agreement
from firebrick.quantize import golden
from firebrick.quantize.calibration.against_file import compare_with_file, open_file
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.calibration.weight_rounding import round_with_feedback
from firebrick.quantize.network import Conv
from firebrick.quantize.pictures.preprocess import float_input
from tests.quantize.importers.exported.files import unpack
from tests.quantize.oracle import session

STATED = {"color": "RGB", "resize": 0, "scale": 1 / 128, "mean": (1.0,) * 3, "std": (1.0,) * 3}
SHAPE = (3, 12, 12)


def pictures(count: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, *shape), dtype=np.uint8)


def saturating(path, scale: float, form: str, bits: int = 8):
    """Conv, ReLU, a signed quantizer of ``bits``, Conv, average."""
    rng = np.random.default_rng(1)
    weights = {
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)),
        "b1": rng.normal(0, 0.1, 8),
        "w2": rng.normal(0, 0.4, (5, 8, 1, 1)),
        "b2": rng.normal(0, 0.1, 5),
        "scale": np.array(scale),
        "zero": np.array(0.0),
        "bits": np.array(float(bits)),
    }
    arrays = {name: value.astype(np.float32) for name, value in weights.items()}
    if form == "QDQ":
        arrays["zero"] = np.array(0, np.int8)
        middle = [
            helper.make_node("QuantizeLinear", ["r", "scale", "zero"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        ]
        arrays.pop("bits")
    else:
        quant = helper.make_node(
            "Quant", ["r", "scale", "zero", "bits"], ["d"], domain="qonnx.custom_op.general"
        )
        quant.attribute.extend(
            helper.make_attribute(key, value)
            for key, value in {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}.items()
        )
        middle = [quant]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w1", "b1"], ["c"], name="first"),
            helper.make_node("Relu", ["c"], ["r"]),
            *middle,
            helper.make_node("Conv", ["d", "w2", "b2"], ["e"], name="second"),
            helper.make_node("GlobalAveragePool", ["e"], ["y"]),
        ],
        "saturating",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *SHAPE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5, 1, 1])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=8), path)
    return arrays


def expected_logits(arrays, scale: float, images: np.ndarray, bits: int = 8) -> np.ndarray:
    """What saturating()'s file means, in NumPy."""
    x = ((images.astype(np.float64) / 128) - 1)[:, :, :, :]
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    first = np.einsum("nchwij,ocij->nohw", windows, arrays["w1"]) + arrays["b1"][:, None, None]
    end = 2 ** (bits - 1)
    grid = np.clip(np.rint(np.maximum(first, 0) / scale), -end, end - 1) * scale
    second = np.einsum("nchw,oc->nohw", grid, arrays["w2"][:, :, 0, 0])
    return (second + arrays["b2"][:, None, None]).mean(axis=(2, 3))


def sqnr(wanted: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum()))


@pytest.mark.parametrize("effort", ["plain", "full"])
@pytest.mark.parametrize(
    ("form", "bits", "scale", "said"),
    [
        ("QDQ", 8, 0.0003, "coarser grids, of 127 steps, kept as 8-bit grids of the same range"),
        ("QONNX", 8, 0.0003, "coarser grids, of 127 steps, kept as 8-bit grids of the same range"),
        ("QONNX", 4, 0.02, "coarser grids, of 7 steps, kept as 8-bit grids of the same range"),
        ("QDQ", 8, 1.3, "steps of coarser grids kept, but not their ends"),
        ("QONNX", 4, 0.5, "steps of coarser grids kept, but not their ends"),
    ],
)
def test_grids_and_their_ends_are_kept(form, bits, scale, said, effort, tmp_path):
    """The network without them is -3 dB to 20 dB away."""
    path = tmp_path / "early.onnx"
    arrays = saturating(path, scale, form, bits)
    images = pictures(24)
    qnet = read_model(path, **STATED).quantize(images[:8], effort=effort)
    wanted = expected_logits(arrays, np.float32(scale), images, bits)
    assert sqnr(wanted, golden.run(qnet, images).logits) > 30
    assert any(line.startswith(said) for line in qnet.report["remarks"])


def test_a_network_far_from_its_file_is_found_and_its_layer_named(tmp_path, capsys):
    """The file's range taken out of what was read: onnxruntime still has it."""
    path, scale, bits = tmp_path / "far.onnx", 0.0003, 8
    arrays = saturating(path, scale, "QONNX", bits)
    images = pictures(24)
    model = read_model(path, **STATED)
    nodes = tuple(
        replace(node, bounds=None) if isinstance(node, Conv) else node
        for node in model.network.nodes
    )
    model = replace(model, network=replace(model.network, nodes=nodes))
    qnet = model.quantize(images[:8], held_out=images, effort="plain")
    found = qnet.report["held_out"]
    wanted = expected_logits(arrays, np.float32(scale), images, bits)
    fixed = golden.run(qnet, images).logits
    error = sqnr(wanted, fixed)
    assert found["logit_sqnr_db"] == pytest.approx(error, abs=0.05) and error < 15
    assert found["agreement"] == pytest.approx(
        100 * np.mean(wanted.argmax(axis=1) == fixed.argmax(axis=1))
    )
    assert "onnxruntime" in qnet.report["against_file"]["oracle"]
    assert broken_layer(qnet.report) == "first"
    with pytest.raises(SystemExit) as stopped:
        check_agreement(qnet.report, False, Console())
    assert stopped.value.code == EXIT_CODE == 3
    said = capsys.readouterr().out
    assert "it breaks in first" in said and "--accept" in said
    check_agreement(qnet.report, True, Console())


@pytest.mark.parametrize("form", ["QDQ", "QONNX"])
def test_a_file_whose_range_holds_everything_agrees(form, tmp_path):
    path = tmp_path / "wide.onnx"
    saturating(path, 0.05, form)
    images = pictures(24)
    qnet = read_model(path, **STATED).quantize(images[:8], held_out=images, effort="plain")
    assert qnet.report["held_out"]["logit_sqnr_db"] > 20
    check_agreement(qnet.report, False, Console())


@pytest.mark.parametrize(
    "name",
    ["onnxruntime_qdq_powers", "brevitas_fixed_tensor_qcdq", "brevitas_fixed_tensor_qonnx"],
)
def test_files_taken_over_are_measured_as_they_are(name, tmp_path):
    path = unpack(name, tmp_path)
    model = read_model(path, **STATED)
    assert model.taken is not None
    images = pictures(6, model.network.shapes[model.network.input])
    found = compare_with_file(open_file(model.imported), model.taken, images)
    assert found["logit_sqnr_db"] is None or found["logit_sqnr_db"] > 30, found


def test_onnxruntime_gets_exactly_what_the_network_gets(tmp_path):
    path = unpack("brevitas_float_qcdq", tmp_path)
    model = read_model(path, **STATED)
    images = pictures(2, model.network.shapes[model.network.input])
    runner = session(path)
    entry = runner.get_inputs()[0].name
    qnet = model.quantize(images, effort="plain")
    file = open_file(model.imported)
    for image in images:
        fed = float_input(image, model.preprocessing)[None]
        wanted = runner.run(None, {entry: fed})[0].reshape(-1)
        np.testing.assert_allclose(
            file.run(qnet.preprocessing, image)[0], wanted, rtol=1e-5, atol=1e-6
        )


def test_moments_that_are_not_positive_definite_are_damped_further():
    """As flat pictures leave them after cancellation; without more damping: LinAlgError."""
    weights = np.random.default_rng(1).normal(0, 40, (4, 64))
    rounded = round_with_feedback(weights, np.diag([1.0] * 63 + [-1.0]))
    assert np.abs(rounded - weights).max() <= 0.5
