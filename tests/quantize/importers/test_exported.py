"""Files of the real exporters: each means what onnxruntime computes from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.importers.onnx.model import ImportedModel, import_model, import_onnx
from firebrick.quantize.network import Concat, Conv, MaxPool
from firebrick.quantize.pictures.preprocess import float_input
from tests.quantize import builders
from tests.quantize.importers.exported.files import FOLDER, unpack
from tests.quantize.oracle import session

PLAIN = {"color": "RGB", "resize": 0, "scale": 1 / 128, "mean": (0.5,) * 3, "std": (1.0,) * 3}
FLOAT_FILES = sorted(
    path.name.removesuffix(".onnx.xz")
    for prefix in ("torch", "tf2onnx", "keras")
    for path in FOLDER.glob(f"{prefix}*.onnx.xz")
    if "relu6" not in path.name
)


def pictures(model: ImportedModel, count: int) -> np.ndarray:
    """Random pictures in terms of the file's input, [N, C, H, W]."""
    rng = np.random.default_rng(4)
    shape = (count, *model.network.shapes[model.network.input])
    if model.bytes_in:
        return rng.integers(0, 256, shape, dtype=np.uint8)
    return rng.uniform(-1, 1, shape).astype(np.float32)


def run(path: Path, images: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of ``images`` [N, C, H, W], in the file's own order of axes."""
    runner = session(path)
    dims = runner.get_inputs()[0].shape[1:]
    if dims != list(images.shape[1:]):
        images = images.transpose(0, 2, 3, 1)
        assert dims == list(images.shape[1:])
    return runner.run(None, {runner.get_inputs()[0].name: images})[0].reshape(len(images), -1)


def check_float(path: Path, count: int = 2) -> ImportedModel:
    """The imported float network agrees with onnxruntime to float accuracy."""
    model = import_model(path)
    images = pictures(model, count)
    inputs = (images + model.shift[:, None, None]).astype(np.float32)
    logits = FloatModel(model.network).logits(inputs)
    if model.network.softmax:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = powers / powers.sum(axis=1, keepdims=True)
    expected = run(path, images)
    np.testing.assert_allclose(logits, expected, rtol=3e-4, atol=3e-5)
    assert np.ptp(expected) > 1e-3
    return model


@pytest.mark.parametrize("name", FLOAT_FILES)
def test_float_networks(name, tmp_path):
    path = unpack(name, tmp_path)
    model = check_float(path, count=1 if name.endswith(("1_0_torchscript", "1_1_dynamo")) else 2)
    assert model.network.name == name and not model.quantizers


def test_every_file_is_in_the_manifest():
    entries = json.loads((FOLDER / "manifest.json").read_text())
    files = {path.name.removesuffix(".onnx.xz") for path in FOLDER.glob("*.onnx.xz")}
    assert set(entries) == files
    assert all(entry["what"] and entry["made with"] for entry in entries.values())
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 2e6


@pytest.mark.parametrize("version", ["1_0", "1_1"])
def test_both_exporters_of_torch_mean_the_same_graph(version, tmp_path):
    kinds = []
    for which in ("torchscript", "dynamo"):
        net = import_onnx(unpack(f"torchvision_{version}_{which}", tmp_path))
        kinds.append([type(node).__name__ for node in net.nodes])
        convs = [node for node in net.nodes if isinstance(node, Conv)]
        assert len(convs) == 26 and all(node.relu for node in convs)
        assert sum(isinstance(node, Concat) for node in net.nodes) == 8
        assert all(node.ceil_mode for node in net.nodes if isinstance(node, MaxPool))
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("torchvision_1_0_dynamo", {"preset": "torchvision"}),
        ("torchvision_1_1_torchscript", {"preset": "torchvision"}),
        ("tf2onnx_squeezenet_18", {**PLAIN, "scale": 1.0, "mean": (0.0,) * 3}),
        ("tf2onnx_dense", PLAIN),
        ("torch_pooled_linear_dynamo", PLAIN),
        ("torch_normalized_dynamo", {**PLAIN, "scale": 1 / 255, "mean": (0.0,) * 3}),
        ("torch_camera_dynamo", {"color": "BGR", "resize": 0}),
    ],
)
def test_from_the_file_to_the_program(name, stated, tmp_path):
    """Quantized on pictures, run by the golden model, compiled; close to onnxruntime."""
    path = unpack(name, tmp_path)
    net, preprocessing = load_model(path, **stated)
    images = builders.photos(7, 6, net.shapes[net.input])
    qnet = quantize_network(net, preprocessing, images)
    fixed = golden.run(qnet, images).logits
    real = FloatModel(net).logits(float_input(images, preprocessing))
    error = np.linalg.norm(fixed - real) / np.linalg.norm(real)
    assert error < 0.25, error
    assert compile_network(qnet, PYNQ_Z2).groups


