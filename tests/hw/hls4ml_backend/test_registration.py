"""How hls4ml comes to know the backend, in fresh interpreters; other backends stay as they are."""

from __future__ import annotations

import os
import subprocess
import sys

import hls4ml
import numpy as np
import onnx
import pytest
import yaml

from firebrick.hw.hls4ml_backend.plugin import hook_converter, register
from firebrick.models import digits
from tests.quantize.importers.onnx_graphs import Graph

KNOWN = "import hls4ml; print('firebrick' in hls4ml.backends.get_available_backends())"


def python(code: str) -> str:
    """Output of ``code`` in a new interpreter; a warning of the plugin loader fails the test."""
    environment = {k: v for k, v in os.environ.items() if k != "HLS4ML_BACKEND_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "failed to" not in done.stdout and "backend plugin" not in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        KNOWN,
        "import firebrick.hw.hls4ml_backend.plugin; " + KNOWN,
        "import firebrick.hw.hls4ml_backend.backend; " + KNOWN,
        "import hls4ml, firebrick.hw.hls4ml_backend.backend; " + KNOWN,
    ],
)
def test_every_order_of_imports(code):
    assert python(code).strip().endswith("True")


def test_the_entry_point_is_enough(tmp_path):
    """Registration half-way through hls4ml's import reaches the converters that come later."""
    code = f"""
import hls4ml
config = hls4ml.utils.config_from_onnx_model(
    {str(digits.MODEL_PATH)!r}, granularity="name", backend="Firebrick")
for name, layer in config["LayerName"].items():
    if name != "data" and not name.startswith(("conv10", "pool10", "softmax")):
        layer["Precision"]["result"] = "ufixed<8,4>"
model = hls4ml.converters.convert_from_onnx_model(
    {str(digits.MODEL_PATH)!r}, backend="Firebrick", hls_config=config, preprocessing="digits",
    output_dir={str(tmp_path / "project")!r})
print(type(model).__name__, {{t.exponent for t in model.qnetwork.tensors.values()}})
"""
    assert python(code).strip().endswith("FirebrickModel {0, 4}")


def test_the_command_line_converts(pictures, tmp_path):
    images = tmp_path / "images.npy"
    np.save(images, pictures[0])
    config = {
        "OnnxModel": str(digits.MODEL_PATH),
        "Backend": "Firebrick",
        "OutputDir": str(tmp_path / "project"),
        "ProjectName": "digits",
        "Preprocessing": "digits",
        "Calibration": str(images),
        "HLSConfig": {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}},
    }
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(config))
    code = f"""
import sys
from hls4ml.cli import main
sys.argv = ["hls4ml", "convert", "-c", {str(file)!r}]
main()
"""
    python(code)
    assert (tmp_path / "project" / "program.fbp").stat().st_size > 1000
    assert (tmp_path / "project" / "build.tcl").is_file()


def test_other_backends_keep_their_front_end(tmp_path):
    """hls4ml's own backends still get hls4ml's own parser, with its own refusal."""
    graph = Graph()
    model = graph.model(graph.add("GlobalAveragePool", graph.head("x", 3)), rank=4)
    model = onnx.shape_inference.infer_shapes(model)
    for tensor in model.graph.initializer:
        model.graph.value_info.append(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    with pytest.raises(RuntimeError, match="channels-last"):
        hls4ml.converters.convert_from_onnx_model(model, backend="Vitis", output_dir=str(tmp_path))
    with pytest.raises(RuntimeError, match="channels-last"):
        hls4ml.utils.config_from_onnx_model(model, backend="Vitis")


def test_register_is_called_by_name_writer_first():
    """The form that the loader calls; a TypeError inside would be masked by its second try."""
    calls: list[str] = []
    config_module = sys.modules["hls4ml.utils.config"]
    converter = sys.modules["hls4ml.converters.onnx_to_hls"]
    package = sys.modules["hls4ml.converters"]
    before = config_module.config_from_onnx_model
    stock = (converter.onnx_to_hls, converter.parse_onnx_model)
    try:
        register(
            register_backend=lambda name, cls: calls.append(f"backend {name}"),
            register_writer=lambda name, cls: calls.append(f"writer {name}"),
        )
    finally:
        for place in (config_module, sys.modules["hls4ml.utils"]):
            place.config_from_onnx_model = before
        for place in (converter, package):
            place.onnx_to_hls, place.parse_onnx_model = stock
    assert calls == ["writer Firebrick", "backend Firebrick"]
    assert callable(hook_converter)
