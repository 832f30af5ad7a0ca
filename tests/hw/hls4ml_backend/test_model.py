"""compile, predict, trace, profiling, plot, saving: the golden model's answers everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import hls4ml
import numpy as np
import pytest
import yaml
from hls4ml.utils.serialization import deserialize_model, serialize_model

from firebrick.host.layout import pack_input
from firebrick.host.program import parse_program
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import EngineShape
from firebrick.models import digits
from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import load_model
from tests.hw.hls4ml_backend.conftest import ENGINE, convert


def probabilities(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def expected(pictures):
    """The digits network by the quantizer alone, and the golden model's answers."""
    net, preprocessing = load_model(digits.MODEL_PATH, "digits")
    qnet = quantize_network(net, preprocessing, pictures[0])
    return golden.run(qnet, pictures[1], keep="all")


def test_predict_returns_what_the_golden_model_returns(traced_digits, pictures, expected):
    np.testing.assert_array_equal(
        traced_digits.predict(pictures[1]), probabilities(expected.logits)
    )


def test_predict_runs_the_compiled_engine(traced_digits, pictures, monkeypatch):
    """The answer is the library's: no golden model, and other sums give another answer."""
    engine = traced_digits.__dict__["_firebrick_engine"]
    before = traced_digits.predict(pictures[1])
    monkeypatch.setattr(golden, "run", lambda *_: pytest.fail("predict ran the golden model"))
    calls = []
    real = type(engine.csim).run

    def run(self, blob, images, *rest, **named):
        calls.append(len(images))
        assert blob == engine.blob
        return real(self, blob, images, *rest, **named)

    monkeypatch.setattr(type(engine.csim), "run", run)
    np.testing.assert_array_equal(traced_digits.predict(pictures[1]), before)
    assert calls == [len(pictures[1])]


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x,
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.float64).transpose(0, 2, 3, 1),
        lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1), np.float32).reshape(len(x), -1),
        lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1), np.float32).reshape(-1),
    ],
)
def test_predict_takes_pictures_in_every_form_of_hls4ml(traced_digits, pictures, form):
    reference = traced_digits.predict(pictures[1])
    np.testing.assert_array_equal(traced_digits.predict(form(pictures[1])), reference)


def test_predict_drops_the_batch_of_one_picture(traced_digits, pictures):
    reference = traced_digits.predict(pictures[1])
    one = traced_digits.predict(pictures[1][:1])
    assert one.shape == (10,)
    np.testing.assert_array_equal(one, reference[0])
    np.testing.assert_array_equal(traced_digits.predict(pictures[1][2]), reference[2])


def test_predict_refuses_what_are_no_pixels(traced_digits, pictures):
    with pytest.raises(FirebrickError, match=r"whole numbers 0\.\.255"):
        traced_digits.predict(pictures[1] / 255)
    with pytest.raises(FirebrickError, match=r"whole numbers 0\.\.255"):
        traced_digits.predict(pictures[1].astype(np.int32) * 2)
    with pytest.raises(FirebrickError, match=r"its input is \[N, 32, 32, 1\]"):
        traced_digits.predict(pictures[1][:, :, :31])


def test_predict_needs_compile(pictures, tmp_path):
    model = convert(
        str(digits.MODEL_PATH), tmp_path, preprocessing="digits", calibration=pictures[0]
    )
    with pytest.raises(FirebrickError, match=r"call compile\(\)"):
        model.predict(pictures[1])