# --- preprocessing inside the file --------------------------------------------------------------


def check_pictures(path: Path, net, preprocessing, feed) -> None:
    """The network on pictures is the file on ``feed(pictures)``."""
    images = builders.photos(3, 2, net.shapes[net.input])
    logits = FloatModel(net).logits(float_input(images, preprocessing))
    if net.softmax:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, run(path, feed(images)), rtol=1e-3, atol=1e-4)


def test_normalization_in_the_file_follows_what_is_stated(tmp_path):
    path = unpack("torch_normalized_torchscript", tmp_path)
    net, preprocessing = load_model(
        path, "torchvision", scale=1 / 255, mean=(0.0,) * 3, std=(1.0,) * 3
    )
    np.testing.assert_allclose(preprocessing.mean, (0.485, 0.456, 0.406), rtol=1e-6)
    check_pictures(path, net, preprocessing, lambda images: (images / 255).astype(np.float32))


def test_a_preset_that_would_normalize_again_is_refused(tmp_path):
    path = unpack("torch_normalized_dynamo", tmp_path)
    with pytest.raises(FirebrickError, match=r"normalizes its input itself, in .*\(Sub\).*\(Div\)"):
        load_model(path, "torchvision")
    with pytest.raises(FirebrickError, match=r"\(mean, std\); state by value .* --scale 1 "):
        load_model(path, "torchvision", scale=1 / 255)


def test_normalization_stated_by_value_comes_on_top(tmp_path):
    path = unpack("torch_normalized_torchscript", tmp_path)
    values = {"scale": 1 / 255, "mean": (0.5, 0.25, 0.0), "std": (2.0, 1.0, 0.5)}
    net, preprocessing = load_model(path, color="RGB", resize=0, **values)
    mean, std = (np.array(values[name])[:, None, None] for name in ("mean", "std"))
    check_pictures(
        path, net, preprocessing, lambda images: ((images / 255 - mean) / std).astype(np.float32)
    )


def test_rescaling_of_keras(tmp_path):
    path = unpack("keras_squeezenet", tmp_path)
    with pytest.raises(FirebrickError, match=r"normalizes its input itself, in .*\(Mul\).*\(Add\)"):
        load_model(path, "torchvision")
    net, preprocessing = load_model(path, **{**PLAIN, "scale": 1.0, "mean": (0.0,) * 3})
    np.testing.assert_allclose(preprocessing.mean, 127.5, rtol=1e-6)
    check_pictures(path, net, preprocessing, lambda images: images.astype(np.float32))


def test_a_file_that_takes_bytes_needs_no_scale(tmp_path):
    path = unpack("torch_camera_torchscript", tmp_path)
    net, preprocessing = load_model(path, color="BGR", resize=0)
    assert net.shapes[net.input] == (3, 45, 38) and preprocessing.scale == 1.0
    check_pictures(path, net, preprocessing, lambda images: images[:, ::-1])
    with pytest.raises(FirebrickError, match="takes bytes, the pixels themselves, but scale and"):
        load_model(path, "torchvision")
    with pytest.raises(FirebrickError, match=r"name a preset .* or give color, resize"):
        load_model(path)