def test_trace_gives_every_tensor(traced_digits, pictures, expected):
    answers, traced = traced_digits.trace(pictures[1])
    np.testing.assert_array_equal(answers, probabilities(expected.logits))
    # The quantizer alone names tensors after ONNX, in the same order.
    maps = [name for name in traced if traced[name].ndim == 4]
    assert len(maps) == len(expected.tensors)
    exponents = {name: t.exponent for name, t in traced_digits.qnetwork.tensors.items()}
    for name, tensor in zip(maps, expected.tensors.values(), strict=True):
        stored = np.ldexp(traced[name], exponents[name]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(stored, tensor, err_msg=name)
    np.testing.assert_array_equal(traced["pool10"], expected.logits.astype(np.float32))
    assert traced["softmax"].shape == (len(pictures[1]), 10)
    # Fused with its ReLU: there is no such tensor.
    assert "conv1" not in traced and "conv1_relu" in traced


def test_trace_follows_the_configuration(pictures, tmp_path):
    path = str(digits.MODEL_PATH)
    config = hls4ml.utils.config_from_onnx_model(path, granularity="name", backend="Firebrick")
    config["LayerName"]["pool1"]["Trace"] = True
    model = convert(
        path, tmp_path, hls_config=config, preprocessing="digits", calibration=pictures[0]
    )
    _, traced = model.trace(pictures[1])
    assert list(traced) == ["pool1"]


def test_trace_proves_the_engine_first(traced_digits, pictures, monkeypatch):
    real = golden.run

    def other(*arguments, **options):
        result = real(*arguments, **options)
        result.sums[0, 3] += 1
        return result

    monkeypatch.setattr("firebrick.hw.hls4ml_backend.simulation.golden.run", other)
    with pytest.raises(FirebrickError, match=r"differs from the golden model.*1 mismatches"):
        traced_digits.trace(pictures[1])


def test_precision_shows_in_every_layer(traced_digits):
    qnet = traced_digits.qnetwork
    seen = 0
    for layer in traced_digits.get_layers():
        kind = layer.get_output_variable().type.precision
        tensor = qnet.tensors.get(layer.name)
        if tensor is not None:
            seen += 1
            assert (kind.width, kind.fractional) == (8, tensor.exponent)
            assert kind.signed == tensor.signed
            sign = "" if tensor.signed else "u"
            assert str(kind).startswith(f"{sign}fixed<8,{8 - tensor.exponent},RND_CONV,SAT")
    assert seen == len(qnet.tensors)
    for node in qnet.nodes:
        if not hasattr(node, "weights"):
            continue
        kind = traced_digits.graph[node.name].get_weights("weight").type.precision
        assert kind.fractional == node.weight_exponent.max()
        assert kind.width == 8 + int(np.ptp(node.weight_exponent))


def test_saved_models_come_back(traced_digits, pictures, tmp_path):
    file = tmp_path / "saved.fml"
    serialize_model(traced_digits, file)
    loaded = deserialize_model(file, output_dir=tmp_path)
    assert qfile.fingerprint(loaded.qnetwork) == qfile.fingerprint(traced_digits.qnetwork)
    loaded.config.config["OutputDir"] = str(tmp_path / "loaded")
    loaded.compile()
    np.testing.assert_array_equal(loaded.predict(pictures[1]), traced_digits.predict(pictures[1]))
    for layer in traced_digits.get_layers():
        kind = loaded.graph[layer.name].get_output_variable().type.precision
        assert str(kind) == str(layer.get_output_variable().type.precision)
    assert set(loaded.trace(pictures[1])[1]) == set(traced_digits.trace(pictures[1])[1])


def test_linked_projects(traced_digits, pictures):
    """hls4ml's link_existing_project: compile and predict from what write() left."""
    linked = hls4ml.converters.link_existing_project(traced_digits.config.get_output_dir())
    linked.compile()
    np.testing.assert_array_equal(linked.predict(pictures[1]), traced_digits.predict(pictures[1]))


def test_profiling(traced_digits, pictures, tmp_path, monkeypatch):
    pytest.importorskip("pandas", reason="hls4ml's profiling needs pandas")
    pytest.importorskip("seaborn", reason="hls4ml's profiling needs seaborn")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from hls4ml.model.profiling import numerical

    monkeypatch.chdir(tmp_path)
    before, after, _, activations = numerical(hls_model=traced_digits, X=pictures[1])
    labels = [text.get_text() for text in activations.axes[0].get_yticklabels()]
    assert "conv1_relu" in labels and "pool10" in labels
    assert before is not None and after is not None
    assert not list(tmp_path.iterdir())
    plt.close("all")


def test_plot_model(traced_digits, monkeypatch):
    pytest.importorskip("pydot", reason="hls4ml's plot_model needs pydot")
    from hls4ml.utils import plot

    # Drawing the picture is graphviz's part; the graph itself is made without it.
    monkeypatch.setattr(plot, "check_pydot", lambda: True)
    dot = plot.model_to_dot(traced_digits, show_shapes=True, show_precision=True).to_string()
    tensor = traced_digits.qnetwork.tensors["conv1_relu"]
    assert f"ufixed&lt;8,{8 - tensor.exponent},RND_CONV,SAT" in dot
    assert "fire2_concat" in dot and dot.count("->") == len(traced_digits.get_layers()) + 3


def test_write_leaves_a_complete_project(traced_digits, pictures):
    folder = Path(traced_digits.config.get_output_dir())
    assert (folder / "build.tcl").is_file()
    shape = EngineShape(**ENGINE)
    blob = (folder / "program.fbp").read_bytes()
    assert blob == compile_network(traced_digits.qnetwork, shape).blob
    host = parse_program(blob)
    data = folder / "data"
    assert (data / "program.fbp").read_bytes() == host.loadable
    assert (data / "inputs.bin").stat().st_size == host.input.bytes
    assert (data / "expected.bin").stat().st_size == host.output.bytes
    stored = qfile.load(folder / "network.npz")
    assert qfile.fingerprint(stored) == qfile.fingerprint(traced_digits.qnetwork)
    config = yaml.safe_load((folder / "hls4ml_config.yml").read_text())
    assert config["Backend"] == "Firebrick" and config["EnginePixels"] == shape.pixels
    assert "Calibration" not in config
    json.dumps(config)


def test_the_test_bench_gets_the_pictures_that_are_named(pictures, tmp_path):
    named = tmp_path / "pictures.npy"
    np.save(named, pictures[1][:2].transpose(0, 2, 3, 1).astype(np.float32))
    model = convert(
        str(digits.MODEL_PATH),
        tmp_path,
        preprocessing="digits",
        calibration=pictures[0],
        input_data_tb=str(named),
    )
    model.write()
    data = Path(model.config.get_output_dir()) / "data"
    host = parse_program((data.parent / "program.fbp").read_bytes())
    sums = np.frombuffer((data / "expected.bin").read_bytes(), "<i8").reshape(2, -1)
    expected = golden.run(model.qnetwork, pictures[1][:2]).sums - np.array(host.output.addend)
    np.testing.assert_array_equal(sums[:, :10], expected)
    first = np.frombuffer((data / "inputs.bin").read_bytes(), np.uint8)[: host.input.bytes]
    packed = pack_input(pictures[1][0], host.input, host.pixels, host.word_bytes)
    np.testing.assert_array_equal(first, np.frombuffer(packed.tobytes(), np.uint8))
    model.config.config["InputData"] = str(tmp_path / "absent.npy")
    with pytest.raises(FirebrickError, match=r"absent\.npy: input_data_tb must name"):
        model.write()


def test_no_calibration_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(FirebrickError, match=r"give calibration images .*fixed<8,I>"):
        convert(str(digits.MODEL_PATH), tmp_path, preprocessing="digits")


def test_no_preprocessing_is_refused(pictures, tmp_path):
    with pytest.raises(FirebrickError, match="name a preset"):
        convert(str(digits.MODEL_PATH), tmp_path, preprocessing=None, calibration=pictures[0])


def test_unknown_options_are_refused(tmp_path):
    with pytest.raises(FirebrickError, match="option clock is not one of backend Firebrick"):
        convert(str(digits.MODEL_PATH), tmp_path, clock=10)
    with pytest.raises(FirebrickError, match="board 'zcu102' is not known"):
        convert(str(digits.MODEL_PATH), tmp_path, board="zcu102")


@pytest.mark.parametrize("form", ["array", "channels last", "npy", "folder"])
def test_calibration_in_every_form(form, traced_digits, pictures, tmp_path):
    from PIL import Image

    images = pictures[0]
    value = images
    if form == "channels last":
        value = images.transpose(0, 2, 3, 1)
    elif form == "npy":
        value = tmp_path / "images.npy"
        np.save(value, images)
    elif form == "folder":
        value = tmp_path / "images"
        value.mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image[0]).save(value / f"{index:03}.png")
    model = convert(str(digits.MODEL_PATH), tmp_path, preprocessing="digits", calibration=value)
    for ours, theirs in zip(model.qnetwork.nodes, traced_digits.qnetwork.nodes, strict=True):
        if hasattr(ours, "weights"):
            np.testing.assert_array_equal(ours.weights, theirs.weights)
            np.testing.assert_array_equal(ours.bias, theirs.bias)


def test_squeezenet(shared_data, tmp_path):
    """SqueezeNet v1.0 at 227x227, from its ONNX file, against the golden model."""
    photos = shared_data / "imagenet" / "images"
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    files = sorted(photos.iterdir())[::50][:4]
    for file in files:
        (calibration / file.name).symlink_to(file)
    model = convert(
        str(shared_data / "squeezenet_v1.0_imagenet.onnx"),
        tmp_path,
        preprocessing="caffe-squeezenet",
        calibration=calibration,
        pixels=14,
        channels=32,
    )
    model.compile()
    shape = model.qnetwork.tensors[model.qnetwork.input].shape
    image = np.random.default_rng(2).integers(0, 256, (1, *shape), np.uint8)
    expected = golden.run(model.qnetwork, image).logits
    if model.graph[model.outputs[0]].class_name == "Softmax":
        expected = probabilities(expected)
    np.testing.assert_array_equal(model.predict(image), expected[0])