def test_channels_that_the_file_flips(tmp_path):
    path = unpack("torch_flipped_dynamo", tmp_path)
    net, preprocessing = load_model(path, **{**PLAIN, "scale": 1.0, "mean": (0.0,) * 3})
    np.testing.assert_allclose(preprocessing.mean, (123, 117, 104))
    check_pictures(path, net, preprocessing, lambda images: images.astype(np.float32))


# --- the ONNX package's own, and what is refused ------------------------------------------------


def light_squeezenet() -> onnx.ModelProto:
    """The backend test of the ONNX package: SqueezeNet v1.1 of opset 9, made of constants."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return onnx.load(folder / "light_squeezenet.onnx")


def test_light_squeezenet(tmp_path):
    path = tmp_path / "light_squeezenet.onnx"
    onnx.save(light_squeezenet(), path)
    net = import_onnx(path)
    assert sum(isinstance(node, Conv) for node in net.nodes) == 26 and net.softmax
    assert net.shapes[net.nodes[-1].output] == (1000, 1, 1)
    # All weights are one number, so all classes are alike; the exact map sizes show in the sum.
    image = np.full((1, *net.shapes[net.input]), 1e-12, np.float32)
    logits = FloatModel(net).logits(image)
    np.testing.assert_allclose(run(path, image), 1 / 1000, rtol=1e-5)
    # (float32 sums of equal numbers depend on the order in which the processor's BLAS adds them)
    assert np.ptp(logits) <= 1e-5 * logits[0, 0] and logits[0, 0] > 0


def test_a_file_as_the_model_zoo_has_them(tmp_path):
    """light_squeezenet's graph with initializers for its constants, listed as inputs."""
    model = light_squeezenet()
    rng = np.random.default_rng(0)
    listed = {value.name for value in model.graph.input}
    shapes = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    kept = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            shape = tuple(int(size) for size in shapes[node.input[0]])
            spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
            values = rng.normal(0, spread, shape).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            if node.output[0] not in listed:
                model.graph.input.append(
                    onnx.helper.make_tensor_value_info(node.output[0], 1, shape)
                )
    del model.graph.node[:]
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    for items in (model.graph.initializer, model.graph.input):
        unused = [item for item in items if item.name not in used]
        for item in unused:
            items.remove(item)
    path = tmp_path / "zoo.onnx"
    onnx.save(model, path)
    assert len(model.graph.input) > 50
    check_float(path, count=1)


def test_a_linear_layer_over_a_map_is_right_but_beyond_the_engine(tmp_path):
    net, preprocessing = load_model(unpack("torch_flat_linear_torchscript", tmp_path), **PLAIN)
    images = builders.photos(7, 4, net.shapes[net.input])
    qnet = quantize_network(net, preprocessing, images)
    with pytest.raises(CompileError, match=r"/hidden/Gemm: a convolution of 5x4"):
        compile_network(qnet, PYNQ_Z2)


@pytest.mark.parametrize("name", ["tf2onnx_relu6", "keras_relu6"])
def test_relu6_ends_at_six(name, tmp_path):
    path = unpack(name, tmp_path)
    check_float(path)
    net = import_onnx(path)
    bounds = [node.bounds for node in net.nodes if isinstance(node, Conv) and node.bounds]
    assert bounds and all(np.all(item.high == 6) for item in bounds)


@pytest.mark.parametrize(
    "name", ["tf2onnx_gray", "torch_camera_dynamo", "brevitas_fixed_tensor_qcdq"]
)
def test_altered_files_never_escape_as_another_exception(name, tmp_path):
    path = unpack(name, tmp_path)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refusals = 0
    for _ in range(150):
        changed = data.copy()
        places = rng.integers(0, len(data), rng.integers(1, 6))
        changed[places] = rng.integers(0, 256, len(places))
        path.write_bytes(changed.tobytes())
        try:
            import_model(path)
        except FirebrickError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refusals += 1
    assert refusals > 20
